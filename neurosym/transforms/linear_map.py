"""A linear function that brings its own transpose, for every order of derivative.

JAX transposes a tangent by turning each of its operations round, which is not always how the
transpose is computed best: the transpose of a sum over one axis of a product may want another
order of loops, and that of a pass up a graph is a pass down it. `linear_map` takes both directions.
It is linear where JAX differentiates it again, batched by `jax.vmap`, and usable in forward and in
reverse mode.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def linear_map(
    forward: Callable[[Any], Any], transposed: Callable[[Any], Any], tangents: Any
) -> Any:
    """``forward(tangents)``, whose transpose is ``transposed``.

    ``y = L t`` is the lower half of the solution of ``[I 0; -L I] (u, y) = (t, 0)``, a triangular
    system, and `jax.lax.custom_linear_solve` lets such a solution be computed by any means in both
    directions. What the two functions close over may itself be differentiated; that goes through
    ``forward``.

    Args:
      forward: linear, from a pytree like ``tangents`` to any pytree of floats.
      transposed: from a pytree like the result of ``forward`` to one like ``tangents``.
      tangents: a pytree of floats.

    Returns:
      ``forward(tangents)``.
    """
    convertible, constants = jax.closure_convert(forward, tangents)
    image = jax.eval_shape(forward, tangents)
    first = max(jax.tree.leaves(tangents), key=jnp.size)
    if first.size == 0:
        return forward(tangents)
    dtype = first.dtype
    # One flat vector (u, y), since JAX wants the whole right hand side to depend on the tangents
    # whenever any part of it does. The compiler sees through the joining and the zeros.
    split = sum(leaf.size for leaf in jax.tree.leaves(tangents))

    # What is closed over may move without an effect on the map, as what decides the winners of a
    # maximum does. JAX cannot differentiate a solve whose matrix is known to stand still then, so
    # the matrix depends on all that may move, by a factor of 1 that the compiler removes.
    moving = [x.reshape(-1)[:1] for x in constants if x.size and x.dtype == dtype]
    factor = sum((_nought(x) for x in moving), start=jnp.ones((), dtype))

    def join(u: Any, y: Any) -> jax.Array:
        leaves = jax.tree.leaves((u, y))
        return jnp.concatenate([leaf.reshape(-1).astype(dtype) for leaf in leaves])

    def matrix(x: jax.Array) -> jax.Array:
        u = _like(tangents, x[:split])
        y = jax.tree.map(jnp.subtract, _like(image, x[split:]), convertible(u, *constants))
        return factor * join(u, y)

    def solve(_: Any, right: jax.Array) -> jax.Array:
        t = _like(tangents, right[:split])
        return join(t, jax.tree.map(jnp.add, _like(image, right[split:]), forward(t)))

    def solve_transposed(_: Any, right: jax.Array) -> jax.Array:
        y = _like(image, right[split:])
        return join(jax.tree.map(jnp.add, _like(tangents, right[:split]), transposed(y)), y)

    some = first.reshape(-1)[:1]
    nothing = jax.tree.map(lambda y: jnp.broadcast_to(_nought(some), y.size).astype(y.dtype), image)
    solution = jax.lax.custom_linear_solve(matrix, join(tangents, nothing), solve, solve_transposed)
    return _like(image, solution[split:])


def _nought(x: jax.Array) -> jax.Array:
    """A zero that depends on ``x`` as far as JAX can see."""
    return jnp.sum(jnp.where(jnp.zeros(x.shape, jnp.bool_), x, 0))


def _like(tree: Any, flat: jax.Array) -> Any:
    """The numbers of ``flat`` in the structure, shapes and dtypes of ``tree``."""
    leaves, structure = jax.tree.flatten(tree)
    parts, start = [], 0
    for leaf in leaves:
        parts.append(flat[start : start + leaf.size].reshape(leaf.shape).astype(leaf.dtype))
        start += leaf.size
    return jax.tree.unflatten(structure, parts)
