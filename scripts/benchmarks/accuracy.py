#!/usr/bin/env python
"""The mean accuracy of a config over several seeds, each trained in full.

Runs go to WORKDIR/seed_0, seed_1, …; those that are finished are not run again. Prints one JSON
object: every test metric in percent, its mean and sample standard deviation, and the seconds of
training.

    python scripts/benchmarks/accuracy.py --config configs/mnist_addition.py:n1 --seeds 5 \
        --workdir runs/n1
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import _timing
from rich.console import Console

from neurosym.cli.configs import load_config
from neurosym.training import ConsoleProgress, Options, train


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="file.py[:variant]")
    parser.add_argument("--workdir", required=True, type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data_dir", default=None)
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds must be at least 1")
    console = Console(stderr=True)  # standard output is the JSON alone
    results = []
    for seed in range(arguments.seeds):
        config = load_config(arguments.config)
        config.seed = seed
        with ConsoleProgress(console) as progress:
            results.append(
                train(
                    config,
                    arguments.workdir / f"seed_{seed}",
                    data_dir=arguments.data_dir,
                    import_roots=[Path(__file__).parents[2]],
                    options=Options(progress=progress),
                )
            )
    metrics = {}
    for name in results[0].metrics:
        if name == "loss":
            continue
        values = [100 * result.metrics[name] for result in results]
        spread = statistics.stdev(values) if len(values) > 1 else None
        metrics[name] = {
            "mean": round(statistics.mean(values), 3),
            "standard_deviation": None if spread is None else round(spread, 3),
            "each": [round(value, 2) for value in values],
        }
    report = {
        "benchmark": "accuracy",
        "config": arguments.config,
        "percent": metrics,
        "train_seconds": [round(result.wall_seconds, 1) for result in results],
        "compile_seconds": [round(result.compile_seconds, 1) for result in results],
        "revision": results[0].revision,
        **_timing.surroundings(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    sys.exit(main())
