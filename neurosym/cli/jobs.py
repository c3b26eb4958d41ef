"""The jobs of `neurosym solve`, each of which is some instances of one network.

files ─▶ jobs ─▶ `neurosym.hard.batches` ─▶ answers in the values of the problem
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Hashable, Iterator

import jax.numpy as jnp
import numpy as np

from neurosym.hard import HEURISTICS, SearchStatus, count_projected, propagate
from neurosym.hard.batches import Solved, solve_batches
from neurosym.io import Cnf, Text, parse_dimacs
from neurosym.languages.cnf import cnf_formula
from neurosym.problems import Network
from neurosym.puzzles import Instances, Layout, Puzzle

Values = list[Hashable]

# Models that --solutions=all shows of a projected count, which may be larger than any memory.
_WITNESSES = 1_000_000


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
    """The answer to one instance."""

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


def puzzle_job(puzzle: Puzzle, given: Instances | int, networks: dict[int, Network]) -> Job:
    """The instances of a puzzle; a size alone is the one instance without givens.

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
    decode = _decoder(job.network)
    if job.cnf is not None and job.cnf.projection is not None and limits.count != 1:
        yield [_projected(job, job.cnf.projection, limits, clock, decode)]
        return
    batches = solve_batches(
        job.network,
        job.masks,
        instances=job.count,
        at_most=limits.count,
        solutions=limits.solutions,
        node_limit=limits.nodes,
        heuristic=HEURISTICS[limits.heuristic],
        batch=limits.batch,
    )
    for found in batches:
        clock.compiling += found.compiling
        clock.solving += found.solving
        yield list(_read(found, decode))


def _projected(
    job: Job,
    projection: np.ndarray,
    limits: Limits,
    clock: Clock,
    decode: Callable[[np.ndarray], list[Values]],
) -> Answer:
    """The count of a formula's models as far as some variables tell them apart, and such models."""
    began = time.monotonic()
    found = count_projected(
        job.network,
        projection - 1,
        job.masks(0, 1)[0],
        at_most=limits.count,
        node_limit=limits.nodes,
        witnesses=_WITNESSES if limits.solutions is None else limits.solutions,
    )
    clock.solving += time.monotonic() - began
    status = "SOLVED" if found.count else "UNSATISFIABLE"
    if not found.complete and found.count != limits.count:
        status = "LIMIT"
    return Answer(status, found.count, decode(found.witnesses), found.nodes)


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


def _read(found: Solved, decode: Callable[[np.ndarray], list[Values]]) -> Iterator[Answer]:
    """The answers of a batch."""
    there = found.assignment[:, :, 0] >= 0  # [B, k]
    values = iter(decode(found.assignment[there]))
    columns = (found.status, found.count, found.nodes, there.sum(axis=1))
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
