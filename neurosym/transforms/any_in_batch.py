"""Decisions that are made once for a whole batch."""

import jax
import jax.numpy as jnp

from neurosym.transforms.compatibility import custom_vmap


@custom_vmap
def any_in_batch(mask: jax.Array) -> jax.Array:
    """``bool[]``, true for every instance of the batch if some entry of one of them is true.

    Under `jax.vmap` the whole batch gets one answer, so a `jax.lax.cond` on it stays a branch and
    does not become a select that always computes both sides.
    """
    return jnp.any(mask)


@any_in_batch.def_vmap
def _any_in_batch_vmap(axis_size: int, in_batched: list[bool], mask: jax.Array) -> tuple:
    return any_in_batch(mask), False
