"""The derivative of a fixpoint where ⊕ adds up: the implicit function theorem.

At ``x = f(x, θ)`` with Jacobian ``J = ∂f/∂x``, the derivative is ``dx = (I - J)^-1 (∂f/∂θ) dθ``,
and its transpose has ``(I - Jᵀ)^-1``. Both are sums of a series, found by a loop of the same kind
as the fixpoint, which converges where the spectral radius of J is below 1: so it does at the least
fixpoint, where the forward loop converges from zero, and need not at another one. (Krantz and
Parks, The Implicit Function Theorem, 2002; Christianson, Reverse accumulation and attractive fixed
points, Optimization Methods and Software 3, 1994.)
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Step = Callable[[Any, list[jax.Array]], Any]
Matvec = Callable[[jax.Array], jax.Array]


def implied(
    step: Step,
    value: Any,
    operands: list[jax.Array],
    converged: jax.Array,
    rounds: jax.Array,
    max_rounds: int,
    rtol: float | None,
) -> Any:
    """``value``, with the derivative of the fixpoint that it is.

    Args:
      step: ``(x, operands) -> x``, differentiable.
      value: the fixpoint, a pytree of floats.
      operands: all that the step depends on besides.
      converged: ``bool[]``; where it fails, derivatives are NaN.
      rounds: ``int32[]``, what the fixpoint took. The linear loops take as many at least: it is the
        number that information needs to get everywhere.
      max_rounds: of the linear loops; where they do not converge within, derivatives are NaN.
      rtol: of the linear loops, relative to the largest entry; None: 8 units of rounding.
    """
    # Under a derivative, what `custom_root` closes over must be floats.
    sound = jnp.where(converged, 1.0, jnp.nan)
    least = rounds.astype(sound.dtype)

    def solve_linear(matvec: Matvec, right: jax.Array) -> jax.Array:
        return _summed_series(matvec, right, least, max_rounds, rtol, sound)

    def tangent_solve(matvec: Callable[[Any], Any], right: Any) -> Any:
        # As one vector: JAX wants the whole of it to depend on what is differentiated.
        flat, restore = ravel_pytree(right)

        def flat_matvec(v: jax.Array) -> jax.Array:
            return ravel_pytree(matvec(restore(v)))[0]

        solved = jax.lax.custom_linear_solve(flat_matvec, flat, solve_linear, solve_linear)
        return restore(solved)

    # The residual is NaN at -inf, but only its derivative is ever used.
    def residual(x: Any) -> Any:
        return jax.tree.map(jnp.subtract, x, step(x, operands))

    return jax.lax.custom_root(residual, value, lambda _, x: x, tangent_solve)


def _summed_series(
    matvec: Matvec,
    right: jax.Array,
    least: jax.Array,
    max_rounds: int,
    rtol: float | None,
    sound: jax.Array,
) -> jax.Array:
    """``v = right + J v`` for ``matvec = I - J``, by ``v += right - matvec(v)``."""
    tolerance = 8 * float(jnp.finfo(right.dtype).eps) if rtol is None else rtol

    def body(state: tuple) -> tuple:
        v, count, _, _ = state
        rest = right - matvec(v)
        v = v + rest
        change = jnp.max(jnp.abs(rest), initial=0)
        small = (change <= tolerance * jnp.max(jnp.abs(v), initial=0)) & (count + 1 >= least)
        return v, count + 1, (change == 0) | small, jnp.isfinite(change)

    def going_on(state: tuple) -> jax.Array:
        _, count, done, finite = state
        return ~done & finite & (count < max_rounds)

    start = (right, jnp.zeros((), jnp.int32), jnp.asarray(False), jnp.asarray(True))
    v, _, done, _ = jax.lax.while_loop(going_on, body, start)
    return v * jnp.where(done, sound, jnp.nan).astype(v.dtype)
