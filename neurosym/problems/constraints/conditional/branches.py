"""`ConditionalRelation`: one relation for some values of a variable, and another for the rest.

Pruning asks the constraint of each branch what it allows within that branch, drops a branch that
leaves some variable without a value, and unites the rest (constructive disjunction: Van Hentenryck,
Saraswat and Deville 1998, "Design, implementation, and evaluation of the constraint language
cc(FD)", https://doi.org/10.1016/S0743-1066(98)10006-7). It is exact where the pruning of both
constraints is.

Total and support: the tensors of both constraints, with one more index, for the branch. In the
other branch they are 1 at state 0 of their hidden indices and 0 elsewhere, so that each assignment
still counts exactly once.
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
from neurosym.bits.reductions import any_row
from neurosym.problems.constraints.clause import masks_to_lanes
from neurosym.problems.constraints.gathered import Gathered, gather
from neurosym.problems.constraints.lowering import Labels, Lowering
from neurosym.problems.constraints.propagator import Propagator, padded_scopes
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring


@dataclasses.dataclass(frozen=True)
class ConditionalRelation(Relation):
    """One relation for some values of position 0, and another for the rest.

    Attributes:
      sizes: the number of values of each position: the one that decides, then the others.
      mask: the values of the first branch; bit v stands for value index v.
      branches: the relation that holds in each of the two branches, over these positions; None
        where nothing must hold.
    """

    sizes: tuple[int, ...]
    mask: int
    branches: tuple[Placed | None, Placed | None]
    kind: ClassVar[str] = "conditional"

    def allows(self, assignment: Sequence[int]) -> bool:
        branch = self.branches[0 if self.mask >> int(assignment[0]) & 1 else 1]
        return branch is None or branch.allows(assignment)

    @property
    def bucket(self) -> Hashable:
        return tuple(
            None if branch is None else (branch.kind, branch.relation.bucket)
            for branch in self.branches
        )

    @classmethod
    def group(cls, placed: Sequence[Placed[ConditionalRelation]], size: int) -> Propagator:
        sides = [_members(placed, side) for side in (0, 1)]
        inner = [_propagator(members, size) for members in sides]
        arity = max(len(scope) for _, scope in placed)
        arity = max([arity, *(1 + one.scope.shape[1] for one in inner if one is not None)])
        scope, present = padded_scopes([scope for _, scope in placed], arity)
        branches = [
            None if one is None else _branch(one, members, scope, present, size)
            for one, members in zip(inner, sides, strict=True)
        ]
        words = bits.word_count(size)
        with jax.enable_x64(True):
            return Conditionals(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                values=jax.device_put(masks_to_lanes((r.mask for r, _ in placed), words)),
                branches=tuple(branch for branch in branches if branch is not None),
                conditional=(branches[0] is not None, branches[1] is not None),
            )

    def lower(self, private: frozenset[int]) -> ConditionalLowering:
        return ConditionalLowering(self)


class ConditionalLowering(Lowering):
    """The tensors of both branches with an index for the branch, which position 0 sets."""

    def __init__(self, relation: ConditionalRelation) -> None:
        self.relation = relation
        side = "branch"
        labels: list[Labels] = [(0, side)]
        sizes: dict[Hashable, int] = {side: 2}
        spans: dict[Hashable, int] = dict(enumerate(relation.sizes))
        self.inner: list[tuple[int, Placed, Lowering]] = []
        for n, branch in enumerate(relation.branches):
            if branch is None:
                continue
            lowering = branch.relation.lower(frozenset())
            self.inner.append((n, branch, lowering))
            tensors, hidden = lowering.renamed(branch.scope, (n,))
            labels += [(side, *tensor) for tensor in tensors]
            sizes |= hidden
            spans |= hidden
            self.element_count += lowering.element_count
            self.element_count += sum(math.prod(spans[x] for x in tensor) for tensor in tensors)
        self.labels, self.sizes, self.absorbed = tuple(labels), sizes, frozenset()

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        relation = self.relation
        first = np.asarray([bool(relation.mask >> v & 1) for v in range(relation.sizes[0])], bool)
        found = [np.stack([first, ~first], 1)]
        for n, branch, lowering in self.inner:
            masks = lowering.constant_masks([sizes[k] for k in branch.scope])
            for mask, labels in zip(masks, lowering.labels, strict=True):
                idle = np.zeros(mask.shape, np.bool_)
                idle[tuple(0 if x in lowering.sizes else slice(None) for x in labels)] = True
                found.append(np.stack([mask, idle] if n == 0 else [idle, mask]))
        return found

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        dtype = elements.dtype(semiring, weights[0])
        sizes = [elements.shape(semiring, x)[0] for x in weights]
        return [semiring.indicator(mask, dtype) for mask in self.constant_masks(sizes)]

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        return {}


@flax.struct.dataclass
class Conditionals:
    """Conditional constraints; see `Propagator`."""

    scope: jax.Array  # int32[C, K]; position 0 decides
    present: jax.Array  # bool[C, K]
    values: jax.Array  # uint64[C, W]: those of the first branch
    branches: tuple[_Aligned | _Anywhere, ...]  # those that have a constraint
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

    propagator: Propagator

    def prune(self, first: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What they allow at position 0, lanes ``[C, 1, W, B]``, and elsewhere."""
        return jnp.full_like(first, bits.everything(first.dtype)), self.propagator.prune(others)


@flax.struct.dataclass
class _Anywhere:
    """The constraints of a branch, over any positions."""

    rows: Gathered

    def prune(self, first: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What they allow at position 0, lanes ``[C, 1, W, B]``, and elsewhere."""
        lanes = self.rows.prune(jnp.concatenate([first, others], axis=1))
        return lanes[:, :1], lanes[:, 1:]


def _members(placed: Sequence[Placed[ConditionalRelation]], side: int) -> list[Placed]:
    """The relations of one branch, over variables; none where the branch has no constraint."""
    found = []
    for relation, scope in placed:
        branch = relation.branches[side]
        if branch is not None:
            found.append(Placed(branch.relation, tuple(scope[k] for k in branch.scope)))
    return found


def _propagator(members: Sequence[Placed], size: int) -> Propagator | None:
    return type(members[0].relation).group(members, size) if members else None


def _branch(
    propagator: Propagator,
    members: Sequence[Placed],
    scope: np.ndarray,
    present: np.ndarray,
    size: int,
) -> _Aligned | _Anywhere:
    """The constraints of one branch, in their place in ``scope``, ``int32[C, K]``."""
    variables, there = np.asarray(propagator.scope), np.asarray(propagator.present)
    after = scope[:, 1:]
    alike = variables.shape == after.shape and np.array_equal(there, present[:, 1:])
    if alike and np.array_equal(variables[there], after[there]):
        return _Aligned(propagator)
    return _Anywhere(gather(propagator, members, scope, present, size))
