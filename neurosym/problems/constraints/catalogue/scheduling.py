"""Tasks in time and boxes in space: a shared capacity, no overlap, items in bins."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from neurosym.problems.constraints.catalogue.orders import bool_constraint
from neurosym.problems.constraints.catalogue.over_entries import (
    OverEntries,
    integers,
    listed,
    same_lengths,
)
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic
from neurosym.problems.logic import all_of, any_of

MAX_TIMES = 2**14
"""Points in time at which tasks may begin or run."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Cumulative(OverEntries):
    """At every time the tasks that run demand no more than the capacity.

    Task i runs from ``starts[i]`` until before ``starts[i] + durations[i]``. Durations and demands
    are not negative. Pruning is by bounds at each time (time-tabling) where durations and demands
    are numbers.

    Attributes:
      starts: variables and expressions.
      durations: integers or expressions, one for each task.
      demands: as durations; one for all, if it is a single one.
      capacity: an integer or an expression.
      ends: if given, ``starts[i] + durations[i] == ends[i]`` as well.

    Raises:
      ValueError: for other numbers of durations, demands or ends, without variables, or where the
        tasks may run at more than 16,384 times.
    """

    starts: Sequence[Any]
    durations: Sequence[Any]
    demands: Any
    capacity: Any
    ends: Sequence[Any] = ()

    def __post_init__(self) -> None:
        starts, durations = listed(self.starts), listed(self.durations)
        demands, ends = listed(self.demands), listed(self.ends)
        demands = demands * len(starts) if len(demands) == 1 else demands
        same_lengths("a cumulative constraint", starts=starts, durations=durations, demands=demands)
        if ends:
            same_lengths("a cumulative constraint", starts=starts, ends=ends)
        self._keep(starts, durations, demands, self.capacity, ends)

    def accepts(self, *groups: list[Any]) -> bool:
        starts, durations, demands, (capacity,), ends = groups
        if any(s + d != e for s, d, e in zip(starts, durations, ends, strict=False)):
            return False
        if any(d < 0 for d in (*durations, *demands)):
            return False
        tasks = list(zip(starts, durations, demands, strict=True))
        if not tasks:
            return True
        times = range(min(starts), max(s + d for s, d, _ in tasks) + 1)
        return all(sum(n for s, d, n in tasks if s <= t < s + d) <= capacity for t in times)

    def decompose(self) -> list[Constraint]:
        starts, durations, demands, (capacity,), ends = self._groups
        parts = [_constraint(s + d == e) for s, d, e in zip(starts, durations, ends, strict=False)]
        parts += [_constraint(d >= 0) for d in (*durations, *demands)]
        tasks = []
        for s, d, n in zip(starts, durations, demands, strict=True):
            first, last = _ends(s)
            tasks.append((s, d, n, first, last + _ends(d)[1]))
        least = min(first for *_, first, _ in tasks)
        most = max(end for *_, end in tasks)
        if most - least > MAX_TIMES:
            raise ValueError(
                f"the tasks of a cumulative constraint run between {least} and {most}, at more "
                f"than {MAX_TIMES} times"
            )
        if _ends(capacity)[0] < 0:
            parts.append(_constraint(capacity >= 0))
        for t in range(least, most):
            running = [
                n * all_of(_constraint(s <= t), _constraint(t < s + d))
                for s, d, n, first, end in tasks
                if first <= t < end
            ]
            if len(running) > 1 or (running and _exceeds(running[0], capacity)):
                parts.append(_constraint(sum(running[1:], running[0]) <= capacity))
        return parts


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NoOverlap(OverEntries):
    """No two tasks run at a time: of each two, one ends before the other one begins.

    Pruning is exact for each pair where durations are numbers.

    Attributes:
      starts: variables and expressions.
      durations: integers or expressions, one for each task.

    Raises:
      ValueError: for another number of durations, or without variables.
    """

    starts: Sequence[Any]
    durations: Sequence[Any]

    def __post_init__(self) -> None:
        starts, durations = listed(self.starts), listed(self.durations)
        same_lengths("a no-overlap constraint", starts=starts, durations=durations)
        self._keep(starts, durations)

    def accepts(self, *groups: list[Any]) -> bool:
        tasks = itertools.combinations(zip(*groups, strict=True), 2)
        return all(s + d <= u or u + e <= s for (s, d), (u, e) in tasks)

    def decompose(self) -> list[Constraint]:
        tasks = itertools.combinations(zip(*self._groups, strict=True), 2)
        return [
            any_of(_constraint(s + d <= u), _constraint(u + e <= s)) for (s, d), (u, e) in tasks
        ]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NoOverlap2D(OverEntries):
    """No two boxes overlap: of each two, one lies wholly left, right, above or below.

    Pruning is that of each pair, as a clause of four comparisons.

    Attributes:
      xs: where boxes begin, variables and expressions.
      ys: the same in the other direction.
      widths: integers or expressions, one for each box.
      heights: as widths.

    Raises:
      ValueError: for different numbers of them, or without variables.
    """

    xs: Sequence[Any]
    ys: Sequence[Any]
    widths: Sequence[Any]
    heights: Sequence[Any]

    def __post_init__(self) -> None:
        groups = [listed(g) for g in (self.xs, self.ys, self.widths, self.heights)]
        names = ("xs", "ys", "widths", "heights")
        same_lengths("a no-overlap constraint", **dict(zip(names, groups, strict=True)))
        self._keep(*groups)

    def accepts(self, *groups: list[Any]) -> bool:
        boxes = itertools.combinations(zip(*groups, strict=True), 2)
        return all(
            x + w <= u or u + p <= x or y + h <= v or v + q <= y
            for (x, y, w, h), (u, v, p, q) in boxes
        )

    def decompose(self) -> list[Constraint]:
        boxes = itertools.combinations(zip(*self._groups, strict=True), 2)
        return [
            any_of(*map(_constraint, (x + w <= u, u + p <= x, y + h <= v, v + q <= y)))
            for (x, y, w, h), (u, v, p, q) in boxes
        ]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BinPacking(OverEntries):
    """The sizes of the items in each bin add up to its load, or to no more than its capacity.

    Bins are numbered from 0; an item in another bin is not allowed. Pruning is exact for each bin.

    Attributes:
      bins: for each item the bin that it is in: variables and expressions.
      sizes: an integer for each item.
      capacities: for each bin an integer or an expression.
      loads: whether these are the loads themselves.

    Raises:
      ValueError: for another number of sizes, sizes that are not integers, or without variables.
    """

    bins: Sequence[Any]
    sizes: Sequence[int]
    capacities: Sequence[Any]
    loads: bool = False

    def __post_init__(self) -> None:
        bins = listed(self.bins)
        object.__setattr__(self, "sizes", integers(self.sizes, "the sizes of items"))
        same_lengths("a packing", bins=bins, sizes=self.sizes)
        self._keep(bins, self.capacities)

    def accepts(self, *groups: list[Any]) -> bool:
        bins, capacities = groups
        held = [0] * len(capacities)
        for where, size in zip(bins, self.sizes, strict=True):
            if not 0 <= where < len(held):
                return False
            held[where] += size
        if self.loads:
            return held == capacities
        return all(load <= most for load, most in zip(held, capacities, strict=True))

    def decompose(self) -> list[Constraint]:
        bins, capacities = self._groups
        parts = [_constraint(x >= 0) for x in bins if _ends(x)[0] < 0]
        parts += [_constraint(x < len(capacities)) for x in bins if _ends(x)[1] >= len(capacities)]
        for n, most in enumerate(capacities):
            inside = [s * _constraint(x == n) for x, s in zip(bins, self.sizes, strict=True)]
            load = sum(inside[1:], inside[0])
            parts.append(_constraint(load == most if self.loads else load <= most))
        return parts


def _constraint(found: Any) -> Constraint:
    return found if isinstance(found, Constraint) else bool_constraint(found)


def _ends(entry: Any) -> tuple[int, int]:
    """The least and the largest value of an entry."""
    if isinstance(entry, Arithmetic):
        values = entry._values()
        return int(values[0]), int(values[-1])
    return int(entry), int(entry)


def _exceeds(demand: Any, capacity: Any) -> bool:
    return _ends(demand)[1] > _ends(capacity)[0]
