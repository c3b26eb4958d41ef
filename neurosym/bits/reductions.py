"""Reductions over rows of lanes, batch last, in stages that a compiler turns into vector loops.

Measured on CPU: a reduction over at most 16 rows of a gathered array becomes one loop over the
batch with vector registers; over 32 rows and more it becomes scalar code that is ten times slower.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

MAX_ROWS = 16
"""Rows that one stage reduces."""


def reduce_rows(
    operands: Sequence[jax.Array],
    identities: Sequence[Any],
    combine: Callable[[tuple, tuple], tuple],
    axis: int,
) -> tuple[jax.Array, ...]:
    """Reduces one axis of several arrays of one shape together.

    Args:
      operands: arrays of one shape.
      identities: the identity of ``combine`` for each, scalars of the operands' dtypes.
      combine: associative and commutative; from two tuples of elements to one.
      axis: to reduce, not negative.

    Returns:
      The operands without the axis.
    """
    operands = tuple(operands)
    identities = tuple(identities)
    while (rows := operands[0].shape[axis]) > MAX_ROWS:
        width = next((w for w in range(MAX_ROWS, MAX_ROWS // 3, -1) if rows % w == 0), MAX_ROWS)
        whole = rows - rows % width

        def part(x: jax.Array, start: int, stop: int) -> jax.Array:
            return jax.lax.slice_in_dim(x, start, stop, axis=axis)

        # Filling the last stage up with identities would put a branch into the vector loop.
        rest = [part(x, whole, rows) for x in operands]
        staged = [
            part(x, 0, whole).reshape(*x.shape[:axis], whole // width, width, *x.shape[axis + 1 :])
            for x in operands
        ]
        reduced = jax.lax.reduce(tuple(staged), identities, combine, (axis + 1,))
        operands = tuple(
            jnp.concatenate([x, tail], axis) if whole < rows else x
            for x, tail in zip(reduced, rest, strict=True)
        )
    return tuple(jax.lax.reduce(operands, identities, combine, (axis,)))


def any_row(x: jax.Array, axis: int) -> jax.Array:
    """Whether any of the rows ``bool[..., N, ...]`` holds."""
    return union_rows(x, axis)


def union_rows(x: jax.Array, axis: int, *, alone: bool = False) -> jax.Array:
    """The union of at least one row of lanes.

    Args:
      x: lanes, or Booleans.
      axis: to reduce.
      alone: keep the reduction a loop of its own. On CPU, XLA fuses a reduction into its consumer;
        where the consumer gathers and reduces in turn, the inner loop is repeated for each row of
        the outer loop, a hundred times the work. A reduction to two results is not fused in this
        way.
    """
    none = x.dtype.type(0)
    if alone:
        union, intersection = _union_and_intersection(x, axis)
        return union | intersection
    return reduce_rows((x,), (none,), lambda a, b: (a[0] | b[0],), axis)[0]


def intersect_rows(x: jax.Array, axis: int, *, alone: bool = False) -> jax.Array:
    """The intersection of at least one row of lanes; arguments as `union_rows`."""
    full = ~x.dtype.type(0)
    if alone:
        union, intersection = _union_and_intersection(x, axis)
        return union & intersection
    return reduce_rows((x,), (full,), lambda a, b: (a[0] & b[0],), axis)[0]


def _union_and_intersection(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    def combine(a: tuple, b: tuple) -> tuple:
        return a[0] | b[0], a[1] & b[1]

    none = x.dtype.type(0)
    union, both = reduce_rows((x, x), (none, ~none), combine, axis)
    return union, both
