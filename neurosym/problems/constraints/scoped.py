"""Relations of the old form, which hold the indices of their variables, over positions.

    old      relation.scope == (7, 2)      relation.lower(private, name) has the labels 7 and 2
    new      Placed(ScopedRelation(relation), (7, 2))      its lowering has the labels 0 and 1

Nothing in the package makes such relations. They keep those constraints working that were written
before relations and their places were told apart.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring


def unscoped(relation: Any) -> Placed:
    """A relation of the old form in its place, with a `DeprecationWarning`."""
    warnings.warn(
        f"{type(relation).__name__} holds the variables of its scope; a relation is over positions "
        "0..K-1 now, lower(private) labels tensors by them, and compile() returns "
        "self.place(relation). See the guide, 'Your own constraint'",
        DeprecationWarning,
        stacklevel=2,
    )
    return Placed(ScopedRelation(relation), tuple(relation.scope))


@dataclasses.dataclass(frozen=True)
class ScopedRelation(Relation):
    """A relation of the old form, over positions; two are equal only in the same place."""

    relation: Any
    own_support: ClassVar[bool] = True

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.relation.kind

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(self.relation.sizes)

    @property
    def bucket(self) -> Hashable:
        return type(self.relation), self.relation.bucket

    def allows(self, assignment: Sequence[int]) -> bool:
        return self.relation.allows(assignment)

    def lower(self, private: frozenset[int]) -> Lowering:
        return _AtPositions(self.relation.lower(private, "relation"), self.relation.scope)

    @classmethod
    def group(cls, placed: Sequence[Placed[ScopedRelation]], size: int) -> Propagator:
        relations = [relation.relation for relation, _ in placed]
        return type(relations[0]).group(relations, size)

    @classmethod
    def couple(
        cls, placed: Sequence[Placed[ScopedRelation]], size: int, variables: int
    ) -> Coupled | None:
        relations = [relation.relation for relation, _ in placed]
        return type(relations[0]).couple(relations, size, variables)

    def total(self, semiring: Semiring, weights: Sequence[Elements]) -> Elements:
        overridden = type(self.relation).total is not Relation.total
        if overridden:
            return self.relation.total(semiring, weights)
        return super().total(semiring, weights)

    def support(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        overridden = type(self.relation).support is not Relation.support
        if overridden:
            return self.relation.support(semiring, weights)
        return super().support(semiring, weights)


class _AtPositions(Lowering):
    """A lowering whose labels are variables, with positions in their place."""

    def __init__(self, inner: Lowering, scope: Sequence[int]) -> None:
        self.inner = inner
        # Hidden labels were told from indices of variables, which positions may meet.
        names: dict[Hashable, Hashable] = {i: k for k, i in enumerate(scope)}
        names |= {x: ("hidden", x) for x in inner.sizes}
        self.labels = tuple(tuple(names[x] for x in tensor) for tensor in inner.labels)
        self.sizes = {names[x]: size for x, size in inner.sizes.items()}
        self.absorbed = inner.absorbed
        self.element_count = getattr(inner, "elements", inner.element_count)

    def supports(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements] | None:
        return self.inner.supports(semiring, weights)

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        return self.inner.constant_masks(sizes)

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        return self.inner.up(semiring, weights)

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        return self.inner.down(semiring, weights, outer)
