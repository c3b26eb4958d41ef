#!/usr/bin/env python
"""Circuits: weighted model count and gradient in log space, against KLay and PySDD.

Two diagrams that PySDD compiles (balanced vtree, minimised on the way): sudoku 4 x 4 as 64 Boolean
variables, and a random 3-CNF. Everyone reads the same files, takes log-probabilities of the
positive literals, batch 64, and returns the sum of the log counts with its gradient. PySDD's own
counter takes the instances one by one. All take turns in one process; compiling is measured apart.
Prints one JSON object.

    python scripts/benchmarks/circuits.py [--batch 64] [--rounds 15] [--variables 40] [--clauses 80]
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import _timing
import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns


def sudoku_clauses() -> tuple[int, list[tuple[int, ...]]]:
    """Each cell has one digit, each unit each digit once."""

    def says(r: int, c: int, d: int) -> int:
        return 16 * r + 4 * c + d + 1

    cells = list(itertools.product(range(4), repeat=2))
    units = [[says(r, c, d) for d in range(4)] for r, c in cells]
    for d in range(4):
        units += [[says(r, c, d) for c in range(4)] for r in range(4)]
        units += [[says(r, c, d) for r in range(4)] for c in range(4)]
        units += [
            [says(r + i, c + j, d) for i in range(2) for j in range(2)]
            for r in (0, 2)
            for c in (0, 2)
        ]
    clauses = [tuple(unit) for unit in units]
    clauses += [(-a, -b) for unit in units for a, b in itertools.combinations(unit, 2)]
    return 64, clauses


def random_clauses(variables: int, count: int) -> tuple[int, list[tuple[int, ...]]]:
    """Three distinct variables a clause, with random signs."""
    rng = np.random.default_rng(0)
    clauses = []
    for _ in range(count):
        chosen = rng.choice(variables, 3, replace=False) + 1
        clauses.append(tuple((chosen * rng.choice([-1, 1], 3)).tolist()))
    return variables, clauses


class Diagram:
    """A formula as an SDD, in PySDD's memory and in files."""

    def __init__(self, variables: int, clauses: list[tuple[int, ...]], folder: Path) -> None:
        try:
            from pysdd.sdd import SddManager
        except ImportError:
            sys.exit("circuits: pip install -e '.[sdd,bench]'")
        self.variables = variables
        lines = [" ".join(map(str, clause)) + " 0" for clause in clauses]
        path = folder / "formula.cnf"
        path.write_text(f"p cnf {variables} {len(clauses)}\n" + "\n".join(lines) + "\n")
        start = time.perf_counter()
        self.manager, self.root = SddManager.from_cnf_file(
            str(path).encode(), vtree_type=b"balanced"
        )
        self.seconds = time.perf_counter() - start
        self.sdd, self.vtree = folder / "formula.sdd", folder / "formula.vtree"
        self.root.save(str(self.sdd).encode())
        self.manager.vtree().save(str(self.vtree).encode())

    def pysdd(self, p: np.ndarray):
        """One instance after the other; derivatives come with the count."""

        def run() -> tuple[float, np.ndarray]:
            total, gradients = 0.0, []
            for row in p.astype(float).tolist():
                counter = self.root.wmc(log_mode=True)
                for v, one in enumerate(row, start=1):
                    counter.set_literal_weight(self.manager.literal(v), np.log(one))
                    counter.set_literal_weight(self.manager.literal(-v), np.log1p(-one))
                total += counter.propagate()
                gradients.append(
                    [
                        counter.literal_derivative(self.manager.literal(v))
                        for v in range(1, 1 + len(row))
                    ]
                )
            return total, np.asarray(gradients)

        return run


def klay_contenders(diagram: Diagram, log_p: np.ndarray) -> tuple[dict, dict, dict]:
    """Contenders, compile seconds and facts; a backend that is missing says why."""
    try:
        import klay
    except ImportError as error:
        return {}, {}, {"klay": f"missing: {error}"}
    circuit = klay.Circuit()
    circuit.add_sdd_from_file(str(diagram.sdd))
    facts: dict = {"klay_nodes": circuit.nb_nodes()}
    contenders, seconds = {}, {}
    try:
        import torch

        torch.set_num_threads(_timing.available_cores())
        module = circuit.to_torch_module(semiring="log", compile=False)

        def by_torch():
            x = torch.tensor(log_p, requires_grad=True)
            loss = module(x).sum()
            loss.backward()
            return loss.item(), x.grad.numpy()

        by_torch()
        contenders["klay_torch"] = by_torch
    except Exception as error:  # Whatever keeps a peer from running is reported.
        facts["klay_torch"] = f"does not run: {error!r}"
    try:
        function = circuit.to_jax_function(semiring="log")
        compiled, seconds["klay_jax"] = _timing.compile_timed(
            jax.value_and_grad(lambda x: jax.vmap(function)(x).sum()), jnp.asarray(log_p)
        )
        contenders["klay_jax"] = lambda: compiled(log_p)
    except Exception as error:
        facts["klay_jax"] = f"does not run: {error!r}"
    return contenders, seconds, facts


def measure(name: str, formula, arguments) -> dict[str, object]:
    """Everything about one diagram."""
    with tempfile.TemporaryDirectory() as folder:
        diagram = Diagram(*formula, Path(folder))
        start = time.perf_counter()
        circuit = ns.circuits.from_sdd(diagram.sdd, diagram.vtree)
        reading = time.perf_counter() - start
        rng = np.random.default_rng(0)
        p = rng.uniform(0.05, 0.95, (arguments.batch, diagram.variables)).astype(np.float32)
        log_p = np.log(p)
        x = jnp.asarray(log_p)
        contenders, compile_seconds, facts = {}, {}, {}
        if not arguments.no_peers:
            contenders, compile_seconds, facts = klay_contenders(diagram, log_p)
            contenders["pysdd"] = diagram.pysdd(p)
        for semiring in (ns.LOG, ns.MAX_TIMES):

            def loss(x, semiring=semiring):
                return jax.vmap(lambda w: circuit.total(w, semiring=semiring))(x).sum()

            key = f"ours_{semiring.name}"
            compiled, compile_seconds[key] = _timing.compile_timed(jax.value_and_grad(loss), x)
            contenders[key] = lambda compiled=compiled: compiled(x)
        values = {key: float(run()[0]) for key, run in contenders.items()}
        for key, value in values.items():
            if key != "ours_max_times":
                np.testing.assert_allclose(value, values["ours_log"], rtol=1e-3, err_msg=key)
        times = _timing.interleaved(contenders, rounds=arguments.rounds)
    return {
        "rows": circuit.rows,
        "terms": circuit.terms,
        "layers": len(circuit.layers),
        "steps": [circuit.tables.factors.shape[0], circuit.tables.own.shape[0]],
        **facts,
        "median_ms": _timing.medians(times),
        "times_as_fast": {
            key: _timing.ratio(times, key, "ours_log")
            for key in times
            if not key.startswith("ours")
        },
        "compile_seconds": {key: round(value, 2) for key, value in compile_seconds.items()},
        "pysdd_compile_seconds": round(diagram.seconds, 1),
        "reading_seconds": round(reading, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--variables", type=int, default=40)
    parser.add_argument("--clauses", type=int, default=80)
    parser.add_argument("--no_peers", action="store_true")
    arguments = parser.parse_args()
    formulas = {
        "sudoku_4x4": sudoku_clauses(),
        "random_3cnf": random_clauses(arguments.variables, arguments.clauses),
    }
    report = {name: measure(name, formula, arguments) for name, formula in formulas.items()}
    print(
        json.dumps(
            {"benchmark": "circuits", "batch": arguments.batch, **report, **_timing.surroundings()},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
