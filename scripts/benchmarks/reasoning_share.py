#!/usr/bin/env python
"""The share of a training step that an experiment spends in reasoning, not in its encoder.

Whole steps as the training loop runs them, against the same steps with a loss that only reads the
encoder's logits (gathering, augmentation, encoder and optimiser stay), the two in turns in one
process. The share is one minus the ratio of the medians. Needs the data of the experiments. Prints
one JSON object.

    python scripts/benchmarks/reasoning_share.py [--rounds 7] [--steps 10] \
        configs/visual_sudoku.py configs/mnist_addition.py:n4
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import _timing
import jax
import jax.numpy as jnp
from flax import nnx

from neurosym.cli.configs import load_config
from neurosym.training import Keys, Program, load_task
from neurosym.training.optimizer import make_optimizer, make_schedule
from neurosym.training.settings import Settings
from neurosym.training.state import Anatomy

ROOT = Path(__file__).parents[2]
DEFAULT = (
    "configs/visual_sudoku.py",
    "configs/visual_sudoku.py:labels20",
    "configs/visual_sudoku.py:gumbel_bits",
    "configs/formula.py",
    "configs/mnist_addition.py:n1",
    "configs/mnist_addition.py:n4",
)


class EncoderAlone:
    """A task whose loss reads the logits of its encoder and reasons about nothing."""

    def __init__(self, task) -> None:
        self.metric, self._task = task.metric, task

    def __getattr__(self, name):
        return getattr(self._task, name)

    def loss(self, model, batch, *, key, step):
        images = batch["images"]
        augmentation = getattr(self._task, "augmentation", None)
        if augmentation is not None:
            images = augmentation(images, key)
        logits = model(images.reshape(-1, *images.shape[-2:]))
        return jax.nn.logsumexp(logits, axis=-1).mean(), {}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="*", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10, help="steps of each contender in a round")
    arguments = parser.parse_args()
    report = {"benchmark": "reasoning_share", "experiments": {}}
    for path in arguments.configs:
        report["experiments"][path] = measure(path, arguments.rounds, arguments.steps)
        print(f"{path}: {report['experiments'][path]}", file=sys.stderr, flush=True)
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


def measure(path: str, rounds: int, steps: int) -> dict:
    """Milliseconds a step, whole and with the encoder alone, and the share of the rest."""
    config = load_config(path)
    settings = Settings.from_config(config)
    task = load_task(config, import_roots=[ROOT])
    programs, states = {}, {}
    for name, subject in (("whole", task), ("encoder", EncoderAlone(task))):
        anatomy = Anatomy.of(subject.model(nnx.Rngs(0)))
        optimizer = make_optimizer(settings.optimizer, make_schedule(settings.optimizer, 10_000))
        programs[name] = Program(
            subject,
            anatomy,
            optimizer,
            task.split("train"),
            batch_size=settings.train.batch_size,
            keys=Keys.of(0),
        )
        states[name] = programs[name].run(programs[name].initial_state(*anatomy.initial()), 1)

    def run(name: str):
        def advance():
            first = states[name]._replace(step=jnp.zeros((), jnp.int32))
            states[name] = programs[name].run(first, steps)
            return states[name].step

        return advance

    times = _timing.interleaved({name: run(name) for name in programs}, rounds=rounds)
    milliseconds = {n: statistics.median(t) / steps for n, t in times.items()}
    share = statistics.median(
        1 - encoder / whole for whole, encoder in zip(times["whole"], times["encoder"], strict=True)
    )
    return {
        "batch": settings.train.batch_size,
        "median_ms_a_step": {n: round(ms, 2) for n, ms in milliseconds.items()},
        "share_in_reasoning": round(share, 3),
        "compile_seconds": {n: round(p.compile_seconds, 1) for n, p in programs.items()},
    }


if __name__ == "__main__":
    main()
