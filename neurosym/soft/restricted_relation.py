"""`RestrictedRelation`: a relation of which some values are left, and whatever they still reach.

x + y + z == 4 over 0 to 99, of which 0 to 4 are left
kept      (0, 1, 2, 3, 4) at each position
masks     those of the whole, cut to what is kept; sums that nothing reaches are gone
or        where the masks would be too many: weights go in with zeros, tensors come out without
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.lowering import DenseLowering, Labels, Lowering
from neurosym.problems.constraints.propagator import Propagator
from neurosym.problems.constraints.relation import Relation
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.take import take

MAX_MASKS = 2**24
"""Entries of a constraint's masks that are looked through for values that nothing reaches."""


@dataclasses.dataclass(frozen=True)
class RestrictedRelation(Relation):
    """A relation of which only some values of each position are left."""

    relation: Relation
    kept: tuple[tuple[int, ...], ...]
    kind: ClassVar[str] = "restricted"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(values) for values in self.kept)

    @property
    def always_holds(self) -> bool:
        """Every combination of the values that are left is allowed, as far as its masks show."""
        masks = _reachable(self.relation, self.kept)
        return masks is not None and all(mask.all() for mask in masks[1]) and not masks[2]

    def allows(self, assignment: Sequence[int]) -> bool:
        return self.relation.allows(
            [values[int(v)] for values, v in zip(self.kept, assignment, strict=True)]
        )

    @property
    def bucket(self) -> Hashable:
        return self.relation.bucket

    @classmethod
    def group(cls, placed: Sequence[Any], size: int) -> Propagator:
        raise ValueError("a restricted constraint is for the soft engine")

    def lower(self, private: frozenset[int]) -> Lowering:
        masks = None if private else _reachable(self.relation, self.kept)
        if masks is None:
            return RestrictedLowering(self, self.relation.lower(private))
        labels, tensors, hidden = masks
        return DenseLowering(labels, lambda: tensors, hidden)


class RestrictedLowering(Lowering):
    """The whole relation's lowering: weights go in with zeros, tensors come out without."""

    def __init__(self, relation: RestrictedRelation, whole: Lowering) -> None:
        self.relation, self.whole = relation, whole
        self.labels, self.sizes = whole.labels, whole.sizes
        self.absorbed, self.element_count = whole.absorbed, whole.element_count
        kept: dict[Hashable, tuple[int, ...]] = dict(enumerate(relation.kept))
        sizes: dict[Hashable, int] = dict(enumerate(relation.relation.sizes))
        sizes |= whole.sizes
        self.element_count += sum(math.prod(sizes[x] for x in tensor) for tensor in whole.labels)
        self._kept = [[kept.get(x) for x in tensor] for tensor in whole.labels]
        self._shapes = [tuple(sizes[x] for x in tensor) for tensor in whole.labels]

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        tensors = self.whole.up(semiring, self._embedded(semiring, weights))
        found = []
        for x, kept in zip(tensors, self._kept, strict=True):
            for axis, values in enumerate(kept):
                x = x if values is None else take(x, values, axis=axis)
            found.append(x)
        return found

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        embedded = []
        for x, kept, shape in zip(outer, self._kept, self._shapes, strict=True):
            for axis, values in enumerate(kept):
                x = x if values is None else _embed(semiring, x, values, axis, shape[axis])
            embedded.append(x)
        inner = self.whole.down(semiring, self._embedded(semiring, weights), embedded)
        return {k: take(x, self.relation.kept[k]) for k, x in inner.items()}

    def _embedded(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        kept, sizes = self.relation.kept, self.relation.relation.sizes
        return [
            _embed(semiring, x, values, 0, size)
            for x, values, size in zip(weights, kept, sizes, strict=True)
        ]


@functools.lru_cache(maxsize=256)
def _reachable(
    relation: Relation, kept: tuple[tuple[int, ...], ...]
) -> tuple[tuple[Labels, ...], tuple[np.ndarray, ...], Mapping[Hashable, int]] | None:
    """Labels, masks and hidden sizes over the values that are left; None if that is too much.

    A value of a hidden index that no possible combination of its neighbours reaches is left out:
    it is removed where some mask has no entry for it, until none is.
    """
    lowering = relation.lower(frozenset())
    sizes: dict[Hashable, int] = dict(enumerate(relation.sizes))
    sizes |= lowering.sizes
    if sum(math.prod(sizes[x] for x in tensor) for tensor in lowering.labels) > MAX_MASKS:
        return None
    masks = lowering.constant_masks(relation.sizes)
    values: dict[Hashable, np.ndarray] = {x: np.arange(size) for x, size in sizes.items()}
    values |= {k: np.asarray(few) for k, few in enumerate(kept)}
    masks = [
        mask[np.ix_(*(values[x] for x in tensor))]
        for mask, tensor in zip(masks, lowering.labels, strict=True)
    ]
    changed = True
    while changed:
        changed = False
        for x in lowering.sizes:
            alive: np.ndarray | None = None
            for mask, tensor in zip(masks, lowering.labels, strict=True):
                if x in tensor:
                    axis = tensor.index(x)
                    others = tuple(n for n in range(mask.ndim) if n != axis)
                    here = np.asarray(mask.any(axis=others))
                    alive = here if alive is None else alive & here
            if alive is None or alive.all() or not alive.any():
                continue
            changed = True
            masks = [
                np.compress(alive, mask, axis=tensor.index(x)) if x in tensor else mask
                for mask, tensor in zip(masks, lowering.labels, strict=True)
            ]
    hidden: dict[Hashable, int] = {}
    for mask, tensor in zip(masks, lowering.labels, strict=True):
        hidden |= {
            x: length for x, length in zip(tensor, mask.shape, strict=True) if x in lowering.sizes
        }
    return tuple(lowering.labels), tuple(masks), hidden


def _embed(
    semiring: Semiring, x: Elements, values: Sequence[int], axis: int, size: int
) -> Elements:
    """``x`` at the positions ``values`` of an axis of length ``size``, zero elsewhere."""
    source = np.zeros(size, np.int32)
    there = np.zeros(size, np.bool_)
    source[list(values)], there[list(values)] = np.arange(len(values)), True
    x = take(x, source, axis=axis)
    shape = (1,) * axis + (size,) + (1,) * (elements.ndim(semiring, x) - axis - 1)
    zero = semiring.zeros((), elements.dtype(semiring, x))
    return elements.where(semiring, jnp.asarray(there.reshape(shape)), x, zero)
