"""`Joint`: several relations over parts of one scope, as one relation.

    x < y, y < z       Joint(sizes=(9, 9, 9), parts=(Placed(less, (0, 1)), Placed(less, (1, 2))))

A problem takes the parts one by one. One relation is needed where a constraint that is made of
others stands under a condition, and where it is checked alone. Pruning is one round of each part,
so it is weaker than what the parts imply together; total and support are those of the tensors of
all parts, and exact.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import ClassVar

import flax.struct
import jax

from neurosym.problems.constraints.constraint import Constraint, placements
from neurosym.problems.constraints.gathered import Gathered, gather
from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.parts_lowering import PartsLowering
from neurosym.problems.constraints.propagator import Propagator, padded_scopes
from neurosym.problems.constraints.relation import Placed, Relation


def joined(constraint: Constraint) -> Relation:
    """A constraint as one relation over its scope, whatever it is made of."""
    parts = placements(constraint)
    scope = tuple(variable.index for variable in constraint.scope)
    if len(parts) == 1 and parts[0].scope == scope:
        return parts[0].relation
    position = {i: k for k, i in enumerate(scope)}
    return Joint(
        sizes=tuple(len(variable.domain) for variable in constraint.scope),
        parts=tuple(Placed(r, tuple(position[i] for i in inner)) for r, inner in parts),
    )


@dataclasses.dataclass(frozen=True)
class Joint(Relation):
    """Relations that hold together.

    Attributes:
      sizes: the number of values of each position.
      parts: each over some of the positions.
    """

    sizes: tuple[int, ...]
    parts: tuple[Placed, ...]
    kind: ClassVar[str] = "joint"

    def allows(self, assignment: Sequence[int]) -> bool:
        return all(part.allows(assignment) for part in self.parts)

    @property
    def bucket(self) -> Hashable:
        return tuple((part.kind, part.relation.bucket) for part in self.parts)

    @classmethod
    def group(cls, placed: Sequence[Placed[Joint]], size: int) -> Propagator:
        scopes = [variables for _, variables in placed]
        scope, present = padded_scopes(scopes, max(map(len, scopes)))
        inner = []
        for parts in zip(*(relation.parts for relation, _ in placed), strict=True):
            members = [
                Placed(part.relation, tuple(variables[k] for k in part.scope))
                for part, variables in zip(parts, scopes, strict=True)
            ]
            propagator = type(members[0].relation).group(members, size)
            inner.append(gather(propagator, members, scope, present, size))
        return JointPropagator(
            scope=jax.device_put(scope), present=jax.device_put(present), parts=tuple(inner)
        )

    def lower(self, private: frozenset[int]) -> Lowering:
        return PartsLowering(self.parts, private, len(self.sizes))


@flax.struct.dataclass
class JointPropagator:
    """Joint constraints, by one round of each part; see `Propagator`."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    parts: tuple[Gathered, ...]

    @jax.named_scope("joint")
    def prune(self, domains: jax.Array) -> jax.Array:
        lanes = self.parts[0].prune(domains)
        for part in self.parts[1:]:
            lanes = lanes & part.prune(domains)
        return lanes
