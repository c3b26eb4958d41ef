"""One first call of the library in a process of its own, for `first_answer`; prints JSON.

    python scripts/benchmarks/_first_calls.py ROW [FOLDER]

With a folder, JAX writes there the text of every program that the call asks for. CPU seconds and
wall seconds are those of the call alone, without imports and without declaring the problem;
programs are those that XLA compiled, without those that a cache held.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _small_models import MODELS

import neurosym as ns

Call = Callable[[], Any]


def _sum_of_digits() -> tuple[ns.Network, ns.Variable, np.ndarray]:
    problem = ns.Problem()
    a, b = problem.variables("digit", shape=2, domain=range(10))
    total = problem.variable("total", domain=range(19))
    problem.add(a + b == total)
    network = problem.compile()
    return network, total, np.where(np.asarray(network.mask), 0.0, -np.inf).astype(np.float32)


def _ab(name: str) -> Call:
    network, total, weights = _sum_of_digits()
    calls: dict[str, Call] = {
        "total": lambda: ns.total(network, weights),
        "grad": lambda: jax.grad(lambda w: ns.total(network, w))(weights),
        "marginals": lambda: ns.marginals(network, weights),
        "query": lambda: ns.query(network, weights, target=total),
        "k_best": lambda: ns.k_best(network, weights, k=3),
        "beliefs": lambda: ns.belief_propagation(network, weights),
    }
    return calls[name]


def _sudoku(size: int) -> tuple[ns.Network, np.ndarray]:
    network = ns.puzzles.sudoku_problem(size).compile()
    return network, np.zeros((size**2, size), np.float32)


def _sudoku_total() -> Call:
    network, weights = _sudoku(4)
    return lambda: ns.total(network, weights)


def _sudoku_circuit() -> Call:
    network, weights = _sudoku(4)
    return lambda: ns.compile_circuit(network).total(weights)


def _sudoku_beliefs() -> Call:
    network, weights = _sudoku(9)
    return lambda: ns.belief_propagation(network, weights)


def _chain() -> Call:
    problem = ns.Problem()
    x = problem.variables("x", shape=100, domain=range(4))
    problem.add(*(x[i] + x[i + 1] <= 4 for i in range(99)))
    network = problem.compile()
    weights = np.zeros((100, 4), np.float32)
    return lambda: ns.total(network, weights)


def _addition(digits: int) -> Call:
    problem = ns.Problem()
    a, b, s = (problem.variables(name, shape=digits, domain=range(10)) for name in "abs")
    c = problem.variables("c", shape=digits + 1, domain=range(2))
    problem.add(c[0] == 0)
    for k in range(digits):
        problem.add(a[k] + b[k] + c[k] == s[k] + 10 * c[k + 1])
    network = problem.compile()
    weights = np.zeros((16, 4 * digits + 1, 10), np.float32)

    def loss(weights: jax.Array) -> jax.Array:
        return jnp.mean(jax.vmap(lambda w: ns.total(network, w))(weights))

    return lambda: jax.jit(jax.value_and_grad(loss))(weights)


def _solve(size: int) -> Call:
    network, _ = _sudoku(size)
    return lambda: ns.solve(network)


def _model(name: str) -> Call:
    model, number = name.rsplit("_", 1)
    network = MODELS[model][int(number)]().compile()
    return lambda: ns.count(network, at_most=100)


def _after(name: str) -> Call:
    """The second model, where the first has been counted in the same process."""
    jax.block_until_ready(_model(f"{name}_0")())
    return _model(f"{name}_1")


ROWS: dict[str, Callable[[], Call]] = {
    **{f"ab_{name}": lambda name=name: _ab(name) for name in ("total", "grad", "marginals")},
    **{f"ab_{name}": lambda name=name: _ab(name) for name in ("query", "k_best", "beliefs")},
    "sudoku_4x4_total": _sudoku_total,
    "sudoku_4x4_circuit": _sudoku_circuit,
    "sudoku_9x9_beliefs": _sudoku_beliefs,
    "chain_100_total": _chain,
    **{f"addition_{n}": lambda n=n: _addition(n) for n in (15, 100, 500)},
    **{f"solve_{n**2}": lambda n=n: _solve(n) for n in (9, 16, 25, 36)},
    **{f"model_{name}": lambda name=name: _model(f"{name}_0") for name in MODELS},
    **{f"after_{name}": lambda name=name: _after(name) for name in MODELS},
}


def main() -> None:
    if sys.argv[1:] in ([], ["--help"]):
        print(__doc__, *ROWS, sep="\n")
        return
    if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    call = ROWS[sys.argv[1]]()
    compiled = {"programs": 0, "held": 0}

    def count(event: str, *_: Any, **__: Any) -> None:
        compiled["programs"] += event.endswith("/backend_compile_duration")
        compiled["held"] += event.endswith("/cache_hits")

    jax.monitoring.register_event_duration_secs_listener(count)
    jax.monitoring.register_event_listener(count)
    if sys.argv[2:] and sys.argv[2]:
        jax.config.update("jax_dump_ir_to", sys.argv[2])
    cpu, wall = time.process_time(), time.perf_counter()
    jax.block_until_ready(call())
    report = {
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "programs": compiled["programs"] - compiled["held"],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
