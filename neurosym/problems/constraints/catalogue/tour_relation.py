"""`TourRelation`: successors that are one round trip, and what prunes them.

    successors (1, {2, 3}, ?, {0, 2}), so 0 → 1
    the path 0 → 1 ends at 1 and has two of four positions     1 does not lead back to 0
    no position leads to itself                                 it is a path of one

Assigned arcs are followed by doubling, so paths of any length take a logarithmic number of steps.
Pruning forbids what would close a path too early; it is weaker than exact.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.propagator import Propagator
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.transforms.take import take_along


@dataclasses.dataclass(frozen=True)
class TourRelation(Relation):
    """``places[k][x_k]`` is where position k leads; all values lead to positions."""

    places: tuple[tuple[int, ...], ...]
    kind: ClassVar[str] = "tour"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(row) for row in self.places)

    def allows(self, assignment: Sequence[int]) -> bool:
        here, seen = 0, set()
        for _ in self.places:
            if here in seen:
                return False
            seen.add(here)
            here = self.places[here][assignment[here]]
        return here == 0

    @property
    def bucket(self) -> Hashable:
        return len(self.places)

    @classmethod
    def group(cls, placed: Sequence[Placed[TourRelation]], size: int) -> Propagator:
        count = len(placed[0].scope)
        places = np.zeros((len(placed), count, size), np.int32)
        for c, (relation, _) in enumerate(placed):
            for k, row in enumerate(relation.places):
                places[c, k, : len(row)] = row
        return Tours(
            scope=jax.device_put(np.asarray([scope for _, scope in placed], np.int32)),
            present=jax.device_put(np.ones((len(placed), count), np.bool_)),
            places=jax.device_put(places),
        )

    def lower(self, private: frozenset[int]) -> Lowering:
        return _as_composite(self.places).lower(private)


@functools.lru_cache(maxsize=64)
def _as_composite(places: tuple[tuple[int, ...], ...]) -> Relation:
    """The orbit of 0 as a chain of hidden variables."""
    from neurosym.problems.constraints.catalogue.tours import orbit
    from neurosym.problems.constraints.composite import composed
    from neurosym.problems.problem import Problem

    problem = Problem()
    return composed(orbit([problem.variable(str(k), domain=row) for k, row in enumerate(places)]))


@flax.struct.dataclass
class Tours:
    """Tours over K positions; see `Propagator`."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    places: jax.Array  # int32[C, K, D]: where each value leads

    @jax.named_scope("tour")
    def prune(self, domains: jax.Array) -> jax.Array:
        count, size = self.places.shape[1:]
        there = bits.unpack(domains, size, axis=2)  # [C, K, D, B]
        assigned = jnp.sum(there, axis=2, dtype=jnp.int32) == 1  # [C, K, B]
        led = jnp.max(jnp.where(there, self.places[..., None], 0), axis=2)
        own = jnp.arange(count, dtype=jnp.int32)[:, None]
        step = jnp.where(assigned, led, own)
        # Where the assigned arcs lead from each position, and over how many of them.
        end, length = step, assigned.astype(jnp.int32)
        for _ in range((count - 1).bit_length()):
            length = length + take_along(length, end, axis=1)
            end = take_along(end, end, axis=1)
        back = jnp.zeros_like(end[:, :1])
        returned = jnp.zeros(back.shape, jnp.bool_)
        for _ in range(count - 1):
            back = take_along(step, back, axis=1)
            returned |= back == 0
        whole = jnp.all(assigned, axis=1, keepdims=True)
        closed = (take_along(step, back, axis=1) == 0) & ~returned
        cycle = jnp.any(take_along(assigned, end, axis=1), axis=1, keepdims=True)
        dead = jnp.where(whole, ~closed, cycle)[:, :, None]  # [C, 1, 1, B]
        # A path does not lead back to where it came from, unless it has all positions.
        short = length + 1 < count
        early = (end[:, None] == own[None, :, None]) & short[:, None]  # [C, end, from, B]
        table = jnp.broadcast_to(self.places[..., None], there.shape)
        keep = ~take_along(early, table, axis=2) & ~dead
        return bits.pack(keep, axis=2, dtype=domains.dtype)
