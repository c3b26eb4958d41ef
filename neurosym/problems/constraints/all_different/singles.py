"""The rules of naked and hidden singles, on sets as bits.

    x in {1}      y in {1, 2}   z in {1, 2, 3}      three variables, three values
    once   {1, 2, 3}    twice   {1, 2}              possible in some variable, in at least two
    taken  {1}          clash   {}                  taken by an assigned one, and by two of them
    hidden {3}          once without twice: only z can take it
    decide: y loses 1 (naked single), z keeps 3 alone (hidden single)

All of it comes from the first four sets, which one pass over the scope of a constraint finds.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import reduce_rows


def digest(held: jax.Array, axis: int) -> tuple[jax.Array, ...]:
    """Of sets ``[..., K, W, B]``: possible once, possible twice, taken once, taken twice."""
    zero = bits.nothing(held.dtype)
    taken = jnp.where(_is_single(held, axis + 1), held, zero)
    empty = jnp.zeros_like(held)

    def combine(a: tuple, b: tuple) -> tuple:
        once, twice, assigned, clash = a
        once_too, twice_too, assigned_too, clash_too = b
        return (
            once | once_too,
            twice | twice_too | (once & once_too),
            assigned | assigned_too,
            clash | clash_too | (assigned & assigned_too),
        )

    return reduce_rows((held, empty, taken, empty), (zero,) * 4, combine, axis)


def _is_single(held: jax.Array, axis: int) -> jax.Array:
    """Whether at most one value is left; keeps the axis of words, of extent 1."""
    few = (held & (held - held.dtype.type(1))) == 0
    if held.shape[axis] == 1:
        return few
    used = jnp.sum((held != 0).astype(jnp.int32), axis=axis, keepdims=True) <= 1
    return used & jnp.all(few, axis=axis, keepdims=True)


def what_must(sets: tuple[jax.Array, ...], complete: jax.Array, values: jax.Array) -> tuple:
    """Taken, clash and hidden singles; everything is taken where a value has no place left."""
    once, twice, taken, clash = sets
    zero, full = bits.nothing(once.dtype), bits.everything(once.dtype)
    complete = complete[:, None, None]
    lost = complete & jnp.any(values[..., None] & ~once != zero, axis=1, keepdims=True)
    hidden = jnp.where(complete, once & ~twice, zero)
    return jnp.where(lost, full, taken), jnp.where(lost, full, clash), hidden


def decide(
    held: jax.Array, axis: int, taken: jax.Array, clash: jax.Array, hidden: jax.Array
) -> jax.Array:
    """What a variable keeps of ``held``."""
    kept = held & ~jnp.where(_is_single(held, axis), clash, taken)
    only = kept & hidden
    # A variable that two values have as their only place is a contradiction.
    assigned = jnp.where(_is_single(only, axis), only, bits.nothing(only.dtype))
    return jnp.where(jnp.any(only != 0, axis=axis, keepdims=True), assigned, kept)
