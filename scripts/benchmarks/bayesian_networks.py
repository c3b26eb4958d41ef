"""Marginals of classic Bayesian networks: a batch of instances of evidence at once, and pgmpy.

    neurosym bench bayesian_networks [NAME ...] [--batch=64] [--peer=4]

For each network that pgmpy ships (alarm, insurance and child unless others are named), `batch`
instances observe a few variables each. `ours` is the time of one call for the whole batch after
compiling, `pgmpy` that of its variable elimination, one instance after another, measured on `peer`
of them. Both give the marginals of all variables. One process, pinned to one core. Prints JSON.
"""

import argparse
import importlib.resources
import json
import os
import sys
import time
import warnings
from typing import Any

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import neurosym as ns  # noqa: E402

OBSERVED = 4
"""Variables that each instance observes."""


def measure(name: str, batch: int, peer: int, repeat: int = 5) -> dict[str, Any]:
    path = importlib.resources.files("pgmpy.utils") / "example_models" / f"{name}.bif.gz"
    model = ns.languages.read_bif(str(path))
    network, potentials = model.network, model.potentials
    weights = jax.device_put(model.weights.astype(np.float32))
    key = jax.random.key(0)
    drawn = np.asarray(ns.sample(network, weights, key=key, samples=batch, potentials=potentials))
    rng = np.random.default_rng(0)
    masks = np.repeat(np.asarray(network.mask)[None], batch, 0)
    seen = [sorted(rng.permutation(network.variables)[:OBSERVED].tolist()) for _ in range(batch)]
    for n, rows in enumerate(seen):
        for row in rows:
            masks[n, row] = np.arange(network.size) == drawn[n, row]

    @jax.jit
    def ours(masks: jax.Array) -> jax.Array:
        return jax.vmap(
            lambda mask: ns.marginals(network, weights, potentials=potentials, domains=mask)
        )(masks)

    masks = jnp.asarray(masks)
    begin = time.perf_counter()
    found = np.asarray(ours(masks))
    first = time.perf_counter() - begin
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        np.asarray(ours(masks))
        seconds.append(time.perf_counter() - begin)
    peers, worst = _pgmpy(str(path), network, found, drawn, seen, peer)
    return {
        "variables": network.variables,
        "batch": batch,
        "compile s": round(first, 2),
        "ours ms": round(1000 * min(seconds), 2),
        "pgmpy ms": round(1000 * peers * batch, 1),
        "times faster": round(peers * batch / min(seconds)),
        "largest difference": float(f"{worst:.1e}"),
    }


def _pgmpy(
    path: str,
    network: ns.Network,
    found: np.ndarray,
    drawn: np.ndarray,
    seen: list[list[int]],
    count: int,
) -> tuple[float, float]:
    """Seconds an instance, and the largest difference of a marginal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gzip

        from pgmpy.inference import VariableElimination
        from pgmpy.readwrite import BIFReader

        with gzip.open(path, "rt") as file:
            engine = VariableElimination(BIFReader(string=file.read()).get_model())
    names, domains = network.structure.names, network.structure.domains
    worst, total = 0.0, 0.0
    for n in range(count):
        evidence = {names[i]: domains[i][drawn[n, i]] for i in seen[n]}
        asked = [x for x in names if x not in evidence]
        begin = time.perf_counter()
        # One query for each variable: much faster than one for all of them (joint=False).
        factors = {x: engine.query([x], evidence=evidence, show_progress=False) for x in asked}
        total += time.perf_counter() - begin
        for name, factor in factors.items():
            row = network.index(name)
            order = [factor.state_names[name].index(value) for value in domains[row]]
            difference = factor.values[order] - found[n, row, : len(order)]
            worst = max(worst, float(np.abs(difference).max()))
    return total / count, worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["alarm", "insurance", "child"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--peer", type=int, default=4)
    options = parser.parse_args()
    rows = {}
    for name in options.names:
        rows[name] = measure(name, options.batch, options.peer)
        print(name, rows[name], file=sys.stderr, flush=True)
    print(json.dumps({"networks": rows}))


if __name__ == "__main__":
    main()
