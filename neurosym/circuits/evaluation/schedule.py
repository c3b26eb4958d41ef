"""Schedules: in which step, and in which place of it, each row of a circuit is computed.

Every step computes the same number of rows of each class (80 with room for one input, 9 with room
for two, ...), so that one compiled loop body serves all steps, however many layers a circuit has.
Rows are taken by list scheduling: among those whose inputs are known, the ones farthest from the
end go first (Hu 1961, "Parallel sequencing and assembly line problems",
https://doi.org/10.1287/opre.9.6.841). A row may take a place with more room than it needs; a place
that stays empty computes zeros.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Sequence

import numpy as np

ROOMS = (1, 2, 4, 8, 16)
"""Inputs that the places of each class have room for."""

ROOMS_IF_FEW = (1, 4)
"""The same where no row has more than 4: less to compile, for a few inputs that stay empty."""

STEP_COST = 200
"""What a step costs besides its inputs, in inputs: measured with 64 instances on one core."""

ROW_COST = 1
"""What a place costs besides its inputs, in inputs."""

SIZES = (32, 64, 128, 256, 512, 1024)
"""Inputs of a step that are tried."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The rows that each of N rows needs, one row after the other.

    Attributes:
      counts: int64 ``[N]``.
      values: int64 ``[sum(counts)]``: numbers of rows.
    """

    counts: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, needs: Sequence[Sequence[int]]) -> Inputs:
        """From what each row needs."""
        counts = np.fromiter(map(len, needs), np.int64, len(needs))
        flat = (row for own in needs for row in own)
        return cls(counts, np.fromiter(flat, np.int64, int(counts.sum())))


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Where each row is computed.

    Attributes:
      steps: S.
      classes: ``(room, places)`` of each class of places.
      position: int64 ``[N]``: the place of each row among all S × P, step by step.
    """

    steps: int
    classes: tuple[tuple[int, int], ...]
    position: np.ndarray

    @property
    def width(self) -> int:
        """P, places of one step."""
        return sum(places for _, places in self.classes)

    def table(self, inputs: Inputs) -> np.ndarray:
        """The inputs of each step, ``int32[S, Q]``; 0 where there is none.

        Class by class, the first inputs of all its places, then the second ones, and so on.
        """
        columns = sum(room * places for room, places in self.classes)
        table = np.zeros((self.steps, columns), np.int32)
        start: list[int] = []
        stride: list[
            int
        ] = []  # of each place: the column of its first input, and how far to the next
        before = 0
        for room, places in self.classes:
            start += range(before, before + places)
            stride += [places] * places
            before += room * places
        step, place = np.divmod(self.position, max(self.width, 1))
        which = np.arange(len(inputs.values)) - np.repeat(
            np.cumsum(inputs.counts) - inputs.counts, inputs.counts
        )
        at = np.repeat(place, inputs.counts)
        column = np.asarray(start, np.int64)[at] + which * np.asarray(stride, np.int64)[at]
        table[np.repeat(step, inputs.counts), column] = inputs.values
        return table


def schedule(needs: Inputs, counts: np.ndarray) -> Schedule:
    """Finds a schedule of low cost.

    Args:
      needs: the rows that must be known before each row.
      counts: int64 ``[N]``: for how many inputs each row needs room, at most the last of `ROOMS`.
    """
    size = len(counts)
    if not size:
        return Schedule(0, (), np.zeros(0, np.int64))
    rooms = ROOMS_IF_FEW if counts.max() <= ROOMS_IF_FEW[-1] else ROOMS
    kinds = np.searchsorted(rooms, np.maximum(counts, 1))
    members = np.bincount(kinds, minlength=len(rooms))
    dependencies = _Dependencies.of(needs)
    heights = dependencies.heights()
    total = int(np.dot(members, rooms))
    best, best_cost = None, np.inf
    for wanted in SIZES:
        share = wanted / total
        places = tuple(max(1, round(share * int(n))) if n else 0 for n in members)
        cost = STEP_COST + sum((room + ROW_COST) * n for room, n in zip(rooms, places, strict=True))
        least = max(int(heights.max()) + 1, int(np.max(members / np.maximum(places, 1))))
        if cost * min(least, size) >= best_cost:
            continue
        steps, position = _pack(dependencies, kinds, heights, places)
        if steps * cost < best_cost:
            best_cost = steps * cost
            classes = tuple((room, n) for room, n in zip(rooms, places, strict=True) if n)
            best = Schedule(steps, classes, position)
    assert best is not None
    return best


@dataclasses.dataclass(frozen=True)
class _Dependencies:
    """Which rows wait for which."""

    inputs: list[list[int]]
    users: list[list[int]]

    @classmethod
    def of(cls, needs: Inputs) -> _Dependencies:
        size = len(needs.counts)
        bounds = np.cumsum(needs.counts).tolist()
        values = needs.values.tolist()
        inputs = [values[a:b] for a, b in zip([0, *bounds], bounds, strict=False)]
        users: list[list[int]] = [[] for _ in range(size)]
        for row, own in enumerate(inputs):
            for other in own:
                users[other].append(row)
        return cls(inputs, users)

    def heights(self) -> np.ndarray:
        """The longest way from each row to one that nothing waits for."""
        heights = [0] * len(self.inputs)
        waiting = [len(own) for own in self.users]
        ready = [row for row, count in enumerate(waiting) if not count]
        while ready:
            row = ready.pop()
            for other in self.inputs[row]:
                heights[other] = max(heights[other], heights[row] + 1)
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
        return np.asarray(heights)


def _pack(
    dependencies: _Dependencies, kinds: np.ndarray, heights: np.ndarray, places: tuple[int, ...]
) -> tuple[int, np.ndarray]:
    """The number of steps, and the position of each row."""
    waiting = [len(own) for own in dependencies.inputs]
    ready: list[list[tuple[int, int]]] = [[] for _ in places]
    kind, urgency = kinds.tolist(), (-heights).tolist()
    for row, count in enumerate(waiting):
        if not count:
            heapq.heappush(ready[kind[row]], (urgency[row], row))
    position = np.zeros(len(waiting), np.int64)
    starts = np.cumsum((0, *places)).tolist()
    done = steps = 0
    while done < len(waiting):
        taken: list[int] = []
        filled = [0] * len(places)
        for own in range(len(places)):  # its own class first, then what larger ones leave empty
            for cls in range(own, len(places)):
                while ready[own] and filled[cls] < _free(places, ready, own, cls):
                    row = heapq.heappop(ready[own])[1]
                    position[row] = steps * starts[-1] + starts[cls] + filled[cls]
                    filled[cls] += 1
                    taken.append(row)
        for row in taken:
            for user in dependencies.users[row]:
                waiting[user] -= 1
                if not waiting[user]:
                    heapq.heappush(ready[kind[user]], (urgency[user], user))
        done += len(taken)
        steps += 1
    return steps, position


def _free(places: tuple[int, ...], ready: list[list[tuple[int, int]]], own: int, cls: int) -> int:
    """Places of a class that rows of class ``own`` may take: all but those that its own rows want.

    Classes between them come first where they overflow, but that is not looked into.
    """
    return places[cls] if own == cls else places[cls] - min(places[cls], len(ready[cls]))
