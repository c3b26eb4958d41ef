"""What a constraint is: four readings, one file for each kind.

1. *check* an assignment;
2. *prune* bits: the values that some allowed assignment within the domains uses;
3. *total* and *support* in any semiring;
4. the law that ties them, in `neurosym.testing`: pruning is the Boolean through.

A constraint exists in three forms. The *declaration* (`Linear`, `Table`) names variables and is
what users build. `compile` turns it into a *relation* over variable indices: plain integers and
tuples, hashable, which knows how to lower itself to tensors for the soft engine. Relations of one
kind and similar size make a *group* of arrays, whose `prune` the hard engine calls for a whole
batch at once.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.tensor_network import contract, plan_contraction, supports

if TYPE_CHECKING:
    from neurosym.problems.constraints.clause import Clause, Conjunction
    from neurosym.problems.variable import Variable

Labels = tuple[Hashable, ...]


class Constraint(abc.ABC):
    """A declaration: what must hold between some variables of a problem."""

    scope: tuple[Variable, ...]

    @abc.abstractmethod
    def check(self, values: Sequence[Hashable]) -> bool:
        """Whether the values of ``scope``, in its order, satisfy the constraint."""

    @abc.abstractmethod
    def compile(self) -> Relation:
        """The relation over variable and value indices."""

    def negated(self) -> Constraint:
        """The constraint that holds exactly where this one does not, ``~constraint``.

        Raises:
          ValueError: if this kind of constraint has no negation, which is the default; the message
            says what to write instead.
        """
        from neurosym.problems.constraints.negation import no_negation

        raise no_negation(self)

    def instead_of_negation(self) -> str:
        """What users of a kind without a negation write instead; it follows "Instead, …"."""
        return ""

    def __invert__(self) -> Constraint:
        return self.negated()

    def __or__(self, other: object) -> Clause:
        """At least one holds: a `Clause`, of constraints on one variable each."""
        from neurosym.problems.constraints.clause import Clause

        return Clause((self, other)) if isinstance(other, Constraint) else NotImplemented

    def __and__(self, other: object) -> Conjunction:
        """Both hold: a `Conjunction`, of constraints on one variable each."""
        from neurosym.problems.constraints.clause import Conjunction

        return Conjunction((self, other)) if isinstance(other, Constraint) else NotImplemented

    def __bool__(self) -> bool:
        raise TypeError(
            "a constraint has no truth value: add it to a problem with problem.add(...), and write "
            "a <= b and b <= c as two constraints"
        )


class Relation(abc.ABC):
    """A compiled constraint over indices: immutable, hashable, made of integers and tuples.

    Attributes:
      scope: distinct indices of variables.
      sizes: the number of values of each.
    """

    scope: tuple[int, ...]
    sizes: tuple[int, ...]
    kind: ClassVar[str]

    @abc.abstractmethod
    def allows(self, assignment: Sequence[int]) -> bool:
        """Whether the value indices of ``scope``, in its order, satisfy the constraint."""

    @abc.abstractmethod
    def lower(self, private: frozenset[int], name: Hashable) -> Lowering:
        """The constraint as tensors.

        Args:
          private: positions of the scope whose variables occur in no other constraint and are not
            asked for; the lowering may sum them out by a method of its own.
          name: makes the labels of hidden indices unique.
        """

    @property
    @abc.abstractmethod
    def bucket(self) -> Hashable:
        """Relations with equal buckets may share a group of arrays."""

    @classmethod
    @abc.abstractmethod
    def group(cls, relations: Sequence[Any], size: int) -> Group:
        """Arrays for relations of one bucket, over domains of at most ``size`` values.

        Each relation is one row, or several consecutive ones, in the order of ``relations``, and
        what its rows prune follows from it alone: another one may hold only under a condition.
        """

    def total(self, semiring: Semiring, weights: Sequence[Elements]) -> Elements:
        """⊕ over allowed assignments of ⊗ of the weights, elements ``[D_k]`` a position."""
        return self._network(semiring, weights)[0]

    def support(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """The formal derivative of `total` with respect to each weight, ``[D_k]`` a position."""
        lowering = self.lower(frozenset(range(len(self.scope))), "constraint")
        found = lowering.supports(semiring, weights)
        return self._network(semiring, weights)[1] if found is None else found

    def messages(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """`support` for message passing, where many of them are computed round by round.

        The default is the support itself. Another form may bound from below what is possible but
        does not show in any belief.
        """
        return self.support(semiring, weights)

    def _network(
        self, semiring: Semiring, weights: Sequence[Elements]
    ) -> tuple[Elements, list[Elements]]:
        lowering = self.lower(frozenset(range(len(self.scope))), "constraint")
        open_positions = [k for k in range(len(self.scope)) if k not in lowering.absorbed]
        labels = [(self.scope[k],) for k in open_positions] + list(lowering.labels)
        sizes = dict(zip(self.scope, self.sizes, strict=True)) | dict(lowering.sizes)
        tensors = [weights[k] for k in open_positions] + lowering.up(semiring, weights)
        plan = plan_contraction(labels, (), sizes)
        outer = supports(semiring, plan, tensors)
        found = dict(zip(open_positions, outer, strict=False))
        found |= lowering.down(semiring, weights, outer[len(open_positions) :])
        return contract(semiring, plan, tensors), [found[k] for k in range(len(self.scope))]


class Lowering(abc.ABC):
    """A relation as a few tensors over its variables and hidden indices.

    Attributes:
      labels: of each tensor: variable indices, and hidden labels that no other constraint has.
      sizes: of the hidden labels.
      absorbed: positions of the scope that are summed out inside; their weights enter through `up`.
      elements: that `up` makes on the way to its tensors, without the tensors themselves.
    """

    labels: tuple[Labels, ...]
    sizes: Mapping[Hashable, int]
    absorbed: frozenset[int]
    elements: int = 0

    def supports(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements] | None:
        """All supports of a relation that stands alone at once, where that is cheaper."""
        return None

    @abc.abstractmethod
    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """The tensors; ``weights`` has one element array a position, those not absorbed unused."""

    @abc.abstractmethod
    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        """The supports of absorbed positions, given the supports of the tensors."""


class DenseLowering(Lowering):
    """Constant masks over variables and hidden indices; nothing is absorbed.

    The masks are made when they are needed, so that a network that is too wide is refused before.
    """

    def __init__(
        self,
        labels: Sequence[Labels],
        masks: Callable[[], Sequence[np.ndarray]],
        sizes: Mapping[Hashable, int] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.masks = masks
        self.sizes = sizes or {}
        self.absorbed = frozenset()

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        dtype = elements.dtype(semiring, weights[0])
        return [semiring.indicator(jnp.asarray(mask), dtype) for mask in self.masks()]

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        return {}


class Group(Protocol):
    """Arrays of ``C`` relations of one kind over scopes of at most ``K`` variables; a pytree.

    Shorter scopes are padded: ``scope`` repeats variable 0 there and ``present`` is False.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]

    def prune(self, domains: jax.Array) -> jax.Array:
        """What each constraint still allows.

        Works in any lanes: ``uint64`` in W words, or, where the engine narrowed small domains, one
        word of fewer bits. Lanes that a group keeps are ``uint64`` and are narrowed where they are
        used (`neurosym.bits.lanes.narrow`).

        Args:
          domains: lanes ``[C, K, W, B]`` of the variables in scope, batch last.

        Returns:
          Lanes of the same shape and dtype: values with a support in ``domains`` (a weaker
          propagator says so in its docstring); all ones where ``present`` is False.
        """
        ...


@runtime_checkable
class Coupled(Protocol):
    """A group that revises the domains of all variables at once, without a message to each.

    For constraints whose say on a variable follows from a digest of the whole scope, that is far
    less to move. A relation offers it by a class method ``couple(relations, size, variables)``,
    which returns None to decline.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    touching: jax.Array  # int32[V, M]: the constraints on each variable
    touches: jax.Array  # bool[V, M]: False in the filling

    def revise(self, lanes: jax.Array) -> jax.Array:
        """What the constraints allow of all domains, lanes ``[V, W, B]``; a subset of them."""
        ...


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least ``n``."""
    return 1 << max(0, n - 1).bit_length()
