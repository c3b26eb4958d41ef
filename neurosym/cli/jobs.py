"""What `neurosym solve` solves: jobs, which are instances of one network, batch by batch.

Every batch of a job has the same shape, so that a program is compiled once; the last one is filled
up with instances that have no values and cost nothing.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from neurosym.hard import HEURISTICS, SearchStatus, count, propagate, solve
from neurosym.io import Cnf, Text, parse_dimacs
from neurosym.languages.cnf import cnf_formula
from neurosym.problems import Network
from neurosym.puzzles import Instances, Layout, Puzzle

_BATCH = 1 << 14
_FEW = 64  # solutions that are stored for every instance without being counted first
_BATCH_BYTES = 1 << 28  # of the domains and solutions of a batch

Values = list[Hashable]


@dataclasses.dataclass(frozen=True)
class Job:
    """Instances of one network.

    Attributes:
      name: of the file or the problem.
      network: that they share.
      count: how many they are.
      masks: the domains bool ``[j - i, V, D]`` of instances i to j.
      text: the values of a solution to one line.
      board: the same to a picture in characters.
      layout: where the variables stand in a picture; None where there is none.
      cnf: the formula, if it is one.
    """

    name: str
    network: Network
    count: int
    masks: Callable[[int, int], np.ndarray]
    text: Callable[[Values], str]
    board: Callable[[Values], str]
    layout: Callable[[], Layout] | None = None
    cnf: Cnf | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was found of an instance."""

    status: str  # SOLVED, UNSATISFIABLE, LIMIT or CAPACITY
    count: int  # of its solutions, up to the number that was asked for
    solutions: list[Values]
    nodes: int


@dataclasses.dataclass(frozen=True)
class Limits:
    """How far to go, and how."""

    count: int | None  # stop at so many solutions of an instance; None counts all
    solutions: int | None  # return so many at most; None all that there are
    nodes: int | None  # of an instance
    heuristic: str
    batch: int | None  # instances that are solved together


class Clock:
    """Seconds of compiling and of solving, apart."""

    def __init__(self) -> None:
        self.compiling = self.solving = 0.0
        self.compiled: set[Hashable] = set()


def puzzle_job(puzzle: Puzzle, given: Instances | int, networks: dict[int, Network]) -> Job:
    """The instances of a puzzle; those that are a size alone are the one that gives nothing.

    Args:
      puzzle: which.
      given: its instances, or a size.
      networks: those that are compiled already, by their size.
    """
    size = given.size if isinstance(given, Instances) else given
    if size not in networks:
        networks[size] = puzzle.build(size).compile()
    network = networks[size]
    board, layout = puzzle.board or puzzle.text, puzzle.layout

    def masks(start: int, end: int) -> np.ndarray:
        if isinstance(given, Instances):
            return given.masks(given.givens[start:end])
        return np.asarray(network.mask)[None]

    return Job(
        name=puzzle.name,
        network=network,
        count=len(given) if isinstance(given, Instances) else 1,
        masks=masks,
        text=lambda values: puzzle.text(size, values),
        board=lambda values: board(size, values),
        layout=None if layout is None else lambda: layout(size),
    )


def formula_job(text: Text) -> Job:
    """A formula as a job of one instance."""
    cnf = parse_dimacs(text)
    formula = cnf_formula(cnf)

    def literals(values: Values) -> str:
        model = values[: cnf.variables]
        return " ".join(str(n if value else -n) for n, value in enumerate(model, start=1))

    def layout() -> Layout:
        columns = int(np.ceil(np.sqrt(formula.network.variables)))
        cells = np.full((-(-formula.network.variables // columns), columns), -1)
        cells.ravel()[: formula.network.variables] = np.arange(formula.network.variables)
        return Layout(cells, ("F", "T")[: formula.network.size], (1, 2))

    return Job(
        name=text.name,
        network=formula.network,
        count=1,
        masks=lambda start, end: formula.domains[None],
        text=literals,
        board=literals,
        layout=layout,
        cnf=cnf,
    )


def answers(job: Job, limits: Limits, clock: Clock) -> Iterator[list[Answer]]:
    """The answers of a job in the order of its instances, batch by batch."""
    network = job.network
    batch = _batch_of(job, limits)
    decode = _decoder(network)
    for start in range(0, job.count, batch):
        end = min(start + batch, job.count)
        masks = np.zeros((batch, network.variables, network.size), np.bool_)
        key = (id(network), batch)
        if key not in clock.compiled:
            started = time.perf_counter()
            _search(network, masks, limits)
            clock.compiling += time.perf_counter() - started
            clock.compiled.add(key)
        masks[: end - start] = job.masks(start, end)
        started = time.perf_counter()
        found = _search(network, masks, limits)
        clock.solving += time.perf_counter() - started
        yield list(_read(found, end - start, decode))


def _batch_of(job: Job, limits: Limits) -> int:
    """Instances that are solved together: what was asked for, or as many as memory allows."""
    variables, size = job.network.variables, job.network.size
    bytes_each = variables * (size + 4 * (limits.count or limits.solutions or 1))
    most = limits.batch or max(1, min(_BATCH, _BATCH_BYTES // bytes_each))
    if job.count <= most:
        return min(most, 1 << max(job.count - 1, 0).bit_length())  # a shape that other files share
    return -(-job.count // -(-job.count // most))


def history(job: Job, answer: Answer) -> tuple[np.ndarray, list[str]]:
    """How the first instance of a job was solved.

    Args:
      job: whose first instance.
      answer: that to the instance.

    Returns:
      bool ``[R, V, D]``: the domains at the start, after every round of propagation that changed
      something and, where propagation does not solve it alone, at a solution; and R titles.
    """
    start = jnp.asarray(job.masks(0, 1)[0])
    rounds = int(propagate(job.network, start).rounds)
    recorded = propagate(job.network, start, trace=rounds).trace
    assert recorded is not None
    trace = np.asarray(recorded.mask)
    titles = ["start", *(f"round {n}" for n in range(1, rounds + 1))]
    sizes = trace[-1].sum(axis=1)
    if (sizes == 0).any():
        titles[-1] += ": contradiction"
    elif (sizes == 1).all():
        titles[-1] += ": solved"
    elif answer.solutions:
        domains = job.network.structure.domains
        index = [d.index(v) for d, v in zip(domains, answer.solutions[0], strict=True)]
        solution = np.asarray(index)[:, None] == np.arange(trace.shape[2])
        trace = np.concatenate([trace, solution[None]])
        titles.append(f"search: {answer.nodes:,} nodes")
    else:
        titles[-1] += ": stuck"
    return trace, titles


@dataclasses.dataclass(frozen=True)
class _Found:
    assignment: np.ndarray  # int32[B, k, V]
    count: np.ndarray  # int32[B]
    status: np.ndarray  # int32[B]: a `SearchStatus`
    nodes: np.ndarray  # int32[B]


def _search(network: Network, masks: np.ndarray, limits: Limits) -> _Found:
    """Searches a batch of domains bool ``[B, V, D]``; here alone the command meets the engine."""
    shared: dict[str, Any] = {
        "heuristic": HEURISTICS[limits.heuristic],
        "node_limit": limits.nodes,
    }
    start = jnp.asarray(masks)
    if limits.count is not None and limits.count <= _FEW and limits.solutions:
        found = solve(network, start, solutions=limits.count, **shared)
        parts = (found.assignment[:, : limits.solutions], found.count, found.status, found.nodes)
        return _Found(*map(np.asarray, parts))
    counted = count(network, start, at_most=limits.count, **shared)
    most = int(counted.count.max())
    if limits.solutions is not None:
        most = min(most, limits.solutions)
    assignment = np.full((len(masks), most, network.variables), -1, np.int32)
    if most:
        # A power of two, so that few programs are compiled, and as many at once as memory allows.
        slots = 1 << (most - 1).bit_length()
        several = max(1, min(len(masks), _BATCH_BYTES // (4 * slots * network.variables)))
        for first in range(0, len(masks), several):
            part = np.zeros((several, *masks.shape[1:]), np.bool_)
            part[: len(masks) - first] = masks[first : first + several]
            found = solve(network, jnp.asarray(part), solutions=slots, **shared)
            here = np.asarray(found.assignment)[: len(masks) - first, :most]
            assignment[first : first + several] = here
    return _Found(assignment, *map(np.asarray, (counted.count, counted.status, counted.nodes)))


def _read(
    found: _Found, instances: int, decode: Callable[[np.ndarray], list[Values]]
) -> Iterator[Answer]:
    """The answers of the first instances of a batch."""
    there = found.assignment[:instances, :, 0] >= 0  # [B, k]
    values = iter(decode(found.assignment[:instances][there]))
    kept = there.sum(axis=1)
    columns = (found.status[:instances], found.count[:instances], found.nodes[:instances], kept)
    names = {int(status): status.name for status in SearchStatus}
    for status, number, nodes, k in zip(*(c.tolist() for c in columns), strict=True):
        yield Answer(names[status], number, [next(values) for _ in range(k)], nodes)


def _decoder(network: Network) -> Callable[[np.ndarray], list[Values]]:
    """From value indices ``int[N, V]`` to values."""
    domains = network.structure.domains
    if len(set(domains)) == 1 and all(isinstance(value, int) for value in domains[0]):
        table = np.asarray(domains[0])  # False and True stay what they are.
        return lambda rows: table[rows].tolist()
    return lambda rows: [
        [domain[v] for domain, v in zip(domains, row, strict=True)] for row in rows.tolist()
    ]
