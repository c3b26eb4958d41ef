#!/usr/bin/env python
"""The hard engine: complete solving against SAT and CP solvers, propagation, counting, compiling.

Sudokus are searched completely, that is until a second solution is ruled out (`first_solution`
stops at one). The peers work on a sample of the same puzzles and do the same: PySAT's Glucose 4
keeps one formula and takes the givens as assumptions, then blocks the solution and asks again;
OR-Tools CP-SAT builds a model a puzzle, with one worker. All take turns in one process. Needs
NEUROSYM_DATA_DIR and `pip install -e '.[test]'`; prints one JSON object.

    python scripts/benchmarks/hard.py [--rounds 5] [--sat 200] [--cp 20] [--width N]
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import time
from pathlib import Path

import _timing
import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns
from neurosym.puzzles import queens_problem, sudoku_masks, sudoku_problem

TDOKU = {"17_clue": 282_000, "magictour": 183_000}  # puzzles/s; AVX C++, one core of such a machine


def puzzles(name: str) -> np.ndarray:
    """Givens ``int[N, 81]``."""
    folder = os.environ.get("NEUROSYM_DATA_DIR")
    if not folder:
        raise SystemExit("hard: NEUROSYM_DATA_DIR names no folder; the puzzles lie in its sudoku/")
    with gzip.open(Path(folder) / "sudoku" / f"{name}.txt.gz", "rt") as file:
        lines = file.read().split("\n")
    rows = [line[:81] for line in lines if line and line[0] != "#"]
    codes = np.frombuffer("".join(rows).encode(), np.uint8).reshape(-1, 81)
    return np.where(codes == ord("."), 0, codes - ord("0")).astype(np.int32)


def compiled(function, *operands):
    """The compiled program of a function, the seconds it took to trace and compile, and how many of
    its loops XLA made one sequential function of, which would be ten times slower."""
    program, seconds = _timing.compile_timed(function, *operands)
    in_one_function = program.as_text().count('xla_cpu_small_call="true"')
    return (lambda: program(*operands)), round(seconds, 2), in_one_function


class Glucose:
    """The rules once as clauses; a puzzle is a list of assumptions."""

    def __init__(self) -> None:
        from pysat.solvers import Solver

        self.solver = Solver("glucose4", incr=False)
        self.fresh = 730

        def is_(r, c, v):
            return 81 * r + 9 * c + v + 1

        cells = [(r, c) for r in range(9) for c in range(9)]
        units = [[(r, c) for c in range(9)] for r in range(9)]
        units += [[(r, c) for r in range(9)] for c in range(9)]
        units += [
            [(3 * b + i, 3 * d + j) for i in range(3) for j in range(3)]
            for b in range(3)
            for d in range(3)
        ]
        for r, c in cells:
            self.solver.add_clause([is_(r, c, v) for v in range(9)])
            for v in range(9):
                for w in range(v):
                    self.solver.add_clause([-is_(r, c, v), -is_(r, c, w)])
        for unit in units:
            for v in range(9):
                self.solver.add_clause([is_(r, c, v) for r, c in unit])
                for i, a in enumerate(unit):
                    for b in unit[:i]:
                        self.solver.add_clause([-is_(*a, v), -is_(*b, v)])

    def unique(self, givens: np.ndarray) -> bool:
        """Whether there is exactly one solution."""
        assumed = [9 * int(i) + int(givens[i]) for i in np.flatnonzero(givens)]
        if not self.solver.solve(assumptions=assumed):
            return False
        model = [n for n in self.solver.get_model()[:729] if n > 0]
        self.fresh += 1  # switches the blocking clause on, for this puzzle alone
        self.solver.add_clause([-self.fresh, *(-n for n in model)])
        return not self.solver.solve(assumptions=[*assumed, self.fresh])


def cp_sat_unique(givens: np.ndarray) -> bool:
    """Whether CP-SAT finds exactly one solution, with a model built for this puzzle."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    cells = [
        model.new_constant(int(g)) if g else model.new_int_var(1, 9, f"x{i}")
        for i, g in enumerate(givens)
    ]
    grid = np.asarray(cells, object).reshape(9, 9)
    boxes = grid.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
    for rows in (grid, grid.T, boxes):
        for row in rows:
            model.add_all_different(list(row))

    class Two(cp_model.CpSolverSolutionCallback):
        found = 0

        def on_solution_callback(self) -> None:
            self.found += 1
            if self.found == 2:
                self.stop_search()

    solver, seen = cp_model.CpSolver(), Two()
    solver.parameters.num_workers = 1
    solver.parameters.enumerate_all_solutions = True
    solver.solve(model, seen)
    return seen.found == 1


def cp_sat_queens(size: int) -> int:
    """All solutions of n queens by CP-SAT."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    queens = [model.new_int_var(0, size - 1, f"q{i}") for i in range(size)]
    model.add_all_different(queens)
    model.add_all_different([q + i for i, q in enumerate(queens)])
    model.add_all_different([q - i for i, q in enumerate(queens)])

    class All(cp_model.CpSolverSolutionCallback):
        found = 0

        def on_solution_callback(self) -> None:
            self.found += 1

    solver, seen = cp_model.CpSolver(), All()
    solver.parameters.num_workers = 1
    solver.parameters.enumerate_all_solutions = True
    solver.solve(model, seen)
    return seen.found


def compile_seconds() -> dict[str, dict[str, float]]:
    """Seconds to trace and compile for one instance of sudoku, by the number of variables."""
    found: dict[str, dict[str, float]] = {"propagate": {}, "solve": {}}
    for box in (3, 4, 5, 6):
        network = sudoku_problem(box**2).compile()
        domains = network.domains
        for name, function in (("propagate", ns.propagate), ("solve", ns.solve)):
            times = []
            for _ in range(3):
                jax.clear_caches()
                times.append(_timing.compile_timed(function, network, domains)[1])
            found[name][str(network.variables)] = round(statistics.median(times), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sat", type=int, default=200, help="puzzles for PySAT, a round")
    parser.add_argument("--cp", type=int, default=20, help="puzzles for CP-SAT, a round")
    parser.add_argument("--width", type=int, help="nodes that are propagated at once")
    parser.add_argument("--no_peers", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    network = sudoku_problem(9).compile()
    queens = queens_problem(12).compile()
    givens = {
        "17_clue": puzzles("puzzles2_17_clue"),
        "magictour": puzzles("puzzles3_magictour_top1465"),
    }
    domains = {
        name: jax.block_until_ready(ns.Domains.from_mask(sudoku_masks(given)))
        for name, given in givens.items()
    }
    width = arguments.width

    def complete(network, domains):
        return ns.solve(network, domains, solutions=2, width=width)

    def first(network, domains):
        return ns.solve(network, domains, width=width)

    contenders, amounts, seconds, sequential = {}, {}, {}, {}
    for name, some in domains.items():
        count = len(givens[name])
        for kind, function in (
            ("complete", complete),
            ("first_solution", first),
            ("propagate", ns.propagate),
        ):
            if (name, kind) == ("magictour", "propagate"):
                continue
            key = f"{name} {kind}"
            contenders[key], seconds[key], sequential[key] = compiled(function, network, some)
            amounts[key] = count
    count_queens, seconds["queens_12"], sequential["queens_12"] = compiled(ns.count, queens)
    contenders["queens_12"], amounts["queens_12"] = count_queens, 1

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checked = jax.block_until_ready(contenders["17_clue complete"]())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert np.all(np.asarray(checked.count) == 1), "a 17-clue puzzle was not shown unique"
    assert int(count_queens().count) == 14200

    if not arguments.no_peers:
        glucose = Glucose()
        samples = {name: rng.permutation(given) for name, given in givens.items()}
        turns = dict.fromkeys(samples, 0)

        def sample(name: str, number: int) -> np.ndarray:
            start = turns[name] = (turns[name] + number) % (len(samples[name]) - number)
            return samples[name][start : start + number]

        def by_sat(name: str):
            return lambda: sum(glucose.unique(g) for g in sample(name, arguments.sat))

        def by_cp(name: str):
            return lambda: sum(cp_sat_unique(g) for g in sample(name, arguments.cp))

        for name in givens:
            contenders[f"{name} pysat_glucose4"] = by_sat(name)
            contenders[f"{name} cp_sat"] = by_cp(name)
            amounts[f"{name} pysat_glucose4"] = arguments.sat
            amounts[f"{name} cp_sat"] = arguments.cp
    times = _timing.interleaved(contenders, rounds=arguments.rounds)
    report = {"benchmark": "hard", "width": width or "default"}
    each = {name: [t / amounts[name] for t in row] for name, row in times.items()}
    report["puzzles_per_second"] = {
        name: round(1e3 / statistics.median(row))
        for name, row in each.items()
        if name != "queens_12"
    }
    report["queens_12_ms"] = _timing.medians(times)["queens_12"]
    report["nodes_per_puzzle"] = {
        key: round(float(jnp.mean(contenders[f"{key} complete"]().nodes)), 2) for key in givens
    }
    report["times_as_fast"] = {
        f"{name} {peer}": _timing.ratio(each, f"{name} {peer}", f"{name} complete")
        for name in givens
        for peer in ("pysat_glucose4", "cp_sat")
        if f"{name} {peer}" in each
    }
    report["of_tdoku_as_published_here"] = {
        name: round(report["puzzles_per_second"][f"{name} complete"] / rate, 2)
        for name, rate in TDOKU.items()
    }
    if not arguments.no_peers:
        start = time.perf_counter()
        assert cp_sat_queens(12) == 14200
        report["queens_12_cp_sat_ms"] = round(1e3 * (time.perf_counter() - start))
    report["compile_seconds"] = seconds
    report["loops_in_one_sequential_function"] = sequential
    report["compile_seconds_by_variables"] = compile_seconds()
    report["memory"] = memory(network, domains["17_clue"], checked, width, peak)
    print(json.dumps(report | _timing.surroundings(), indent=2))


def memory(network, domains, result, width, peak) -> dict[str, object]:
    """Bytes of a complete solve, as XLA planned them: what is neither argument nor result."""
    analyses = {}
    for count in (4096, len(domains.lanes)):
        some = ns.Domains(domains.lanes[:count], domains.size)
        program = (
            jax.jit(lambda n, d: ns.solve(n, d, solutions=2, width=width))
            .lower(network, some)
            .compile()
        )
        found = program.memory_analysis()
        analyses[str(count)] = {
            "input_MB": round(found.argument_size_in_bytes / 1e6, 1),
            "output_MB": round(found.output_size_in_bytes / 1e6, 1),
            "working_MB": round(found.temp_size_in_bytes / 1e6, 1),
        }
    return {"by_puzzles": analyses, "growth_of_the_process_MB": round(peak / 1e3, 1)}


if __name__ == "__main__":
    main()
