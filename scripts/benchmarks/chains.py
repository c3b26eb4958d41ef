#!/usr/bin/env python
"""Networks of hundreds of variables: multi-digit addition with carries, and a pruned sudoku.

Addition of N digits: ``a_k + b_k + c_k == s_k + 10 c_{k+1}`` with beliefs about the digits of both
summands and the digits of the sum observed; loss (-log of their probability) and its gradient for a
batch, and exact samples. Pruning: the total of a 4×4 sudoku with givens, from the whole network and
from the one that propagation leaves. Prints one JSON object.

    python scripts/benchmarks/chains.py [--digits 15 100 500] [--batch 64] [--rounds 7]
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__" and hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import _timing
import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns
from neurosym.soft.elimination import eliminate


def addition(digits: int) -> ns.Network:
    """Least significant digits first; rows a, b, s, c."""
    problem = ns.Problem()
    a, b, s = (problem.variables(name, shape=digits, domain=range(10)) for name in "abs")
    c = problem.variables("c", shape=digits + 1, domain=range(2))
    problem.add(c[0] == 0)
    for k in range(digits):
        problem.add(a[k] + b[k] + c[k] == s[k] + 10 * c[k + 1])
    return problem.compile()


def loss_and_gradient(digits: int, batch: int) -> tuple[Callable[[], Any], dict[str, Any]]:
    """The compiled loss with gradient, and what it took to plan and compile it."""
    start = time.perf_counter()
    network = addition(digits)
    built = time.perf_counter()
    elimination = eliminate(network)
    planned = time.perf_counter()
    rng = np.random.default_rng(0)
    beliefs = jax.nn.log_softmax(jnp.asarray(rng.normal(size=(batch, 2 * digits, 10)), jnp.float32))
    observed = jnp.asarray(rng.integers(0, 10, (batch, digits)), jnp.int32)

    def loss(beliefs: jax.Array, observed: jax.Array) -> jax.Array:
        def one(beliefs: jax.Array, observed: jax.Array) -> jax.Array:
            seen = jnp.where(jnp.arange(10) == observed[:, None], 0.0, -jnp.inf)
            free = jnp.zeros((digits + 1, 10))
            return -ns.total(network, jnp.concatenate([beliefs, seen, free]))

        return jnp.mean(jax.vmap(one)(beliefs, observed))

    compiled, seconds = _timing.compile_timed(jax.value_and_grad(loss), beliefs, observed)
    facts = {
        "batch": batch,
        "build_seconds": round(built - start, 2),
        "plan_seconds": round(planned - built, 2),
        "compile_seconds": round(seconds, 2),
        "tensors": len(elimination.factors.labels),
        "operations": len(elimination.schedule.groups)
        if elimination.schedule
        else len(elimination.plan.steps),
    }
    return (lambda: compiled(beliefs, observed)), facts


def sampling(digits: int, samples: int) -> tuple[Callable[[], Any], float]:
    """Samples of one instance, and the seconds to compile."""
    network = addition(digits)
    weights = jax.random.normal(jax.random.key(0), network.mask.shape)
    compiled, seconds = _timing.compile_timed(
        lambda w, key: ns.sample(network, w, key=key, samples=samples), weights, jax.random.key(1)
    )
    return (lambda: compiled(weights, jax.random.key(1))), seconds


def pruned(batch: int) -> tuple[dict[str, Callable[[], Any]], dict[str, Any]]:
    """Log total and gradient of a sudoku with four givens, whole and restricted."""
    problem = ns.Problem()
    x = problem.variables("x", shape=(4, 4), domain=range(1, 5))
    boxes = [x[i : i + 2, j : j + 2].ravel() for i in (0, 2) for j in (0, 2)]
    problem.add(*(ns.AllDifferent(list(scope)) for scope in (*x, *x.T, *boxes)))
    network = problem.compile()
    givens = {x[0, 0]: 1, x[0, 1]: 2, x[1, 2]: 1}
    domains = ns.propagate(network, network.restrict(givens)).domains
    few = ns.restricted(network, domains)
    weights = jax.random.normal(jax.random.key(0), (batch, *network.mask.shape))

    def whole(w: jax.Array) -> jax.Array:
        return jnp.mean(jax.vmap(lambda w: ns.total(network, w, domains=domains))(w))

    def restricted(w: jax.Array) -> jax.Array:
        return jnp.mean(jax.vmap(lambda w: ns.total(few, few.weights(ns.LOG, w)))(w))

    runs, facts = {}, {}
    for name, function, held in (("whole", whole, network), ("restricted", restricted, few)):
        compiled, seconds = _timing.compile_timed(jax.value_and_grad(function), weights)
        runs[f"sudoku_{name}"] = lambda compiled=compiled: compiled(weights)
        facts[name] = {
            "compile_seconds": round(seconds, 2),
            "elements": eliminate(held).element_count,
            "largest_tensor": eliminate(held).plan.largest,
        }
    return runs, facts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, nargs="+", default=[15, 100, 500])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    contenders: dict[str, Callable[[], Any]] = {}
    additions: dict[str, Any] = {}
    for digits in arguments.digits:
        name = f"addition_n{digits}"
        contenders[name], additions[name] = loss_and_gradient(digits, arguments.batch)
    middle = sorted(arguments.digits)[len(arguments.digits) // 2]
    contenders[f"sample_n{middle}"], seconds = sampling(middle, arguments.batch)
    runs, pruning = pruned(arguments.batch)
    times = _timing.interleaved({**contenders, **runs}, rounds=arguments.rounds)
    report = {
        "benchmark": "chains",
        "median_ms": _timing.medians(times),
        "additions": additions,
        "sample_compile_seconds": round(seconds, 2),
        "pruning": pruning,
        **_timing.surroundings(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
