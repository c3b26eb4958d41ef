"""Counting what some variables can be: solutions that differ elsewhere alone count once.

    x + y + z == 4 over 0 to 3, projected to x:  x can be 0, 1, 2 and 3, so the count is 4

The search branches on the projected variables alone. A node whose projected variables are decided
counts as one if it has any solution at all, which complete search for a first one finds out. Nodes
are disjoint, so nothing is counted twice and nothing has to be remembered; their number grows with
the count, not with the solutions. Projected variables that no constraint mentions multiply.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from neurosym.bits import Domains
from neurosym.hard import rounds
from neurosym.hard.parts import parts_of
from neurosym.hard.propagate import propagate
from neurosym.hard.search import solve
from neurosym.problems.network import Network

_AT_ONCE = 64  # nodes, so that one program serves every step; so many share a prepared search


@dataclasses.dataclass(frozen=True, eq=False)
class ProjectedTally:
    """What `count_projected` found."""

    count: int  # values of the projected variables together that some solution has
    complete: bool  # False: it stopped at a limit, and there may be more
    nodes: int  # that were propagated
    witnesses: np.ndarray  # int32[k, V]: a solution for each of the first ones


def count_projected(
    network: Network,
    variables: Sequence[int] | np.ndarray,
    domains: Domains | np.ndarray | None = None,
    *,
    at_most: int | None = None,
    node_limit: int | None = None,
    witnesses: int = 0,
) -> ProjectedTally:
    """Counts the assignments of some variables that can be extended to solutions.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y, z = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x + y + z == 4)
    >>> network = problem.compile()
    >>> count_projected(network, [x.index]).count, count_projected(network, [0, 1]).count
    (4, 12)

    Args:
      network: the compiled problem.
      variables: rows of the projected variables; without any, the count is 1 or 0.
      domains: the values to search in, ``bool[V, D]``; the declared ones if None.
      at_most: stop at so many.
      node_limit: stop after so many nodes.
      witnesses: how many solutions to return.

    Returns:
      The count as a Python integer, however large, whether it is complete, nodes and solutions.

    Raises:
      ValueError: if a row is none of the network, or the domains have another shape.
    """
    rows = np.unique(np.asarray(variables, np.int64).reshape(-1))
    if len(rows) and not 0 <= rows[0] <= rows[-1] < network.variables:
        raise ValueError(f"rows of variables go from 0 to {network.variables - 1}, not {rows}")
    start = np.asarray(rounds.start_domains(network, domains).mask)
    free = np.intersect1d(rows, np.asarray(parts_of(network)[1], np.int64))
    times = int(np.prod(start[free].sum(1), dtype=object)) if len(free) else 1
    rows = np.setdiff1d(rows, free)
    wanted = None if at_most is None else -(-at_most // max(times, 1))
    count, nodes, found = 0, 0, np.zeros((0, network.variables), np.int32)
    stack = start[None]
    while len(stack) and (wanted is None or count < wanted):
        if node_limit is not None and nodes >= node_limit:
            break
        batch, stack = stack[-_AT_ONCE:], stack[:-_AT_ONCE]
        nodes += len(batch)
        left = _propagated(network, batch)
        undecided = left[:, rows].sum(2) > 1  # [N, R]
        is_open = undecided.any(1)
        solutions = _first_solutions(network, left[~is_open])
        count += len(solutions)
        found = np.concatenate([found, solutions])[:witnesses]
        stack = np.concatenate([stack, _split(left[is_open], rows)])
    total = count * times
    complete = not len(stack) and (at_most is None or total <= at_most)
    return ProjectedTally(total if at_most is None else min(total, at_most), complete, nodes, found)


def _propagated(network: Network, batch: np.ndarray) -> np.ndarray:
    """What propagation leaves of each node, bool ``[M, V, D]``, without the nodes that fail."""
    padded = np.zeros((_AT_ONCE, *batch.shape[1:]), np.bool_)
    padded[: len(batch)] = batch
    left = np.asarray(propagate(network, padded).domains.mask)[: len(batch)]
    return left[(left.sum(2) > 0).all(axis=1)]


def _first_solutions(network: Network, nodes: np.ndarray) -> np.ndarray:
    """A solution, int32 ``[K, V]``, of each of the nodes that have any."""
    if not len(nodes):
        return np.zeros((0, network.variables), np.int32)
    padded = np.zeros((_AT_ONCE, *nodes.shape[1:]), np.bool_)
    padded[: len(nodes)] = nodes
    result = solve(network, padded, solutions=1)
    there = np.asarray(result.count)[: len(nodes)] > 0
    return np.asarray(result.assignment)[: len(nodes), 0][there]


def _split(nodes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Each node as two: the first value of its smallest projected domain, and the others."""
    if not len(nodes):
        return nodes
    sizes = nodes[:, rows].sum(2)
    row = rows[np.where(sizes > 1, sizes, np.iinfo(sizes.dtype).max).argmin(1)]
    each = np.arange(len(nodes))
    value = nodes[each, row].argmax(1)
    one, others = nodes.copy(), nodes.copy()
    one[each, row] = False
    one[each, row, value] = True
    others[each, row, value] = False
    return np.concatenate([others, one])
