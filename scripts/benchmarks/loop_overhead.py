"""What a run costs besides its steps: metrics, progress and checkpoints, against bare steps.

Prints JSON: seconds of `train` without compiling and judging (a workdir of its own each time, a
checkpoint after every epoch, progress to a file), against the same compiled steps called epoch by
epoch with nothing around them. They take turns; both compile anew each time, which is not counted.
"""

import argparse
import io
import json
import statistics
import tempfile
import time

import _timing
import jax
from flax import nnx
from rich.console import Console

from neurosym.cli.configs import load_config
from neurosym.cli.places import import_roots
from neurosym.training import (
    ConsoleProgress,
    Keys,
    Program,
    Settings,
    load_task,
    make_optimizer,
    make_schedule,
    train,
)
from neurosym.training.state import Anatomy


def bare_seconds(task, settings):
    """Seconds for all steps of the run, called epoch by epoch."""
    split, batch_size = task.split("train"), settings.train.batch_size
    total = settings.train.epochs * (split.size // batch_size)
    optimizer = make_optimizer(settings.optimizer, make_schedule(settings.optimizer, total))
    anatomy = Anatomy.of(task.model(nnx.Rngs(Keys.of(0).init)))
    program = Program(task, anatomy, optimizer, split, batch_size=batch_size, keys=Keys.of(0))
    state = program.initial_state(*anatomy.initial())
    program.compiled(state)
    started = time.perf_counter()
    for _ in range(settings.train.epochs):
        state = program.run(state, program.steps_per_epoch)
    jax.block_until_ready(state)
    return time.perf_counter() - started, total


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/mnist_addition.py:n1")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    config.train.epochs = arguments.epochs
    settings = Settings.from_config(config)
    task = load_task(config, import_roots=import_roots())
    whole, bare = [], []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as workdir:
            progress = ConsoleProgress(Console(file=io.StringIO()))
            result = train(config, workdir, task=task, progress=progress, judge_test=False)
        whole.append(result.wall_seconds)
        seconds, steps = bare_seconds(task, settings)
        bare.append(seconds)
    ratios = [a / b for a, b in zip(whole, bare, strict=True)]
    report = {
        "config": arguments.config,
        "steps": steps,
        "train_seconds": round(statistics.median(whole), 3),
        "bare_seconds": round(statistics.median(bare), 3),
        "overhead": round(statistics.median(ratios) - 1, 4),
        "overheads": [round(ratio - 1, 4) for ratio in ratios],
        "validation_examples": task.split("validation").size,
    }
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
