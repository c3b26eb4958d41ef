"""`Linear`: a sum of variables with integer coefficients, compared with a constant.

Pruning is exact for all six comparisons. ``==`` uses the set of reachable partial sums, one bit for
each sum (Trick 2003, "A dynamic programming approach for consistency and propagation for knapsack
constraints", https://doi.org/10.1023/A:1021801522545); where that set would be longer than
`MAX_SUMS`, it falls back to bounds consistency, which is weaker: it never removes a supported value
but may keep an unsupported one. The other comparisons are exact by bounds alone. Over two variables
with small domains it becomes a matrix of supports, a `BinaryRelation`.

Total and support (`lowering.py`) are convolutions of the distributions of partial sums, so
they exist in any semiring and their cost grows with the range of the sum, not with the number of
assignments.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.all_different.all_different import (
    AllDifferentRelation,
    common_indices,
)
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.comparison import COMPARISONS, NEGATIONS, check_relation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.lowering import LinearLowering
from neurosym.problems.constraints.linear.propagators import Bounded, LinearBounds, LinearSums
from neurosym.problems.constraints.propagator import Propagator, power_of_two, shared_length
from neurosym.problems.constraints.relation import Placed, Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_SUMS = 2**14
"""Partial sums that exact pruning of ``==`` tracks as bits; a wider range is pruned by bounds."""

MAX_REACH = 2**62
"""Sums stay below it, and so do the differences between them."""

MAX_MATRIX = 2**12
"""Pairs of values of two variables that become one matrix of supports."""


@dataclasses.dataclass(frozen=True, eq=False)
class Linear(Constraint):
    """``coefficients · scope  relation  constant``.

    Usually written as arithmetic, ``problem.add(2 * a + b <= 7)``; this is the explicit form of it:
    ``Linear((a, b), (2, 1), "<=", 7)``. A repeated variable adds up its coefficients, and variables
    with coefficient zero drop out. Without variables it always holds, or never does.

    Attributes:
      scope: the variables; their domains hold integers.
      coefficients: one integer for each variable.
      relation: one of ``== != < <= > >=``.
      constant: an integer.

    Raises:
      ValueError: for a domain value, coefficient or constant that is not an integer, an unknown
        relation, another number of coefficients than variables, or sums beyond 62 bits.
    """

    scope: tuple[Variable, ...]
    coefficients: tuple[int, ...]
    relation: str
    constant: int

    def __post_init__(self) -> None:
        check_relation(self.relation, "a linear constraint")
        if len(self.scope) != len(self.coefficients):
            raise ValueError(
                f"a linear constraint over {len(self.scope)} variables "
                f"has {len(self.coefficients)} coefficients"
            )
        merged: dict[Variable, int] = {}
        for variable, coefficient in zip(self.scope, self.coefficients, strict=True):
            _require_integer(coefficient, f"the coefficient of variable {variable.name!r}")
            merged[variable] = merged.get(variable, 0) + int(coefficient)
        _require_integer(self.constant, "the constant of a linear constraint")
        merged = {variable: c for variable, c in merged.items() if c != 0}
        for variable in merged:
            for value in variable.domain:
                _require_integer(value, f"arithmetic on variable {variable.name!r}: domain value")
        check_reach(
            [[c * min(x.domain), c * max(x.domain)] for x, c in merged.items()],  # type: ignore[type-var, operator]
            [variable.name for variable in merged],
        )
        object.__setattr__(self, "scope", tuple(merged))
        object.__setattr__(self, "coefficients", tuple(merged.values()))
        object.__setattr__(self, "constant", int(self.constant))

    def __repr__(self) -> str:
        terms = [f"{c}·{v.name}" for v, c in zip(self.scope, self.coefficients, strict=True)]
        return f"Linear({' + '.join(terms) or 0} {self.relation} {self.constant})"

    def check(self, values: Sequence[Hashable]) -> bool:
        total = sum(c * int(v) for c, v in zip(self.coefficients, values, strict=True))  # type: ignore[call-overload]
        return bool(COMPARISONS[self.relation](total, self.constant))

    def negated(self) -> Linear:
        return dataclasses.replace(self, relation=NEGATIONS[self.relation])

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import index_of

        total: Any = np.asarray(0)
        for c, x in zip(self.coefficients, self.scope, strict=True):
            values = np.asarray([int(value) for value in x.domain])  # type: ignore[call-overload]
            total = total + c * values[index_of(x, given)]
        return COMPARISONS[self.relation](total, self.constant)

    def compile(self) -> tuple[Placed, ...]:
        if not self.scope:
            return ()
        rows = [
            [c * int(value) for value in x.domain]  # type: ignore[call-overload]
            for x, c in zip(self.scope, self.coefficients, strict=True)
        ]
        # Several equations over one assignment are seldom worth all sums that each can reach.
        loose = any(variable.index < 0 for variable in self.scope)
        return self.place(relation_of_sum(rows, self.relation, self.constant, loose=loose))


def relation_of_sum(
    rows: Sequence[Sequence[int]], relation: str, constant: int, *, loose: bool = False
) -> Relation:
    """The relation that a sum, to which each position adds what its row says, compares so."""
    sign, bound = 1, constant
    if relation in (">", ">="):
        sign, bound, relation = -1, -bound, {">": "<", ">=": "<="}[relation]
    if relation == "<":
        bound, relation = bound - 1, "<="
    offsets = []
    for row in rows:
        terms = [sign * term for term in row]
        least = min(terms)
        bound -= least
        offsets.append([term - least for term in terms])
    divisor = math.gcd(*(offset for row in offsets for offset in row)) or 1
    # A sum that is a multiple of the divisor never meets a bound that is not.
    quotient, remainder = divmod(bound, divisor)
    if remainder and relation != "<=":
        quotient = -1
    largest = sum(max(row) for row in offsets) // divisor
    if quotient > largest:  # beyond every sum, as one more than the largest or the largest itself
        quotient = largest if relation == "<=" else largest + 1
    compiled = LinearRelation(
        offsets=tuple(tuple(offset // divisor for offset in row) for row in offsets),
        relation=relation,
        bound=max(quotient, -1),
        loose=loose,
    )
    return compiled if len(rows) != 2 else _of_two(compiled)


def check_reach(rows: Collection[Sequence[int]], names: Sequence[str]) -> None:
    """Checks that the sums of rows fit.

    Raises:
      ValueError: with their range, if they do not.
    """
    low = sum(min(row) for row in rows)
    high = sum(max(row) for row in rows)
    if max(-low, high, high - low) >= MAX_REACH:
        shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
        raise ValueError(
            f"the sums over {shown} reach from {low} to {high} and span {high - low}, which does "
            "not fit 62 bits"
        )


@dataclasses.dataclass(frozen=True)
class LinearRelation(Relation):
    """``Σ_k offsets[k][x_k]  relation  bound`` over value indices, with offsets of least value 0.

    ``relation`` is ``==``, ``!=`` or ``<=``. A negative bound is met by no sum. A *loose* ``==`` is
    pruned by bounds alone, which is many times cheaper than by all sums that can be reached.
    """

    offsets: tuple[tuple[int, ...], ...]
    relation: str
    bound: int
    loose: bool = False
    kind: ClassVar[str] = "linear"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(row) for row in self.offsets)

    @property
    def ranges(self) -> tuple[int, ...]:
        """The largest offset of each position."""
        return tuple(max(row) for row in self.offsets)

    @property
    def sums(self) -> int:
        """The number of partial sums that matter, from 0 up."""
        everything = sum(self.ranges) + 1
        return everything if self.relation == "!=" else max(1, min(everything, self.bound + 1))

    def allows(self, assignment: Sequence[int]) -> bool:
        total = sum(row[v] for row, v in zip(self.offsets, assignment, strict=True))
        return self.accepts(total)

    def accepts(self, total: Any) -> Any:
        """``total  relation  bound``, elementwise."""
        return COMPARISONS[self.relation](total, self.bound)

    @property
    def bucket(self) -> Hashable:
        arity = shared_length(len(self.offsets))
        if self.relation == "==" and self.sums <= MAX_SUMS and not self.loose:
            return "sums", arity, power_of_two(bits.word_count(self.sums))
        wide = sum(self.ranges) >= 2**31 - 1
        return ("bounds", arity, "wide") if wide else ("bounds", arity)

    @classmethod
    def group(cls, placed: Sequence[Placed[LinearRelation]], size: int) -> Propagator:
        if placed[0].relation.bucket[0] == "sums":  # type: ignore[index]
            words = max(bits.word_count(relation.sums) for relation, _ in placed)
            rows = [(scope, relation.offsets, relation.bound) for relation, scope in placed]
            return LinearSums.build(rows, words, size)
        bounded = [row for relation, scope in placed for row in relation._bounded(scope)]
        return LinearBounds.build(bounded, size)

    def _bounded(self, scope: tuple[int, ...]) -> list[Bounded]:
        """Itself as a bound in its place; ``==`` is too wide for sums here, and is two of them."""
        own = Bounded(scope, self.offsets, self.bound, self.relation == "!=")
        if self.relation != "==":
            return [own]
        pairs = zip(self.ranges, self.offsets, strict=True)
        mirrored = tuple(tuple(largest - offset for offset in row) for largest, row in pairs)
        return [own, Bounded(scope, mirrored, sum(self.ranges) - self.bound, False)]

    def lower(self, private: frozenset[int]) -> LinearLowering:
        return LinearLowering(self.offsets, self.relation, self.bound, private)


def _of_two(relation: LinearRelation) -> Relation:
    """A relation over two positions in the form that prunes fastest."""
    first, second = (np.asarray(row) for row in relation.offsets)
    injective = all(len(set(row)) == len(row) for row in relation.offsets)
    if relation.relation == "!=" and injective:
        values = (tuple(first.tolist()), tuple((relation.bound - second).tolist()))
        different = AllDifferentRelation(common_indices(values))
        if different.shifts is not None:  # x + c != y over ranges
            return different
    if len(first) * len(second) <= MAX_MATRIX:
        mask = relation.accepts(first[:, None] + second)
        return BinaryRelation.from_mask(mask)
    return relation


def _require_integer(value: Any, what: str) -> None:
    if not isinstance(value, numbers.Integral):
        raise ValueError(f"{what} must be an integer, not {value!r}")
