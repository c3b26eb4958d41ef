"""Domains as sets over one universe of values, for variables that order their values differently.

x over ("a", "b")   y over ("b", "c")     universe a, b, c
forward   x: 0 1    y: 1 2                the universe index of each value
inverse   x: 0 1 2  y: 2 0 1              the value at each universe index; 2 where there is none
{y is "b"}   bit 0 of y's lane   ─▶   bit 1 of the universe's
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.rounding import rounded
from neurosym.transforms.take import take_along


def map_arrays(
    rows: Sequence[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]],
    size: int,
    most: int | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Scope, present, forward and inverse of constraints given by scopes and maps.

    The arity is rounded to no more than ``most``.
    """
    arity = rounded(max(len(scope) for scope, _ in rows), most)
    universe = rounded(max(max(row) for _, maps in rows for row in maps) + 1)
    scope = np.zeros((len(rows), arity), np.int32)
    present = np.zeros((len(rows), arity), np.bool_)
    forward = np.full((len(rows), arity, size), universe, np.int32)
    inverse = np.full((len(rows), arity, universe), size, np.int32)
    for c, (variables, maps) in enumerate(rows):
        scope[c, : len(variables)], present[c, : len(variables)] = variables, True
        for k, row in enumerate(maps):
            forward[c, k, : len(row)] = row
            inverse[c, k, list(row)] = range(len(row))
    return tuple(jax.device_put(x) for x in (scope, present, forward, inverse))


def to_universe(domains: jax.Array, present: jax.Array, inverse: jax.Array) -> jax.Array:
    """Domains ``[C, K, W, B]`` as sets over the common universe, ``[C, K, U', B]``; empty where
    absent."""
    size = _bits_held(domains)
    chosen = _pick(bits.unpack(domains, size, axis=2), inverse)
    chosen &= present[..., None, None]
    return bits.pack(chosen, axis=2, dtype=bits.lane_dtype(inverse.shape[2]))


def from_universe(
    held: jax.Array, present: jax.Array, forward: jax.Array, domains: jax.Array
) -> jax.Array:
    """Sets over the universe as messages in the lanes of ``domains``."""
    universe = _bits_held(held)
    lanes = bits.pack(
        _pick(bits.unpack(held, universe, axis=2), forward), axis=2, dtype=domains.dtype
    )
    return jnp.where(present[..., None, None], lanes, bits.everything(domains.dtype))


def _pick(members: jax.Array, index: jax.Array) -> jax.Array:
    """Members ``bool[C, K, N, B]`` at ``index``; False beyond."""
    inside = index < members.shape[2]
    index = jnp.where(inside, index, 0)[..., None]
    picked = take_along(members, index, axis=2)
    return picked & inside[..., None]


def _bits_held(lanes: jax.Array) -> int:
    return lanes.shape[2] * bits.word_bits(lanes)


def lanes_of(sets: Sequence[Sequence[int]], size: int) -> np.ndarray:
    """Lanes ``uint64[C, W]`` (NumPy) of sets over ``size`` values."""
    words = bits.word_count(size)
    lanes = np.zeros((len(sets), words), np.uint64)
    for c, members in enumerate(sets):
        for value in members:
            lanes[c, value // bits.WORD] |= np.uint64(1) << np.uint64(value % bits.WORD)
    return lanes
