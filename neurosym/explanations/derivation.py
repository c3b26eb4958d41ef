"""`explain`: how a solution follows, in small steps.

    each constraint alone, on what is left ─▶ values that it removes
    of its variables' domains, one by one  ─▶ those without which it would not
    the fewest reasons first               ─▶ a step, and the next look

A constraint is asked by itself: its relation becomes a network of its own, and all its places are
one batch. Where no constraint removes anything alone, each value left is tried, and one that
propagation refutes is removed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard.propagate import propagate
from neurosym.hard.rounds import start_domains
from neurosym.hard.search import SearchStatus, solve
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.network import Network, network_of
from neurosym.problems.structure import Structure


class Step(NamedTuple):
    """Values that one constraint removes, and what it needs for that."""

    constraint: Placed | None  # None: the values were tried, and propagation refuted them
    reasons: tuple[int, ...]  # variables whose domains are needed
    removed: tuple[tuple[int, int], ...]  # variables and value indices
    left: np.ndarray  # bool[V, D]: what is possible after the step


class Derivation(NamedTuple):
    """The steps from what is given to where they end."""

    start: np.ndarray  # bool[V, D]
    steps: tuple[Step, ...]
    status: str  # "SOLVED", "CONTRADICTION" or "OPEN": no single step leads on
    solution: np.ndarray | None  # int32[V]: that of a search, where steps did not lead to one

    @property
    def left(self) -> np.ndarray:
        """``bool[V, D]``: what is possible at the end."""
        return self.steps[-1].left if self.steps else self.start


def explain(
    network: Network, domains: Domains | np.ndarray | None = None, *, trying: bool = True
) -> Derivation:
    """The derivation of a solution, or of a contradiction, in steps of few reasons.

    Not for use inside of `jax.jit`.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> found = explain(problem.compile(), problem.compile().restrict({y: 1}))
    >>> found.status, [step.removed for step in found.steps]
    ('SOLVED', [((0, 2),), ((0, 1),)])

    Args:
      network: the compiled problem.
      domains: what is given, `Domains` or ``bool[V, D]``; the declared ones if None.
      trying: whether values may be tried where no constraint removes anything by itself.

    Raises:
      ValueError: if ``domains`` have another shape.
    """
    start = np.asarray(start_domains(network, domains).mask)
    if start.ndim != 2:
        raise ValueError(f"one instance is explained at a time, not a batch {start.shape[:-2]}")
    relations = _Relations(network)
    declared = np.asarray(network.mask)
    left = start
    steps: list[Step] = []
    while True:
        sizes = left.sum(axis=1)
        if (sizes == 0).any():
            return Derivation(start, tuple(steps), "CONTRADICTION", None)
        found = relations.removals(left, declared)
        if not found:
            if (sizes == 1).all():
                return Derivation(start, tuple(steps), "SOLVED", None)
            found = _refuted(network, left) if trying else []
        if not found:
            break
        least = min(len(reasons) for _, reasons, _ in found)
        for constraint, reasons, removed in found:
            if len(reasons) == least:
                fresh = tuple(one for one in removed if left[one])
                if fresh:
                    left = left.copy()
                    left[tuple(np.asarray(fresh).T)] = False
                    steps.append(Step(constraint, reasons, fresh, left))
                if not left.any(axis=1).all():
                    break
    searched = solve(network, left)
    solved = int(searched.status) == SearchStatus.SOLVED
    solution = np.asarray(searched.assignment)[0] if solved else None
    return Derivation(start, tuple(steps), "OPEN", solution)


Removal = tuple[Placed | None, tuple[int, ...], tuple[tuple[int, int], ...]]


class _Relations:
    """Each relation of a network as a network of its own, and where it holds."""

    def __init__(self, network: Network) -> None:
        places: dict[Relation, list[Placed]] = {}
        for placed in network.structure.relations:
            places.setdefault(placed.relation, []).append(placed)
        self.members: list[tuple[Network, np.ndarray, list[Placed]]] = []
        for relation, members in places.items():
            arity = len(relation.sizes)
            structure = Structure(
                names=tuple(f"p{k}" for k in range(arity)),
                domains=tuple(tuple(range(size)) for size in relation.sizes),
                relations=(Placed(relation, tuple(range(arity))),),
            )
            scope = np.asarray([one.scope for one in members])
            self.members.append((network_of(structure), scope, members))

    def removals(self, left: np.ndarray, declared: np.ndarray) -> list[Removal]:
        """What each constraint removes of ``bool[V, D]``, with minimal reasons."""
        found: list[Removal] = []
        for own, scope, placed in self.members:
            size = own.size
            before = left[scope][:, :, :size]
            after = _propagated(own, before)
            which, where, values = np.nonzero(before & ~after)
            if not len(which):
                continue
            loose = declared[scope][:, :, :size][which]  # [R, K, D]
            held = before[which].copy()
            # Nothing is assumed of the variable itself; the others are let go where they may be.
            held[np.arange(len(which)), where] = loose[np.arange(len(which)), where]
            needed = np.zeros(held.shape[:2], bool)
            for k in range(scope.shape[1]):
                asked = (where != k) & (held[:, k] != loose[:, k]).any(axis=1)
                rows = np.flatnonzero(asked)
                if not len(rows):
                    continue
                tried = held[rows].copy()
                tried[:, k] = loose[rows, k]
                still = _propagated(own, tried)
                gone = ~still[np.arange(len(rows)), where[rows], values[rows]]
                held[rows[gone], k] = loose[rows[gone], k]
                needed[rows[~gone], k] = True
            grouped: dict[Any, list[tuple[int, int]]] = {}
            triples = zip(which.tolist(), where.tolist(), values.tolist(), strict=True)
            for row, (c, k, v) in enumerate(triples):
                reasons = tuple(scope[c][needed[row]].tolist())
                grouped.setdefault((c, reasons), []).append((int(scope[c][k]), v))
            found += [(placed[c], reasons, tuple(gone)) for (c, reasons), gone in grouped.items()]
        return sorted(found, key=lambda one: len(one[1]))


def _propagated(network: Network, masks: np.ndarray) -> np.ndarray:
    """What a constraint allows of ``bool[N, K, D]``; nothing where it is wiped out."""
    number = len(masks)
    filled = np.resize(masks, (1 << (number - 1).bit_length(), *masks.shape[1:]))
    return np.asarray(propagate(network, filled).domains.mask)[:number]


def _refuted(network: Network, left: np.ndarray) -> list[Removal]:
    """Values that propagation of the whole network refutes, when they are tried."""
    variables, values = np.nonzero(left & (left.sum(axis=1) > 1)[:, None])
    tried = np.repeat(left[None], len(variables), axis=0)
    tried[np.arange(len(variables)), variables] = False
    tried[np.arange(len(variables)), variables, values] = True
    wrong = ~_propagated(network, tried).any(axis=(1, 2))
    pairs = zip(variables[wrong].tolist(), values[wrong].tolist(), strict=True)
    return [(None, (), (pair,)) for pair in list(pairs)[:1]]
