"""Gathers whose index is known to be in bounds, without a check for each entry.

    take(rows, [2, 0])                    # rows[[2, 0]]
    take(columns, [2, 0], axis=1)         # columns[:, [2, 0]]
    take(weights, owner, variable)        # weights[owner, variable]: several axes at once
    take_along(x, index, axis=1)          # x[i, index[i, j]]: an index for each row

XLA clamps an index that it does not trust, or fills in, which costs a comparison and a select for
each entry and keeps a gather from being fused. Here the caller promises instead: an index out of
bounds gives anything.
"""

from typing import Any

import jax
import jax.numpy as jnp


def take(x: Any, *index: Any, axis: int = 0) -> Any:
    """Entries along one axis, or along several neighbouring ones, of every array of a pytree.

    Args:
      x: a pytree of arrays that share the axes in question.
      *index: integers of any shape, each from 0 to below the length of the axis; one array for
        each axis from ``axis`` on, which broadcast against each other.
      axis: counted from the front.

    Returns:
      A pytree of arrays, with the axes of the index in place of those that it is for.
    """
    where = (*(slice(None),) * axis, *(jnp.asarray(one) for one in index))
    return jax.tree.map(lambda leaf: leaf.at[where].get(mode="promise_in_bounds"), x)


def take_along(x: jax.Array, index: jax.Array, axis: int) -> jax.Array:
    """As `jnp.take_along_axis`: one index for each entry of the other axes."""
    return jnp.take_along_axis(x, index, axis=axis, mode="promise_in_bounds")
