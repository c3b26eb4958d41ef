"""`solutions`: all solutions of a problem, one after the other, as many as somebody takes.

A search finds a few; if there are more, the values of one variable are cut in two and each half is
searched by itself, without what was found before. So the memory is that of a few searches, however
many solutions there are.
"""

from collections.abc import Hashable, Iterator

import jax
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard import rounds
from neurosym.hard.branching import SMALLEST_DOMAIN, Heuristic
from neurosym.hard.propagate import propagate
from neurosym.hard.search import SearchStatus, solve
from neurosym.problems.network import Network
from neurosym.transforms.concrete import concrete

FIRST = 16
"""Solutions that the first search looks for."""

MOST = 2**12
"""Solutions that one search looks for."""


def solutions(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | None = None,
    *,
    heuristic: Heuristic = SMALLEST_DOMAIN,
) -> Iterator[dict[str, Hashable]]:
    """Yields every solution once, as a dictionary from names to values, and searches on demand.

    >>> import itertools
    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(1000))
    >>> problem.add(x + y == 1000)
    >>> [sum(solution.values()) for solution in itertools.islice(solutions(problem.compile()), 3)]
    [1000, 1000, 1000]

    Args:
      network: the compiled problem.
      domains: the values to search in, `Domains` or ``bool[V, D]``; the declared ones if None.
      heuristic: which variable to branch on.

    Raises:
      ValueError: for a batch, or under a trace.
      RuntimeError: if a search needs more memory than it may take.
    """
    start = rounds.start_domains(network, domains)
    if not concrete(network, start):
        raise ValueError("solutions are listed outside of jit and vmap")
    mask = np.asarray(start.mask)
    if mask.ndim != 2:
        raise ValueError("solutions are listed of one instance, not of a batch")
    return _listed(network, mask, heuristic)


def _listed(
    network: Network, mask: np.ndarray, heuristic: Heuristic
) -> Iterator[dict[str, Hashable]]:
    waiting: list[tuple[np.ndarray, set[bytes]]] = [(mask, set())]
    wanted = FIRST
    while waiting:
        mask, seen = waiting.pop()
        found = solve(network, mask, solutions=wanted + len(seen), heuristic=heuristic)
        status, count = int(found.status), int(found.count)
        values = np.asarray(found.assignment)[:count]
        for row in values:
            if row.tobytes() not in seen:
                yield network.decode(row)
        if status == SearchStatus.CAPACITY:
            raise RuntimeError("a search for further solutions needs too large a pool of nodes")
        if count < wanted + len(seen):
            continue
        wanted = min(MOST, 16 * wanted)
        seen = seen | {row.tobytes() for row in values}
        left = np.asarray(propagate(network, mask).domains.mask)
        sizes = left.sum(axis=1)
        open_ = np.flatnonzero(sizes > 1)
        if not len(open_):
            continue
        variable = int(open_[np.argmax(sizes[open_])])
        held = np.flatnonzero(left[variable])
        for half in (held[len(held) // 2 :], held[: len(held) // 2]):
            part = left.copy()
            part[variable] = False
            part[variable, half] = True
            inside = set(half.tolist())
            own = {row.tobytes() for row in values if int(row[variable]) in inside}
            own |= {row for row in seen if np.frombuffer(row, np.int32)[variable] in inside}
            waiting.append((part, own))
