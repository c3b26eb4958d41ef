"""`Clause`: at least one of several literals holds; its negation `Conjunction`: all of them do.

A literal says that a variable takes a value of a set, so a clause over 0/1 variables is a clause of
propositional logic. Pruning is unit propagation on sets, and exact: where only one literal can
still hold, its variable keeps the values that make it hold.

Total and support: a short clause is one dense mask, a longer one a chain of hidden states (no
literal holds so far, or one does), which every assignment passes in exactly one way.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import any_row, reduce_rows
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.lowering import DenseLowering, chain_labels
from neurosym.problems.constraints.membership import Member, as_literal
from neurosym.problems.constraints.propagator import Propagator, power_of_two
from neurosym.problems.constraints.relation import Placed, Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_DENSE = 2**8
"""Entries of a clause that is laid out as one dense mask."""

MAX_WRITTEN_OUT = 4
"""Literals that are counted one by one."""


@dataclasses.dataclass(frozen=True, eq=False)
class Clause(Constraint):
    """At least one of ``parts`` holds.

    Usually written ``(x == 1) | (y != 2) | z.isin({0, 3})``.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> Clause([x == 1, y <= 1])
    Clause(Member(x[0] in {1}) | Member(x[1] in {0, 1}))

    A variable that is repeated takes the values of any of its literals. A literal that holds for
    every value makes the clause say nothing, and a literal that holds for no value contributes
    nothing.

    Attributes:
      parts: constraints, clauses of them, or 0/1 variables that are to be 1. A constraint on
        several variables becomes a literal on an auxiliary variable, so it must have a negation.
      literals: the parts as one `Member` for each variable.
      scope: the variables of the literals.

    Raises:
      ValueError: without parts, or for a part on several variables without a negation.
    """

    parts: dataclasses.InitVar[Iterable[Constraint | Variable]]
    literals: tuple[Member, ...] = dataclasses.field(init=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False)

    def __post_init__(self, parts: Iterable[Constraint | Variable]) -> None:
        merged = _literals(parts, Clause)
        object.__setattr__(self, "literals", tuple(merged.values()))
        object.__setattr__(self, "scope", tuple(merged))

    def __repr__(self) -> str:
        return f"Clause({' | '.join(map(repr, self.literals))})"

    def check(self, values: Sequence[Hashable]) -> bool:
        return any(
            value in literal.values for literal, value in zip(self.literals, values, strict=True)
        )

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        return functools.reduce(np.logical_or, [literal.holds(given) for literal in self.literals])

    def compile(self) -> tuple[Placed, ...]:
        return self.place(_relation(self.literals, every=False))

    def negated(self) -> Conjunction:
        return Conjunction(tuple(literal.negated() for literal in self.literals))


@dataclasses.dataclass(frozen=True, eq=False)
class Conjunction(Constraint):
    """Every one of ``parts`` holds: the negation of a `Clause`, ``(x == 1) & (y == 2)``.

    A problem takes its parts one by one as well; it is of use inside of `Implies` and `Reified`.

    Attributes:
      parts: as those of a `Clause`. A variable that is repeated takes a value that all its parts
        allow.
      literals: the parts as one `Member` a variable.
      scope: the variables of the literals.

    Raises:
      ValueError: as `Clause`.
    """

    parts: dataclasses.InitVar[Iterable[Constraint | Variable]]
    literals: tuple[Member, ...] = dataclasses.field(init=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False)

    def __post_init__(self, parts: Iterable[Constraint | Variable]) -> None:
        merged = _literals(parts, Conjunction)
        object.__setattr__(self, "literals", tuple(merged.values()))
        object.__setattr__(self, "scope", tuple(merged))

    def __repr__(self) -> str:
        return f"Conjunction({' & '.join(map(repr, self.literals))})"

    def check(self, values: Sequence[Hashable]) -> bool:
        return all(
            value in literal.values for literal, value in zip(self.literals, values, strict=True)
        )

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        return functools.reduce(np.logical_and, [literal.holds(given) for literal in self.literals])

    def compile(self) -> tuple[Placed, ...]:
        return self.place(_relation(self.literals, every=True))

    def negated(self) -> Clause:
        return Clause(tuple(literal.negated() for literal in self.literals))


def _literals(
    parts: Iterable[Constraint | Variable], kind: type[Clause] | type[Conjunction]
) -> dict[Variable, Member]:
    """One literal a variable; those of a clause are united, those of a conjunction intersected."""
    from neurosym.problems.logic import literal_of

    merged: dict[Variable, Member] = {}
    for part in parts:
        for literal in part.literals if isinstance(part, kind) else (as_literal(part),):
            if literal is None or (isinstance(part, Constraint) and part.guards):
                literal = literal_of(part)
            known = merged.setdefault(literal.variable, literal)
            if known is not literal:
                one, other = frozenset(known.values), frozenset(literal.values)
                values = one | other if kind is Clause else one & other
                merged[literal.variable] = Member(literal.variable, values)
    if not merged:
        raise ValueError(f"a {kind.__name__.lower()} needs at least one literal")
    return merged


def _relation(literals: Sequence[Member], *, every: bool) -> Relation:
    if len(literals) == 1:
        return literals[0].relation()
    return ClauseRelation(
        sizes=tuple([len(literal.variable.domain) for literal in literals]),
        masks=tuple([literal.mask for literal in literals]),
        every=every,
    )


@dataclasses.dataclass(frozen=True)
class ClauseRelation(Relation):
    """Literals over value indices, of which at least one holds, or every one."""

    sizes: tuple[int, ...]
    masks: tuple[int, ...]  # bit v: the literal holds for value index v
    every: bool
    kind: ClassVar[str] = "clause"

    def allows(self, assignment: Sequence[int]) -> bool:
        holds = [bool(mask >> int(v) & 1) for mask, v in zip(self.masks, assignment, strict=True)]
        return all(holds) if self.every else any(holds)

    @property
    def negative(self) -> tuple[int, ...]:
        """Positions of two values at which the literal holds for the first: ``~x`` of a 0/1 x."""
        literals = zip(self.sizes, self.masks, strict=True)
        return tuple([k for k, literal in enumerate(literals) if literal == (2, 0b01)])

    @property
    def bucket(self) -> Hashable:
        return self.every, _width(len(self.sizes))

    @classmethod
    def group(cls, placed: Sequence[Placed[ClauseRelation]], size: int) -> Propagator:
        words = bits.word_count(size)
        arities = np.fromiter((len(scope) for _, scope in placed), np.int64)
        present = np.arange(_width(int(arities.max()))) < arities[:, None]
        scope = np.zeros(present.shape, np.int32)
        flat = itertools.chain.from_iterable(scope for _, scope in placed)
        scope[present] = np.fromiter(flat, np.int32, int(arities.sum()))
        literals = np.zeros((*present.shape, words), np.uint64)
        masks = itertools.chain.from_iterable(relation.masks for relation, _ in placed)
        literals[present] = masks_to_lanes(masks, words)
        kind = Conjunctions if placed[0].relation.every else Clauses
        with jax.enable_x64(True):
            return kind(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                literals=jax.device_put(literals),
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        arity = len(self.sizes)
        if self.every:
            return DenseLowering([(k,) for k in range(arity)], self._holds)
        if math.prod(self.sizes) <= MAX_DENSE:
            return DenseLowering(
                [tuple(range(arity))],
                lambda: [functools.reduce(np.logical_or.outer, self._holds())],
            )
        return self._lower_chain()

    def _holds(self) -> list[np.ndarray]:
        """``bool[D_k]`` a position: the values for which the literal holds."""
        return [
            np.asarray([bool(mask >> v & 1) for v in range(size)])
            for mask, size in zip(self.masks, self.sizes, strict=True)
        ]

    def _lower_chain(self) -> DenseLowering:
        """Hidden index k says whether one of the first k literals holds."""
        arity = len(self.sizes)

        def masks() -> list[np.ndarray]:
            steps = []
            for k, holds in enumerate(self._holds()):
                met = np.stack([holds, np.ones_like(holds)])  # [before, D]
                step = met if k == arity - 1 else np.stack([~met, met], -1)
                steps.append(step if k > 0 else step[0])
            return steps

        hidden: dict[Hashable, int] = {("state", k): 2 for k in range(1, arity)}
        return DenseLowering(chain_labels(arity), masks, hidden)


@flax.struct.dataclass
class _Literals:
    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    literals: jax.Array  # uint64[C, K, W]: the values for which each literal holds; none if absent


@flax.struct.dataclass
class Clauses(_Literals):
    """Clauses; see `Propagator`."""

    @jax.named_scope("clause")
    def prune(self, domains: jax.Array) -> jax.Array:
        dtype = domains.dtype
        literals = bits.narrow(self.literals, dtype)[..., None]
        possible = any_row(domains & literals != bits.nothing(dtype), axis=2)[:, :, None]
        # Sums in the narrowest integers: they are as fast as the bytes that they read. A few terms
        # are written out, since a short reduction inside of a larger loop compiles to scalar code.
        count = np.min_scalar_type(domains.shape[1])
        ones = possible.astype(count)
        if ones.shape[1] <= MAX_WRITTEN_OUT:
            able = functools.reduce(jnp.add, [ones[:, k] for k in range(ones.shape[1])])
        else:
            (able,) = reduce_rows((ones,), (count.type(0),), lambda a, b: (a[0] + b[0],), 1)
        free = (able[:, None] > ones) | ~self.present[..., None, None]
        return jnp.where(free, bits.everything(dtype), literals)


@flax.struct.dataclass
class Conjunctions(_Literals):
    """Conjunctions; see `Propagator`."""

    @jax.named_scope("conjunction")
    def prune(self, domains: jax.Array) -> jax.Array:
        literals = bits.narrow(self.literals, domains.dtype)
        every = bits.everything(domains.dtype)
        lanes = jnp.where(self.present[..., None], literals, every)
        return jnp.broadcast_to(lanes[..., None], domains.shape)


def masks_to_lanes(masks: Iterable[int], words: int) -> np.ndarray:
    """Sets given as the bits of integers, as lanes ``uint64[N, words]``."""
    data = b"".join(mask.to_bytes(8 * words, "little") for mask in masks)
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, words)


def _width(arity: int) -> int:
    """Positions that a clause is padded to; those of formulas in 3-CNF are not."""
    return arity if arity <= MAX_WRITTEN_OUT else power_of_two(arity)
