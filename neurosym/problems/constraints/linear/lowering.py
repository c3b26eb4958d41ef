"""`Linear` and `Count` for the soft engine: private variables by convolution, the others as masks.

Private variables become the distribution of their sum (`sum_plan.py`). Usually one variable is
left, the total: the distribution (or, where it is a bound, the running sums of it) is read at the
variable's values, and no mask is needed however many values there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from neurosym.problems.constraints.comparison import COMPARISONS
from neurosym.problems.constraints.linear.reading import Reading
from neurosym.problems.constraints.linear.sum_passes import Sums, Supports
from neurosym.problems.constraints.linear.sum_plan import plan_sum
from neurosym.problems.constraints.lowering import Labels, Lowering
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.multilinear import evaluate

MAX_DENSE = 2**16
"""Entries of a mask over partial sum and variables that is laid out whole, not as a chain."""


class LinearLowering(Lowering):
    """``Σ_k offsets[k][x_k]  relation  bound``; at least one variable stays open.

    The relation is ``==``, ``!=`` or ``<=``, and the least offset of each variable is 0.
    """

    def __init__(
        self,
        offsets: tuple[tuple[int, ...], ...],
        relation: str,
        bound: int,
        private: frozenset[int],
    ) -> None:
        ranges = [max(row) for row in offsets]
        order = sorted(range(len(offsets)), key=lambda k: (ranges[k], k))
        inner = [k for k in order if k in private]
        outer = [k for k in order if k not in private]
        if not outer:
            outer = [inner.pop()]
        self.offsets, self.relation, self.bound = offsets, relation, bound
        self.inner, self.outer = inner, outer
        self.absorbed = frozenset(inner)
        # Larger sums than the bound do not matter, unless all sums but one are allowed.
        self.limit = sum(ranges) + 1
        if relation != "!=":
            self.limit = max(1, min(self.limit, bound + 1))
        self.reading: Reading | None = None
        self.labels: tuple[Labels, ...]
        self.sizes = {}
        self.element_count = 0
        if inner:
            self.length = min(sum(ranges[k] for k in inner) + 1, self.limit)
            self.plan = plan_sum([offsets[k] for k in inner], self.length)
            self.element_count = self.plan.element_count
        if inner and len(outer) == 1:
            (k,) = outer
            self.labels = ((k,),)
            places = tuple(bound - offset for offset in offsets[k])
            self.reading = Reading(relation, places)
            self.element_count += self.reading.element_count(self.length)
        else:
            self.labels, self.sizes, self._masks = self._lay_out()

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        assert not self.inner
        return [np.asarray(mask, np.bool_) for mask in self._masks()]

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        dtype = elements.dtype(semiring, weights[0])
        masks = []
        if self.reading is None:
            masks = [semiring.indicator(mask, dtype) for mask in self._masks()]
        if not self.inner:
            return masks
        inner = [weights[k] for k in self.inner]
        return [evaluate(semiring, Sums(self.plan, self.reading), *inner), *masks]

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        if not self.inner:
            return {}
        inner = [weights[k] for k in self.inner]
        found = evaluate(semiring, Supports(self.plan, self.reading), *inner, outer[0])
        supports, start = {}, 0
        for k in self.inner:
            end = start + len(self.offsets[k])
            supports[k] = elements.at(found, slice(start, end))
            start = end
        return supports

    def _lay_out(
        self,
    ) -> tuple[tuple[Labels, ...], dict[Hashable, int], Callable[[], list[np.ndarray]]]:
        """Masks that link the inner sum (if any) and the outer variables to the bound."""
        axes = [np.asarray(self.offsets[k]) for k in self.outer]
        labels: list[Hashable] = list(self.outer)
        hidden: dict[Hashable, int] = {}
        factors: list[Labels] = []
        if self.inner:
            hidden["inner sum"] = self.length
            axes.insert(0, np.arange(self.length))
            labels.insert(0, "inner sum")
            factors.append(("inner sum",))
        if math.prod(len(axis) for axis in axes) <= MAX_DENSE or len(axes) <= 2:

            def whole() -> list[np.ndarray]:
                grids = np.meshgrid(*axes, indexing="ij", sparse=True)
                return [np.asarray(self._accepts(sum(grids)))]

            return (*factors, tuple(labels)), hidden, whole
        # A chain: hidden index n is the sum of the first n + 2 axes; sums[n] are its values.
        sums, label = [axes[0]], labels[0]
        for n, (axis, here) in enumerate(zip(axes[1:-1], labels[1:-1], strict=True)):
            length = min(int(sums[-1].max() + axis.max()) + 1, self.limit)
            sums.append(np.arange(length))
            hidden["sum", n] = length
            factors.append((label, here, ("sum", n)))
            label = ("sum", n)
        factors.append((label, labels[-1]))

        def chain() -> list[np.ndarray]:
            links = zip(sums[:-1], axes[1:-1], sums[1:], strict=True)
            masks = [a[:, None, None] + b[None, :, None] == c for a, b, c in links]
            return [*masks, np.asarray(self._accepts(sums[-1][:, None] + axes[-1]))]

        return tuple(factors), hidden, chain

    def _accepts(self, total: Any) -> Any:
        return COMPARISONS[self.relation](total, self.bound)
