"""Constructed runs and records, with figures that the tests choose."""

import dataclasses
import json

from neurosym.reports import record_run
from neurosym.training import Result, Workdir
from neurosym.training.files import write_json
from neurosym.training.result import write_result

RESULT = Result(
    metrics={},
    validation={},
    seed=0,
    steps=20,
    best_step=10,
    wall_seconds=3.0,
    compile_seconds=1.0,
    versions={"python": "3.11", "jax": "0.10"},
    device="cpu (abacus, 2 cores)",
    revision="a" * 40,
)


def write_run(folder, metrics, *, seed=0, lines=(), config=None, **changes):
    """A finished run: its workdir."""
    place = Workdir(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(place.config, {"task": "t:T", "seed": seed, **(config or {"width": 8})})
    write_result(place, dataclasses.replace(RESULT, metrics=metrics, seed=seed, **changes))
    place.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def write_record(results, run, *, experiment="toy", variant="plain", quick=False):
    """The record of a run."""
    return record_run(
        run, results, experiment=experiment, variant=variant, command="none", quick=quick
    )


def epochs(losses, accuracies=()):
    """Lines of metrics: an epoch of ten steps for each loss."""
    lines = []
    for number, loss in enumerate(losses, 1):
        at = {"step": 10 * number, "epoch": number}
        lines.append({**at, "split": "train", "loss": loss, "learning_rate": 0.1})
        if accuracies:
            accuracy = accuracies[number - 1]
            lines.append({**at, "split": "validation", "accuracy": accuracy, "seconds": 1.0})
    return lines


PUBLISHED = {
    "title": "A toy",
    "config": "configs/toy.py",
    "seeds": 2,
    "protocol": "Nothing is protocolled.",
    "columns": [
        {"name": "small", "metric": "accuracy"},
        {"name": "large", "metric": "accuracy"},
        {"name": "minutes, small", "metric": "minutes"},
    ],
    "published": [
        {
            "method": "Theirs",
            "source": "paper",
            "figures": {"small": [94.0, 0.3], "large": {"from": 91.4, "to": 95.2}},
            "notes": ["cheats"],
        },
        {"method": "Others", "source": "talk", "figures": {"small": "timeout", "large": 90}},
    ],
    "ours": [
        {
            "method": "ours",
            "variants": {"small": "plain", "large": "wide", "minutes, small": "plain"},
            "notes": ["honest", "cheats"],
        }
    ],
    "variants": {
        "plain": {"goals": {"accuracy": 95.0}, "notes": ["honest"]},
        "wide": {"goals": {"accuracy": 97.0}},
    },
    "metrics": {"accuracy": "right"},
    "sources": {"paper": {"text": "P 2020", "url": "https://example.org/p"}, "talk": {"text": "T"}},
    "notes": {"honest": "We count honestly.", "cheats": "They may not."},
    "remarks": ["A remark."],
    "quick": {"epochs": 1},
}

TOY_CONFIG = """
import ml_collections


def get_config(variant="plain"):
    width = {"plain": 8, "wide": 16}[variant]
    return ml_collections.ConfigDict({"task": "t:T", "seed": 0, "width": width, "epochs": 9})
"""


def config_of(variant, *, quick=False):
    """What `TOY_CONFIG` says, as it lies in a workdir."""
    return {"width": {"plain": 8, "wide": 16}[variant], "epochs": 1 if quick else 9}


def write_project(folder):
    """A user's folder with the config `toy` and published figures beside it."""
    published = folder / "configs" / "published"
    published.mkdir(parents=True)
    (folder / "configs" / "toy.py").write_text(TOY_CONFIG)
    (published / "toy.json").write_text(json.dumps(PUBLISHED))
    return published / "toy.json"
