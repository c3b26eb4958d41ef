"""Searches with a clock: one solution, the best one, all of them, each with an honest status.

    node limits 2^12, 2^14, 2^16, ...   the search is begun again with four times as many nodes,
                                        or with as many as the time that is left allows
    between two of them                 the clock is read

A search is one compiled program whose limit on nodes is data, so that beginning again costs at most
a third more and nothing is compiled for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from neurosym.hard.best import solve_best
from neurosym.hard.branching import FAILURE_WEIGHTED, Heuristic
from neurosym.hard.enumeration import MOST
from neurosym.hard.optimize import OptimizeStatus, optimize
from neurosym.hard.search import SearchStatus, count, solve
from neurosym.problems import Network
from neurosym.problems.potentials import Potentials

WIDTH = 64
"""Nodes that are propagated at once. One instance seldom has more to do, and a wide front pays for
lanes that are empty: a sum of 10,000 values, in 1,024 lanes, took forty times as long."""

HEURISTIC = FAILURE_WEIGHTED
"""Models have auxiliary variables, most of them Boolean, which the smallest domain would prefer: 7
Steiner triples took 119 nodes, and were not settled after 20,000 by the smallest domain."""

FIRST_NODES = 2**12
"""That the first search may take, where there is a clock: it is compiled then."""

HINTED_NODES = 2**12
"""That a search for a solution with all hints may take."""

MANY = 2**10
"""Solutions that are asked for at once."""

EXACT = 2**24
"""Sums of integers up to this size are exact in float32."""


class Outcome(NamedTuple):
    """What a search ended with."""

    status: str  # of CPMpy's ExitStatus: OPTIMAL, FEASIBLE, UNSATISFIABLE or UNKNOWN
    assignment: np.ndarray | None  # int[V]: value indices
    objective: int | None


def first_solution(
    network: Network,
    domains: np.ndarray,
    deadline: float | None,
    preferred: np.ndarray | None,
    node_limit: int | None,
) -> Outcome:
    """A solution, or that there is none.

    Args:
      network: the compiled problem.
      domains: ``bool[V, D]``: the values to search in.
      deadline: of `time.monotonic`, or None.
      preferred: ``float32[V, D]``: hints, values of weight 1. The search looks for a solution with
        all of them, and then tries them first.
      node_limit: nodes in all, or None.
    """
    weights = None
    if preferred is not None:
        weights = jax.device_put(preferred)
        hinted = _hinted(domains, preferred)
        if hinted is not None and (deadline is None or time.monotonic() < deadline):
            found = solve(
                network, hinted, node_limit=HINTED_NODES, width=WIDTH, heuristic=HEURISTIC
            )
            if int(found.count):
                return Outcome("FEASIBLE", np.asarray(found.assignment[0]), None)
    for limit in _limits(deadline, node_limit):
        found = solve(
            network,
            domains,
            value_weights=weights,
            node_limit=limit,
            width=WIDTH,
            heuristic=HEURISTIC,
        )
        if int(found.count):
            return Outcome("FEASIBLE", np.asarray(found.assignment[0]), None)
        if int(found.status) == SearchStatus.UNSATISFIABLE:
            return Outcome("UNSATISFIABLE", None, None)
        if int(found.status) != SearchStatus.LIMIT:
            break
    return Outcome("UNKNOWN", None, None)


def best_solution(
    network: Network,
    domains: np.ndarray,
    coefficients: Mapping[int, int],
    constant: int,
    minimize: bool,
    deadline: float | None,
    preferred: np.ndarray | None,
    node_limit: int | None,
    shown: Callable[[np.ndarray], None] | None,
) -> Outcome:
    """The solution of least, or greatest, ``Σ coefficients[i] · x_i + constant``.

    Args:
      network, domains, deadline, node_limit: as for `first_solution`.
      coefficients: of variables, by row.
      constant: of the objective.
      minimize: or maximise.
      preferred: as for `first_solution`; here a solution that it leads to is looked at first.
      shown: is called with each solution that is better than the one before.

    Where the values span more than float32 tells apart, `neurosym.optimize` finds it, more slowly.
    """
    weights = _weights(network, coefficients, minimize)
    if weights is None:
        found = _by_bounds(network, domains, deadline, node_limit)
        if shown and found.assignment is not None:
            shown(found.assignment)
        return found
    sign = 1 if minimize else -1

    def cost_of(assignment: np.ndarray) -> int:
        domain = network.structure.domains
        terms = (c * int(domain[i][int(assignment[i])]) for i, c in coefficients.items())  # type: ignore[call-overload]
        return sign * (sum(terms) + constant)

    start: np.ndarray | None = None
    if preferred is not None:
        first = first_solution(network, domains, deadline, preferred, HINTED_NODES)
        if first.status == "UNSATISFIABLE":
            return first
        start = first.assignment
    found = cheapest(
        network,
        domains,
        jax.device_put(weights),
        cost_of,
        deadline,
        node_limit,
        heuristic=HEURISTIC if len(coefficients) == 1 else None,
        start=start,
        shown=shown,
    )
    cost = found.objective
    return found._replace(objective=None if cost is None else sign * cost)


def cheapest(
    network: Network,
    domains: np.ndarray,
    weights: jax.Array,
    cost_of: Callable[[np.ndarray], int],
    deadline: float | None,
    node_limit: int | None = None,
    *,
    potentials: Sequence[Potentials] = (),
    heuristic: Heuristic | None = None,
    start: np.ndarray | None = None,
    shown: Callable[[np.ndarray], None] | None = None,
) -> Outcome:
    """The solution of greatest weight, which is that of least cost.

    Args:
      network, domains, deadline, node_limit: as for `first_solution`.
      weights: ``float32[V, D]``.
      cost_of: the cost of an assignment, a decreasing function of its weight; it is reported.
      potentials: of the weights.
      heuristic: as for `neurosym.solve_best`.
      start: a solution that is known.
      shown: is called with each solution that is better than the one before.
    """
    best: np.ndarray | None = None

    def improve(found: np.ndarray) -> None:
        nonlocal best
        if best is None or cost_of(found) < cost_of(best):
            best = found
            if shown:
                shown(found)

    if start is not None:
        improve(start)
    for limit in _limits(deadline, node_limit):
        found = solve_best(
            network,
            domains,
            weights,
            potentials=potentials,
            heuristic=heuristic,
            node_limit=limit,
            width=WIDTH,
        )
        if np.isfinite(found.objective):
            improve(np.asarray(found.assignment))
        status = int(found.status)
        if status == SearchStatus.UNSATISFIABLE:
            return Outcome("UNSATISFIABLE", None, None)
        if status == SearchStatus.SOLVED:
            assert best is not None
            return Outcome("OPTIMAL", best, cost_of(best))
        if status != SearchStatus.LIMIT:
            break
    if best is None:
        return Outcome("UNKNOWN", None, None)
    return Outcome("FEASIBLE", best, cost_of(best))


def number_of_solutions(network: Network, deadline: float | None) -> tuple[int, bool]:
    """How many solutions were found, and whether these are all of them."""
    number = 0
    for limit in _limits(deadline, None):
        found = count(network, node_limit=limit, width=WIDTH, heuristic=HEURISTIC)
        number = int(found.count)
        if int(found.status) in (SearchStatus.SOLVED, SearchStatus.UNSATISFIABLE):
            return number, number < MOST
        if int(found.status) != SearchStatus.LIMIT:
            break
    return number, False


def every_solution(
    network: Network, rows: Sequence[int], deadline: float | None
) -> Iterator[np.ndarray | None]:
    """Each solution once, as value indices ``int[V]``; None at the end where these were all.

    Args:
      network: the compiled problem.
      rows: variables in which solutions differ.
      deadline: of `time.monotonic`, or None.
    """
    seen: set[bytes] = set()
    wanted = MANY
    for limit in _limits(deadline, None, forever=True):
        found = solve(network, solutions=wanted, node_limit=limit, width=WIDTH, heuristic=HEURISTIC)
        number = int(found.count)
        for values in np.asarray(found.assignment)[: min(number, wanted)]:
            key = values[list(rows)].tobytes()
            if key not in seen:
                seen.add(key)
                yield values
        if number >= wanted:
            wanted *= 4
        elif int(found.status) != SearchStatus.LIMIT:
            if int(found.status) in (SearchStatus.SOLVED, SearchStatus.UNSATISFIABLE):
                yield None
            return


def _limits(
    deadline: float | None, node_limit: int | None, *, forever: bool = False
) -> Iterator[int | None]:
    """Limits on nodes, one after another, until the clock or the limit of the caller says stop."""
    if deadline is None and node_limit is None:
        yield None
        while forever:
            yield None
        return
    most = MOST if node_limit is None else node_limit
    if deadline is None:
        yield most
        return
    limit, compiled = min(FIRST_NODES, most), False
    while (begin := time.monotonic()) < deadline:
        yield limit
        if limit >= most:
            return
        now = time.monotonic()
        grown = 4 * limit
        if compiled:
            grown = min(grown, int(limit / max(now - begin, 1e-6) * (deadline - now)) + 1)
            grown = max(grown, limit + 1)
        limit, compiled = min(grown, most), True


def _hinted(domains: np.ndarray, preferred: np.ndarray) -> np.ndarray | None:
    """The domains with hinted variables held to their hints; None where one has not that value."""
    rows = np.any(preferred, axis=1)
    held = domains & (~rows[:, None] | (preferred > 0))
    return held if np.all(np.any(held, axis=1)) else None


def _weights(
    network: Network, coefficients: Mapping[int, int], minimize: bool
) -> np.ndarray | None:
    """``float32[V, D]``: whatever each value adds, the more the better; None if it is not exact."""
    weights = np.zeros(network.mask.shape, np.float32)
    span = 0
    for row, c in coefficients.items():
        gains = [(-c if minimize else c) * int(v) for v in network.structure.domains[row]]  # type: ignore[call-overload]
        span += max(gains) - min(gains)
        weights[row, : len(gains)] = np.asarray(gains, object) - max(gains)
    return weights if span <= EXACT else None


def _by_bounds(
    network: Network, domains: np.ndarray, deadline: float | None, node_limit: int | None
) -> Outcome:
    """The best solution by the network's own objective, with integers of any size."""
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    found = optimize(network, domains, time_limit=left, node_limit=node_limit)
    status = OptimizeStatus(int(found.status)).name
    if status in ("UNSATISFIABLE", "LIMIT"):
        return Outcome("UNKNOWN" if status == "LIMIT" else status, None, None)
    return Outcome(status, np.asarray(found.assignment), int(found.objective))
