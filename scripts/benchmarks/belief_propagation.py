#!/usr/bin/env python
"""Sum-product belief propagation on an Ising torus, against PGMax.

Binary variables on a square torus with random couplings and fields; so many rounds exactly, then
the marginals. Both contenders take turns in one process, without damping and with a damping of
0.5, and must agree. Ours also tracks the residual and computes the Bethe log-partition. Prints one
JSON object.

PGMax asks for tensorflow, jupyter and more, of which it needs numba alone here:

    pip install numba && pip install --no-deps pgmax
    python scripts/benchmarks/belief_propagation.py [--size 100] [--rounds 100] [--repeats 15]
"""

import argparse
import json
import sys
import time
import types
from collections.abc import Callable

import _timing
import jax
import jax.extend
import jax.numpy as jnp
import numpy as np

import neurosym as ns


def torus(size: int) -> np.ndarray:
    """``int[2 * size**2, 2]``: each variable and the ones below and beside it."""
    index = np.arange(size**2).reshape(size, size)
    below = np.stack([index, np.roll(index, -1, 0)], -1).reshape(-1, 2)
    beside = np.stack([index, np.roll(index, -1, 1)], -1).reshape(-1, 2)
    return np.concatenate([below, beside])


def ours(pairs: np.ndarray, rounds: int, **options: float | bool) -> Callable:
    problem = ns.Problem()
    problem.variables("spin", shape=int(pairs.max()) + 1, domain=range(2))
    network = problem.compile()

    def run(fields: jax.Array, tables: jax.Array) -> ns.Beliefs:
        return ns.belief_propagation(
            network,
            fields,
            potentials=ns.Potentials(pairs, tables),
            max_rounds=rounds,
            tolerance=0.0,
            **options,
        )

    return run


def pgmax(pairs: np.ndarray, fields: np.ndarray, tables: np.ndarray, rounds: int) -> Callable:
    """From a damping to a function without arguments that runs PGMax, and the compile time."""
    if not hasattr(jax.lib, "xla_bridge"):  # it asks for the backend where JAX no longer has it
        jax.lib.xla_bridge = types.SimpleNamespace(get_backend=jax.extend.backend.get_backend)
    try:
        from pgmax import fgraph, fgroup, infer, vgroup
    except ImportError as error:
        sys.exit(f"the peer is missing ({error}): pip install numba && pip install --no-deps pgmax")
    spins = vgroup.NDVarArray(num_states=2, shape=(len(fields),))
    graph = fgraph.FactorGraph(variable_groups=spins)
    graph.add_factors(
        fgroup.PairwiseFactorGroup(
            variables_for_factors=[[spins[int(i)], spins[int(j)]] for i, j in pairs],
            log_potential_matrix=tables,
        )
    )
    inferer = infer.build_inferer(graph.bp_state, backend="bp")
    given = inferer.init(evidence_updates={spins: fields})

    def contender(damping: float) -> tuple[Callable, float]:
        def run(arrays):
            done = inferer.run(arrays, num_iters=rounds, damping=damping, temperature=1.0)
            return infer.get_marginals(inferer.get_beliefs(done))

        # Its arrays do not survive an ahead-of-time compilation: the first call compiles.
        compiled = jax.jit(run)
        begin = time.perf_counter()
        jax.block_until_ready(compiled(given))
        return lambda: compiled(given)[spins], time.perf_counter() - begin

    return contender


def measure(*, size: int, rounds: int, repeats: int) -> dict:
    rng = np.random.default_rng(0)
    pairs = torus(size)
    couplings = rng.normal(0, 0.5, len(pairs))
    tables = np.asarray(couplings[:, None, None] * [[1, -1], [-1, 1]], np.float32)
    fields = np.asarray(rng.normal(0, 0.3, (size**2, 1)) * [1, -1], np.float32)
    arrays = jnp.asarray(fields), jnp.asarray(tables)
    contenders: dict[str, Callable] = {}
    seconds: dict[str, float] = {}
    peer = pgmax(pairs, fields, tables, rounds)
    differences = {}
    for damping in (0.0, 0.5):
        name = f"damping {damping}"
        run, seconds[f"ours, {name}"] = _timing.compile_timed(
            ours(pairs, rounds, damping=damping), *arrays
        )
        contenders[f"ours, {name}"] = lambda run=run: run(*arrays)
        contenders[f"pgmax, {name}"], seconds[f"pgmax, {name}"] = peer(damping)
        found = contenders[f"ours, {name}"]()
        assert int(found.rounds) == rounds
        other = contenders[f"pgmax, {name}"]()
        differences[name] = float(jnp.max(jnp.abs(found.marginals - other)))
    best, seconds["ours, maxima"] = _timing.compile_timed(
        ours(pairs, rounds, temperature=0.0), *arrays
    )
    contenders["ours, maxima"] = lambda: best(*arrays)
    gradient, seconds["ours, with gradient"] = _timing.compile_timed(
        jax.value_and_grad(
            lambda *given: ours(pairs, rounds, unroll=True)(*given).log_partition, (0, 1)
        ),
        *arrays,
    )
    times = _timing.interleaved(contenders, rounds=repeats)
    # By itself: it is so much longer that it would disturb the others.
    alone = {"ours, with gradient": lambda: gradient(*arrays)}
    times |= _timing.interleaved(alone, rounds=max(1, repeats // 5))
    return {
        "benchmark": "belief_propagation",
        "variables": size**2,
        "factors": len(pairs),
        "rounds": rounds,
        "median_ms": _timing.medians(times),
        "times_as_fast": {
            f"damping {damping}": _timing.ratio(
                times, f"pgmax, damping {damping}", f"ours, damping {damping}"
            )
            for damping in (0.0, 0.5)
        },
        "largest_difference_of_marginals": differences,
        "compile_seconds": {name: round(value, 2) for name, value in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    report = measure(size=arguments.size, rounds=arguments.rounds, repeats=arguments.repeats)
    print(json.dumps(report | _timing.surroundings(), indent=2))


if __name__ == "__main__":
    main()
