#!/usr/bin/env python
"""Closures of matrices with their gradients, against SciPy and PyTorch; memory of a fixpoint.

All-pairs shortest paths (MIN_PLUS) on a random graph with 10 edges a node, and the closure
(I - P)^-1 of a dense sub-stochastic matrix (REAL). All contenders take turns in one process; the
results are compared before anything is timed. ``forward`` is the closure alone, ``gradient`` the
gradient of a weighted sum of its entries. SciPy's Dijkstra has no gradient. Memory is the working
memory of one compiled gradient of a fixpoint over 10,001 numbers, which is run on a tree that takes
10 rounds and on a path that takes 10,000. Prints one JSON object.

    taskset -c 0 python scripts/benchmarks/closure.py [--size 500] [--rounds 15]
"""

import argparse
import json
import sys

import _timing
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.csgraph

import neurosym as ns


def shortest_paths(size: int, rng: np.random.Generator) -> tuple[dict, dict]:
    """Contenders and compile seconds for all-pairs shortest paths."""
    import torch

    costs = np.where(
        rng.random((size, size)) < 10 / size, rng.uniform(0.1, 1, (size, size)), np.inf
    ).astype(np.float32)
    weights = rng.uniform(0.5, 1.5, (size, size)).astype(np.float32)
    x, w = jnp.asarray(costs), jnp.asarray(weights)

    def distances(costs):
        return ns.closure(costs, semiring=ns.MIN_PLUS).value

    def loss(costs, weights):
        found = distances(costs)
        return jnp.sum(jnp.where(jnp.isfinite(found), found * weights, 0))

    forward, forward_seconds = _timing.compile_timed(distances, x)
    gradient, gradient_seconds = _timing.compile_timed(jax.value_and_grad(loss), x, w)
    graph = scipy.sparse.csr_matrix(np.where(np.isfinite(costs), costs, 0))

    def scipy_dijkstra():
        return scipy.sparse.csgraph.dijkstra(graph)

    def torch_floyd_warshall():
        found = torch.from_numpy(costs.copy())
        found.fill_diagonal_(0)
        for k in range(size):
            torch.minimum(found, found[:, k : k + 1] + found[k : k + 1], out=found)
        return found.numpy()

    np.testing.assert_allclose(forward(x), scipy_dijkstra(), rtol=1e-5)
    np.testing.assert_allclose(forward(x), torch_floyd_warshall(), rtol=1e-5)
    total, slope = gradient(x, w)
    used = np.where(np.isfinite(costs), costs, 0)
    np.testing.assert_allclose(np.sum(np.float64(slope) * used), total, rtol=1e-4)
    contenders = {
        "min_plus_forward": lambda: forward(x),
        "min_plus_gradient": lambda: gradient(x, w),
        "scipy_dijkstra_forward": scipy_dijkstra,
        "torch_floyd_warshall_forward": torch_floyd_warshall,
    }
    return contenders, {"min_plus_forward": forward_seconds, "min_plus_gradient": gradient_seconds}


def real_closure(size: int, rng: np.random.Generator) -> tuple[dict, dict]:
    """Contenders and compile seconds for (I - P)^-1 with its gradient."""
    import torch

    steps = rng.uniform(0, 1, (size, size))
    steps = (0.95 * steps / steps.sum(1, keepdims=True)).astype(np.float32)
    weights = rng.normal(size=(size, size)).astype(np.float32)
    x, w = jnp.asarray(steps), jnp.asarray(weights)

    def loss(steps, weights):
        return jnp.sum(ns.closure(steps, semiring=ns.REAL).value * weights)

    gradient, seconds = _timing.compile_timed(jax.value_and_grad(loss), x, w)
    identity, cotangent = torch.eye(size), torch.from_numpy(weights)

    def torch_inverse():
        matrix = torch.tensor(steps, requires_grad=True)
        torch.linalg.inv(identity - matrix).backward(cotangent)
        return matrix.grad.numpy()

    wanted = torch_inverse()
    found = gradient(x, w)[1]
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-3 * np.abs(wanted).max())
    contenders = {
        "real_gradient": lambda: gradient(x, w),
        "torch_inverse_gradient": torch_inverse,
    }
    return contenders, {"real_gradient": seconds}


def fixpoint_memory(nodes: int) -> dict:
    """One compiled gradient of distances from a node, on trees of depth 10 and of depth N - 1."""
    start = jnp.full(nodes, jnp.inf).at[0].set(0.0)

    def farthest(costs, parents):
        def step(x, costs):
            return ns.MIN_PLUS.mul(x[parents], costs)

        result = ns.fixpoint(step, start, costs, semiring=ns.MIN_PLUS, max_rounds=2 * nodes)
        return result.value[-1], result

    costs = jnp.ones(nodes)
    here = np.arange(nodes)
    trees = [jnp.asarray(np.maximum(here - stride, 0)) for stride in ((nodes - 1) // 10, 1)]
    gradient = jax.value_and_grad(farthest, has_aux=True)
    compiled, _ = _timing.compile_timed(gradient, costs, trees[0])
    rounds = []
    for parents in trees:
        (depth, result), slope = compiled(costs, parents)
        assert bool(result.converged)
        np.testing.assert_allclose(slope.sum(), depth)
        rounds.append(int(result.rounds))
    return {
        "numbers": nodes,
        "rounds": rounds,
        "working_bytes": compiled.memory_analysis().temp_size_in_bytes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit("the peers are missing: pip install -e '.[bench]'")
    torch.set_num_threads(_timing.available_cores())
    rng = np.random.default_rng(0)
    contenders, seconds = shortest_paths(arguments.size, rng)
    more, more_seconds = real_closure(arguments.size, rng)
    times = _timing.interleaved(contenders | more, rounds=arguments.rounds)
    print(
        json.dumps(
            {
                "benchmark": "closure",
                "size": arguments.size,
                "median_ms": _timing.medians(times),
                "ours_over_scipy_dijkstra": _timing.ratio(
                    times, "min_plus_forward", "scipy_dijkstra_forward"
                ),
                "ours_over_torch_floyd_warshall": _timing.ratio(
                    times, "min_plus_forward", "torch_floyd_warshall_forward"
                ),
                "ours_over_torch_inverse": _timing.ratio(
                    times, "real_gradient", "torch_inverse_gradient"
                ),
                "compile_seconds": {k: round(s, 2) for k, s in (seconds | more_seconds).items()},
                "fixpoint_memory": fixpoint_memory(10_001),
                **_timing.surroundings(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
