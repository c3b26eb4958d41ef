#!/usr/bin/env python
"""What this device does, in minutes: both engines, training steps, memory, compiling.

Rows go from the hard engine (sudokus searched completely, in batches that grow until the device is
full; queens) over the soft engine (einsum, circuits, belief propagation, chains) to the training
steps of all experiments, of one seed and of several in one program. Beside each stands the figure
of docs/results.md, which is of two cores of a CPU, and what a run moves and computes at least,
against what the device does at most, as its maker states it and as it is measured here. What XLA
counts as moved may lie in caches, so small sizes pass 100 % of the memory's peak.

A row that would not be done in time is printed as left out. Data that is missing is replaced by
data that is as much work, and the row says so. Nothing is downloaded. A table goes to the standard
error as it grows, one JSON object to the standard output.

    neurosym bench accelerator [--minutes=8] [--tiny] [--only 17_clue einsum]
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import _card
import _stand_ins
import _timing
import belief_propagation
import chains
import circuits
import einsum
import jax
import jax.numpy as jnp
import numpy as np
import seeds

import neurosym as ns
from neurosym.cli.configs import load_config, load_function
from neurosym.cli.places import here_or_shipped, import_roots
from neurosym.hard import rounds
from neurosym.hard.pool import AT_ONCE
from neurosym.hard.prepared import layout_of
from neurosym.hard.search import default_width
from neurosym.puzzles import queens_problem, sudoku_masks, sudoku_problem
from neurosym.training import Settings, load_task


class Case(NamedTuple):
    """Something compiled that is run several times."""

    run: Callable[[], Any]
    compile_seconds: float
    amount: float  # of the row's unit, a run
    work: _card.Work | None = None  # of a run, at least
    working_bytes: int | None = None
    note: str = ""


class Row(NamedTuple):
    """A line of the table."""

    name: str
    unit: str  # "ms" for the time of a run; else what is counted, a second
    make: Callable[[], Case]
    seconds: float  # that it is expected to take, compiling included
    record: tuple[str, str, str] | None = None  # a figure of docs/results/benchmarks


class Sizes(NamedTuple):
    """How large the rows are."""

    hard_batches: tuple[int, ...]
    puzzles: int
    queens: int
    einsum: tuple[int, int]  # batch, side
    torus: tuple[int, int]  # side, rounds
    clauses: tuple[int, int]  # variables, clauses
    digits: tuple[int, ...]
    batch: int
    steps: int
    seeds: int
    megabytes: int


FULL = Sizes(
    hard_batches=(2**14, 2**17, 2**20),
    puzzles=2**17,
    queens=12,
    einsum=(32, 64),
    torus=(100, 100),
    clauses=(30, 60),
    digits=(15, 100),
    batch=64,
    steps=50,
    seeds=10,
    megabytes=512,
)

TINY = Sizes(
    hard_batches=(16,),
    puzzles=16,
    queens=6,
    einsum=(2, 16),
    torus=(8, 5),
    clauses=(12, 24),
    digits=(2,),
    batch=2,
    steps=2,
    seeds=2,
    megabytes=4,
)

CONFIGS = {
    "digits_addition:n1": "configs/digits_addition.py:n1",
    "mnist_classification:lenet": "configs/mnist_classification.py:lenet",
    "mnist_addition:n1": "configs/mnist_addition.py:n1",
    "mnist_addition:n2": "configs/mnist_addition.py:n2",
    "mnist_addition:n4": "configs/mnist_addition.py:n4",
    "formula:lenet": "configs/formula.py:lenet",
    "visual_sudoku": "configs/visual_sudoku.py",
    "program:addition": "configs/program.py:addition",
    "grandparent": "configs/grandparent.py",
    "kinship": "configs/kinship.py",
}


def rows(sizes: Sizes, *, tiny: bool) -> Iterator[Row]:
    """All rows, what matters most first."""
    hard = "hard"
    for batch in sizes.hard_batches:
        record = (hard, "49,158 puzzles of 17 clues, complete", "ours")
        yield Row(
            f"17_clue, {batch:,} at once",
            "puzzles",
            lambda batch=batch: sudoku("17_clue", batch),
            25,
            record,
        )
    record = (hard, "magictour-1465, complete", "ours")
    yield Row("magictour", "puzzles", lambda: sudoku("magictour", sizes.puzzles), 25, record)
    yield Row("hardest", "puzzles", lambda: sudoku("hardest", sizes.puzzles), 30)
    record = (hard, "12 queens, all 14,200", "ours")
    yield Row(f"queens, {sizes.queens}", "ms", lambda: queens(sizes.queens), 25, record)
    record = (hard, "propagation only, 17 clues", "ours")
    yield Row("propagation", "puzzles", lambda: propagation(sizes.puzzles), 15, record)

    soft = "soft"
    record = (soft, "LOG einsum 64³, batch 32", "ours")
    yield Row("einsum, LOG", "ms", lambda: contraction(ns.LOG, *sizes.einsum), 8, record)
    record = (soft, "MAX_TIMES / MIN_PLUS einsum, the same", "ours")
    yield Row(
        "einsum, MAX_TIMES", "ms", lambda: contraction(ns.MAX_TIMES, *sizes.einsum), 8, record
    )
    yield Row("circuit of sudoku 4x4", "ms", lambda: circuit(sudoku_4x4(), sizes.batch), 12)
    size = sizes.clauses
    yield Row(
        f"circuit of a 3-CNF, {size[0]}/{size[1]}",
        "ms",
        lambda: circuit(random_formula(*size), sizes.batch),
        20,
    )
    record = (soft, "belief propagation, Ising torus 100×100, 100 rounds", "ours")
    yield Row("belief propagation", "ms", lambda: torus(*sizes.torus), 12, record)
    for digits in sizes.digits:
        yield Row(
            f"chain of {digits} digits",
            "ms",
            lambda digits=digits: chain(digits, sizes.batch),
            25,
            None if tiny else (soft, str(digits), "ms a step"),
        )

    first = next(iter(CONFIGS))
    names = [first, *(name for name in CONFIGS if name != first)]
    if not _stand_ins.has_chains():
        names.remove("kinship")
    for name in names:
        record = {
            "mnist_addition:n1": (
                "training_step",
                "whole training step of MNIST addition, N=1, batch 64",
                "ours",
            )
        }.get(name)
        yield Row(
            f"step of {name}",
            "ms",
            lambda name=name: training(CONFIGS[name], 1, sizes.steps, tiny=tiny),
            35,
            record,
        )
        if name == first or (name == "mnist_addition:n1" and not tiny):
            yield Row(
                f"step of {name}, {sizes.seeds} seeds at once",
                "ms",
                lambda name=name: training(CONFIGS[name], sizes.seeds, sizes.steps, tiny=tiny),
                45,
            )
    if jax.default_backend() == "gpu":
        batch = sizes.hard_batches[-1]
        yield Row(
            "17_clue, loops on the device",
            "puzzles",
            lambda: sudoku("17_clue", batch, loops_on_device=True),
            40,
        )
    width = default_width(layout_of(81, 9))
    for other in () if tiny else (width // 4, 4 * width):
        yield Row(
            f"17_clue, width {other:,}",
            "puzzles",
            lambda other=other: sudoku("17_clue", sizes.hard_batches[-1], width=other),
            30,
        )


def sudoku(
    name: str, count: int, *, width: int | None = None, loops_on_device: bool = False
) -> Case:
    """Complete search, until a second solution is ruled out."""
    givens, source = _stand_ins.sudokus(name, count)
    domains = jax.block_until_ready(ns.Domains.from_mask(sudoku_masks(givens)))
    compiled, seconds, network = complete_search(count, width, loops_on_device)
    found = compiled(network, domains)
    assert np.all(np.asarray(found.count) == 1), "a puzzle was not shown to have one solution"
    nodes = int(jnp.sum(found.nodes))
    work = work_of_rounds(network, AT_ONCE * nodes)
    note = f"{source}; {nodes / count:.1f} nodes each"
    held = _card.working_bytes(compiled)
    return Case(lambda: compiled(network, domains), seconds, count, work, held, note)


@functools.lru_cache(maxsize=2)
def complete_search(
    count: int, width: int | None, loops_on_device: bool
) -> tuple[Any, float, ns.Network]:
    """The search of so many sudokus, compiled, and the seconds that it took: rows share it."""
    network = sudoku_problem(9).compile()
    domains = ns.Domains.from_mask(np.ones((count, 81, 9), bool))

    def complete(network: ns.Network, domains: ns.Domains) -> ns.Solutions:
        return ns.solve(network, domains, solutions=2, width=width)

    # Loops as graphs of CUDA, so that the host is not asked after each round.
    graphs = {"xla_gpu_enable_command_buffer": "FUSION,CUBLAS,CUSTOM_CALL,WHILE,CONDITIONAL"}
    options = {"compiler_options": graphs} if loops_on_device else {}
    start = time.perf_counter()
    compiled = jax.jit(complete).lower(network, domains).compile(**options)
    return compiled, time.perf_counter() - start, network


def propagation(count: int) -> Case:
    """To the fixpoint, without search."""
    givens, source = _stand_ins.sudokus("17_clue", count)
    network = sudoku_problem(9).compile()
    domains = jax.block_until_ready(ns.Domains.from_mask(sudoku_masks(givens)))
    compiled, seconds = _timing.compile_timed(ns.propagate, network, domains)
    each = int(jnp.sum(compiled(network, domains).rounds + 1))
    work = work_of_rounds(network, each)
    held = _card.working_bytes(compiled)
    return Case(lambda: compiled(network, domains), seconds, count, work, held, source)


def queens(size: int) -> Case:
    """All solutions, counted."""
    network = queens_problem(size).compile()
    compiled, seconds = _timing.compile_timed(ns.count, network)
    found = compiled(network)
    assert size != 12 or int(found.count) == 14_200
    work = work_of_rounds(network, AT_ONCE * int(found.nodes))
    note = f"{int(found.count):,} solutions"
    return Case(lambda: compiled(network), seconds, 1, work, _card.working_bytes(compiled), note)


def work_of_rounds(network: ns.Network, count: int) -> _card.Work | None:
    """Of so many rounds of propagation of one node each."""
    layout, width = layout_of(network.variables, network.size), 256
    with jax.enable_x64(True):
        lanes = jnp.ones((layout.variables, layout.words, width), layout.dtype)
        constraints = rounds.constraints_of(network)
        one = jax.jit(rounds.revise_all).lower(constraints, lanes).compile()
    work = _card.work_of(one)
    return work and work.times(count / width)


def contraction(semiring: ns.Semiring, batch: int, side: int) -> Case:
    """bij,bjk->bik with its gradient."""
    random = np.random.default_rng(0)
    a, b = (jnp.asarray(random.normal(size=(batch, side, side)), jnp.float32) for _ in range(2))
    compiled, seconds = einsum.ours(semiring, a, b)
    return _plain(compiled, seconds, a, b)


def circuit(network: ns.Network, batch: int) -> Case:
    """Log total and gradient, from a trace of variable elimination."""
    traced = ns.circuits.trace_elimination(network)
    random = np.random.default_rng(0)
    weights = jnp.asarray(random.normal(size=(batch, *network.mask.shape)), jnp.float32)

    def loss(weights: jax.Array) -> jax.Array:
        return jax.vmap(traced.total)(weights).sum()

    compiled, seconds = _timing.compile_timed(jax.value_and_grad(loss), weights)
    steps = traced.tables.factors.shape[0]
    note = f"{traced.terms:,} terms, {steps} steps a pass"
    return _plain(compiled, seconds, weights, note=note, loops=steps)


def sudoku_4x4() -> ns.Network:
    return sudoku_problem(4).compile()


def random_formula(variables: int, count: int) -> ns.Network:
    """A random 3-CNF."""
    problem = ns.Problem()
    x = problem.variables("x", shape=variables, domain=range(2))
    for clause in circuits.random_clauses(variables, count)[1]:
        problem.add(ns.Clause([x[abs(n) - 1] == int(n > 0) for n in clause]))
    return problem.compile()


def torus(side: int, count: int) -> Case:
    """Marginals of an Ising torus after so many rounds."""
    random = np.random.default_rng(0)
    pairs = belief_propagation.torus(side)
    couplings = random.normal(0, 0.5, len(pairs))
    tables = np.asarray(couplings[:, None, None] * [[1, -1], [-1, 1]], np.float32)
    fields = np.asarray(random.normal(0, 0.3, (side**2, 1)) * [1, -1], np.float32)
    arrays = jnp.asarray(fields), jnp.asarray(tables)
    run = belief_propagation.ours(pairs, count)
    compiled, seconds = _timing.compile_timed(lambda *given: run(*given).marginals, *arrays)
    return _plain(compiled, seconds, *arrays, loops=count)


def chain(digits: int, batch: int) -> Case:
    """Addition with carries: loss and gradient."""
    run, facts = chains.loss_and_gradient(digits, batch)
    seconds = facts["plan_seconds"] + facts["compile_seconds"]
    return Case(run, seconds, 1, note=f"{facts['tensors']} tensors")


def training(source: str, count: int, steps: int, *, tiny: bool) -> Case:
    """Whole training steps of one seed, or of several in one program."""
    config = load_config(source)
    if tiny:
        load_function(source, "tiny")(config)
        config.train.batch_size = min(4, config.train.batch_size)
    settings = Settings.from_config(config)
    task = load_task(config, import_roots=import_roots())
    turn, program, _ = seeds.contender(task, settings, list(range(count)), steps)
    note = f"batch {settings.train.batch_size}"
    return Case(turn, program.compile_seconds, steps, note=note)


def _plain(
    compiled: Any, seconds: float, *operands: jax.Array, note: str = "", loops: float = 1
) -> Case:
    work = _card.work_of(compiled)
    return Case(
        lambda: compiled(*operands),
        seconds,
        1,
        work and work.times(loops),
        _card.working_bytes(compiled),
        note,
    )


def measured(row: Row, peaks: dict[str, Any]) -> dict[str, Any]:
    """The report of a row."""
    start = time.perf_counter()
    case = row.make()
    times = _card.timed(case.run, rounds=15, seconds=row.seconds / 4)
    middle = statistics.median(times)
    rate = case.amount / middle
    report: dict[str, Any] = {
        "figure": round(1e3 * middle / case.amount, 4) if row.unit == "ms" else round(rate),
        "unit": "ms" if row.unit == "ms" else f"{row.unit}/s",
        "compile_seconds": round(case.compile_seconds, 2),
        "runs": len(times),
        "spread": round(max(times) / min(times) - 1, 3),
        "note": case.note,
    }
    if case.working_bytes is not None:
        report["working_megabytes"] = round(case.working_bytes / 1e6, 2)
    if (peak := _card.peak_bytes()) is not None:
        report["peak_megabytes_so_far"] = round(peak / 1e6, 1)
    if case.work is not None:
        for kind, amount in zip(("bytes", "operations"), case.work, strict=True):
            name = f"{kind}_per_second"
            report[name] = float(f"{amount / middle:.3g}")
            report[f"of_the_peak_of_{kind}"] = {
                which: round(amount / middle / peak[name], 4) for which, peak in peaks.items()
            }
    return report | {"seconds": round(time.perf_counter() - start, 1)}


def figure_of(record: tuple[str, str, str]) -> str:
    """A figure of a record in docs/results/benchmarks: its file, the figure's name, the column."""
    name, figure, column = record
    path = here_or_shipped(f"docs/results/benchmarks/{name}.json")
    for table in json.loads(Path(path).read_text())["tables"]:
        for row in table["rows"]:
            if row[0] == figure and column in table["header"]:
                return row[table["header"].index(column)]
    raise ValueError(f"{path} has no figure {figure!r} in a column {column!r}")


def measure(chosen: list[Row], peaks: dict[str, Any], *, deadline: float) -> dict[str, Any]:
    """The reports of the rows, in their order, until the time is over."""
    reports: dict[str, Any] = {}
    pace, spent, expected = 1.0, 0.0, 0.0
    for row in chosen:
        left = deadline - time.perf_counter()
        if row.seconds * pace > left:
            reports[row.name] = {
                "left_out": f"{row.seconds * pace:.0f} s expected, {max(left, 0):.0f} s left"
            }
        else:
            start = time.perf_counter()
            try:
                reports[row.name] = measured(row, peaks)
            except Exception as error:  # One row that fails must not cost the others.
                traceback.print_exc(file=sys.stderr)
                reports[row.name] = {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
            spent, expected = spent + time.perf_counter() - start, expected + row.seconds
            # Slower than expected so far: slower from here on; never trusted to be much faster.
            pace = max(0.25, spent / expected)
        if row.record is not None:
            reports[row.name]["on_two_cores_of_a_cpu"] = figure_of(row.record)
        print(line_of(row.name, reports[row.name]), file=sys.stderr, flush=True)
    return reports


def line_of(name: str, report: dict[str, Any]) -> str:
    """A row of the table."""
    if missing := report.get("left_out") or report.get("failed"):
        kind = "left out" if "left_out" in report else "FAILED"
        return f"{name:<44} {kind}: {missing}"
    peak = report.get("of_the_peak_of_bytes", {})
    share = f"{100 * max(peak.values()):.1f} %" if peak else "–"
    figure = f"{report['figure']:,} {report['unit']}"
    beside = report.get("on_two_cores_of_a_cpu", "–")
    compiling = f"{report['compile_seconds']:.1f} s"
    return f"{name:<44} {figure:>22} {compiling:>9} {share:>8}  {beside}"


HEADER = (
    f"{'row':<44} {'figure':>22} {'compiling':>9} {'of peak':>8}  docs/results.md (two CPU cores)"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="8 if not given; 1 with --tiny")
    parser.add_argument("--tiny", action="store_true", help="sizes that a CPU does in a minute")
    parser.add_argument("--only", nargs="+", help="rows whose names begin like this")
    arguments = parser.parse_args()
    minutes = arguments.minutes or (1 if arguments.tiny else 8)
    if not 0 < minutes < 24 * 60:
        parser.error(f"--minutes is a number of minutes above 0, not {minutes}")
    deadline = time.perf_counter() + 60 * minutes
    sizes = TINY if arguments.tiny else FULL
    missing = _stand_ins.provide_images()
    device = jax.devices()[0]
    peaks = {"measured": _card.measured_peaks(megabytes=sizes.megabytes)}
    if stated := _card.stated_peaks(device.device_kind):
        peaks["stated"] = stated
    chosen = list(rows(sizes, tiny=arguments.tiny))
    if arguments.tiny:
        chosen = [row._replace(seconds=row.seconds / 6) for row in chosen]
    if arguments.only:
        begins = tuple(arguments.only)
        chosen = [row for row in chosen if row.name.removeprefix("step of ").startswith(begins)]
        if not chosen:
            parser.error(f"no row begins with {' or '.join(begins)}")
    print(HEADER, file=sys.stderr, flush=True)
    reports = measure(chosen, peaks, deadline=deadline)
    report = {
        "benchmark": "accelerator",
        "date": datetime.date.today().isoformat(),
        "tiny": arguments.tiny,
        "minutes": minutes,
        "peaks": peaks,
        "random_pixels_for": missing,
        "rows": reports,
        "seeds_at_once": seeds_at_once(reports),
        "left_out": [name for name, row in reports.items() if "left_out" in row],
        "failed": [name for name, row in reports.items() if "failed" in row],
        **_timing.surroundings(),
    }
    print(json.dumps(report, indent=2))
    if report["failed"]:
        sys.exit(1)


def seeds_at_once(reports: dict[str, Any]) -> dict[str, float]:
    """How many times faster the seeds are in one program than one after the other, by config."""
    found = {}
    for name, report in reports.items():
        config, _, several = name.partition(", ")
        alone = reports.get(config, {})
        if several.endswith("seeds at once") and "figure" in report and "figure" in alone:
            count = int(several.split()[0])
            found[config] = round(count * alone["figure"] / report["figure"], 2)
    return found


if __name__ == "__main__":
    main()
