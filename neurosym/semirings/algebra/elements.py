"""Elements of a semiring as pytrees, and how they are moved.

An element is one number in most semirings; then elements are one array. It may also have several
parts (a probability and an expectation; the weights and assignments of the k best): then elements
are a pytree whose leaves share their leading axes, and a leaf may have trailing axes of its own, as
many as the same leaf of the semiring's zero has. Everything that moves elements about goes through
these functions, which see the leading axes only; ``shape``, ``axis`` and ``axes`` mean leading
axes, which are counted from the front.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.transforms import take as gather
from neurosym.transforms.concrete import concrete

if TYPE_CHECKING:
    from neurosym.semirings.algebra.semiring import Semiring

Elements = Any
"""One array, or a pytree of arrays like the semiring's zero."""

MAX_BY_HOST = 2**16
"""Elements outside of every trace that NumPy lays out: a program for their shape costs more."""


def shape(semiring: Semiring, x: Elements) -> tuple[int, ...]:
    """The leading axes that all leaves share."""
    leaf, trailing = jax.tree.leaves(x)[0], np.ndim(jax.tree.leaves(semiring.zero)[0])
    return tuple(leaf.shape[: leaf.ndim - trailing])


def ndim(semiring: Semiring, x: Elements) -> int:
    """How many leading axes there are."""
    return len(shape(semiring, x))


def dtype(semiring: Semiring, x: Elements) -> Any:
    """The type of the first floating leaf, or of the first leaf."""
    leaves = jax.tree.leaves(x)
    floats = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return (floats or leaves)[0].dtype


def full(semiring: Semiring, shape: Sequence[int], element: Elements, dtype: Any) -> Elements:
    """``element`` (such as the semiring's zero) everywhere, its floating leaves as ``dtype``."""

    def leaf(value: Any) -> jax.Array:
        kind = leaf_dtype(value, dtype)
        return jnp.broadcast_to(jnp.asarray(value, kind), (*shape, *np.shape(value)))

    if concrete() and math.prod(shape) <= MAX_BY_HOST:
        return host_where(np.ones(shape, np.bool_), element, element, dtype)
    return jax.tree.map(leaf, element)


def host_where(mask: np.ndarray, x: Elements, y: Elements, dtype: Any) -> Elements:
    """Elements that are the one element ``x`` where the mask holds and the one element ``y``
    elsewhere, floating leaves as ``dtype``; made by NumPy."""

    def leaf(x: Any, y: Any) -> jax.Array:
        trailing = np.shape(x)
        kind = np.dtype(leaf_dtype(x, dtype))
        where = mask.reshape((*mask.shape, *(1,) * len(trailing)))
        made = np.where(where, np.asarray(x, kind), np.asarray(y, kind))
        return jax.device_put(made) if concrete() else jnp.asarray(made)

    return jax.tree.map(leaf, x, y)


def leaf_dtype(value: Any, dtype: Any) -> Any:
    """The dtype that stores a leaf like ``value``, where floating leaves are of ``dtype``."""
    if isinstance(value, bool | int | float):  # the only leaf of a semiring of plain numbers
        return dtype
    own = np.asarray(value).dtype
    return dtype if jnp.issubdtype(own, jnp.floating) else own


def reshape(semiring: Semiring, x: Elements, shape: Sequence[int]) -> Elements:
    """The leading axes reshaped; one of ``shape`` may be -1."""
    return _map(semiring, lambda leaf, n: leaf.reshape(*shape, *leaf.shape[leaf.ndim - n :]), x)


def transpose(semiring: Semiring, x: Elements, axes: Sequence[int]) -> Elements:
    """The leading axes permuted."""
    count = len(axes)
    return _map(
        semiring,
        lambda leaf, n: jnp.transpose(leaf, [*axes, *range(count, count + n)]),
        x,
    )


def moveaxis(semiring: Semiring, x: Elements, source: int, destination: int) -> Elements:
    """One leading axis moved."""
    return _map(semiring, lambda leaf, n: jnp.moveaxis(leaf, source, destination), x)


def expand_dims(semiring: Semiring, x: Elements, axis: int) -> Elements:
    """A leading axis of length 1 inserted before ``axis``."""
    return _map(semiring, lambda leaf, n: jnp.expand_dims(leaf, axis), x)


def broadcast_to(semiring: Semiring, x: Elements, shape: Sequence[int]) -> Elements:
    """The leading axes broadcast."""
    if not is_structured(semiring):
        return jnp.broadcast_to(x, tuple(shape))
    missing = len(shape) - ndim(semiring, x)

    def leaf(part: jax.Array, n: int) -> jax.Array:
        part = part.reshape((1,) * missing + part.shape)
        return jnp.broadcast_to(part, (*shape, *part.shape[part.ndim - n :]))

    return _map(semiring, leaf, x)


def broadcast_arrays(semiring: Semiring, *xs: Elements) -> list[Elements]:
    """All broadcast against each other."""
    if not is_structured(semiring):
        return list(jnp.broadcast_arrays(*xs))
    together = np.broadcast_shapes(*(shape(semiring, x) for x in xs))
    return [broadcast_to(semiring, x, together) for x in xs]


def take(semiring: Semiring, x: Elements, indices: Any, axis: int = 0) -> Elements:
    """Entries along a leading axis; ``indices`` (any shape) must lie within it."""
    return gather.take(x, indices, axis=axis)


def at(x: Elements, index: Any) -> Elements:
    """``x[index]``, for an index that concerns leading axes only and has no ellipsis."""
    return jax.tree.map(lambda leaf: leaf[index], x)


def where(semiring: Semiring, mask: jax.Array, x: Elements, y: Elements) -> Elements:
    """``x`` where ``mask`` holds, else ``y``; all broadcast."""
    x, y = broadcast_arrays(semiring, x, y)

    def leaf(n: int, a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(mask.reshape(*mask.shape, *(1,) * n), a, b)

    return jax.tree.map(leaf, _trailing(semiring), x, y)


def concatenate(semiring: Semiring, xs: Sequence[Elements], axis: int = 0) -> Elements:
    """One after the other along a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis), *xs)


def stack(semiring: Semiring, xs: Sequence[Elements], axis: int = 0) -> Elements:
    """One beside the other along a new leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves, axis), *xs)


def pad(semiring: Semiring, x: Elements, padding: Sequence[tuple[int, int, int]]) -> Elements:
    """As `jax.lax.pad` on the leading axes, ``(low, high, interior)`` each, with the zero."""

    def leaf(zero: Any, part: jax.Array) -> jax.Array:
        n = np.ndim(zero)
        config = [*padding, *((0, 0, 0),) * n]
        padded = jax.lax.pad(part, jnp.zeros((), part.dtype), config)
        filled = jax.lax.pad(
            jnp.zeros(part.shape[: part.ndim - n], jnp.bool_), jnp.asarray(True), list(padding)
        )
        filled = filled.reshape(*filled.shape, *(1,) * n)
        return jnp.where(filled, jnp.asarray(zero, part.dtype), padded)

    if not is_structured(semiring):
        return jax.lax.pad(x, jnp.asarray(semiring.zero, x.dtype), list(padding))
    return jax.tree.map(leaf, semiring.zero, x)


def is_structured(semiring: Semiring) -> bool:
    """Elements have several parts, or a part with axes of its own."""
    return not isinstance(semiring.zero, bool | int | float)


def size(semiring: Semiring) -> int:
    """Numbers in one element."""
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(semiring.zero))


def _trailing(semiring: Semiring) -> Any:
    return jax.tree.map(np.ndim, semiring.zero)


def _map(semiring: Semiring, move: Callable[[jax.Array, int], jax.Array], x: Elements) -> Elements:
    """``move(leaf, how many trailing axes it has)`` for every leaf."""
    return jax.tree.map(lambda n, leaf: move(leaf, n), _trailing(semiring), x)
