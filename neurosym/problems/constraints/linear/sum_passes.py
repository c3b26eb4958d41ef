"""The distribution of a sum and its derivative, as multilinear functions that follow a `SumPlan`.

`Sums`, up:         weights of the variables ─▶ nodes, merge by merge ─▶ all sums ─▶ reading
`Supports`, down:   supports of the variables ◀─ nodes ◀─ what the sums are multiplied with
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from neurosym.problems.constraints.linear.reading import Reading
from neurosym.problems.constraints.linear.sum_plan import Merge, SumPlan
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.convolution import (
    convolved,
    correlated_coarse,
    correlated_fine,
    correlated_sum,
    correlated_values,
    placed,
    read,
    shifted_sum,
)
from neurosym.semirings.operations.multilinear import Algebra, Work


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

    @property
    def work(self) -> Work:
        results = len(self.reading.places) if self.reading else self.plan.size
        entries = sum(self.plan.values) + results
        return Work(_products(self.plan), entries, len(self.plan.merges))

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        sums = _all_sums(algebra, _nodes(self.plan, algebra, operands)[-1], self.plan)
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

    @property
    def work(self) -> Work:
        outer = len(self.reading.places) if self.reading else self.plan.size
        entries = 2 * sum(self.plan.values) + outer
        return Work(_products(self.plan), entries, len(self.plan.merges))

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        plan, semiring = self.plan, algebra.semiring
        *weights, outer = operands
        if self.reading is not None:
            outer = self.reading.transposed(algebra, outer, plan.size)
        outer = elements.at(outer, slice(None, None, plan.stride))
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
            down, across = _taken_apart(algebra, merge, above, fine, coarse)
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


def _products(plan: SumPlan) -> int:
    return plan.element_count - sum(plan.lengths)


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
        nodes += _apart(semiring, _merged(algebra, merge, fine, coarse), len(merge.fine))
    return nodes


def _merged(algebra: Algebra, merge: Merge, fine: Elements, coarse: Elements) -> Elements:
    """The nodes that a merge makes, ``[size, G B]``, of ``[S, G B]`` and ``[T, G B]``."""
    fine = _spaced(algebra, fine, merge.spacing)
    if merge.shifts:
        return shifted_sum(algebra, fine, coarse, merge.shifts, merge.size)
    return convolved(algebra, fine, coarse, merge.dilation, merge.size)


def _taken_apart(
    algebra: Algebra, merge: Merge, above: Elements, fine: Elements, coarse: Elements
) -> tuple[Elements, Elements]:
    """The supports of both sides of a merge, given those of what it makes."""
    fine = _spaced(algebra, fine, merge.spacing)
    length = elements.shape(algebra.semiring, fine)[0]
    width = elements.shape(algebra.semiring, coarse)[0]
    if merge.shifts:
        first = correlated_sum(algebra, above, coarse, merge.shifts, length)
        second = correlated_values(algebra, above, fine, merge.shifts)
    else:
        first = correlated_fine(algebra, above, coarse, merge.dilation, length)
        second = correlated_coarse(algebra, above, fine, merge.dilation, width)
    return elements.at(first, slice(None, None, merge.spacing)), second


def _beside(semiring: Semiring, xs: Sequence[Elements]) -> Elements:
    """Elements ``[S, B]`` side by side in the batch, ``[S, G B]``."""
    return xs[0] if len(xs) == 1 else elements.concatenate(semiring, xs, 1)


def _apart(semiring: Semiring, x: Elements, count: int) -> list[Elements]:
    """``[S, G B]`` as G of ``[S, B]``."""
    width = elements.shape(semiring, x)[1] // count
    return [elements.at(x, (slice(None), slice(g * width, (g + 1) * width))) for g in range(count)]


def _spaced(algebra: Algebra, x: Elements, spacing: int) -> Elements:
    """Zeros between the entries of ``[S, B]``."""
    if spacing == 1:
        return x
    return elements.pad(algebra.semiring, x, [(0, 0, spacing - 1), (0, 0, 0)])


def _all_sums(algebra: Algebra, x: Elements, plan: SumPlan) -> Elements:
    """The last node as all partial sums."""
    long = (plan.lengths[-1] - 1) * plan.stride + 1
    return elements.pad(algebra.semiring, x, [(0, plan.size - long, plan.stride - 1), (0, 0, 0)])


def _total(shifts: Sequence[jax.Array]) -> jax.Array:
    total = shifts[0]
    for shift in shifts[1:]:
        total = total + shift
    return total
