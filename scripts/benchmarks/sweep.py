#!/usr/bin/env python
"""A sweep of short trials with pruning against the same sweep without: time saved, best value.

Two sweeps of a config, one after the other, with the same seed and one worker. Without pruning
trials beyond the first ten may propose other values, because the sampler has seen more. `noise` is
the sample standard deviation of the validation metric over seeds of the best config without
pruning: a difference of the best values below it says nothing. Times are those within trials,
compiling included; each sweep keeps its own compiled programs, so that neither profits from the
other's. Prints one JSON object.

    python scripts/benchmarks/sweep.py [--config configs/digits_addition.py] [--trials 20] \
        [--epochs 8] [--seeds 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from neurosym.sweeps import SweepStudy, summarise
from neurosym.sweeps.storage import sqlite_url
from neurosym.training import read_result, result
from neurosym.training.workdir import Workdir


def neurosym(cache: Path, *arguments: str) -> None:
    """Runs a command in a process of its own, as a user would; what it prints goes to stderr."""
    script = "import sys; from neurosym.cli.main import main; sys.exit(main())"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-c", script, *arguments]
    subprocess.run(command, stdout=sys.stderr, check=True, env=environment)


def sweep(options: argparse.Namespace, pruner: str, folder: Path) -> dict:
    """One sweep: the time in its trials, how far they went, and the best of them."""
    workdir = folder / pruner
    neurosym(
        folder / f"{pruner}_cache",
        "sweep",
        f"--config={options.config}",
        f"--workdir={workdir}",
        f"--trials={options.trials}",
        f"--pruner={pruner}",
        f"--config.train.epochs={options.epochs}",
    )
    study = SweepStudy(sqlite_url(workdir / "study.db"), pruner)
    study.load()
    trials = summarise(study.trials())
    best = json.loads((workdir / "sweep.json").read_text())["best"]
    return {
        "seconds": round(sum(t.seconds or 0.0 for t in trials), 1),
        "epochs": sum(t.epoch or 0 for t in trials),
        "complete": sum(t.state == "COMPLETE" for t in trials),
        "pruned": sum(t.state == "PRUNED" for t in trials),
        "best_value": best["value"],
        "best_trial": best["number"],
        "best_params": best["params"],
        "metric": study.metric(),
    }


def noise(options: argparse.Namespace, folder: Path, metric: str) -> float | None:
    """How far the best config's validation metric varies with the seed."""
    values = []
    for seed in range(1, options.seeds + 1):
        place = folder / f"seed_{seed}"
        config = folder / "none" / "best_config.py"
        neurosym(
            folder / "none_cache",
            "train",
            f"--config={config}",
            f"--workdir={place}",
            f"--config.seed={seed}",
        )
        finished = read_result(Workdir(place))
        assert finished is not None
        values.append(finished.validation[metric])
    return statistics.stdev(values) if len(values) > 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="configs/digits_addition.py")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="for the noise; 0 leaves it out")
    parser.add_argument("--pruner", default="median", help="which to hold against none")
    parser.add_argument("--folder", help="where to keep the sweeps; a second call goes on there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        found = {pruner: sweep(options, pruner, folder) for pruner in (options.pruner, "none")}
        spread = noise(options, folder, found["none"]["metric"])
    pruned, whole = found[options.pruner], found["none"]
    print(
        json.dumps(
            {
                "config": options.config,
                "trials": options.trials,
                "epochs_of_a_trial": options.epochs,
                **found,
                "time_saved": round(1 - pruned["seconds"] / whole["seconds"], 3),
                "epochs_saved": round(1 - pruned["epochs"] / whole["epochs"], 3),
                "best_with_minus_without": pruned["best_value"] - whole["best_value"],
                "noise": spread,
                "device": result.device(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
