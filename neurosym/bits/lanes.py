"""Finite sets as bits in uint64 lanes: packing, unpacking, counting, lowest member.

A set over ``D`` values is ``uint64[..., W]`` with ``W = ceil(D / 64)``: bit ``v % 64`` of word
``v // 64`` says that value index ``v`` is a member. Bits beyond ``D`` are zero.

JAX without x64 turns 64-bit literals and NumPy arrays into 32-bit ones in silence, so every
function here opens ``jax.enable_x64(True)`` around its own arithmetic: they work inside a
caller's jit, grad and vmap with x64 off.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

WORD = 64

F = TypeVar("F", bound=Callable[..., Any])


def with_lanes(function: F) -> F:
    """Runs ``function`` under ``jax.enable_x64(True)``: its uint64 lanes stay 64 bits wide."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


@with_lanes
def as_lanes(lanes: Any) -> jax.Array:
    """Lanes as a JAX array, also where they come from NumPy.

    Raises:
      ValueError: if they have lost their upper halves: a NumPy array of 64-bit lanes that was
        passed through a jit with x64 off arrives with 32.
    """
    if lanes.dtype != np.uint64:
        raise ValueError(
            f"lanes are uint64, not {lanes.dtype}; NumPy lanes that are passed to a jitted "
            "function with x64 off lose half of their bits: close over them instead"
        )
    return jnp.asarray(lanes)


def word_count(size: int) -> int:
    """The number ``W`` of 64-bit words that hold a set over ``size`` values; at least 1."""
    return max(1, -(-size // WORD))


@with_lanes
def pack(mask: jax.Array, axis: int = -1) -> jax.Array:
    """Packs ``bool[..., D, ...]`` along ``axis`` into lanes ``uint64[..., W, ...]``."""
    mask = jnp.asarray(mask, jnp.bool_)
    axis %= mask.ndim
    size, words = mask.shape[axis], word_count(mask.shape[axis])
    padding = [(0, words * WORD - size if a == axis else 0) for a in range(mask.ndim)]
    shape = (*mask.shape[:axis], words, WORD, *mask.shape[axis + 1 :])
    bits = jnp.pad(mask, padding).reshape(shape)
    weights = jnp.left_shift(jnp.uint64(1), _positions(mask.ndim - axis - 1))
    return jnp.sum(jnp.where(bits, weights, jnp.uint64(0)), axis=axis + 1, dtype=jnp.uint64)


@with_lanes
def unpack(lanes: jax.Array, size: int, axis: int = -1) -> jax.Array:
    """Unpacks lanes ``uint64[..., W, ...]`` along ``axis`` into ``bool[..., size, ...]``.

    Raises:
      ValueError: if the lanes hold fewer than ``size`` bits.
    """
    lanes = as_lanes(lanes)
    axis %= lanes.ndim
    if lanes.shape[axis] * WORD < size:
        raise ValueError(f"{lanes.shape[axis]} words of {WORD} bits cannot hold {size} values")
    after = lanes.ndim - axis - 1
    bits = jnp.right_shift(jnp.expand_dims(lanes, axis + 1), _positions(after)) & jnp.uint64(1)
    bits = bits.reshape(*lanes.shape[:axis], -1, *lanes.shape[axis + 1 :])
    return jax.lax.slice_in_dim(bits, 0, size, axis=axis) != jnp.uint64(0)


@with_lanes
def popcount(lanes: jax.Array) -> jax.Array:
    """The number of members, ``int32[...]``, of sets ``uint64[..., W]``."""
    lanes = as_lanes(lanes)
    return jnp.sum(jax.lax.population_count(lanes).astype(jnp.int32), axis=-1, dtype=jnp.int32)


@with_lanes
def lowest(lanes: jax.Array) -> jax.Array:
    """The lowest member, ``int32[...]``, of sets ``uint64[..., W]``; -1 where empty."""
    lanes = as_lanes(lanes)
    isolated = lanes & (~lanes + jnp.uint64(1))
    position = jax.lax.population_count(isolated - jnp.uint64(1)).astype(jnp.int32)
    offsets = jnp.arange(lanes.shape[-1], dtype=jnp.int32) * WORD
    beyond = jnp.int32(lanes.shape[-1] * WORD)
    index = jnp.min(jnp.where(lanes != 0, position + offsets, beyond), axis=-1)
    return jnp.where(index == beyond, jnp.int32(-1), index)


def single(index: np.ndarray, words: int) -> np.ndarray:
    """Lanes ``uint64[..., words]`` (NumPy) of the one-value sets ``{index}``."""
    index = np.asarray(index)
    lanes = np.zeros((*index.shape, words), np.uint64)
    bit = np.left_shift(np.uint64(1), (index % WORD).astype(np.uint64))
    np.put_along_axis(lanes, (index // WORD)[..., None], bit[..., None], axis=-1)
    return lanes


def _positions(trailing: int) -> jax.Array:
    """``uint64[64, 1, ...]``: the bit positions of a word, before ``trailing`` further axes."""
    return jnp.arange(WORD, dtype=jnp.uint64).reshape(WORD, *(1,) * trailing)
