"""Records of finished runs: their keys, their content, and what is refused."""

import dataclasses
import itertools
import json

import ml_collections
import pytest

from neurosym.cli.main import main
from neurosym.reports import config_hash, record_run
from neurosym.training import Result, Workdir
from neurosym.training.files import write_json
from neurosym.training.result import write_result

RESULT = Result(
    metrics={"accuracy": 0.9375, "loss": 0.25},
    validation={},
    seed=0,
    steps=12,
    best_step=12,
    wall_seconds=3.5,
    compile_seconds=1.0,
    versions={"python": "3.11"},
    device="cpu",
    revision="abc",
)
CONFIG_FILE = """
import ml_collections

VARIANTS = {"wide": "a wider network"}


def get_config(variant=""):
    return ml_collections.ConfigDict(
        {"task": "t:T", "seed": 0, "widths": (8, 8) if variant else (4, 4), "train": {"epochs": 3}}
    )
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with a config file, and a maker of finished runs of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CONFIG_FILE)

    def make(name, *, seed=0, finished=True, widths=(4, 4), epochs=3, **changes):
        place = Workdir(tmp_path / name)
        place.path.mkdir()
        config = {"task": "t:T", "seed": seed, "widths": list(widths), "train": {"epochs": epochs}}
        write_json(place.config, config)
        if finished:
            write_result(place, dataclasses.replace(RESULT, seed=seed, **changes))
        return place

    return make


def test_the_hash_is_of_the_config_without_its_seed():
    config = ml_collections.ConfigDict({"seed": 0, "train": {"epochs": 3, "rate": 0.5}})
    key = config_hash(config)
    assert len(key) == 10
    for seed in (1, 7):
        config.seed = seed
        assert config_hash(config) == key
    config.train.rate = 0.25
    assert config_hash(config) != key
    # Fixed for ever: committed files are found by it.
    assert config_hash(ml_collections.ConfigDict({"a": 1, "b": {"c": "d"}})) == "2d6f966e01"


def test_seeds_of_a_config_stand_side_by_side(runs, tmp_path, capsys):
    for seed in (0, 1):
        runs(f"run{seed}", seed=seed)
    assert main(["record", "--config=mine.py", "run0", "run1", "--results=kept"]) == 0
    paths = sorted((tmp_path / "kept" / "mine").iterdir())
    assert capsys.readouterr().out.split() == [str(p.relative_to(tmp_path)) for p in paths]
    names = [path.name for path in paths]
    key = config_hash(Workdir(tmp_path / "run0").read_config())
    assert names == [f"default-{key}-seed0.json", f"default-{key}-seed1.json"]
    record = json.loads(paths[1].read_text())
    assert record["result"] == dataclasses.asdict(dataclasses.replace(RESULT, seed=1))
    assert record["config"] == Workdir(tmp_path / "run1").read_config().to_dict()
    assert record["command"] == ("neurosym train --config=mine.py --config.seed=1 --workdir=RUN")


def test_a_changed_field_is_in_the_command_and_the_key(runs, tmp_path, capsys):
    runs("plain", widths=(8, 8))
    runs("longer", widths=(8, 8), epochs=5)
    assert main(["record", "--config=mine.py:wide", "plain", "longer", "--results=kept"]) == 0
    plain, longer = (
        json.loads((tmp_path / p).read_text()) for p in capsys.readouterr().out.split()
    )
    assert plain["variant"] == longer["variant"] == "wide"
    assert plain["config_hash"] != longer["config_hash"]
    assert "--config.train.epochs=5" in longer["command"]
    assert "epochs" not in plain["command"]


def test_curves_are_thinned_evenly_and_keep_their_ends(runs, tmp_path, capsys):
    place = runs("run")
    lines = [
        {"step": s, "epoch": s // 10, "split": "train", "loss": 1 / s, "seconds": 1.5, "rate": None}
        for s in range(1, 1001)
    ]
    lines.append({"step": 9, "epoch": 1, "split": "validation", "accuracy": 0.25, "seconds": 2.0})
    place.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["record", "--config=mine.py", "run", "--results=kept"]) == 0
    text = (tmp_path / capsys.readouterr().out.strip()).read_text()
    curves = json.loads(text)["curves"]
    steps = curves["train"]["step"]
    assert (len(steps), steps[0], steps[-1]) == (100, 1, 1000)
    assert {b - a for a, b in itertools.pairwise(steps)} == {10, 11}
    assert curves["train"]["loss"] == [float(f"{1 / step:.6g}") for step in steps]
    assert curves["validation"] == {"step": [9], "epoch": [1], "accuracy": [0.25]}
    assert not {"seconds", "split"} & curves["train"].keys()
    assert max(map(len, text.splitlines())) > 300, "lists of numbers stand in a line"


def test_a_run_without_a_variant_goes_by_the_default_of_its_file(runs, tmp_path, capsys):
    config = CONFIG_FILE.replace('variant=""', 'variant="narrow"')
    (tmp_path / "mine.py").write_text(
        config.replace("if variant else", 'if variant != "narrow" else')
    )
    runs("run")
    assert main(["record", "--config=mine.py", "run", "--results=kept"]) == 0
    assert (
        json.loads((tmp_path / capsys.readouterr().out.strip()).read_text())["variant"] == "narrow"
    )


def test_a_changed_source_is_told(runs, capsys):
    runs("run", revision="abc-dirty")
    runs("clean", seed=1)
    assert main(["record", "--config=mine.py", "run", "clean", "--results=kept"]) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert "run ran on changed source (abc-dirty)" in warning


def test_recording_again_changes_nothing_and_other_figures_are_refused(runs, tmp_path, capsys):
    runs("run")
    runs("again", wall_seconds=9.0)
    command = ["record", "--config=mine.py", "--results=kept"]
    assert main([*command, "run"]) == 0
    path = tmp_path / capsys.readouterr().out.strip()
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert main([*command, "run"]) == 0
    assert main([*command, "again"]) == 2
    assert "it differs in result.wall_seconds" in capsys.readouterr().err
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_what_is_no_finished_run_of_the_config_is_refused(runs, tmp_path, capsys):
    runs("unfinished", finished=False)
    other = runs("other")
    write_json(other.config, {"task": "t:T", "seed": 0, "depth": 4})
    for arguments, message in (
        (["--config=mine.py", "unfinished"], "is not finished"),
        (["--config=mine.py", "nowhere"], "is not the workdir of a run"),
        (["--config=mine.py", "other"], "only one of them has config.depth"),
        (["--config=mine.py"], "no runs were given"),
        (["unfinished"], "--config=FILE.py[:VARIANT] is missing"),
    ):
        assert main(["record", "--results=kept", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
    with pytest.raises(ValueError, match=r"'\.\.' cannot be part of a file's name"):
        record_run("other", "kept", experiment="..", variant="v", command="")


def test_a_run_whose_figures_are_not_numbers_is_not_recorded(runs, tmp_path, capsys):
    place = runs("run")
    # As versions wrote it that did not look.
    place.result.write_text(place.result.read_text().replace("0.9375", "NaN"))
    assert main(["record", "--config=mine.py", "run", "--results=kept"]) == 2
    message = "the run in run cannot be recorded: result.metrics.accuracy is nan"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
