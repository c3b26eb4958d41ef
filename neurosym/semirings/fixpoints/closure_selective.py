"""The closure where ⊕ selects: all best walks by Floyd and Warshall, with a derivative.

``x[i, j] ⊕= x[i, k] ⊗ x[k, j]`` for every pivot k (Floyd, Algorithm 97: Shortest path, 1962). Eight
pivots go in one pass over the matrix: their rows and columns are brought up to date first, in two
strips, and the pass does eight fused updates of every entry while it has it in a register. On one
core that takes 14 ms for 500 nodes, and one pivot in each pass takes 60 ms.

For the derivative the pass also keeps the *pivot of the last strict improvement* of every entry. An
entry that was improved at pivot k is the ⊗ of (i, k) and (k, j), which were last improved at
earlier pivots, so these derivations have no cycle, whatever the weights: zero diagonals and cycles
of weight one improve nothing. Tangents go up the pivots once, cotangents down once, with the
derivative of ⊗ (its cofactors) at the final values. An entry that was never improved is an entry of
the matrix. So the derivative is that of one best walk for each entry, a subgradient: where several
walks tie, the walk that was found first; ties of ⊗, and of an entry on the diagonal with one, split
evenly.

Rounding can break the order: an equally good walk, summed in another order, may come out better by
the last digit and improve (i, k) after (i, j) was made of it. The entries are then gone through
again, `MAX_PASSES` times at most; entries that are left after that have NaN for a derivative.
"""

from typing import Any

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.any_in_batch import any_in_batch
from neurosym.transforms.linear_map import linear_map

PIVOTS = 8
"""Pivots of a pass."""

MAX_PASSES = 64
"""How often derivations are gone through at most."""


def selective_closure(semiring: Semiring, matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Elements ``[N, N]``, and ``bool[]``: whether no cycle improves on one.

    Args:
      semiring: selective, of plain numbers.
      matrix: elements ``[N, N]``.
    """
    value, _ = rule.apply(SelectiveClosure(semiring), matrix)
    one = jnp.asarray(semiring.one, value.dtype)
    diagonal = jax.lax.stop_gradient(jnp.diagonal(value))
    return value, jnp.all(semiring.add(diagonal, one) == one)


class SelectiveClosure(Operation):
    """The closure ``[N, N]``, and the pivot of each entry's last improvement, -1 for none."""

    def value(self, *operands: jax.Array) -> tuple[jax.Array, jax.Array]:
        (matrix,) = operands
        base = _at_most_one_edge(self.semiring, matrix)
        return _floyd_warshall(self.semiring, base)

    # The result is a pair here.
    def tangent(self, result: Any, operands: tuple[jax.Array, ...], tangents: Tangents) -> Any:
        (matrix,), (move,) = operands, tangents
        assert move is not None
        value, pivots = result
        base = _at_most_one_edge(self.semiring, matrix)
        share = rule.responsibility(self.semiring, matrix, base)
        identity = rule.responsibility(
            self.semiring, jnp.full_like(matrix, self.semiring.one), base
        )
        diagonal = jnp.eye(matrix.shape[0], dtype=jnp.bool_)
        share = jnp.where(diagonal, share / jnp.maximum(share + identity, 1), share)
        derivations = _Derivations(self.semiring, value, pivots.astype(jnp.int32))
        moved = linear_map(derivations.ascend, derivations.descend, share * move)
        return moved, jnp.zeros_like(pivots)


class _Derivations:
    """What every entry of a closure was made of, and the linear maps along it."""

    def __init__(self, semiring: Semiring, value: jax.Array, pivots: jax.Array) -> None:
        value = jax.lax.stop_gradient(value)
        self.size = value.shape[0]
        self.pivots = pivots
        self.made = pivots >= 0
        at = jnp.maximum(pivots, 0)
        here = jnp.arange(self.size)
        rows, columns = here[:, None], here[None, :]
        first, second = value[rows, at], value[at, columns]
        self.to_first, self.to_second = rule.cofactors(semiring, first, second)
        late = (pivots[rows, at] >= at) | (pivots[at, columns] >= at)
        self.passes = self._passes(jnp.any(self.made & late))

    def ascend(self, moves: jax.Array) -> jax.Array:
        """The tangents of all entries from those of the matrix."""

        def update(moves: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
            column = jax.lax.dynamic_slice_in_dim(moves, k, 1, 1)
            row = jax.lax.dynamic_slice_in_dim(moves, k, 1, 0)
            made = self.to_first * column + self.to_second * row
            return jnp.where(self.pivots == k, made, moves), None

        def go_through(moves: jax.Array) -> jax.Array:
            return jax.lax.scan(update, moves, jnp.arange(self.size))[0]

        def again(moves: jax.Array, count: jax.Array) -> tuple[jax.Array, None]:
            return jax.lax.cond(
                any_in_batch(count < self.passes), go_through, lambda m: m, moves
            ), None

        moves = go_through(jnp.where(self.made, 0, moves))
        moves = jax.lax.scan(again, moves, jnp.arange(1, MAX_PASSES))[0]
        return moves * self._sound(moves)

    def descend(self, cotangents: jax.Array) -> jax.Array:
        """The transpose of `ascend`."""

        def update(count: jax.Array, weights: jax.Array) -> jax.Array:
            k = self.size - 1 - count
            return self._handed_down(weights, weights, k)

        def update_and_clear(count: jax.Array, weights: jax.Array) -> jax.Array:
            k = self.size - 1 - count
            cleared = jnp.where(self.pivots == k, 0, weights)
            return self._handed_down(weights, cleared, k)

        def once(weights: jax.Array) -> jax.Array:
            return jax.lax.fori_loop(0, self.size, update, weights)

        def several_times(weights: jax.Array) -> jax.Array:
            def body(state: tuple) -> tuple:
                count, weights = state
                return count - 1, jax.lax.fori_loop(0, self.size, update_and_clear, weights)

            start = (self.passes, weights)
            return jax.lax.while_loop(lambda state: state[0] > 0, body, start)[1]

        many = any_in_batch(self.passes > 1)
        weights = jax.lax.cond(many, several_times, once, cotangents)
        return jnp.where(self.made, 0, weights) * self._sound(weights)

    def _handed_down(self, weights: jax.Array, onto: jax.Array, k: jax.Array) -> jax.Array:
        """``onto``, and the cotangents of what was made at pivot k added to those of its parts."""
        now = jnp.where(self.pivots == k, weights, 0)
        to_column = jnp.sum(now * self.to_first, axis=1, keepdims=True)
        to_row = jnp.sum(now * self.to_second, axis=0, keepdims=True)
        row = jax.lax.dynamic_slice_in_dim(onto, k, 1, 0)
        onto = jax.lax.dynamic_update_slice_in_dim(onto, row + to_row, k, 0)
        column = jax.lax.dynamic_slice_in_dim(onto, k, 1, 1)
        return jax.lax.dynamic_update_slice_in_dim(onto, column + to_column, k, 1)

    def _passes(self, late: jax.Array) -> jax.Array:
        """``int32[]``: how often entries are gone through until all are known; 0 for never."""

        def update(k: jax.Array, known: jax.Array) -> jax.Array:
            column = jax.lax.dynamic_slice_in_dim(known, k, 1, 1)
            row = jax.lax.dynamic_slice_in_dim(known, k, 1, 0)
            return jnp.where(self.pivots == k, column & row, known)

        def body(state: tuple) -> tuple:
            count, known = state
            return count + 1, jax.lax.fori_loop(0, self.size, update, known)

        def going_on(state: tuple) -> jax.Array:
            return ~jnp.all(state[1]) & (state[0] < MAX_PASSES)

        known = ~self.made | ~late
        count, known = jax.lax.while_loop(going_on, body, (jnp.zeros((), jnp.int32), known))
        return jnp.where(jnp.all(known), jnp.maximum(count, 1), 0)

    def _sound(self, like: jax.Array) -> jax.Array:
        return jnp.where(self.passes > 0, 1.0, jnp.nan).astype(like.dtype)


def _at_most_one_edge(semiring: Semiring, matrix: jax.Array) -> jax.Array:
    one = jnp.asarray(semiring.one, matrix.dtype)
    diagonal = jnp.eye(matrix.shape[0], dtype=jnp.bool_)
    return jnp.where(diagonal, semiring.add.function(matrix, one), matrix)  # type: ignore[attr-defined]


def _floyd_warshall(semiring: Semiring, base: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The closure of a matrix with a diagonal of ones, and the pivots as float32."""
    add, mul = semiring.add.function, semiring.mul.function  # type: ignore[attr-defined]
    size = base.shape[0]
    extra = -size % PIVOTS
    padded = elements.pad(semiring, base, [(0, extra, 0), (0, extra, 0)])

    def one_pass(count: jax.Array, state: tuple) -> tuple[jax.Array, jax.Array]:
        x, last = state
        start = count * PIVOTS
        columns = jax.lax.dynamic_slice_in_dim(x, start, PIVOTS, 1).T
        rows = jax.lax.dynamic_slice_in_dim(x, start, PIVOTS, 0)

        # Column and row k as they are when pivot k comes. A loop, because XLA would otherwise
        # compute the strips again for every entry of the pass.
        def advance(k: jax.Array, strips: tuple) -> tuple:
            columns, rows, all_columns, all_rows = strips
            column = jax.lax.dynamic_slice_in_dim(columns, k, 1, 0)
            row = jax.lax.dynamic_slice_in_dim(rows, k, 1, 0)
            all_columns = jax.lax.dynamic_update_slice_in_dim(all_columns, column, k, 0)
            all_rows = jax.lax.dynamic_update_slice_in_dim(all_rows, row, k, 0)
            to_pivots = jax.lax.dynamic_slice_in_dim(row, start, PIVOTS, 1).T
            from_pivots = jax.lax.dynamic_slice_in_dim(column, start, PIVOTS, 1).T
            columns = add(columns, mul(column, to_pivots))
            rows = add(rows, mul(from_pivots, row))
            return columns, rows, all_columns, all_rows

        strips = jax.lax.fori_loop(0, PIVOTS, advance, (columns, rows, columns, rows))
        _, _, columns, rows = jax.lax.optimization_barrier(strips)
        for k in range(PIVOTS):
            better = add(x, mul(columns[k][:, None], rows[k][None, :]))
            last = jnp.where(better != x, (start + k).astype(last.dtype), last)
            x = better
        return x, last

    start = (padded, jnp.full(padded.shape, -1, jnp.float32))
    passes = padded.shape[0] // PIVOTS
    value, last = jax.lax.fori_loop(0, passes, one_pass, start)
    return value[:size, :size], last[:size, :size]
