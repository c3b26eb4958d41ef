#!/usr/bin/env python
"""Bounds and what they prove: noisy boards, random grids, conflicts, both sides of a log total.

Noisy 9x9 boards, nothing given: each cell has logits of noise plus a constant at its digit, and the
constant decides how many cells are read right. `solve_best` takes 256 boards at once; the peers, a
sample one at a time: OR-Tools CP-SAT with a time limit and, if `pytoulbar2` is installed,
toulbar2. Grids are 20x20 with 4 values and normal potentials, 64 at once; toulbar2's root bound is
that of virtual arc consistency. Conflicts are of 17-clue puzzles with one clue changed. Needs
NEUROSYM_DATA_DIR for these; prints one JSON object.

    python scripts/benchmarks/bounds.py [--rounds 3] [--node_limit 2000] [--sample 4]
"""

import argparse
import json
import statistics
import time

import _timing
import jax
import numpy as np
from hard import puzzles

import neurosym as ns
from neurosym.puzzles import sudoku_masks, sudoku_problem

CONSTANTS = {"0.82": 2.52, "0.61": 1.76, "0.43": 1.22}
"""By the part of the cells that is read right."""

BOARDS = 256


def random_boards(count: int, rng: np.random.Generator) -> np.ndarray:
    """Solved grids ``int[N, 81]``: one pattern with digits, rows and columns permuted."""
    row, column = np.indices((9, 9))
    pattern = (3 * (row % 3) + row // 3 + column) % 9
    found = []
    for _ in range(count):
        lines = [
            np.concatenate([3 * band + rng.permutation(3) for band in rng.permutation(3)])
            for _ in range(2)
        ]
        board = rng.permutation(9)[pattern][lines[0]][:, lines[1]]
        found.append(board.T if rng.random() < 0.5 else board)
    return np.asarray(found).reshape(count, 81)


def noisy(boards: np.ndarray, constant: float, rng: np.random.Generator) -> np.ndarray:
    """Log-probabilities ``float32[N, 81, 9]``, calibrated."""
    logits = rng.normal(size=(*boards.shape, 9))
    logits += constant * (boards[..., None] == np.arange(9))
    return np.asarray(jax.nn.log_softmax(constant * logits), np.float32)


def cp_sat(weights: np.ndarray, seconds: float) -> bool:
    """Whether CP-SAT proves the best board of one instance within the time."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x = [[model.new_bool_var("") for _ in range(9)] for _ in range(81)]
    for cell in x:
        model.add_exactly_one(cell)
    cells = np.arange(81).reshape(9, 9)
    boxes = cells.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
    for unit in (*cells, *cells.T, *boxes):
        for v in range(9):
            model.add_exactly_one(x[i][v] for i in unit)
    scaled = np.round(1e6 * weights).astype(int)
    model.maximize(sum(int(scaled[i, v]) * x[i][v] for i in range(81) for v in range(9)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    return solver.solve(model) == cp_model.OPTIMAL


def toulbar2_board(weights: np.ndarray, seconds: int) -> bool:
    """As `cp_sat`, by toulbar2 with a cost function for each pair of cells that differ."""
    import pytoulbar2

    problem = pytoulbar2.CFN(1e6, resolution=6)
    for i in range(81):
        problem.AddVariable(f"x{i}", list(range(9)))
        problem.AddFunction([i], (-weights[i] + weights[i].max()).tolist())
    cells = np.arange(81).reshape(9, 9)
    boxes = cells.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
    for unit in (*cells, *cells.T, *boxes):
        problem.AddAllDifferent([int(i) for i in unit])
    found = problem.Solve(timeLimit=seconds)
    return found is not None and found[1] - problem.GetDDualBound() < 1e-4


def boards_a_second(rounds: int, node_limit: int, sample: int) -> dict[str, object]:
    """Boards a second, proven, recovered, and the peers' seconds a board."""
    network = sudoku_problem(9).compile()
    found = {}
    for name, constant in CONSTANTS.items():
        rng = np.random.default_rng(0)
        boards = random_boards(BOARDS, rng)
        weights = noisy(boards, constant, rng)
        held = jax.device_put(weights)

        def solve(held=held):
            return jax.block_until_ready(ns.solve_best(network, None, held, node_limit=node_limit))

        solve()
        times, on_cores = [], []
        for _ in range(rounds):
            start, used = time.perf_counter(), time.process_time()
            best = solve()
            times.append(time.perf_counter() - start)
            on_cores.append(time.process_time() - used)
        row = {
            "read_right": round(float((weights.argmax(-1) == boards).mean()), 3),
            "boards_per_second": round(BOARDS / statistics.median(times), 1),
            "boards_per_core_second": round(BOARDS / statistics.median(on_cores), 1),
            "proven": int((np.asarray(best.status) == ns.SearchStatus.SOLVED).sum()),
            "recovered": round(float((np.asarray(best.assignment) == boards).all(1).mean()), 3),
            "nodes": round(float(best.nodes.mean()), 1),
        }
        row |= peers(weights[:sample])
        found[name] = row
    return found


def peers(weights: np.ndarray, seconds: int = 10) -> dict[str, object]:
    """Seconds a board and proven boards of the sample, of each peer that is installed."""
    row: dict[str, object] = {}
    if not len(weights):
        return row
    for name, function in (("cp_sat", cp_sat), ("toulbar2", toulbar2_board)):
        try:
            start = time.perf_counter()
            proven = sum(function(own, seconds) for own in weights)
            row[name] = {
                "seconds_a_board": round((time.perf_counter() - start) / len(weights), 2),
                "proven": f"{proven} of {len(weights)}",
            }
        except ImportError:
            row[name] = "not installed"
    return row


def grids(rounds: int, side: int = 20, values: int = 4, count: int = 64) -> dict[str, object]:
    """Upper bounds of random grids after 100 rounds, beside toulbar2's at its root."""
    problem = ns.Problem()
    problem.variables("x", shape=(side, side), domain=range(values))
    network = problem.compile()
    cells = np.arange(side * side).reshape(side, side)
    across = np.stack([cells[:, :-1], cells[:, 1:]], -1).reshape(-1, 2)
    down = np.stack([cells[:-1], cells[1:]], -1).reshape(-1, 2)
    scope = np.concatenate([across, down])
    rng = np.random.default_rng(0)
    tables = rng.normal(size=(count, len(scope), values, values)).astype(np.float32)
    weights = rng.normal(size=(count, side * side, values)).astype(np.float32)

    @jax.jit
    @jax.vmap
    def bound(weights, tables):
        return ns.upper_bound(
            network, weights, potentials=ns.Potentials(scope, tables), rounds=100
        ).value

    given = jax.device_put((weights, tables))
    contenders = {"bound": lambda: bound(*given)}
    times = _timing.interleaved(contenders, rounds=rounds)
    values_ = np.asarray(bound(*given))
    row: dict[str, object] = {
        "mean": round(float(values_.mean()), 3),
        "ms_a_grid": round(statistics.median(times["bound"]) / count, 3),
    }
    try:
        import pytoulbar2
    except ImportError:
        return row | {"toulbar2": "not installed"}
    bounds, start = [], time.perf_counter()
    for n in range(4):
        cfn = pytoulbar2.CFN(1e9, resolution=6, vac=1)
        pytoulbar2.tb2.option.vac = 1
        shift = 0.0
        for i in range(side * side):
            cfn.AddVariable(f"x{i}", list(range(values)))
            high = float(weights[n, i].max())
            shift += high
            cfn.AddFunction([i], (high - weights[n, i]).tolist())
        for pair, table in zip(scope.tolist(), tables[n], strict=True):
            high = float(table.max())
            shift += high
            cfn.AddFunction(pair, (high - table).ravel().tolist())
        cfn.NoPreprocessing()
        cfn.SolveFirst()
        bounds.append(shift - cfn.GetDDualBound())
    seconds = (time.perf_counter() - start) / len(bounds)
    return row | {
        "toulbar2_vac": {
            "ms_a_grid": round(1e3 * seconds, 1),
            "ours_above": round(float(np.mean(values_[: len(bounds)] - bounds)), 3),
            "of": round(float(np.mean(bounds)), 3),
        }
    }


def conflicts(sample: int, count: int = 1000) -> dict[str, object]:
    """Minimal conflicts of 17-clue puzzles with one clue changed."""
    network = sudoku_problem(9).compile()
    rng = np.random.default_rng(0)
    givens = puzzles("puzzles2_17_clue")
    rows = []
    while len(rows) < count:
        given = givens[rng.integers(len(givens))].copy()
        place = rng.choice(np.flatnonzero(given))
        given[place] = given[place] % 9 + 1
        rows.append(given)
        if len(rows) == count:
            masks = np.asarray(sudoku_masks(np.asarray(rows)))
            status = np.asarray(ns.solve(network, masks).status)
            rows = [r for r, s in zip(rows, status, strict=True) if s != ns.SearchStatus.SOLVED]
    masks = np.asarray(sudoku_masks(np.asarray(rows)))
    found = ns.conflict(network, masks)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = ns.conflict(network, masks)
        times.append(time.perf_counter() - start)
    row: dict[str, object] = {
        "ms_each": round(1e3 * statistics.median(times) / count, 3),
        "members": round(float(found.restrictions.sum(1).mean()), 2),
    }
    try:
        import cpmpy as cp
        from cpmpy.tools.explain import mus
    except ImportError:
        return row | {"cpmpy": "not installed"}
    start = time.perf_counter()
    for given in rows[:sample]:
        x = cp.intvar(1, 9, shape=(9, 9))
        hard = [cp.AllDifferent(line) for line in (*x, *x.T)]
        hard += [
            cp.AllDifferent(x[3 * a : 3 * a + 3, 3 * b : 3 * b + 3].flatten())
            for a in range(3)
            for b in range(3)
        ]
        flat = x.flatten()
        mus([flat[i] == int(given[i]) for i in np.flatnonzero(given)], hard, solver="ortools")
    seconds = (time.perf_counter() - start) / sample
    return row | {
        "cpmpy_mus_ms_each": round(1e3 * seconds, 1),
        "times_as_fast": round(1e3 * seconds / float(row["ms_each"]), 1),  # type: ignore[arg-type]
    }


def two_sided(count: int = 32) -> dict[str, object]:
    """The gap between both bounds of log totals of boards with 30 givens."""
    network = sudoku_problem(9).compile()
    rng = np.random.default_rng(0)
    boards = random_boards(count, rng)
    masks = np.ones((count, 81, 9), bool)
    for mask, board in zip(masks, boards, strict=True):
        for i in rng.choice(81, 30, replace=False):
            mask[i] = np.arange(9) == board[i]
    weights = rng.normal(size=masks.shape).astype(np.float32)

    @jax.jit
    @jax.vmap
    def both(weights, mask):
        return ns.bounds(network, weights, domains=mask, rounds=10)

    given = jax.device_put((weights, masks))
    times = _timing.interleaved({"both": lambda: both(*given)}, rounds=2)
    lower, upper = map(np.asarray, both(*given))
    gaps = upper - lower
    return {
        "ms_a_board": round(statistics.median(times["both"]) / count, 2),
        "gap_median": round(float(np.median(gaps)), 3),
        "gap_below_1": f"{int((gaps < 1).sum())} of {count}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--node_limit", type=int, default=2000, help="of a board")
    parser.add_argument("--sample", type=int, default=4, help="instances for each peer")
    parser.add_argument("--only", help="boards, grids, conflicts or two_sided")
    arguments = parser.parse_args()
    parts = {
        "boards": lambda: boards_a_second(arguments.rounds, arguments.node_limit, arguments.sample),
        "grids": lambda: grids(arguments.rounds),
        "conflicts": lambda: conflicts(arguments.sample),
        "two_sided": two_sided,
    }
    report: dict[str, object] = {"benchmark": "bounds"}
    for name, part in parts.items():
        if arguments.only in (None, name):
            report[name] = part()
    print(json.dumps(report | _timing.surroundings(), indent=2))


if __name__ == "__main__":
    main()
