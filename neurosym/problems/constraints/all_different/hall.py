"""Exact pruning of `AllDifferent` over few variables, by Hall sets.

A set of n variables whose domains together hold n values is a Hall set: it takes all these values,
so they leave the other variables. If the domains hold fewer values, there is no solution. Removing
the values of every Hall set from the variables outside is exact (Hall 1935; Régin 1994, "A
filtering algorithm for constraints of difference in CSPs"). Every subset of the variables is tried,
so the number of variables is small; the number of values is free.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import union_rows
from neurosym.problems.constraints.all_different.universe import (
    from_universe,
    map_arrays,
    to_universe,
)

AT_ONCE = 8
"""Subsets of variables that one step of the loop tries."""


@flax.struct.dataclass
class HallSets:
    """Exact all-different; see `Propagator`. U is the size of the common universe of values."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    forward: jax.Array  # int32[C, K, D]: the universe index of each value; U where there is none
    inverse: jax.Array  # int32[C, K, U]: the value at each universe index; D where there is none

    @classmethod
    def build(
        cls, rows: Sequence[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]], size: int
    ) -> HallSets:
        """From scopes and maps into the universe."""
        most = max(len(scope) for scope, _ in rows)  # each further one doubles the subsets
        return cls(*map_arrays(rows, size, most))

    @jax.named_scope("all_different_hall")
    def prune(self, domains: jax.Array) -> jax.Array:
        held = to_universe(domains, self.present, self.inverse)  # [C, K, U', B]
        present = self.present[..., None, None]
        arity = self.present.shape[1]
        zero, full = bits.nothing(held.dtype), bits.everything(held.dtype)
        subsets = jnp.arange(1, (1 << arity) + AT_ONCE, dtype=jnp.int32)

        def step(n: jax.Array, taken: jax.Array) -> jax.Array:
            chosen = jax.lax.dynamic_slice_in_dim(subsets, n * AT_ONCE, AT_ONCE)
            chosen = jnp.where(chosen < (1 << arity), chosen, 0)
            member = (chosen[:, None] >> jnp.arange(arity)) & 1 == 1  # [N, K]
            inside = member[None, :, :, None, None] & present[:, None]  # [C, N, K, 1, 1]
            whole = jnp.any(member, 1) & jnp.all(inside[..., 0, 0] == member, axis=2)  # [C, N]
            union = union_rows(jnp.where(inside, held[:, None], zero), 2)  # [C, N, U', B]
            count = jnp.sum(jax.lax.population_count(union).astype(jnp.int32), axis=2)  # [C, N, B]
            wanted = jnp.sum(member, axis=1, dtype=jnp.int32)[None, :, None]
            tight = (count == wanted) & whole[..., None]
            short = (count < wanted) & whole[..., None]
            gone = jnp.where(tight[:, :, None, None] & ~inside, union[:, :, None], zero)
            gone = jnp.where(short[:, :, None, None], full, gone)  # [C, N, K, U', B]
            return taken | union_rows(gone, 1)

        # Of absent variables no subset is whole, so the loop may run over all.
        steps = -(-((1 << arity) - 1) // AT_ONCE)
        taken = jax.lax.fori_loop(0, steps, step, jnp.zeros_like(held))
        return from_universe(held & ~taken, self.present, self.forward, domains)
