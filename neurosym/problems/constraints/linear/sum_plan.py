"""The order in which convolutions make the distribution of a sum of variables.

    a + b + 10 c + 10 d     digits from 0 to 9
    1. a + b                19 sums, 0 to 18      one stride: convolved
       10 c + 10 d          19 sums, 0 to 180     stride 10; the same shape, so one batched step
    2. (a + b) + (c + d)    199 sums, 0 to 198    the second dilated by 10: two overlap
    Not: one digit after the other, which would carry 190 sums along from the third digit on.

A variable with offsets is a distribution over its *stride*, the divisor of its offsets.
Distributions of one stride are convolved in pairs, the smallest first; distributions of different
strides are convolved with the coarser one dilated: for ``Σ 10^k d_k`` the digits of equal place
value make sums of 19 values, and the sums of two places overlap in a carry only, so the whole costs
about twice the range of the sum. A variable that has few values far apart (a knapsack's item) is
added value by value instead. Merges of one shape that do not wait for each other are one batched
convolution.

The plan is made of integers alone; `sum_passes.py` carries it out.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

from neurosym.semirings.operations.convolution import MAX_UNROLLED

MAX_PAIRED = 32
"""Strides whose merges are chosen from all pairs; more are merged in the order of their ranges."""

SPARSE = 8
"""A variable is sparse where its range over its stride is so many times its number of values."""


class Merge(NamedTuple):
    """Convolutions of one shape: node ``fine[g]`` (with ``spacing - 1`` zeros between its entries)
    with node ``coarse[g]`` dilated. Each makes a node of ``size`` entries.

    With ``shifts`` it is a single one, and ``coarse`` has an entry for each value: how far it
    shifts.
    """

    fine: tuple[int, ...]
    coarse: tuple[int, ...]
    spacing: int
    dilation: int
    size: int
    shifts: tuple[int, ...] = ()

    def terms(self, lengths: Sequence[int]) -> int:
        """Products that a result sums."""
        digits = -(-((lengths[self.fine[0]] - 1) * self.spacing + 1) // self.dilation)
        return min(digits, lengths[self.coarse[0]])


@dataclasses.dataclass(frozen=True)
class SumPlan:
    """How the distribution of a sum is made. Nodes: the variables, then what merges make, in order.

    Attributes:
      places: of each variable, the entries of its node that its values belong to.
      lengths: of each node.
      merges: in order.
      stride: of the last node.
      size: partial sums, from 0 up; larger ones are left out.
    """

    places: tuple[tuple[int, ...], ...]
    lengths: tuple[int, ...]
    merges: tuple[Merge, ...]
    stride: int
    size: int

    @property
    def values(self) -> tuple[int, ...]:
        """The number of values of each variable."""
        return tuple(len(row) for row in self.places)

    @property
    def terms(self) -> int:
        """Products that are summed, added up over the merges, and values that share a sum."""
        found = max(self.values)
        for merge in self.merges:
            found += max(self.lengths[merge.fine[0]], self.lengths[merge.coarse[0]])
        return found

    @property
    def element_count(self) -> int:
        """Elements that the pass up makes: terms where they are laid out, and results."""
        found = sum(self.lengths)
        for merge in self.merges:
            found += len(merge.fine) * merge.size * merge.terms(self.lengths)
        return found


def plan_sum(offsets: Sequence[Sequence[int]], size: int) -> SumPlan:
    """Plans the distribution of a sum of variables.

    Args:
      offsets: of each variable, what each of its values adds; at least 0.
      size: partial sums that matter, from 0 up.

    Returns:
      The plan; nothing is allocated.
    """
    planner = _Planner(size)
    for row in offsets:
        planner.add_variable(row)
    planner.make_one_dense()
    planner.merge_equal_strides()
    planner.merge_strides()
    planner.merge_sparse()
    return planner.plan()


class _Pair(NamedTuple):
    """What merging two nodes costs, and how."""

    cost: int
    fine: int
    coarse: int
    spacing: int
    dilation: int
    size: int
    shifts: tuple[int, ...] = ()


class _Planner:
    """Nodes and merges as they are found, before those of one shape are joined."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.places: list[tuple[int, ...]] = []
        self.lengths: list[int] = []
        self.strides: list[int] = []
        self.ready: list[int] = []  # levels of merges before a node is there
        self.live: list[int] = []
        self.sparse: list[tuple[int, ...]] = []  # of each sparse variable: node, then offsets
        self.pairs: list[_Pair] = []  # pair n makes node len(places) + n

    def add_variable(self, offsets: Sequence[int]) -> None:
        stride = math.gcd(*offsets) or 1
        length = min(max(offsets), self.size - 1) // stride + 1
        if length > SPARSE * len(offsets):
            self.sparse.append((len(self.lengths), *offsets))
            self.places.append(tuple(range(len(offsets))))
            self._append(1, len(offsets), 0)
            return
        self.places.append(tuple(offset // stride for offset in offsets))
        self.live.append(len(self.lengths))
        self._append(stride, length, 0)

    def make_one_dense(self) -> None:
        """Sparse variables need something to be added to."""
        if not self.live:
            node, *offsets = min(self.sparse, key=lambda row: max(row[1:]))
            self.sparse.remove((node, *offsets))
            stride = math.gcd(*offsets) or 1
            self.places[node] = tuple(offset // stride for offset in offsets)
            self.strides[node] = stride
            self.lengths[node] = min(max(offsets), self.size - 1) // stride + 1
            self.live.append(node)

    def merge_equal_strides(self) -> None:
        """Nodes of one stride, in pairs, the smallest first."""
        by_stride: dict[int, list[int]] = {}
        for node in self.live:
            by_stride.setdefault(self.strides[node], []).append(node)
        live = []
        for nodes in by_stride.values():
            while len(nodes) > 1:
                nodes.sort(key=lambda n: (self.lengths[n], n))
                merged = [
                    self._merge(self._pair(a, b))
                    for a, b in zip(nodes[::2], nodes[1::2], strict=False)
                ]
                nodes = merged + nodes[2 * len(merged) :]
            live += nodes
        self.live = live

    def merge_strides(self) -> None:
        """The rest: always the pair that costs least, or, of many, the smallest range first."""
        if len(self.live) > MAX_PAIRED:
            self.live.sort(key=lambda n: (self.lengths[n] * self.strides[n], n))
            first, *others = self.live
            for other in others:
                first = self._merge(self._pair(first, other))
            self.live = [first]
            return
        alive = set(self.live)
        queue = [self._pair(a, b) for a in alive for b in alive if a < b]
        heapq.heapify(queue)
        while len(alive) > 1:
            pair = heapq.heappop(queue)
            if pair.fine in alive and pair.coarse in alive:
                alive -= {pair.fine, pair.coarse}
                made = self._merge(pair)
                for other in alive:
                    heapq.heappush(queue, self._pair(other, made))
                alive.add(made)
        self.live = list(alive)

    def merge_sparse(self) -> None:
        """Sparse variables are added one by one, the smallest range first."""
        (last,) = self.live
        for node, *offsets in sorted(self.sparse, key=lambda row: (max(row[1:]), row[0])):
            stride = math.gcd(self.strides[last], *offsets)
            spacing = self.strides[last] // stride
            # A shift by the whole length and more leaves nothing.
            farthest = (self.size - 1) // stride + 1
            shifts = tuple(min(offset // stride, farthest) for offset in offsets)
            everything = (self.lengths[last] - 1) * spacing + 1 + max(shifts)
            size = min(everything, farthest)
            self.pairs.append(_Pair(len(shifts) * size, last, node, spacing, 1, size, shifts))
            level = 1 + self.ready[last]
            last = self._append(stride, size, level)
        self.live = [last]

    def plan(self) -> SumPlan:
        """The plan, with merges that have one shape and are ready together as one."""
        first = len(self.places)
        together: dict[tuple[int, int, int, int, int, int, int], list[int]] = {}
        for n, pair in enumerate(self.pairs):
            shape = self.lengths[pair.fine], self.lengths[pair.coarse]
            own = n if pair.shifts else -1
            key = self.ready[first + n], *shape, pair.spacing, pair.dilation, pair.size, own
            together.setdefault(key, []).append(n)
        number = list(range(first + len(self.pairs)))
        lengths, merges = self.lengths[:first], []
        for key in sorted(together):
            members = [self.pairs[n] for n in together[key]]
            for n in together[key]:
                number[first + n] = len(lengths)
                lengths.append(self.lengths[first + n])
            merges.append(
                Merge(
                    fine=tuple(number[pair.fine] for pair in members),
                    coarse=tuple(number[pair.coarse] for pair in members),
                    spacing=members[0].spacing,
                    dilation=members[0].dilation,
                    size=members[0].size,
                    shifts=members[0].shifts,
                )
            )
        (last,) = self.live
        return SumPlan(
            places=tuple(self.places),
            lengths=tuple(lengths),
            merges=tuple(merges),
            stride=self.strides[last],
            size=self.size,
        )

    def _pair(self, a: int, b: int) -> _Pair:
        return min(self._ordered(a, b), self._ordered(b, a))

    def _ordered(self, fine: int, coarse: int) -> _Pair:
        stride = math.gcd(self.strides[fine], self.strides[coarse])
        spacing, dilation = self.strides[fine] // stride, self.strides[coarse] // stride
        long = (self.lengths[fine] - 1) * spacing + 1
        everything = long + dilation * (self.lengths[coarse] - 1)
        size = min(everything, (self.size - 1) // stride + 1)
        digits = -(-long // dilation)
        terms = digits
        if dilation == 1 or min(digits, self.lengths[coarse]) <= MAX_UNROLLED:
            terms = min(digits, self.lengths[coarse])
        return _Pair(terms * size, fine, coarse, spacing, dilation, size)

    def _merge(self, pair: _Pair) -> int:
        stride = math.gcd(self.strides[pair.fine], self.strides[pair.coarse])
        self.pairs.append(pair)
        level = 1 + max(self.ready[pair.fine], self.ready[pair.coarse])
        return self._append(stride, pair.size, level)

    def _append(self, stride: int, length: int, level: int) -> int:
        self.strides.append(stride)
        self.lengths.append(length)
        self.ready.append(level)
        return len(self.lengths) - 1
