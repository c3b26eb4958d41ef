"""The transitive closure of a relation, on rows of bits.

Warshall's algorithm (A theorem on Boolean matrices, 1962), 32 pivots at a time: a row is a row of
32-bit words, so the columns of 32 pivots are one word of every row. The rows of the pivots are
closed among themselves first; then every row takes in the rows of the pivots that it reaches, in
one pass over the matrix.
"""

import jax
import jax.numpy as jnp

WORD = 32
"""Bits of a word, and pivots of a pass."""


def boolean_closure(matrix: jax.Array) -> jax.Array:
    """``bool[N, N]``: which entries are reached in no, one or more steps.

    Args:
      matrix: ``bool[N, N]``.
    """
    size = matrix.shape[0]
    words = -(-size // WORD)
    padding = words * WORD - size
    reflexive = jnp.pad(matrix | jnp.eye(size, dtype=jnp.bool_), ((0, padding), (0, padding)))
    weights = jnp.uint32(1) << jnp.arange(WORD, dtype=jnp.uint32)
    split = reflexive.reshape(words * WORD, words, WORD)
    rows = jnp.sum(jnp.where(split, weights, jnp.uint32(0)), axis=2, dtype=jnp.uint32)

    def taken_in(rows: jax.Array, column: jax.Array, pivots: jax.Array) -> jax.Array:
        for bit in range(WORD):
            reached = (column & (jnp.uint32(1) << bit)) != 0
            rows = jnp.where(reached, rows | pivots[bit], rows)
        return rows

    def one_pass(word: jax.Array, rows: jax.Array) -> jax.Array:
        pivots = jax.lax.dynamic_slice_in_dim(rows, word * WORD, WORD, axis=0)

        def close(bit: jax.Array, pivots: jax.Array) -> jax.Array:
            column = jax.lax.dynamic_slice_in_dim(pivots, word, 1, axis=1)
            reached = (column >> bit.astype(jnp.uint32)) & 1 != 0
            pivot = jax.lax.dynamic_slice_in_dim(pivots, bit, 1, axis=0)
            return jnp.where(reached, pivots | pivot, pivots)

        pivots = jax.lax.fori_loop(0, WORD, close, pivots)
        column = jax.lax.dynamic_slice_in_dim(rows, word, 1, axis=1)
        return taken_in(rows, column, pivots)

    rows = jax.lax.fori_loop(0, words, one_pass, rows)
    bits = (rows[:, :, None] & weights) != 0
    return bits.reshape(words * WORD, words * WORD)[:size, :size]
