"""`Extremum`: a variable is the largest, or the smallest, of some others.

    h == max(x, y), x in {0, 1, 5}, y in {2}, h in {2, 3, 4}
    h is at least 2 and at most 5            h keeps 2, 3, 4
    x is at most the largest value of h      x loses 5
    only y reaches the smallest value of h   y is at least 2

Pruning is by bounds: it never removes a supported value, but keeps a value of h between two values
that the others can take. Total and support pass the largest value so far along a chain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.auxiliary import as_variable
from neurosym.problems.constraints.constraint import Constraint, Placed
from neurosym.problems.constraints.lowering import DenseLowering, Labels
from neurosym.problems.constraints.propagator import Propagator, padded_scopes, shared_length
from neurosym.problems.constraints.relation import Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Extremum(Constraint):
    """``variable == max(arguments)``, or ``min`` where not ``largest``.

    Attributes:
      arguments: variables, expressions and integers.
      variable: the extreme value; none of the arguments.
      largest: whether it is the largest one.
      scope: the variable and the distinct others.
    """

    arguments: Sequence[Any]
    variable: Variable
    largest: bool = True
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = self.variable.problem
        others = dict.fromkeys(as_variable(entry, problem) for entry in self.arguments)
        object.__setattr__(self, "scope", (self.variable, *others))

    def check(self, values: Sequence[Hashable]) -> bool:
        first, *others = (int(value) for value in values)  # type: ignore[call-overload]
        return first == (max(others) if self.largest else min(others))

    def compile(self) -> tuple[Placed, ...]:
        sign = 1 if self.largest else -1
        rows = [tuple(sign * int(v) for v in x.domain) for x in self.scope]  # type: ignore[call-overload]
        return self.place(ExtremumRelation(tuple(rows)))


@dataclasses.dataclass(frozen=True)
class ExtremumRelation(Relation):
    """``values[0][x_0]`` is the largest of ``values[k][x_k]``, k from 1 on."""

    values: tuple[tuple[int, ...], ...]
    kind: ClassVar[str] = "extremum"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(row) for row in self.values)

    def allows(self, assignment: Sequence[int]) -> bool:
        first, *others = (row[v] for row, v in zip(self.values, assignment, strict=True))
        return first == max(others)

    @property
    def wide(self) -> bool:
        """Whether values need more than 32 bits."""
        return max(abs(value) for row in self.values for value in row) >= 2**30

    @property
    def bucket(self) -> Hashable:
        return shared_length(len(self.values)), self.wide

    @classmethod
    def group(cls, placed: Sequence[Placed[ExtremumRelation]], size: int) -> Propagator:
        arity = shared_length(max(len(scope) for _, scope in placed))
        scope, present = padded_scopes([scope for _, scope in placed], arity)
        dtype = np.int64 if placed[0].relation.wide else np.int32
        values = np.zeros((len(placed), arity, size), dtype)
        for c, (relation, _) in enumerate(placed):
            for k, row in enumerate(relation.values):
                values[c, k, : len(row)] = row
        with jax.enable_x64(True):
            return Extrema(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                values=jax.device_put(values),
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        arity = len(self.values)
        reached = [np.unique(self.values[1])]
        for row in self.values[2:]:
            floor = max(reached[-1][0], min(row))
            united = np.union1d(reached[-1], row)
            reached.append(united[united >= floor])
        hidden: dict[Hashable, int] = {("largest", k): len(reached[k]) for k in range(arity - 1)}
        labels: list[Labels] = [(1, ("largest", 0))]
        labels += [(("largest", k - 2), k, ("largest", k - 1)) for k in range(2, arity)]
        labels.append((("largest", arity - 2), 0))

        def masks() -> list[np.ndarray]:
            rows = [np.asarray(row) for row in self.values]
            found = [rows[1][:, None] == reached[0]]
            for k in range(2, arity):
                largest = np.maximum(reached[k - 2][:, None], rows[k])
                found.append(largest[..., None] == reached[k - 1])
            return [*found, reached[-1][:, None] == rows[0]]

        return DenseLowering(labels, masks, hidden)


@flax.struct.dataclass
class Extrema:
    """Extremes, by bounds; see `Propagator`."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    values: jax.Array  # int32 or int64[C, K, D]

    @jax.named_scope("extremum")
    def prune(self, domains: jax.Array) -> jax.Array:
        values = self.values[..., None]
        far = jnp.asarray(np.iinfo(self.values.dtype).max, self.values.dtype)
        possible = bits.unpack(domains, self.values.shape[2], axis=2)
        possible &= self.present[..., None, None]
        low = jnp.min(jnp.where(possible, values, far), axis=2)  # [C, K, B]
        high = jnp.max(jnp.where(possible, values, -far), axis=2)
        there = self.present[:, 1:, None]
        least = jnp.max(jnp.where(there, low[:, 1:], -far), axis=1)[:, None, None]
        most = jnp.max(high[:, 1:], axis=1)[:, None, None]
        first = (values[:, :1] >= least) & (values[:, :1] <= most)
        reaching = (high[:, 1:] >= low[:, :1]) & there  # [C, K - 1, B]
        alone = reaching & (jnp.sum(reaching, axis=1, keepdims=True) == 1)
        rest = values[:, 1:] <= high[:, :1, None]
        rest &= ~alone[:, :, None] | (values[:, 1:] >= low[:, :1, None])
        keep = jnp.concatenate([first, rest], axis=1) | ~self.present[..., None, None]
        lanes = bits.pack(keep, axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))
