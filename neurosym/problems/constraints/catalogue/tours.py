"""Tours: an array of successors that is one round trip.

    successor (2, 0, 1)     0 → 2 → 1 → 0
    orbit of 0              the entries at 0, at that entry, and so on: 2, 1, 0, which all differ

A whole tour has a propagator of its own (`tour_relation.py`), beside that of all-different. For
negations, for tours of some positions, and for the soft engine the orbit is a chain of auxiliary
variables.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.problems.constraints.catalogue.over_entries import OverEntries
from neurosym.problems.constraints.catalogue.tour_relation import TourRelation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.functions import entry, minimum
from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Tour(OverEntries):
    """``successors`` visit every position from 0 on, and come back.

    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> problem.add(ns.Tour(problem.variables("next", shape=4, domain=range(4))))
    >>> int(ns.count(problem.compile()).count)
    6

    Attributes:
      successors: distinct variables over integers: where each position leads. A value that is no
        position is not allowed.

    Raises:
      ValueError: without variables, or for something else or a repeated variable.
    """

    successors: Sequence[Variable]

    def __post_init__(self) -> None:
        self._keep(_distinct(self.successors))

    def accepts(self, *groups: list[Any]) -> bool:
        successors = groups[0]
        here, seen = 0, set()
        for _ in successors:
            if not 0 <= here < len(successors) or here in seen:
                return False
            seen.add(here)
            here = successors[here]
        return here == 0

    def decompose(self) -> list[Constraint]:
        successors = self._groups[0]
        return [*_inside(successors), *_different(successors), orbit(successors)]

    def compile(self) -> Sequence[Placed]:
        successors, count = self._groups[0], len(self._groups[0])
        if _inside(successors):  # values that are no position
            return super().compile()
        relation = TourRelation(tuple(tuple(int(v) for v in x.domain) for x in successors))
        found = [one for part in _different(successors) for one in part.compile()]
        return [*found, *(self.place(relation) if count > 1 else ())]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SubTour(OverEntries):
    """``successors`` visit some positions in one round trip; the others lead to themselves.

    No position at all may be visited.

    Attributes:
      successors: as those of a `Tour`.

    Raises:
      ValueError: as `Tour`.
    """

    successors: Sequence[Variable]

    def __post_init__(self) -> None:
        self._keep(_distinct(self.successors))

    def accepts(self, *groups: list[Any]) -> bool:
        successors = groups[0]
        if sorted(successors) != list(range(len(successors))):
            return False
        moving = [i for i, j in enumerate(successors) if i != j]
        if not moving:
            return True
        here, seen = successors[moving[0]], 1
        while here != moving[0]:
            here, seen = successors[here], seen + 1
        return seen == len(moving)

    def decompose(self) -> list[Constraint]:
        successors = self._groups[0]
        count = len(successors)
        moves = [x != i for i, x in enumerate(successors)]
        # The first that moves; the last position where none does.
        firsts = [count - (count - i) * move for i, move in enumerate(moves)]
        start = minimum([*firsts, count - 1])
        length = sum(moves[1:], moves[0] + 0)
        parts = [*_inside(successors), *_different(successors)]
        here = start
        for steps in range(1, count):
            here = entry(successors, here)
            parts.append((here == start).implies(length <= steps))
        return parts


def orbit(successors: Sequence[Variable]) -> Constraint:
    """That the positions to which one comes from 0 on all differ."""
    if len(successors) == 1:
        return Member(successors[0], [v for v in successors[0].domain if v == 0])
    found: list[Any] = [successors[0]]
    for _ in successors[1:]:
        found.append(entry(successors, found[-1]))
    return AllDifferent(found)


def _distinct(successors: Any) -> tuple[Variable, ...]:
    from neurosym.problems.constraints.catalogue.over_entries import listed

    found = listed(successors)
    for x in found:
        if not isinstance(x, Variable):
            raise ValueError(f"the successors of a circuit are variables, not {x!r}")
    if len({id(x) for x in found}) < len(found):
        raise ValueError("a circuit names a variable twice")
    return found


def _inside(successors: Sequence[Variable]) -> list[Constraint]:
    count, parts = len(successors), []
    for x in successors:
        inside = [value for value in x.domain if 0 <= value < count]  # type: ignore[operator]
        if len(inside) < len(x.domain):
            parts.append(Member(x, inside))
    return parts  # type: ignore[return-value]


def _different(entries: Sequence[Any]) -> list[Constraint]:
    return [AllDifferent(entries)] if len(entries) > 1 else []
