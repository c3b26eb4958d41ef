"""`Table`: the allowed, or the forbidden, combinations of values, listed.

Pruning is exact for both. An allowed table keeps the rows that lie within the domains and unites
their values, one bit-parallel pass over the rows (the positive table of compact-table, Demeulenaere
et al. 2016, https://arxiv.org/abs/1604.06641). A forbidden table removes a value when the rows that
use it are as many as the combinations of the other variables' domains.

Total and support: a small table is one dense mask. A long allowed table is one hidden index over
its rows, a long forbidden one a chain of hidden prefixes (a trie with one way out).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.lowering import DenseLowering, Labels, chain_labels
from neurosym.problems.constraints.propagator import (
    Propagator,
    padded_scopes,
    shared_length,
    shared_rows,
)
from neurosym.problems.constraints.relation import Placed, Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_DENSE = 2**14
"""Entries of a table that is laid out as one dense mask."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table(Constraint):
    """The values of ``scope`` together are one of ``tuples`` (or none of them).

    Attributes:
      scope: distinct variables, expressions and constants.
      tuples: combinations of domain values, one value for each variable; repeated ones count once.
      allowed: False forbids the tuples instead.

    Raises:
      ValueError: for an empty scope, a repeated variable, a tuple of another length, or a value
        that its variable's domain does not have.
    """

    scope: tuple[Variable, ...]
    tuples: tuple[tuple[Hashable, ...], ...]
    allowed: bool = True

    def __post_init__(self) -> None:
        from neurosym.problems.auxiliary import all_variables, guards_of, listed

        scope = listed(self.scope)
        if not scope:
            raise ValueError("a table constraint needs at least one variable")
        given, guards = scope, guards_of(scope)
        scope = all_variables(scope, "a table constraint")
        if len({id(variable) for variable in scope}) != len(scope):
            names = ", ".join(variable.name for variable in scope)
            raise ValueError(f"a table constraint names a variable twice: {names}")
        tuples = tuple(dict.fromkeys(tuple(row) for row in self.tuples))
        for row in tuples:
            if len(row) != len(scope):
                raise ValueError(
                    f"a table over {len(scope)} variables has the tuple {row!r} "
                    f"of {len(row)} values"
                )
            for variable, value, own in zip(scope, row, given, strict=True):
                if variable is own:
                    variable.value_index(value)
        if any(variable.index < 0 for variable in scope):  # rows that an expression never meets
            domains = [frozenset(variable.domain) for variable in scope]
            tuples = tuple(
                row for row in tuples if all(v in d for v, d in zip(row, domains, strict=True))
            )
        object.__setattr__(self, "guards", guards)
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "tuples", tuples)

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.scope)
        kind = "allowed" if self.allowed else "forbidden"
        return f"Table(({names}), {len(self.tuples)} {kind} tuples)"

    def check(self, values: Sequence[Hashable]) -> bool:
        return (tuple(values) in self.tuples) == self.allowed

    def negated(self) -> Table:
        return dataclasses.replace(self, allowed=not self.allowed)

    def compile(self) -> tuple[Placed, ...]:
        index = [{value: v for v, value in enumerate(x.domain)} for x in self.scope]
        rows = sorted(
            {tuple(at[v] for at, v in zip(index, row, strict=True)) for row in self.tuples}
        )
        sizes = tuple(len(variable.domain) for variable in self.scope)
        return self.place(TableRelation(sizes=sizes, rows=tuple(rows), allowed=self.allowed))


@dataclasses.dataclass(frozen=True)
class TableRelation(Relation):
    """Distinct rows of value indices, allowed or forbidden."""

    sizes: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    allowed: bool
    kind: ClassVar[str] = "table"

    def allows(self, assignment: Sequence[int]) -> bool:
        return (tuple(assignment) in self.rows) == self.allowed

    @property
    def bucket(self) -> Hashable:
        return self.allowed, shared_length(len(self.sizes)), shared_rows(len(self.rows))

    @classmethod
    def group(cls, placed: Sequence[Placed[TableRelation]], size: int) -> Propagator:
        arity = shared_length(max(len(scope) for _, scope in placed))
        length = shared_rows(max(len(relation.rows) for relation, _ in placed))
        scope, present = padded_scopes([scope for _, scope in placed], arity)
        rows = np.full((len(placed), length, arity), -1, np.int32)
        for c, (relation, _) in enumerate(placed):
            k, t = len(relation.sizes), len(relation.rows)
            rows[c, :t, :k] = np.asarray(relation.rows, np.int32).reshape(t, k)
        used = rows >= 0
        lanes = bits.single(np.where(used, rows, 0), bits.word_count(size))
        lanes = np.where(used[..., None], lanes, np.uint64(0))
        kind = AllowedRows if placed[0].relation.allowed else ForbiddenRows
        with jax.enable_x64(True):
            return kind(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                rows=jax.device_put(lanes),
                listed=jax.device_put(used.any(axis=2)),
                size=size,
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        if math.prod(self.sizes) <= MAX_DENSE:
            return DenseLowering([tuple(range(len(self.sizes)))], lambda: [self._mask()])
        if not self.rows:  # nothing is allowed, or everything
            labels = [(k,) for k in range(len(self.sizes))]
            return DenseLowering(
                labels, lambda: [np.full(size, not self.allowed) for size in self.sizes]
            )
        return self._lower_rows() if self.allowed else self._lower_trie()

    def _mask(self) -> np.ndarray:
        mask = np.full(self.sizes, not self.allowed)
        if self.rows:
            mask[tuple(np.asarray(self.rows).T)] = self.allowed
        return mask

    def _lower_rows(self) -> DenseLowering:
        """One hidden index over the rows; rows are distinct, so each assignment counts once."""

        def masks() -> list[np.ndarray]:
            rows = np.asarray(self.rows, np.int32).reshape(-1, len(self.sizes))
            return [rows[:, k, None] == np.arange(size) for k, size in enumerate(self.sizes)]

        labels: list[Labels] = [("row", k) for k in range(len(self.sizes))]
        return DenseLowering(labels, masks, {"row": len(self.rows)})

    def _lower_trie(self) -> DenseLowering:
        """A chain of prefixes of forbidden rows; state 0 has left them, and may go anywhere.

        Exactly one path carries each allowed assignment, so it counts once.
        """
        arity = len(self.sizes)
        # states[k]: the prefixes of length k, numbered from 1
        states = [
            {prefix: n + 1 for n, prefix in enumerate(sorted({row[:k] for row in self.rows}))}
            for k in range(arity)
        ]
        hidden: dict[Hashable, int] = {("state", k): len(states[k]) + 1 for k in range(1, arity)}

        def masks() -> list[np.ndarray]:
            steps = []
            for k, size in enumerate(self.sizes):
                last = k == arity - 1
                step = np.zeros(
                    (len(states[k]) + 1, size, 1 if last else hidden["state", k + 1]), bool
                )
                step[:, :, 0] = True
                for row in self.rows:
                    here = states[k][row[:k]]
                    step[here, row[k], 0] = False
                    if not last:
                        step[here, row[k], states[k + 1][row[: k + 1]]] = True
                step = step[..., 0] if last else step
                steps.append(step[1] if k == 0 else step)  # every path starts at the empty prefix
            return steps

        return DenseLowering(chain_labels(arity), masks, hidden)


@flax.struct.dataclass
class _Rows:
    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    rows: jax.Array  # uint64[C, T, K, W]: one bit a row and position; none where absent
    listed: jax.Array  # bool[C, T]: False in the padding after the last row
    size: int = flax.struct.field(pytree_node=False)  # D

    def alive(self, domains: jax.Array) -> jax.Array:
        """``bool[C, T, B]``: the row lies within the domains."""
        rows = bits.narrow(self.rows, domains.dtype)[..., None]
        met = jnp.any(domains[:, None] & rows != bits.nothing(domains.dtype), axis=3)
        return jnp.all(met | ~self.present[:, None, :, None], axis=2) & self.listed[..., None]


@flax.struct.dataclass
class AllowedRows(_Rows):
    """Allowed tables; see `Propagator`. T is the number of rows."""

    @jax.named_scope("table_allowed")
    def prune(self, domains: jax.Array) -> jax.Array:
        alive = self.alive(domains)[:, :, None, None]
        nothing = bits.nothing(domains.dtype)
        used = jnp.where(alive, bits.narrow(self.rows, domains.dtype)[..., None], nothing)
        lanes = jax.lax.reduce(used, nothing, jax.lax.bitwise_or, (1,))
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))


@flax.struct.dataclass
class ForbiddenRows(_Rows):
    """Forbidden tables; see `Propagator`."""

    @jax.named_scope("table_forbidden")
    def prune(self, domains: jax.Array) -> jax.Array:
        values = bits.unpack(self.rows, self.size, axis=3).astype(jnp.float32)  # [C, T, K, D]
        alive = self.alive(domains).astype(jnp.float32)
        counts = jnp.einsum("ctkd,ctb->ckdb", values, alive, precision=jax.lax.Precision.HIGHEST)
        sizes = jnp.sum(jax.lax.population_count(domains), axis=2).astype(jnp.float64)
        sizes = jnp.where(self.present[..., None], sizes, 1)  # [C, K, B]
        arity = sizes.shape[1]
        own = jnp.eye(arity, dtype=jnp.bool_)[:, :, None]
        others = jnp.prod(jnp.where(own, 1, sizes[:, None]), axis=2)  # [C, K, B]
        lanes = bits.pack(counts < others[:, :, None], axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))
