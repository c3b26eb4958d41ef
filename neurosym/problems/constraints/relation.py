"""`Relation`: what holds, over positions; `Placed`: the same with the variables that it holds of.

    x != y             over variables 7 and 2, three values each
    Placed.relation    BinaryRelation(sizes=(3, 3), pairs=...)     over positions 0 and 1
    Placed.scope       (7, 2)                                      the variables at 0 and 1
    y != z             over variables 2 and 5 is the same relation in another place: (2, 5)

A relation knows no variable and has no name. Relations that say the same are equal values, so
whatever is made for one of them (a plan, a table, a compiled program) serves all its placements.
"""

from __future__ import annotations

import abc
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.tensor_network import contract, plan_contraction, supports

R = TypeVar("R", bound="Relation", covariant=True)


class Relation(abc.ABC):
    """What holds between value indices at positions ``0..K-1``: immutable, hashable, plain values.

    Attributes:
      sizes: the number of values of each position.
      kind: names the constraint in pictures, and keeps apart relations that share no arrays.
      own_support: the relation computes `support` by a method of its own, and engines are to call
        it instead of contracting tensors. A class that overrides `support` declares it by that.
    """

    sizes: tuple[int, ...]
    kind: ClassVar[str]
    own_support: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "support" in cls.__dict__ and "own_support" not in cls.__dict__:
            cls.own_support = True

    @abc.abstractmethod
    def allows(self, assignment: Sequence[int]) -> bool:
        """Whether the value indices of the positions satisfy the constraint."""

    @abc.abstractmethod
    def lower(self, private: frozenset[int]) -> Lowering:
        """The constraint as tensors.

        Args:
          private: positions whose variables occur in no other constraint and are not asked for; the
            lowering may sum them out by a method of its own.
        """

    @property
    @abc.abstractmethod
    def bucket(self) -> Hashable:
        """Relations of one kind with equal buckets may share the arrays of a propagator."""

    @property
    def negative(self) -> tuple[int, ...]:
        """Positions at which a literal holds for the first of two values, for pictures."""
        return ()

    @classmethod
    @abc.abstractmethod
    def group(cls, placed: Sequence[Placed[Any]], size: int) -> Propagator:
        """Arrays for relations of one bucket in their places.

        Each relation is one row, or several consecutive rows, in the order of ``placed``. What its
        rows prune follows from this relation alone: another relation may hold only under a
        condition.

        Args:
          placed: relations of this class with equal `bucket`; the same one in the same place may
            come several times, where rows are filled up.
          size: a number of values, at least that of the largest domain.
        """

    @classmethod
    def couple(cls, placed: Sequence[Placed[Any]], size: int, variables: int) -> Coupled | None:
        """Arrays that revise all variables at once, in place of those of `group`.

        Args:
          placed: relations of this class with equal `bucket`.
          size: a number of values, at least that of the largest domain.
          variables: a number of variables, at least how many there are in all.

        Returns:
          The arrays, or None where messages are the better form, which is the default.
        """
        return None

    def total(self, semiring: Semiring, weights: Sequence[Elements]) -> Elements:
        """⊕ over allowed assignments of ⊗ of the weights, elements ``[D_k]`` of each position."""
        return self._contracted(semiring, weights)[0]

    def support(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """The formal derivative of `total` in each weight, ``[D_k]`` for each position."""
        lowering = self.lower(frozenset(range(len(self.sizes))))
        found = lowering.supports(semiring, weights)
        return self._contracted(semiring, weights)[1] if found is None else found

    def messages(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """`support` for message passing, where many of them are computed round by round.

        The default is the support itself. Another form may bound from below what is possible but
        does not show in any belief.
        """
        return self.support(semiring, weights)

    def _contracted(
        self, semiring: Semiring, weights: Sequence[Elements]
    ) -> tuple[Elements, list[Elements]]:
        arity = len(self.sizes)
        lowering = self.lower(frozenset(range(arity)))
        open_positions = [k for k in range(arity) if k not in lowering.absorbed]
        labels = [(k,) for k in open_positions] + list(lowering.labels)
        sizes: dict[Hashable, int] = dict(enumerate(self.sizes))
        sizes |= lowering.sizes
        tensors = [weights[k] for k in open_positions] + lowering.up(semiring, weights)
        plan = plan_contraction(labels, (), sizes)
        outer = supports(semiring, plan, tensors)
        found = dict(zip(open_positions, outer, strict=False))
        found |= lowering.down(semiring, weights, outer[len(open_positions) :])
        return contract(semiring, plan, tensors), [found[k] for k in range(arity)]


class Placed(NamedTuple, Generic[R]):
    """A relation and the variables at its positions.

    Attributes:
      relation: what holds.
      scope: distinct indices of variables, one for each position. Inside of a relation that is made
        of others, the positions of the outer one.
    """

    relation: R
    scope: tuple[int, ...]

    @property
    def kind(self) -> str:
        """The kind of the relation."""
        return self.relation.kind

    @property
    def negative(self) -> tuple[int, ...]:
        """The positions of the scope whose literals are negative."""
        return self.relation.negative

    def allows(self, assignment: Sequence[int]) -> bool:
        """Whether value indices of all variables satisfy the relation in its place."""
        return self.relation.allows([assignment[i] for i in self.scope])
