#!/usr/bin/env python
"""Training steps of MNIST addition, against the same LeNet trained on the digit labels directly.

Whole steps as the training loop runs them (gathering, encoder, reasoning, gradient, optimiser), the
two in turns in one process; then whole epochs of 60,000 images, compile time apart. Needs MNIST.
Prints one JSON object.

    python scripts/benchmarks/addition.py [--digits 1] [--rounds 15] [--steps 20] [--epochs 3]

DeepProbLog's exact engine takes 1,440 ms for such a step (N=1, batch 64) on a core of this kind;
that figure is not measured here.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import _timing
import jax
import jax.numpy as jnp
import optax
from flax import nnx

import neurosym as ns
from neurosym.training import Keys, Program
from neurosym.training.state import Anatomy

sys.path[:0] = [str(Path(__file__).parents[2])]
from configs import mnist_addition  # noqa: E402
from experiments.digit_addition import DigitAddition  # noqa: E402

BATCH = 64
DEEPPROBLOG_MS = 1440


class Supervised(DigitAddition):
    """The same images and encoder; the digits themselves are labelled."""

    def loss(self, model, batch, *, key, step):
        images = batch["images"]
        logits = model(images.reshape(-1, *images.shape[2:]))
        return ns.losses.cross_entropy(logits, batch["digits"].reshape(-1)), {}


def prepare(task_class, config, optimizer):
    """The loop's own program for a task, its first state, and the seconds that compiling took."""
    task = task_class(config)
    anatomy = Anatomy.of(task.model(nnx.Rngs(0)))
    program = Program(
        task, anatomy, optimizer, task.split("train"), batch_size=BATCH, keys=Keys.of(0)
    )
    state = program.run(program.initial_state(*anatomy.initial()), 1)
    return program, jax.block_until_ready(state)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, default=1, choices=(1, 2), help="digits of a number")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20, help="steps of each contender in a round")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    config = mnist_addition.get_config(f"n{arguments.digits}")
    optimizer = optax.adamw(1e-3)
    programs, states = {}, {}
    for name, task in (("addition", DigitAddition), ("supervised", Supervised)):
        programs[name], states[name] = prepare(task, config, optimizer)

    def steps(name: str):
        def run():
            first = states[name]._replace(step=jnp.zeros((), jnp.int32))
            states[name] = programs[name].run(first, arguments.steps)
            return states[name].step

        return run

    times = _timing.interleaved({name: steps(name) for name in programs}, rounds=arguments.rounds)
    times = {name: [t / arguments.steps for t in values] for name, values in times.items()}
    epochs = []
    program = programs["addition"]
    for _ in range(arguments.epochs):
        state = states["addition"]._replace(step=jnp.zeros((), jnp.int32))
        start = time.perf_counter()
        states["addition"] = jax.block_until_ready(program.run(state, program.steps_per_epoch))
        epochs.append(time.perf_counter() - start)
    report = {
        "benchmark": "addition",
        "digits": arguments.digits,
        "batch": BATCH,
        "median_ms_a_step": _timing.medians(times),
        "addition_over_supervised": _timing.ratio(times, "addition", "supervised"),
        "epoch_seconds": round(statistics.median(epochs), 2),
        "steps_an_epoch": program.steps_per_epoch,
        "compile_seconds": {n: round(p.compile_seconds, 2) for n, p in programs.items()},
        **_timing.surroundings(),
    }
    if arguments.digits == 1:
        step = report["median_ms_a_step"]["addition"]
        report["deepproblog_reported_ms"] = DEEPPROBLOG_MS
        report["times_faster_than_deepproblog"] = round(DEEPPROBLOG_MS / step)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
