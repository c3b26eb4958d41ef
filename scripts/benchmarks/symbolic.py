#!/usr/bin/env python
"""The symbolic part of digit addition alone: loss and gradient for a batch of 64, on one core.

From log-probabilities of the digits, float32[64, 2N, 10], to the mean likelihood of the sums and
its gradient. Prints one JSON object.

    python scripts/benchmarks/symbolic.py [--rounds 15] [--calls 200]
"""

import argparse
import json
import os
import sys
from pathlib import Path

if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import _timing
import jax

import neurosym as ns

sys.path[:0] = [str(Path(__file__).parents[2])]
from experiments.digit_addition import addition_problem  # noqa: E402

BATCH = 64


def contender(digits: int, semiring: ns.Semiring):
    """The compiled loss and gradient with its arguments, and the seconds to compile."""
    network, number, total = addition_problem(digits)
    reasoning = ns.nn.Reasoning(network, total, inputs=number, semiring=semiring)
    logits = jax.random.normal(jax.random.key(0), (BATCH, 2 * digits, 10))
    beliefs = jax.nn.log_softmax(logits)
    totals = jax.random.randint(jax.random.key(1), (BATCH,), 0, 2 * 10**digits - 1)

    def loss(beliefs, totals):
        return ns.losses.query_nll(reasoning(beliefs), totals)

    compiled, seconds = _timing.compile_timed(jax.value_and_grad(loss), beliefs, totals)
    return (lambda: compiled(beliefs, totals)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    contenders, compile_seconds = {}, {}
    for digits in (1, 2):
        for semiring in (ns.LOG, ns.REAL):
            name = f"n{digits}_{semiring.name}"
            contenders[name], seconds = contender(digits, semiring)
            compile_seconds[name] = round(seconds, 2)
    times = _timing.interleaved(contenders, rounds=arguments.rounds, calls=arguments.calls)
    report = {
        "benchmark": "symbolic",
        "batch": BATCH,
        "median_ms": _timing.medians(times),
        "compile_seconds": compile_seconds,
        **_timing.surroundings(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
