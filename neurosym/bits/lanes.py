"""Finite sets as bits in unsigned lanes: packing, unpacking, counting, lowest member.

A set over ``D`` values is ``uint64[..., W]`` with ``W = ceil(D / 64)``: bit ``v % 64`` of word
``v // 64`` says that value index ``v`` is a member. Bits beyond ``D`` are zero. That is the
documented form; inside a hot loop a small set may lie in one narrower lane (`lane_dtype`), and
every function here takes such lanes too: a word has as many bits as its dtype.

JAX without x64 turns 64-bit literals and NumPy arrays into 32-bit ones in silence, so every
function here opens ``jax.enable_x64(True)`` around its own arithmetic: they work inside a
caller's jit, grad and vmap with x64 off.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

WORD = 64

LANES = (np.uint8, np.uint16, np.uint32, np.uint64)

F = TypeVar("F", bound=Callable[..., Any])


def with_lanes(function: F) -> F:
    """Runs ``function`` under ``jax.enable_x64(True)``: its uint64 lanes stay 64 bits wide."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


@with_lanes
def as_lanes(lanes: Any) -> jax.Array:
    """Lanes as a JAX array, also where they come from NumPy.

    Raises:
      ValueError: if they have lost their upper halves: a NumPy array of 64-bit lanes that was
        passed through a jit with x64 off arrives with 32 bits.
    """
    if lanes.dtype != np.uint64:
        raise ValueError(
            f"lanes are uint64, not {lanes.dtype}; NumPy lanes that are passed to a jitted "
            "function with x64 off lose half of their bits: close over them instead"
        )
    return jnp.asarray(lanes)


def word_count(size: int, bits: int = WORD) -> int:
    """The number ``W`` of words that hold a set over ``size`` values; at least 1."""
    return max(1, -(-size // bits))


def word_bits(lanes: Any) -> int:
    """The bits of one word: 8, 16, 32 or 64.

    Raises:
      TypeError: if the array has no unsigned dtype.
    """
    dtype = np.dtype(lanes.dtype)
    if dtype not in LANES:
        raise TypeError(f"lanes are unsigned integers, not {dtype}")
    return dtype.itemsize * 8


def lane_dtype(size: int) -> np.dtype:
    """The narrowest dtype whose one word holds ``size`` values; uint64, in several words, beyond.

    Narrow lanes pay: more instances share a vector register and the cache.
    """
    return next((np.dtype(t) for t in LANES if size <= np.dtype(t).itemsize * 8), np.dtype("u8"))


def narrow(lanes: jax.Array, dtype: np.dtype) -> jax.Array:
    """Lanes ``uint64`` in the words of ``dtype``; one word for each set, unless it is uint64."""
    return lanes.astype(dtype)


def nothing(dtype: np.dtype) -> Any:
    """The empty word."""
    return np.dtype(dtype).type(0)


def everything(dtype: np.dtype) -> Any:
    """The word with every bit set."""
    return ~np.dtype(dtype).type(0)


@with_lanes
@functools.partial(jax.jit, static_argnums=(1, 2), static_argnames=("axis", "dtype"), inline=True)
def pack(mask: jax.Array, axis: int = -1, dtype: Any = np.uint64) -> jax.Array:
    """Packs ``bool[..., D, ...]`` along ``axis`` into lanes ``uint64[..., W, ...]``.

    Args:
      mask: membership.
      axis: that of the values.
      dtype: of the lanes.
    """
    mask = mask.astype(jnp.bool_)
    dtype = np.dtype(dtype)
    word = dtype.itemsize * 8
    axis %= mask.ndim
    size, words = mask.shape[axis], word_count(mask.shape[axis], word)
    if words == 1:
        bits = jnp.expand_dims(mask, axis)
    else:
        padding = [(0, words * word - size if a == axis else 0) for a in range(mask.ndim)]
        shape = (*mask.shape[:axis], words, word, *mask.shape[axis + 1 :])
        bits = jnp.pad(mask, padding).reshape(shape)
    # Written out: a reduction of shifted bits is a hundred times slower on CPU.
    lanes = jnp.full(bits.shape[: axis + 1] + bits.shape[axis + 2 :], 0, dtype)
    for value in range(bits.shape[axis + 1]):
        bit = jax.lax.index_in_dim(bits, value, axis + 1, keepdims=False).astype(dtype)
        lanes = lanes | jnp.left_shift(bit, dtype.type(value))
    return lanes


@with_lanes
@functools.partial(jax.jit, static_argnums=(1, 2), static_argnames=("size", "axis"), inline=True)
def unpack(lanes: jax.Array, size: int, axis: int = -1) -> jax.Array:
    """Unpacks lanes ``uint64[..., W, ...]`` along ``axis`` into ``bool[..., size, ...]``.

    Raises:
      ValueError: if the lanes hold fewer than ``size`` bits.
    """
    word, dtype = word_bits(lanes), np.dtype(lanes.dtype)
    axis %= lanes.ndim
    if lanes.shape[axis] * word < size:
        raise ValueError(f"{lanes.shape[axis]} words of {word} bits cannot hold {size} values")
    after = lanes.ndim - axis - 1
    bits = jnp.right_shift(jnp.expand_dims(lanes, axis + 1), _positions(after, dtype))
    bits = (bits & dtype.type(1)).reshape(*lanes.shape[:axis], -1, *lanes.shape[axis + 1 :])
    return jax.lax.slice_in_dim(bits, 0, size, axis=axis) != nothing(dtype)


@with_lanes
def popcount(lanes: jax.Array, axis: int = -1) -> jax.Array:
    """The number of members, ``int32[...]``, of sets ``uint64[..., W]``."""
    word_bits(lanes)
    counts = jax.lax.population_count(jnp.asarray(lanes)).astype(jnp.int32)
    return jnp.sum(counts, axis=axis, dtype=jnp.int32)


@with_lanes
def lowest(lanes: jax.Array) -> jax.Array:
    """The lowest member, ``int32[...]``, of sets ``uint64[..., W]``; -1 where empty."""
    word = word_bits(lanes)
    lanes = jnp.asarray(lanes)
    one = jnp.ones((), lanes.dtype)
    isolated = lanes & (~lanes + one)
    position = jax.lax.population_count(isolated - one).astype(jnp.int32)
    offsets = jnp.arange(lanes.shape[-1], dtype=jnp.int32) * word
    beyond = jnp.int32(lanes.shape[-1] * word)
    index = jnp.min(jnp.where(lanes != 0, position + offsets, beyond), axis=-1)
    return jnp.where(index == beyond, jnp.int32(-1), index)


def pack_host(mask: np.ndarray) -> np.ndarray:
    """As `pack` of NumPy's ``bool[..., D]``, without JAX: ``uint64[..., W]``."""
    words = word_count(mask.shape[-1])
    held = np.zeros((*mask.shape[:-1], 8 * words), np.uint8)
    packed = np.packbits(mask, axis=-1, bitorder="little")
    held[..., : packed.shape[-1]] = packed
    return held.view("<u8").astype(np.uint64)


def unpack_host(lanes: np.ndarray, size: int) -> np.ndarray:
    """As `unpack` of NumPy's ``uint64[..., W]``, without JAX: ``bool[..., size]``."""
    data = np.ascontiguousarray(lanes, "<u8").view(np.uint8)
    return np.unpackbits(data, axis=-1, count=size, bitorder="little").astype(np.bool_)


def single(index: np.ndarray, words: int) -> np.ndarray:
    """Lanes ``uint64[..., words]`` (NumPy) of the one-value sets ``{index}``."""
    index = np.asarray(index)
    lanes = np.zeros((*index.shape, words), np.uint64)
    bit = np.left_shift(np.uint64(1), (index % WORD).astype(np.uint64))
    np.put_along_axis(lanes, (index // WORD)[..., None], bit[..., None], axis=-1)
    return lanes


def _positions(trailing: int, dtype: np.dtype) -> jax.Array:
    """``[bits, 1, ...]``: the bit positions of a word, before ``trailing`` further axes."""
    word = dtype.itemsize * 8
    return jnp.arange(word, dtype=dtype).reshape(word, *(1,) * trailing)
