"""The derivative of a fixpoint whose step is differentiable: the implicit function theorem.

    x = 0.5 * x + θ                          # a step f(x, θ); its fixpoint is x = 2 θ
    value = the loop's result                # nothing flows back through the loop
    x = implied(f, value, [θ], series)       # the same number, and dx = (I - J)^-1 (∂f/∂θ) dθ
                                             # where J = ∂f/∂x = 0.5, so dx = 2 dθ,
                                             # summed up as dθ + 0.5 dθ + 0.25 dθ + ...

At ``x = f(x, θ)`` with Jacobian ``J = ∂f/∂x``, the derivative is ``dx = (I - J)^-1 (∂f/∂θ) dθ``,
and its transpose has ``(I - Jᵀ)^-1``. Both are sums of a series, found by a loop of the same kind
as the fixpoint, which converges where the spectral radius of J is below 1: so it does at the least
fixpoint, where the forward loop converges from zero, and need not at another fixpoint. (Krantz and
Parks, The Implicit Function Theorem, 2002; Christianson, Reverse accumulation and attractive fixed
points, Optimization Methods and Software 3, 1994.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Step = Callable[[Any, Any], Any]
Matvec = Callable[[jax.Array], jax.Array]


class Series(NamedTuple):
    """How far the series of a derivative is summed up. All are numbers, or arrays of one number."""

    most: Any  # terms after which it is given up
    least: Any = 0  # terms in any case: the rounds that information needs to get everywhere
    rtol: Any = None  # no entry changes by more than this part of the largest; None: by rounding
    sound: Any = None  # bool[]: derivatives are NaN where it is false or the series did not end;
    # None: they are what has been summed up, and the caller says where they mean something


def implied(step: Step, value: Any, operands: Any, series: Series) -> Any:
    """``value``, with the derivative of the fixpoint that it is.

    Args:
      step: ``(x, operands) -> x``, differentiable.
      value: the fixpoint, a pytree of floats; its own derivative is ignored.
      operands: a pytree of all that the step depends on besides.
      series: when the sum of the derivative ends.
    """
    # Under a derivative, what `custom_root` closes over must be floats.
    dtype = jnp.result_type(*jax.tree.leaves(value))
    rtol = 8 * float(jnp.finfo(dtype).eps) if series.rtol is None else series.rtol
    ends = _Ends(
        most=series.most if isinstance(series.most, int) else _float(series.most),
        least=_float(series.least),
        rtol=jax.lax.stop_gradient(rtol),
        sound=None if series.sound is None else jnp.where(series.sound, 1.0, jnp.nan),
    )

    def solve_linear(matvec: Matvec, right: jax.Array) -> jax.Array:
        return _summed_series(matvec, right, ends)

    def tangent_solve(matvec: Callable[[Any], Any], right: Any) -> Any:
        if isinstance(right, jax.Array):
            return jax.lax.custom_linear_solve(matvec, right, solve_linear, solve_linear)
        # As one vector: JAX wants the whole of it to depend on what is differentiated.
        flat, restore = ravel_pytree(right)

        def flat_matvec(v: jax.Array) -> jax.Array:
            return ravel_pytree(matvec(restore(v)))[0]

        solved = jax.lax.custom_linear_solve(flat_matvec, flat, solve_linear, solve_linear)
        return restore(solved)

    # The residual is NaN at -inf, but only its derivative is ever used.
    def residual(x: Any) -> Any:
        return jax.tree.map(jnp.subtract, x, step(x, operands))

    value = jax.lax.stop_gradient(value)
    return jax.lax.custom_root(residual, value, lambda _, x: x, tangent_solve)


class _Ends(NamedTuple):
    """A `Series` as floats, or as numbers of Python."""

    most: Any
    least: jax.Array
    rtol: Any
    sound: jax.Array | None  # 1 or NaN


def _float(x: Any) -> jax.Array:
    return jnp.asarray(x, jnp.float32)


def _summed_series(matvec: Matvec, right: jax.Array, ends: _Ends) -> jax.Array:
    """``v = right + J v`` for ``matvec = I - J``, by ``v += right - matvec(v)``."""

    def body(state: tuple) -> tuple:
        v, count, _, _ = state
        rest = right - matvec(v)
        v = v + rest
        change = jnp.max(jnp.abs(rest), initial=0)
        small = change <= ends.rtol * jnp.max(jnp.abs(v), initial=0)
        small &= count + 1 >= ends.least
        return v, count + 1, (change == 0) | small, jnp.isfinite(change)

    def going_on(state: tuple) -> jax.Array:
        _, count, done, finite = state
        return ~done & finite & (count < ends.most)

    start = (right, jnp.zeros((), jnp.int32), jnp.asarray(False), jnp.asarray(True))
    v, _, done, _ = jax.lax.while_loop(going_on, body, start)
    return v if ends.sound is None else v * jnp.where(done, ends.sound, jnp.nan).astype(v.dtype)
