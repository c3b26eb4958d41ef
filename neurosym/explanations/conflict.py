"""`conflict`: a minimal set of restrictions that cannot hold together.

    x = 1, y = 1, z = 3 under x + y == 3     without z = 3: still none    without x = 1: a solution
    the conflict is x = 1, y = 1

Restrictions leave one after the other, where what is left still has no solution (deletion: Chinneck
and Dravnieks 1991, https://doi.org/10.1287/ijoc.3.2.157). Every question of a whole batch is one
search, and each search is complete, so the result is proven minimal: without any of its members
there is a solution.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard.best import solve_best
from neurosym.hard.rounds import start_domains
from neurosym.hard.search import SearchStatus, solve
from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import Network, network_of
from neurosym.problems.problem import Problem
from neurosym.problems.structure import Structure


class Conflict(NamedTuple):
    """What cannot hold together; with batch axes in front where the domains had them."""

    satisfiable: np.ndarray  # bool[]: there is a solution, and no conflict
    restrictions: np.ndarray  # bool[V]: the variables whose given domains are in the conflict
    constraints: tuple[Placed, ...]  # that conflict by themselves, where no restriction is needed
    solution: np.ndarray  # int32[V]: value indices of a solution; -1 where there is none

    def names(self, network: Network) -> list[str]:
        """The variables of the conflict, of one instance."""
        names = network.structure.names
        return [names[i] for i in np.flatnonzero(self.restrictions)]


def conflict(
    network: Network,
    domains: Domains | np.ndarray | None = None,
    *,
    smallest: bool = False,
) -> Conflict:
    """A minimal set of restrictions of a network without a solution.

    A restriction is the domain that is given to one variable, where it is narrower than the
    declared one. Where the declared constraints have no solution by themselves, the conflict is a
    minimal set of them. Not for use inside of `jax.jit`.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y, z = (problem.variable(name, domain=range(4)) for name in "xyz")
    >>> problem.add(x + y == 3, y < z)
    >>> network = problem.compile()
    >>> found = conflict(network, network.restrict({x: 1, y: 1, z: 3}))
    >>> found.names(network)
    ['x', 'y']

    Args:
      network: the compiled problem.
      domains: what is given, `Domains` or ``bool[..., V, D]``; the declared ones if None.
      smallest: the fewest restrictions of all conflicts, which takes more searches; for one
        instance.

    Raises:
      ValueError: if ``domains`` have another shape, or the smallest is asked of a batch.
    """
    start = start_domains(network, domains)
    declared = np.asarray(network.mask)
    given = np.asarray(start.mask)
    batch = given.shape[:-2]
    if smallest and batch:
        raise ValueError("the smallest conflict is looked for in one instance, not in a batch")
    masks = given.reshape(-1, *declared.shape)
    found = solve(network, masks)
    satisfiable = np.asarray(found.status) == SearchStatus.SOLVED
    solution = np.asarray(found.assignment)[:, 0]
    narrowed = (masks != declared).any(axis=2)
    kept = narrowed & ~satisfiable[:, None]
    constraints: tuple[Placed, ...] = ()
    if not satisfiable.all() and not _has_solution(network, declared[None])[0]:
        kept[:] = False
        constraints = _conflicting_constraints(network.structure)
    elif smallest:
        kept[0] = _fewest(network, declared, masks[0], kept[0])
    else:
        kept = _deleted(network, declared, masks, kept)
    shape = (*batch, network.variables)
    return Conflict(
        satisfiable.reshape(batch), kept.reshape(shape), constraints, solution.reshape(shape)
    )


def _has_solution(network: Network, masks: np.ndarray) -> np.ndarray:
    """``bool[N]``, of masks ``[N, V, D]``."""
    return np.asarray(solve(network, masks).status) == SearchStatus.SOLVED


def _under(declared: np.ndarray, masks: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Masks with the chosen restrictions ``bool[N, V]`` alone."""
    return np.where(chosen[..., None], masks, declared)


def _deleted(
    network: Network, declared: np.ndarray, masks: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """One restriction after the other leaves every instance, where it is not needed."""
    kept = kept.copy()
    rank = np.cumsum(kept, axis=1) * kept  # 1, 2, ... of what may leave
    for turn in range(1, int(rank.max(initial=0)) + 1):
        rows, columns = np.nonzero(rank == turn)
        without = kept[rows].copy()
        without[np.arange(len(rows)), columns] = False
        some = _filled(_under(declared, masks[rows], without))
        needed = _has_solution(network, some)[: len(rows)]
        kept[rows, columns] = needed
    return kept


def _filled(masks: np.ndarray) -> np.ndarray:
    """Instances filled up to a power of two, so that few programs are compiled."""
    return np.resize(masks, (1 << (len(masks) - 1).bit_length(), *masks.shape[1:]))


def _fewest(
    network: Network, declared: np.ndarray, mask: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """The fewest restrictions without a solution, by implicit hitting sets.

    Every conflict has a member outside of each satisfiable set. The fewest restrictions that do so
    for all satisfiable sets known are a conflict, or are satisfiable and grow to a further such set
    (Ignatiev et al. 2015, https://doi.org/10.1007/978-3-319-23219-5_13).
    """
    items = np.flatnonzero(kept)
    outside: list[np.ndarray] = []
    while True:
        chosen = np.zeros(len(kept), bool)
        chosen[items[_hitting(outside, len(items))]] = True
        if not _has_solution(network, _under(declared, mask, chosen)[None])[0]:
            return chosen
        for item in items:  # grows until nothing more fits
            if not chosen[item]:
                more = chosen.copy()
                more[item] = True
                if _has_solution(network, _under(declared, mask, more)[None])[0]:
                    chosen = more
        outside.append(np.flatnonzero(~chosen[items]))


def _hitting(sets: list[np.ndarray], size: int) -> np.ndarray:
    """The fewest of ``size`` items of which each set has one: their positions."""
    if not sets:
        return np.zeros(0, int)
    problem = Problem()
    taken = problem.variables("taken", shape=size, domain=(False, True))
    for one in sets:
        problem.add(Clause(tuple(taken[n] == True for n in one)))  # noqa: E712
    weights = np.tile(np.asarray([0, -1], np.float32), (size, 1))
    found = solve_best(problem.compile(), None, jnp.asarray(weights))
    return np.flatnonzero(np.asarray(found.assignment))


def _conflicting_constraints(structure: Structure) -> tuple[Placed, ...]:
    """Relations that have no solution together, and none of which could be left out."""
    kept = list(structure.relations)
    for placed in structure.relations:
        fewer = [one for one in kept if one is not placed]
        smaller = network_of(Structure(structure.names, structure.domains, tuple(fewer)))
        if not _has_solution(smaller, np.asarray(smaller.mask)[None])[0]:
            kept = fewer
    return tuple(kept)
