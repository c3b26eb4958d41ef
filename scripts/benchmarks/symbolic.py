#!/usr/bin/env python
"""The symbolic part of digit addition alone: loss and gradient for a batch of 64, on one core.

From log-probabilities of the digits, float32[64, 2N, 10], to the mean likelihood of the sums and
its gradient, for N = 1, 2 and 4. The peer is the same by a real Fourier transform of the two
numbers' distributions in jax.numpy, whose error is absolute. Prints one JSON object.

    python scripts/benchmarks/symbolic.py [--rounds 15] [--calls 200]
"""

import argparse
import json
import os
import sys
from pathlib import Path

if __name__ == "__main__" and hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import _timing
import jax
import jax.numpy as jnp

import neurosym as ns

sys.path[:0] = [str(Path(__file__).parents[2])]
from experiments.digit_addition import addition_problem  # noqa: E402

BATCH = 64


def contender(digits: int, semiring: ns.Semiring):
    """The compiled loss and gradient with its arguments, and the seconds to compile."""
    network, number, total = addition_problem(digits)
    reasoning = ns.nn.Reasoning(network, total, inputs=number, semiring=semiring)
    return compiled(digits, lambda beliefs, totals: ns.losses.query_nll(reasoning(beliefs), totals))


def fourier(digits: int):
    """The peer, as `contender`."""
    size = 2 * 10**digits

    def distribution(p):
        x = p[:, 0]
        for k in range(1, digits):
            x = (x[:, :, None] * p[:, k, None, :]).reshape(BATCH, -1)
        return jnp.fft.rfft(x, size)

    def loss(beliefs, totals):
        p = jnp.exp(beliefs)
        both = distribution(p[:, :digits]) * distribution(p[:, digits:])
        found = jnp.take_along_axis(jnp.fft.irfft(both, size), totals[:, None], 1)
        return -jnp.mean(jnp.log(jnp.maximum(found, 1e-30)))

    return compiled(digits, loss)


def compiled(digits: int, loss):
    """The loss and its gradient with arguments, and the seconds to compile."""
    logits = jax.random.normal(jax.random.key(0), (BATCH, 2 * digits, 10))
    beliefs = jax.nn.log_softmax(logits)
    totals = jax.random.randint(jax.random.key(1), (BATCH,), 0, 2 * 10**digits - 1)
    run, seconds = _timing.compile_timed(jax.value_and_grad(loss), beliefs, totals)
    return (lambda: run(beliefs, totals)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    medians, compile_seconds = {}, {}
    for digits in (1, 2, 4):
        made = {f"n{digits}_fourier": fourier(digits)}
        for semiring in (ns.LOG, ns.REAL):
            made[f"n{digits}_{semiring.name}"] = contender(digits, semiring)
        compile_seconds |= {name: round(seconds, 2) for name, (_, seconds) in made.items()}
        contenders = {name: run for name, (run, _) in made.items()}
        calls = arguments.calls if digits < 4 else max(1, arguments.calls // 100)
        times = _timing.interleaved(contenders, rounds=arguments.rounds, calls=calls)
        medians |= _timing.medians(times)
    report = {
        "benchmark": "symbolic",
        "batch": BATCH,
        "median_ms": medians,
        "compile_seconds": compile_seconds,
        **_timing.surroundings(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
