"""`ConditionalRelation`: one relation for some values of a variable, and another for the rest.

Pruning asks the constraint of each branch what it allows within that branch, drops a branch that
leaves some variable no value, and unites the rest (constructive disjunction: Van Hentenryck,
Saraswat and Deville 1998, "Design, implementation, and evaluation of the constraint language
cc(FD)", https://doi.org/10.1016/S0743-1066(98)10006-7). It is exact where the pruning of both
constraints is.

Total and support: the tensors of both constraints, with an index more, for the branch. In the other
branch they are 1 at state 0 of their hidden indices and 0 elsewhere, so that each assignment still
counts exactly once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import any_row, intersect_rows
from neurosym.problems.constraints.clause import masks_to_lanes
from neurosym.problems.constraints.constraint import Group, Labels, Lowering, Relation
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring


@dataclasses.dataclass(frozen=True)
class ConditionalRelation(Relation):
    """One relation for some values of the first variable, and another for the rest.

    Attributes:
      scope: the variable that decides, then the other ones of both branches.
      sizes: the number of values of each.
      mask: the values of the first branch; bit v stands for value index v.
      branches: what holds in each of the two; None for nothing at all.
    """

    scope: tuple[int, ...]
    sizes: tuple[int, ...]
    mask: int
    branches: tuple[Relation | None, Relation | None]
    kind: ClassVar[str] = "conditional"

    def allows(self, assignment: Sequence[int]) -> bool:
        given = dict(zip(self.scope, assignment, strict=True))
        branch = self.branches[0 if self.mask >> int(assignment[0]) & 1 else 1]
        return branch is None or branch.allows([given[i] for i in branch.scope])

    @property
    def bucket(self) -> Hashable:
        return tuple(branch and (branch.kind, branch.bucket) for branch in self.branches)

    @classmethod
    def group(cls, relations: Sequence[ConditionalRelation], size: int) -> Group:
        sides = [[relation.branches[side] for relation in relations] for side in (0, 1)]
        groups = [_group(members, size) for members in sides]
        arity = max(len(relation.scope) for relation in relations)
        arity = max([arity, *(1 + group.scope.shape[1] for group in groups if group is not None)])
        scope = np.zeros((len(relations), arity), np.int32)
        present = np.zeros(scope.shape, np.bool_)
        for c, relation in enumerate(relations):
            k = len(relation.scope)
            scope[c, :k], present[c, :k] = relation.scope, True
        branches = [
            None if group is None else _branch(group, members, scope, present, size)
            for group, members in zip(groups, sides, strict=True)
        ]
        words = bits.word_count(size)
        with jax.enable_x64(True):
            return Conditionals(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                values=jax.device_put(masks_to_lanes((r.mask for r in relations), words)),
                branches=tuple(branch for branch in branches if branch is not None),
                conditional=(branches[0] is not None, branches[1] is not None),
            )

    def lower(self, private: frozenset[int], name: Hashable) -> ConditionalLowering:
        return ConditionalLowering(self, name)


class ConditionalLowering(Lowering):
    """The tensors of both branches with an index for the branch, which the first variable sets."""

    def __init__(self, relation: ConditionalRelation, name: Hashable) -> None:
        self.relation = relation
        side: Hashable = (name, "branch")
        labels: list[Labels] = [(relation.scope[0], side)]
        sizes: dict[Hashable, int] = {side: 2}
        spans: dict[Hashable, int] = dict(zip(relation.scope, relation.sizes, strict=True))
        self.inner: list[tuple[int, Relation, Lowering]] = []
        for n, branch in enumerate(relation.branches):
            if branch is None:
                continue
            lowering = branch.lower(frozenset(), (name, n))
            self.inner.append((n, branch, lowering))
            labels += [(side, *tensor) for tensor in lowering.labels]
            sizes |= lowering.sizes
            spans |= lowering.sizes
            self.elements += lowering.elements
            self.elements += sum(math.prod(spans[x] for x in tensor) for tensor in lowering.labels)
        self.labels, self.sizes, self.absorbed = tuple(labels), sizes, frozenset()

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        relation, dtype = self.relation, elements.dtype(semiring, weights[0])
        given = dict(zip(relation.scope, weights, strict=True))
        first = np.asarray([bool(relation.mask >> v & 1) for v in range(relation.sizes[0])])
        found = [semiring.indicator(jnp.asarray(np.stack([first, ~first], 1)), dtype)]
        for n, branch, lowering in self.inner:
            tensors = lowering.up(semiring, [given[i] for i in branch.scope])
            for tensor, labels in zip(tensors, lowering.labels, strict=True):
                idle = np.zeros(elements.shape(semiring, tensor), np.bool_)
                idle[tuple(0 if x in lowering.sizes else slice(None) for x in labels)] = True
                sides = [tensor, semiring.indicator(jnp.asarray(idle), dtype)]
                found.append(elements.stack(semiring, sides if n == 0 else sides[::-1]))
        return found

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        return {}


@flax.struct.dataclass
class Conditionals:
    """Conditional constraints; see `Group`."""

    scope: jax.Array  # int32[C, K]; position 0 decides
    present: jax.Array  # bool[C, K]
    values: jax.Array  # uint64[C, W]: those of the first branch
    branches: tuple[_Aligned | _Gathered, ...]  # those that have a constraint
    conditional: tuple[bool, bool] = flax.struct.field(pytree_node=False)  # which ones these are

    @jax.named_scope("conditional")
    def prune(self, domains: jax.Array) -> jax.Array:
        dtype = domains.dtype
        nothing, everything = bits.nothing(dtype), bits.everything(dtype)
        values = bits.narrow(self.values, dtype)[:, None, :, None]
        absent = ~self.present[..., None, None]
        branches = iter(self.branches)
        united = jnp.zeros_like(domains)
        for side, conditional in zip((values, ~values), self.conditional, strict=True):
            first, others = domains[:, :1] & side, domains[:, 1:]
            if conditional:
                decisive, rest = next(branches).prune(first, others)
            else:
                decisive, rest = jnp.full_like(first, everything), jnp.full_like(others, everything)
            lanes = jnp.concatenate([decisive & side, rest], axis=1)
            left = any_row(domains & lanes != nothing, 2) | absent[:, :, 0]  # [C, K, B]
            dead = any_row(~left, 1)[:, None, None]
            united |= jnp.where(dead, nothing, lanes)
        return jnp.where(absent, everything, united)


@flax.struct.dataclass
class _Aligned:
    """The constraints of a branch, whose scopes are positions 1 and following."""

    group: Group

    def prune(self, first: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What they allow at position 0, lanes ``[C, 1, W, B]``, and elsewhere."""
        return jnp.full_like(first, bits.everything(first.dtype)), self.group.prune(others)


@flax.struct.dataclass
class _Gathered:
    """The constraints of a branch, each as one or more rows of a group over any positions."""

    group: Group  # R rows over L positions
    sources: jax.Array  # int32[R, L]: where they are among the C · K positions
    touching: jax.Array  # int32[C, K, M]: the messages, of R · L and an empty one, on each position

    def prune(self, first: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
        domains = jnp.concatenate([first, others], axis=1)
        tail = domains.shape[2:]
        scoped = _take(domains.reshape(-1, *tail), self.sources)
        messages = self.group.prune(scoped).reshape(-1, *tail)
        silent = jnp.full((1, *tail), bits.everything(domains.dtype))
        lanes = intersect_rows(_take(jnp.concatenate([messages, silent]), self.touching), 2)
        return lanes[:, :1], lanes[:, 1:]


def _take(rows: jax.Array, index: jax.Array) -> jax.Array:
    return rows.at[index].get(mode="promise_in_bounds")


def _group(relations: Sequence[Relation | None], size: int) -> Group | None:
    members = [relation for relation in relations if relation is not None]
    return type(members[0]).group(members, size) if members else None


def _branch(
    group: Group,
    relations: Sequence[Relation | None],
    scope: np.ndarray,
    present: np.ndarray,
    size: int,
) -> _Aligned | _Gathered:
    """A group of the constraints of one branch, in its place in ``scope``, ``int32[C, K]``."""
    variables, there = np.asarray(group.scope), np.asarray(group.present)
    after = scope[:, 1:]
    alike = variables.shape == after.shape and np.array_equal(there, present[:, 1:])
    if alike and np.array_equal(variables[there], after[there]):
        return _Aligned(group)
    owners = np.arange(len(scope))
    if len(variables) != len(scope):
        alone = [_group([relation], size) for relation in relations]
        owners = np.repeat(owners, [len(one.scope) for one in alone if one is not None])
    sources = np.zeros(variables.shape, np.int32)
    touching: list[list[int]] = [[] for _ in range(scope.size)]
    arity = scope.shape[1]
    for row, position in np.argwhere(there).tolist():
        owner = owners[row]
        (places,) = np.nonzero(present[owner] & (scope[owner] == variables[row, position]))
        source = owner * arity + places[0]
        sources[row, position] = source
        touching[source].append(row * variables.shape[1] + position)
    table = np.full((scope.size, max(map(len, touching))), variables.size, np.int32)
    for source, messages in enumerate(touching):
        table[source, : len(messages)] = messages
    return _Gathered(
        group=group,
        sources=jax.device_put(sources),
        touching=jax.device_put(table.reshape(*scope.shape, -1)),
    )
