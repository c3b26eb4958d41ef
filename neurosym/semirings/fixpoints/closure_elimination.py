"""The closure by elimination in the semiring itself, for any semiring with a star.

Kleene's algorithm (Lehmann, Algebraic structures for transitive closure, Theoretical Computer
Science 4, 1977): ``x[i, j] ⊕= x[i, k] ⊗ star(x[k, k]) ⊗ x[k, j]`` for every pivot k, and the
identity at the end. Nothing is ever subtracted but in the star of a pivot, so every entry has a
small *relative* error however small it is (Grassmann, Taksar and Heyman's observation about Markov
chains), also where the real numbers underflow. Pivots are taken in blocks, whose products are the
semiring's own contractions: in log-like encodings real matrix products of scaled operands, exact
where those underflow.

The steps are ⊕, ⊗, stars and contractions, so their derivatives are the semiring's; the backward
pass keeps the matrix once for each block of pivots.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.contraction import contract

BLOCK = 32
"""Pivots of a block."""


def eliminated(semiring: Semiring, matrix: Elements) -> tuple[Elements, jax.Array]:
    """Elements ``[N, N]``, and ``bool[]``: whether every pivot has a star.

    Args:
      semiring: with a star, or real coordinates to get one from. A star that is an infinity or NaN,
        and not the semiring's zero, says that the powers have no sum.
      matrix: elements ``[N, N]``.
    """
    size = elements.shape(semiring, matrix)[0]
    if size <= BLOCK:
        closed, sound = _eliminated_one_by_one(semiring, matrix)
        return _with_identity(semiring, closed), sound
    extra = -size % BLOCK
    padded = elements.pad(semiring, matrix, [(0, extra, 0), (0, extra, 0)])

    def step(x: Elements, start: jax.Array) -> tuple[Elements, jax.Array]:
        columns = _part(x, start, BLOCK, 1)
        rows = _part(x, start, BLOCK, 0)
        corner, sound = _eliminated_one_by_one(semiring, _part(rows, start, BLOCK, 1))
        corner = _with_identity(semiring, corner)
        left = _product(semiring, columns, corner)
        return semiring.add(x, _product(semiring, left, rows)), sound

    starts = jnp.arange(0, size, BLOCK)
    closed, sound = jax.lax.scan(step, padded, starts)
    closed = jax.tree.map(lambda leaf: leaf[:size, :size], closed)
    return _with_identity(semiring, closed), jnp.all(sound)


def _eliminated_one_by_one(semiring: Semiring, x: Elements) -> tuple[Elements, jax.Array]:
    """The sum of all walks of at least one step, and whether every pivot has a star."""
    star = _star(semiring)
    size = elements.shape(semiring, x)[0]

    def step(x: Elements, pivot: jax.Array) -> tuple[Elements, jax.Array]:
        column = _part(x, pivot, 1, 1)
        row = _part(x, pivot, 1, 0)
        corner = _part(row, pivot, 1, 1)
        sound = _finite(semiring, jax.lax.stop_gradient(star(corner)))
        # Without a sum the result is spoilt anyway; a harmless pivot keeps derivatives defined.
        corner = elements.where(
            semiring, sound, corner, semiring.zeros((1, 1), _dtype(semiring, x))
        )
        return semiring.add(x, semiring.mul(semiring.mul(column, star(corner)), row)), sound

    closed, sound = jax.lax.scan(step, x, jnp.arange(size))
    return closed, jnp.all(sound)


def _star(semiring: Semiring) -> Callable[[Elements], Elements]:
    if semiring.star is not None:
        return semiring.star
    coordinates = semiring.coordinates
    assert coordinates is not None
    return lambda x: coordinates.decode(1 / (1 - coordinates.encode(x)))


def _with_identity(semiring: Semiring, x: Elements) -> Elements:
    size = elements.shape(semiring, x)[0]
    identity = semiring.indicator(jnp.eye(size, dtype=jnp.bool_), _dtype(semiring, x))
    return semiring.add(x, identity)


def _product(semiring: Semiring, a: Elements, b: Elements) -> Elements:
    a, b = elements.expand_dims(semiring, a, 0), elements.expand_dims(semiring, b, 0)
    return jax.tree.map(lambda leaf: leaf[0], contract(semiring, a, b))


def _part(x: Elements, start: jax.Array, count: int, axis: int) -> Elements:
    return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, count, axis), x)


def _dtype(semiring: Semiring, x: Elements) -> jnp.dtype:
    return elements.dtype(semiring, x)


def _finite(semiring: Semiring, x: Elements) -> jax.Array:
    """``bool[1, 1]``: no part of an element ``[1, 1]`` is NaN, or infinite unless zero is."""
    zero = semiring.zeros((1, 1), _dtype(semiring, x))

    def leaf(part: jax.Array, nothing: jax.Array) -> jax.Array:
        if not jnp.issubdtype(part.dtype, jnp.floating):
            return jnp.asarray(True)
        return jnp.all(jnp.isfinite(part) | (part == nothing))

    parts = jax.tree.leaves(jax.tree.map(leaf, x, zero))
    return jnp.all(jnp.stack(parts)).reshape(1, 1)
