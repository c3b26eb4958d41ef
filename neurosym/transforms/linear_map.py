"""Linear functions that bring their own transpose, for every order of derivative.

    linear_map(lambda t: A @ t, lambda c: A.T @ c, t)     # A @ t; its transpose is the other one
    symmetric_map(lambda x: H @ x, x)                     # H @ x, where H is its own transpose
    both_ways(lambda t: A @ t, lambda c: A.T @ c, t)      # as the first one, for an opaque A

JAX transposes a tangent by turning each of its operations round, which is not always the best way
to compute the transpose: the transpose of a sum over one axis of a product may want another order
of loops, and the transpose of a pass up a graph is a pass down it. These functions take both
directions. They are linear where JAX differentiates them again, batched by `jax.vmap`, and usable
in forward and in reverse mode.

Where the values that ``forward`` closes over move, `linear_map` differentiates ``forward`` alone,
and JAX must be able to transpose it. `both_ways` never turns anything round, so its functions may
use operations that JAX cannot transpose (`neurosym.transforms.one_program`); the values that they
close over move both of them.
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
    directions. The values that the two functions close over may be differentiated, too; that goes
    through ``forward``.

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


def symmetric_map(product: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """``product(x)``, where that is linear and its own transpose.

    ``y = H x`` is the upper half of the solution (y, u) of ``[0 I; I -H] (y, u) = (x, 0)``, which
    is a symmetric system, so JAX transposes its solution by solving it again.

    Args:
      product: linear and symmetric, from floats ``[N]`` to floats ``[N]``.
      x: floats ``[N]``.
    """
    size = x.shape[0]

    def matrix(z: jax.Array) -> jax.Array:
        y, u = z[:size], z[size:]
        return jnp.concatenate([u, y - product(u)])

    def solve(_: Any, right: jax.Array) -> jax.Array:
        u, rest = right[:size], right[size:]
        return jnp.concatenate([rest + product(u), u])

    right = jnp.concatenate([x, jnp.zeros_like(x)])
    return jax.lax.custom_linear_solve(matrix, right, solve, symmetric=True)[:size]


def both_ways(
    forward: Callable[[jax.Array], jax.Array],
    transposed: Callable[[jax.Array], jax.Array],
    tangents: jax.Array,
) -> jax.Array:
    """As `linear_map`, without ever transposing ``forward``.

    A map J and its transpose make one symmetric map, (t, c) to (Jᵀ c, J t), of which the compiler
    keeps the half that is wanted.

    Args:
      forward: linear, from floats ``[N]`` to floats ``[M]`` of one dtype.
      transposed: from floats ``[M]`` to floats ``[N]``.
      tangents: floats ``[N]``.
    """
    size = tangents.shape[0]
    image = jax.eval_shape(forward, tangents).shape[0]

    def both(x: jax.Array) -> jax.Array:
        return jnp.concatenate([transposed(x[size:]), forward(x[:size])])

    return symmetric_map(both, jnp.pad(tangents, (0, image)))[size:]


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
