"""`solve_batches`: many instances of one network, solved batch by batch in bounded memory.

    1,000,000 sudokus, a function that makes the domains of instances i to j
    batches of 15,873           as many as memory allows, all of one shape: one program is compiled
    each batch                  one pool of search nodes; what finds it full is searched again in a
                                larger one
    yielded batch by batch      solutions, counts, statuses, in the order of the instances

domains of instances i to j ─▶ a batch of one shape ─▶ count │ solve ─▶ Solved, on the host
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard.branching import SMALLEST_DOMAIN, Heuristic
from neurosym.hard.search import count, solve
from neurosym.problems.network import Network

MEMORY = 2**28
"""Bytes that the domains and solutions of a batch may take unless the caller says otherwise."""

MOST_INSTANCES = 2**14
"""Of a batch; more are no faster."""

FEW = 64
"""So many solutions are stored for every instance without being counted first."""

DomainsOf = Callable[[int, int], np.ndarray]
"""From i and j to the domains bool[j - i, V, D] of instances i to j."""


@dataclasses.dataclass(frozen=True, eq=False)
class Solved:
    """The results of a batch; NumPy arrays."""

    start: int
    """The number of its first instance."""
    assignment: np.ndarray
    """int32[B, K, V]: value indices; -1 beyond the solutions of an instance."""
    count: np.ndarray
    """int32[B]: solutions found, up to the number that was asked for."""
    status: np.ndarray
    """int32[B]: a `neurosym.SearchStatus`."""
    nodes: np.ndarray
    """int32[B]: search nodes."""
    compiling: float
    """Seconds before the first batch, of compiling the program."""
    solving: float
    """Seconds of solving this batch."""


def solve_batches(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | DomainsOf,
    *,
    instances: int | None = None,
    at_most: int | None = 1,
    solutions: int | None = None,
    node_limit: int | None = None,
    heuristic: Heuristic = SMALLEST_DOMAIN,
    batch: int | None = None,
    memory_limit: int = MEMORY,
) -> Iterator[Solved]:
    """Solves every instance completely, and yields what was found batch by batch.

    >>> import numpy as np
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(5))
    >>> problem.add(x + y == 6)
    >>> network = problem.compile()
    >>> domains = np.ones((5, 2, 5), bool)
    >>> domains[np.arange(5), 0] = np.eye(5, dtype=bool)  # x is 0, 1, 2, 3, 4
    >>> for found in solve_batches(network, domains, batch=2):
    ...     print(found.start, found.assignment[:, 0].tolist())
    0 [[-1, -1], [-1, -1]]
    2 [[2, 4], [3, 3]]
    4 [[4, 2]]

    Args:
      network: that the instances share.
      domains: what each instance may take: ``Domains`` or ``bool[N, V, D]``; or a function that
        makes the domains ``bool[j - i, V, D]`` of instances i to j when they are needed.
      instances: N; needed with a function.
      at_most: stop at so many solutions of an instance; None counts all.
      solutions: return so many of them at most; None returns all that were found.
      node_limit: search nodes of an instance, after which its status is LIMIT.
      heuristic: which variable to branch on.
      batch: instances that are solved together; None: as many as memory allows.
      memory_limit: bytes that the domains and the solutions of a batch may take.

    Yields:
      `Solved`, in the order of the instances. Memory on the device is that of one batch and of the
      search's pool (`neurosym.solve`).

    Raises:
      ValueError: if a number is too small, domains have another shape or dtype, or the number of
        instances is not known.
    """
    for name, value, least in (
        ("instances", instances, 0),
        ("at_most", at_most, 1),
        ("solutions", solutions, 0),
        ("batch", batch, 1),
        ("memory_limit", memory_limit, 1),
    ):
        if value is not None and not value >= least:
            raise ValueError(f"{name} goes from {least}, not {value}")
    domains_of, total = _as_function(network, domains, instances)
    size = _batch_size(network, total, at_most, solutions, batch, memory_limit)
    search = _Search(network, at_most, solutions, node_limit, heuristic, memory_limit)
    return _solved(search, domains_of, total, size)


def _solved(search: _Search, domains_of: DomainsOf, total: int, size: int) -> Iterator[Solved]:
    """A generator apart, so that wrong arguments are refused by the call itself."""
    network = search.network
    compiling = 0.0
    for start in range(0, total, size):
        end = min(start + size, total)
        # The last batch is filled up with instances that have no values, which cost nothing.
        filled = np.zeros((size, network.variables, network.size), np.bool_)
        if start == 0:
            began = time.perf_counter()
            search(filled)
            compiling = time.perf_counter() - began
        given = domains_of(start, end)
        _check(network, given, end - start)
        filled[: end - start] = given
        began = time.perf_counter()
        found = search(filled)
        seconds = time.perf_counter() - began
        assignment, number, status, nodes = (x[: end - start] for x in found)
        yield Solved(start, assignment, number, status, nodes, compiling, seconds)
        compiling = 0.0


class _Search(NamedTuple):
    """How a batch is searched."""

    network: Network
    at_most: int | None
    solutions: int | None
    node_limit: int | None
    heuristic: Heuristic
    memory_limit: int

    def __call__(self, masks: np.ndarray) -> tuple[np.ndarray, ...]:
        """Assignments, counts, statuses and nodes of domains bool[B, V, D]."""
        shared: dict[str, Any] = {"heuristic": self.heuristic, "node_limit": self.node_limit}
        network, at_most = self.network, self.at_most
        if at_most is not None and at_most <= FEW and self.solutions != 0:
            found = solve(network, masks, solutions=at_most, **shared)
            parts = (found.assignment, found.count, found.status, found.nodes)
            assignment, *others = map(np.asarray, parts)
            return assignment[:, : self.solutions], *others
        counted = count(network, masks, at_most=at_most, **shared)
        most = int(np.asarray(counted.count).max())
        if self.solutions is not None:
            most = min(most, self.solutions)
        assignments = self._enumerated(masks, most, shared)
        return (assignments, *map(np.asarray, (counted.count, counted.status, counted.nodes)))

    def _enumerated(self, masks: np.ndarray, most: int, shared: dict[str, Any]) -> np.ndarray:
        """Up to ``most`` solutions of each, as many instances at once as memory allows."""
        variables = self.network.variables
        assignment = np.full((len(masks), most, variables), -1, np.int32)
        if not most:
            return assignment
        slots = 1 << (most - 1).bit_length()  # a power of two, so that few programs are compiled
        several = max(1, min(len(masks), self.memory_limit // (4 * slots * variables)))
        for first in range(0, len(masks), several):
            part = np.zeros((several, *masks.shape[1:]), np.bool_)
            part[: len(masks) - first] = masks[first : first + several]
            found = solve(self.network, part, solutions=slots, **shared)
            here = np.asarray(found.assignment)[: len(masks) - first, :most]
            assignment[first : first + several] = here
        return assignment


def _batch_size(
    network: Network,
    instances: int,
    at_most: int | None,
    solutions: int | None,
    batch: int | None,
    memory_limit: int,
) -> int:
    """Instances that are solved together: what was asked for, or as many as memory allows."""
    slots = at_most or solutions or 1
    bytes_each = network.variables * (network.size + 4 * slots)
    most = batch or max(1, min(MOST_INSTANCES, memory_limit // bytes_each))
    if instances <= most:  # a shape that other numbers of instances share
        return min(most, 1 << max(instances - 1, 0).bit_length())
    return -(-instances // -(-instances // most))


def _as_function(network: Network, domains: Any, instances: int | None) -> tuple[DomainsOf, int]:
    if callable(domains):
        if instances is None:
            raise ValueError("domains made by a function: say how many there are, instances=N")
        return domains, instances
    masks = np.asarray(domains.mask if isinstance(domains, Domains) else domains)
    _check(network, masks, len(masks) if masks.ndim else 0)
    if instances is not None and instances != len(masks):
        raise ValueError(f"there are domains of {len(masks)} instances, not of {instances}")
    return lambda start, end: masks[start:end], len(masks)


def _check(network: Network, masks: np.ndarray, instances: int) -> None:
    wanted = (instances, network.variables, network.size)
    if masks.dtype != np.bool_ or masks.shape != wanted:
        raise ValueError(
            f"the domains of {instances} instances are bool[N, V, D] = {list(wanted)}, "
            f"not {masks.dtype}{list(masks.shape)}"
        )
