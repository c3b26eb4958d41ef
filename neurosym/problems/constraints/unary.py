"""`UnaryRelation`: a compiled constraint on one variable, a set of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.lowering import DenseLowering
from neurosym.problems.constraints.propagator import Propagator, padded_scopes
from neurosym.problems.constraints.relation import Placed, Relation


@dataclasses.dataclass(frozen=True)
class UnaryRelation(Relation):
    """``allowed[v]`` says whether the value index may be taken."""

    allowed: tuple[bool, ...]
    kind: ClassVar[str] = "unary"

    @property
    def sizes(self) -> tuple[int]:  # type: ignore[override]
        return (len(self.allowed),)

    def allows(self, assignment: Sequence[int]) -> bool:
        return self.allowed[assignment[0]]

    @property
    def negative(self) -> tuple[int, ...]:
        """Position 0 where only the first of two values is allowed: ``~x`` of a 0/1 variable x."""
        return (0,) if self.allowed == (True, False) else ()

    @property
    def bucket(self) -> Hashable:
        return ()

    @classmethod
    def group(cls, placed: Sequence[Placed[UnaryRelation]], size: int) -> Propagator:
        allowed = np.zeros((len(placed), size), np.bool_)
        for c, (relation, _) in enumerate(placed):
            allowed[c, : len(relation.allowed)] = relation.allowed
        scope, present = padded_scopes([scope for _, scope in placed], 1)
        with jax.enable_x64(True):
            return AllowedValues(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                allowed=jax.device_put(bits.pack_host(allowed)),
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        return DenseLowering([(0,)], lambda: [np.asarray(self.allowed)])


@flax.struct.dataclass
class AllowedValues:
    """Unary constraints; see `Propagator`."""

    scope: jax.Array  # int32[C, 1]
    present: jax.Array  # bool[C, 1]
    allowed: jax.Array  # uint64[C, W]

    @jax.named_scope("unary")
    def prune(self, domains: jax.Array) -> jax.Array:
        allowed = bits.narrow(self.allowed, domains.dtype)
        return jnp.broadcast_to(allowed[:, None, :, None], domains.shape)
