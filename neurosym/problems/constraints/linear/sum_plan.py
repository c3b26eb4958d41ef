"""The distribution of a sum of variables, by convolutions: in which order, and the two passes.

A variable with offsets is a distribution over its *stride*, the divisor of its offsets. Those of
one stride are convolved in pairs, smallest first, those of different strides with the coarser one
dilated: for ``Σ 10^k d_k`` the digits of equal place value make sums of 19 values, and the sums of
two places overlap in a carry only, so the whole costs about twice the range of the sum. What has
few values far apart (a knapsack's items) is added value by value instead. Merges of one shape that
do not wait for each other are one batched convolution.

`Sums` is the pass up and `Supports` the pass down, as multilinear functions.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.convolution import (
    MAX_UNROLLED,
    convolved,
    correlated_coarse,
    correlated_fine,
    correlated_sum,
    correlated_values,
    placed,
    prefixes,
    read,
    shifted_sum,
)
from neurosym.semirings.operations.multilinear import Algebra

MAX_PAIRED = 32
"""Strides whose merges are chosen from all pairs; more are merged in the order of their ranges."""

SPARSE = 8
"""A variable is sparse where its range over its stride is so many times its number of values."""


class Merge(NamedTuple):
    """Convolutions of one shape: node ``fine[g]`` (with ``spread - 1`` zeros between its entries)
    with node ``coarse[g]`` dilated. Each makes a node of ``size`` entries.

    With ``shifts`` it is a single one, and ``coarse`` has an entry a value: how far it shifts.
    """

    fine: tuple[int, ...]
    coarse: tuple[int, ...]
    spread: int
    dilation: int
    size: int
    shifts: tuple[int, ...] = ()

    def up(self, algebra: Algebra, fine: Elements, coarse: Elements) -> Elements:
        """The nodes that are made, ``[size, G B]``, of ``[S, G B]`` and ``[T, G B]``."""
        fine = _interleave(algebra, fine, self.spread)
        if self.shifts:
            return shifted_sum(algebra, fine, coarse, self.shifts, self.size)
        return convolved(algebra, fine, coarse, self.dilation, self.size)

    def down(
        self, algebra: Algebra, above: Elements, fine: Elements, coarse: Elements
    ) -> tuple[Elements, Elements]:
        """The supports of both, given those of what is made."""
        fine = _interleave(algebra, fine, self.spread)
        length = elements.shape(algebra.semiring, fine)[0]
        width = elements.shape(algebra.semiring, coarse)[0]
        if self.shifts:
            first = correlated_sum(algebra, above, coarse, self.shifts, length)
            second = correlated_values(algebra, above, fine, self.shifts)
        else:
            first = correlated_fine(algebra, above, coarse, self.dilation, length)
            second = correlated_coarse(algebra, above, fine, self.dilation, width)
        return elements.at(first, slice(None, None, self.spread)), second

    def terms(self, lengths: Sequence[int]) -> int:
        """Products that a result sums."""
        digits = -(-((lengths[self.fine[0]] - 1) * self.spread + 1) // self.dilation)
        return min(digits, lengths[self.coarse[0]])


@dataclasses.dataclass(frozen=True)
class SumPlan:
    """How the distribution of a sum is made. Nodes: the variables, then what merges make, in order.

    Attributes:
      places: of each variable, the entries of its node that its values belong to.
      lengths: of each node.
      merges: in order.
      spread: the stride of the last node.
      size: partial sums, from 0 up; larger ones are left out.
    """

    places: tuple[tuple[int, ...], ...]
    lengths: tuple[int, ...]
    merges: tuple[Merge, ...]
    spread: int
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


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a variable with one value a place sees of the sums that are comparable with it: the sum
    at the place (``==``), all others (``!=``), or those up to the place (``<=``)."""

    relation: str
    places: tuple[int, ...]

    def element_count(self, size: int) -> int:
        """Elements that are made of ``size`` sums."""
        passes = {"==": 0, "<=": 1, "!=": 2}[self.relation]
        return len(self.places) + passes * size * max(1, size.bit_length())

    def read(self, algebra: Algebra, sums: Elements) -> Elements:
        """From all sums ``[S, B]`` to what each value sees, ``[V, B]``."""
        size = elements.shape(algebra.semiring, sums)[0]
        if self.relation == "==":
            return read(algebra, sums, self.places)
        below = [min(place, size - 1) for place in self.places]
        if self.relation == "<=":
            return read(algebra, prefixes(algebra, sums), below)
        below = [min(place - 1, size - 1) for place in self.places]
        above = [max(place + 1, 0) for place in self.places]
        parts = [
            read(algebra, prefixes(algebra, sums), below),
            read(algebra, prefixes(algebra, sums, reverse=True), above),
        ]
        return algebra.sum_of(parts)

    def spread(self, algebra: Algebra, outer: Elements, size: int) -> Elements:
        """The transpose: from elements ``[V, B]`` to ``[S, B]``."""
        if self.relation == "==":
            return placed(algebra, outer, self.places, size)
        below = [min(place, size - 1) for place in self.places]
        if self.relation == "<=":
            return prefixes(algebra, placed(algebra, outer, below, size), reverse=True)
        below = [min(place - 1, size - 1) for place in self.places]
        above = [max(place + 1, 0) for place in self.places]
        parts = [
            prefixes(algebra, placed(algebra, outer, below, size), reverse=True),
            prefixes(algebra, placed(algebra, outer, above, size)),
        ]
        return algebra.sum_of(parts)


@dataclasses.dataclass(frozen=True)
class Sums:
    """The pass up: from the weights of the variables ``[D_k, B]`` to the sums ``[size, B]``.

    With ``reading`` the result is what each value of a further variable sees of them, ``[V, B]``.
    """

    plan: SumPlan
    reading: Reading | None = None

    @property
    def terms(self) -> int:
        return self.plan.terms + (self.plan.size if self.reading else 0)

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        sums = _spread(algebra, _nodes(self.plan, algebra, operands)[-1], self.plan)
        return sums if self.reading is None else self.reading.read(algebra, sums)

    def scale(self, *shifts: jax.Array) -> jax.Array:
        return _total(shifts)


@dataclasses.dataclass(frozen=True)
class Supports:
    """The pass down: from the weights ``[D_k, B]`` and what the sums (or what was read of them) are
    multiplied with to the supports of all variables, one after the other, ``[Σ D_k, B]``."""

    plan: SumPlan
    reading: Reading | None = None

    @property
    def terms(self) -> int:
        return 2 * self.plan.terms + (len(self.reading.places) if self.reading else 0)

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        plan, semiring = self.plan, algebra.semiring
        *weights, outer = operands
        if self.reading is not None:
            outer = self.reading.spread(algebra, outer, plan.size)
        outer = elements.at(outer, slice(None, None, plan.spread))
        nodes = _nodes(plan, algebra, weights)
        found: list[Elements] = [None] * len(nodes)
        length = plan.lengths[-1]
        found[-1] = elements.pad(
            semiring, outer, [(0, length - elements.shape(semiring, outer)[0], 0), (0, 0, 0)]
        )
        end = len(nodes)
        for merge in reversed(plan.merges):
            start = end - len(merge.fine)
            above = _beside(semiring, found[start:end])
            fine = _beside(semiring, [nodes[n] for n in merge.fine])
            coarse = _beside(semiring, [nodes[n] for n in merge.coarse])
            down, across = merge.down(algebra, above, fine, coarse)
            count = len(merge.fine)
            for n, x in zip(merge.fine, _apart(semiring, down, count), strict=True):
                found[n] = x
            for n, x in zip(merge.coarse, _apart(semiring, across, count), strict=True):
                found[n] = x
            end = start
        parts = [read(algebra, x, row) for x, row in zip(found, plan.places, strict=False)]
        return elements.concatenate(semiring, parts)

    def scale(self, *shifts: jax.Array) -> jax.Array:
        total = _total(shifts)
        rows = zip(shifts, self.plan.values, strict=False)
        return jnp.concatenate(
            [jnp.broadcast_to(total - x, (size, *total.shape)) for x, size in rows]
        )


def _nodes(plan: SumPlan, algebra: Algebra, weights: Sequence[Elements]) -> list[Elements]:
    """The distributions of all nodes, ``[lengths[n], B]`` each."""
    semiring = algebra.semiring
    nodes: list[Elements] = [None] * len(plan.places)
    alike: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for n, row in enumerate(plan.places):
        alike.setdefault((row, plan.lengths[n]), []).append(n)
    for (row, length), members in alike.items():
        made = placed(algebra, _beside(semiring, [weights[n] for n in members]), row, length)
        for n, x in zip(members, _apart(semiring, made, len(members)), strict=True):
            nodes[n] = x
    for merge in plan.merges:
        fine = _beside(semiring, [nodes[n] for n in merge.fine])
        coarse = _beside(semiring, [nodes[n] for n in merge.coarse])
        nodes += _apart(semiring, merge.up(algebra, fine, coarse), len(merge.fine))
    return nodes


def _beside(semiring: Semiring, xs: Sequence[Elements]) -> Elements:
    """Elements ``[S, B]`` side by side in the batch, ``[S, G B]``."""
    return xs[0] if len(xs) == 1 else elements.concatenate(semiring, xs, 1)


def _apart(semiring: Semiring, x: Elements, count: int) -> list[Elements]:
    """``[S, G B]`` as G of ``[S, B]``."""
    width = elements.shape(semiring, x)[1] // count
    return [elements.at(x, (slice(None), slice(g * width, (g + 1) * width))) for g in range(count)]


def _interleave(algebra: Algebra, x: Elements, spread: int) -> Elements:
    """Zeros between the entries of ``[S, B]``."""
    if spread == 1:
        return x
    return elements.pad(algebra.semiring, x, [(0, 0, spread - 1), (0, 0, 0)])


def _spread(algebra: Algebra, x: Elements, plan: SumPlan) -> Elements:
    """The last node as all partial sums."""
    long = (plan.lengths[-1] - 1) * plan.spread + 1
    return elements.pad(algebra.semiring, x, [(0, plan.size - long, plan.spread - 1), (0, 0, 0)])


def _total(shifts: Sequence[jax.Array]) -> jax.Array:
    total = shifts[0]
    for shift in shifts[1:]:
        total = total + shift
    return total


class _Pair(NamedTuple):
    """What merging two nodes costs, and how."""

    cost: int
    fine: int
    coarse: int
    spread: int
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
            spread = self.strides[last] // stride
            # A shift by the whole length and more leaves nothing.
            farthest = (self.size - 1) // stride + 1
            shifts = tuple(min(offset // stride, farthest) for offset in offsets)
            everything = (self.lengths[last] - 1) * spread + 1 + max(shifts)
            size = min(everything, farthest)
            self.pairs.append(_Pair(len(shifts) * size, last, node, spread, 1, size, shifts))
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
            key = self.ready[first + n], *shape, pair.spread, pair.dilation, pair.size, own
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
                    spread=members[0].spread,
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
            spread=self.strides[last],
            size=self.size,
        )

    def _pair(self, a: int, b: int) -> _Pair:
        return min(self._ordered(a, b), self._ordered(b, a))

    def _ordered(self, fine: int, coarse: int) -> _Pair:
        stride = math.gcd(self.strides[fine], self.strides[coarse])
        spread, dilation = self.strides[fine] // stride, self.strides[coarse] // stride
        long = (self.lengths[fine] - 1) * spread + 1
        everything = long + dilation * (self.lengths[coarse] - 1)
        size = min(everything, (self.size - 1) // stride + 1)
        digits = -(-long // dilation)
        terms = digits
        if dilation == 1 or min(digits, self.lengths[coarse]) <= MAX_UNROLLED:
            terms = min(digits, self.lengths[coarse])
        return _Pair(terms * size, fine, coarse, spread, dilation, size)

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
