"""`Linear`: a sum of variables with integer coefficients, compared with a constant.

Pruning is exact for all six comparisons. ``==`` uses the set of reachable partial sums, one bit a
sum (Trick 2003, "A dynamic programming approach for consistency and propagation for knapsack
constraints", https://doi.org/10.1023/A:1021801522545); where that set would be longer than
`MAX_SUMS`, it falls back to bounds consistency, which is weaker: it never removes a supported
value but may keep an unsupported one. The other comparisons are exact by bounds alone.
Over two variables with small domains it becomes a matrix of supports, a `BinaryRelation`.

Total and support (`linear_lowering.py`) are convolutions of the distributions of partial sums, so
they exist in any semiring and their cost grows with the range of the sum, not with the number of
assignments.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.all_different.all_different import (
    AllDifferentRelation,
    common_indices,
)
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.comparison import COMPARISONS, NEGATIONS, no_variable_left
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.lowering import LinearLowering
from neurosym.problems.constraints.propagator import Propagator, padded_scopes, power_of_two
from neurosym.problems.constraints.relation import Placed, Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_SUMS = 2**14
"""Partial sums that exact pruning of ``==`` tracks as bits; a wider range is pruned by bounds."""

MAX_MATRIX = 2**12
"""Pairs of values of two variables that become one matrix of supports."""


@dataclasses.dataclass(frozen=True, eq=False)
class Linear(Constraint):
    """``coefficients · scope  relation  constant``.

    Usually written as arithmetic, ``problem.add(2 * a + b <= 7)``; this is the explicit form of it:
    ``Linear((a, b), (2, 1), "<=", 7)``. A repeated variable adds up its coefficients, and variables
    with coefficient zero drop out.

    Attributes:
      scope: the variables; their domains hold integers.
      coefficients: one integer a variable.
      relation: one of ``== != < <= > >=``.
      constant: an integer.

    Raises:
      ValueError: for a domain value, coefficient or constant that is no integer, an unknown
        relation, another number of coefficients than variables, sums beyond 32 bits, or when no
        variable is left.
    """

    scope: tuple[Variable, ...]
    coefficients: tuple[int, ...]
    relation: str
    constant: int

    def __post_init__(self) -> None:
        if self.relation not in COMPARISONS:
            known = " ".join(COMPARISONS)
            raise ValueError(f"a linear constraint has no relation {self.relation!r}; use {known}")
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
        if not merged:
            holds = bool(COMPARISONS[self.relation](0, self.constant))
            raise no_variable_left(f"0 {self.relation} {self.constant}", holds)
        reach = spread = abs(int(self.constant))
        for variable, coefficient in merged.items():
            for value in variable.domain:
                _require_integer(value, f"arithmetic on variable {variable.name!r}: domain value")
            reach += abs(coefficient) * max(abs(int(value)) for value in variable.domain)  # type: ignore[call-overload]
            values = [int(value) for value in variable.domain]  # type: ignore[call-overload]
            spread += abs(coefficient) * (max(values) - min(values))
        if max(reach, spread) >= 2**31:
            raise ValueError(
                f"a linear constraint whose sums reach {reach} and span {spread} "
                "does not fit 32 bits"
            )
        object.__setattr__(self, "scope", tuple(merged))
        object.__setattr__(self, "coefficients", tuple(merged.values()))
        object.__setattr__(self, "constant", int(self.constant))

    def __repr__(self) -> str:
        terms = [f"{c}·{v.name}" for v, c in zip(self.scope, self.coefficients, strict=True)]
        return f"Linear({' + '.join(terms)} {self.relation} {self.constant})"

    def check(self, values: Sequence[Hashable]) -> bool:
        total = sum(c * int(v) for c, v in zip(self.coefficients, values, strict=True))  # type: ignore[call-overload]
        return bool(COMPARISONS[self.relation](total, self.constant))

    def negated(self) -> Linear:
        return dataclasses.replace(self, relation=NEGATIONS[self.relation])

    def compile(self) -> tuple[Placed, ...]:
        sign, bound, relation = 1, self.constant, self.relation
        if relation in (">", ">="):
            sign, bound, relation = -1, -bound, {">": "<", ">=": "<="}[relation]
        if relation == "<":
            bound, relation = bound - 1, "<="
        offsets = []
        for variable, coefficient in zip(self.scope, self.coefficients, strict=True):
            terms = [sign * coefficient * int(value) for value in variable.domain]  # type: ignore[call-overload]
            least = min(terms)
            bound -= least
            offsets.append([term - least for term in terms])
        divisor = math.gcd(*(offset for row in offsets for offset in row)) or 1
        # A sum that is a multiple of the divisor never meets a bound that is not.
        quotient, remainder = divmod(bound, divisor)
        if remainder and relation != "<=":
            quotient = -1
        compiled = LinearRelation(
            offsets=tuple(tuple(offset // divisor for offset in row) for row in offsets),
            relation=relation,
            bound=quotient,
        )
        return self.place(compiled if len(self.scope) != 2 else _of_two(compiled))


@dataclasses.dataclass(frozen=True)
class LinearRelation(Relation):
    """``Σ_k offsets[k][x_k]  relation  bound`` over value indices, with offsets of least value 0.

    ``relation`` is ``==``, ``!=`` or ``<=``. A negative bound is met by no sum.
    """

    offsets: tuple[tuple[int, ...], ...]
    relation: str
    bound: int
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
        arity = power_of_two(len(self.offsets))
        if self.relation == "==" and self.sums <= MAX_SUMS:
            return "sums", arity, power_of_two(bits.word_count(self.sums))
        return "bounds", arity

    @classmethod
    def group(cls, placed: Sequence[Placed[LinearRelation]], size: int) -> Propagator:
        if placed[0].relation.bucket[0] == "sums":  # type: ignore[index]
            return _group_sums(placed, size)
        return _group_bounds(placed, size)

    def lower(self, private: frozenset[int]) -> LinearLowering:
        return LinearLowering(self.offsets, self.relation, self.bound, private)


@flax.struct.dataclass
class LinearBounds:
    """Linear ``<=`` and ``!=`` (and too wide ``==``, by bounds only); see `Propagator`."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    offsets: jax.Array  # int32[C, K, D]
    bound: jax.Array  # int32[C]
    unequal: jax.Array  # bool[C]: != instead of <=

    @jax.named_scope("linear_bounds")
    def prune(self, domains: jax.Array) -> jax.Array:
        offsets = self.offsets[..., None]
        possible = bits.unpack(domains, self.offsets.shape[2], axis=2)  # [C, K, D, B]
        possible &= self.present[..., None, None]
        far = jnp.int32(2**31 - 1)
        low = jnp.min(jnp.where(possible, offsets, far), axis=2)
        low = jnp.where(low == far, 0, low)  # absent, or wiped out and cleared by the caller
        high = jnp.max(jnp.where(possible, offsets, 0), axis=2)
        others_low = (jnp.sum(low, axis=1, keepdims=True) - low)[:, :, None]
        others_high = (jnp.sum(high, axis=1, keepdims=True) - high)[:, :, None]
        bound = self.bound[:, None, None, None]
        least = offsets + others_low
        fits = least <= bound
        # Unequal: only when the others can make one sum alone does a value meet the bound for sure.
        differs = (others_low != others_high) | (least != bound)
        keep = jnp.where(self.unequal[:, None, None, None], differs, fits)
        keep |= ~self.present[..., None, None]
        lanes = bits.pack(keep, axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))


@flax.struct.dataclass
class LinearSums:
    """Linear ``==``, exact by reachable sums; see `Propagator`. S is the words of a sum set."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    offsets: jax.Array  # int32[C, K, D]; absent positions have the single offset 0
    start: jax.Array  # uint64[S]: the set {0}
    goal: jax.Array  # uint64[C, S]: the set {bound}, empty where no sum can meet it

    @jax.named_scope("linear_sums")
    def prune(self, domains: jax.Array) -> jax.Array:
        first = jnp.arange(self.offsets.shape[2]) == 0
        possible = bits.unpack(domains, self.offsets.shape[2], axis=2)
        possible = jnp.where(self.present[..., None, None], possible, first[:, None])
        possible = jnp.moveaxis(possible, 1, 0)  # bool[K, C, D, B]
        offsets = jnp.moveaxis(self.offsets, 1, 0)
        shape = (*self.goal.shape, domains.shape[-1])
        start = jnp.broadcast_to(self.start[None, :, None], shape)
        goal = jnp.broadcast_to(self.goal[..., None], shape)
        nothing = jnp.uint64(0)

        def forward(sums: jax.Array, here: tuple) -> tuple[jax.Array, jax.Array]:
            offset, bit = here
            moved = jnp.where(bit[:, :, None], _shift(sums, offset, up=True), nothing)
            return _union(moved), sums

        def backward(sums: jax.Array, here: tuple) -> tuple[jax.Array, jax.Array]:
            offset, bit, before = here
            moved = _shift(sums, offset, up=False)
            supported = jnp.any(moved & before[:, None] != nothing, axis=2)
            return _union(jnp.where(bit[:, :, None], moved, nothing)), supported

        _, reached = jax.lax.scan(forward, start, (offsets, possible))
        _, supported = jax.lax.scan(backward, goal, (offsets, possible, reached), reverse=True)
        lanes = bits.pack(jnp.moveaxis(supported, 0, 1), axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))


def _shift(sums: jax.Array, offsets: jax.Array, *, up: bool) -> jax.Array:
    """Adds (or subtracts) each offset ``int32[C, D]`` to the sets ``uint64[C, S, B]``: one
    ``uint64[C, D, S, B]`` set a value."""
    words = sums.shape[1]
    whole, part = offsets // bits.WORD, (offsets % bits.WORD).astype(jnp.uint64)
    sums = sums[:, None]
    if words == 1:
        near = jnp.where((whole == 0)[..., None, None], sums, jnp.uint64(0))
        far = jnp.zeros_like(near)
    else:
        sign = -1 if up else 1
        source = jnp.arange(words) + sign * whole[..., None]  # [C, D, S]
        near, far = _words(sums, source), _words(sums, source + sign)
    part = part[..., None, None]
    rest = (jnp.uint64(bits.WORD) - part) % jnp.uint64(bits.WORD)
    carried = jnp.where(part == 0, jnp.uint64(0), far >> rest if up else far << rest)
    return (near << part if up else near >> part) | carried


def _words(sums: jax.Array, source: jax.Array) -> jax.Array:
    """Words ``source`` of each set; empty where they lie outside."""
    inside = (source >= 0) & (source < sums.shape[2])
    index = jnp.where(inside, source, 0)[..., None]
    taken = jnp.take_along_axis(sums, index, axis=2, mode="promise_in_bounds")
    return jnp.where(inside[..., None], taken, jnp.uint64(0))


def _union(sets: jax.Array) -> jax.Array:
    """The union over values of ``uint64[C, D, S, B]``."""
    return jax.lax.reduce(sets, np.uint64(0), jax.lax.bitwise_or, (1,))


def _group_bounds(placed: Sequence[Placed[LinearRelation]], size: int) -> LinearBounds:
    rows: list[Placed[LinearRelation]] = []
    for relation, variables in placed:
        rows.append(Placed(relation, variables))
        if relation.relation == "==":  # too wide for sums: <= from both sides
            ranges = relation.ranges
            mirrored = tuple(
                tuple(r - offset for offset in row)
                for r, row in zip(ranges, relation.offsets, strict=True)
            )
            opposite = LinearRelation(mirrored, "<=", sum(ranges) - relation.bound)
            rows.append(Placed(opposite, variables))
    scope, present, offsets = _pad_scopes(rows, size)
    return LinearBounds(
        scope=jax.device_put(scope),
        present=jax.device_put(present),
        offsets=jax.device_put(offsets),
        bound=jax.device_put(np.asarray([relation.bound for relation, _ in rows], np.int32)),
        unequal=jax.device_put(np.asarray([relation.relation == "!=" for relation, _ in rows])),
    )


def _group_sums(placed: Sequence[Placed[LinearRelation]], size: int) -> LinearSums:
    scope, present, offsets = _pad_scopes(placed, size)
    words = max(bits.word_count(relation.sums) for relation, _ in placed)
    bounds = np.asarray([relation.bound for relation, _ in placed])
    # A bound below 0 or beyond every sum is an empty set, which leaves no value a support.
    meetable = (bounds >= 0) & (bounds < words * bits.WORD)
    goal = np.where(meetable[:, None], bits.single(np.where(meetable, bounds, 0), words), 0)
    with jax.enable_x64(True):
        return LinearSums(
            scope=jax.device_put(scope),
            present=jax.device_put(present),
            offsets=jax.device_put(offsets),
            start=jax.device_put(bits.single(np.asarray(0), words)),
            goal=jax.device_put(goal.astype(np.uint64)),
        )


def _pad_scopes(
    placed: Sequence[Placed[LinearRelation]], size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arity = power_of_two(max(len(scope) for _, scope in placed))
    scope, present = padded_scopes([scope for _, scope in placed], arity)
    offsets = np.zeros((len(placed), arity, size), np.int32)
    for c, (relation, _) in enumerate(placed):
        for position, row in enumerate(relation.offsets):
            offsets[c, position, : len(row)] = row
    return scope, present, offsets


def _of_two(relation: LinearRelation) -> Relation:
    """A relation over two positions in the form that prunes fastest."""
    first, second = (np.asarray(row) for row in relation.offsets)
    if relation.relation == "!=":
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
