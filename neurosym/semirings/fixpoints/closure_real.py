"""The closure in a semiring whose ⊕ and ⊗ are those of the real numbers: a direct solve.

``I + P + P² + … = (I - P)^-1`` where the spectral radius of P is below 1, and no limit elsewhere,
although the inverse may well exist there. Its derivative is ``dN = N dP N`` (Magnus and Neudecker,
Matrix Differential Calculus, 1988, chapter 8).

For P >= 0 the radius is below 1 exactly where ``x = (I - P)^-1 1`` is positive, as P x = x - 1 < x
(Collatz and Wielandt; Berman and Plemmons, Nonnegative Matrices in the Mathematical Sciences, 1979,
theorem 6.2.3). With negative entries the radius is estimated by squaring P again and again
(Gelfand's formula), which decides every case in which the radius is not within about 10^-4 of 1.
"""

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import rule
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.any_in_batch import any_in_batch

SQUARINGS = 20
"""Times that a matrix is squared to estimate its spectral radius."""


def real_closure(semiring: Semiring, matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """``[N, N]`` elements, and ``bool[]``: whether the spectral radius is below 1.

    Args:
      semiring: with real coordinates that are not shifted.
      matrix: elements ``[N, N]``.
    """
    assert semiring.coordinates is not None
    value = rule.apply(RealClosure(semiring), matrix)
    fixed, found = jax.lax.stop_gradient((matrix, value))
    weights, inverse = semiring.coordinates.encode(fixed), semiring.coordinates.encode(found)
    return value, _converges(weights, inverse)


class RealClosure(Operation):
    """The inverse of I - P in real coordinates."""

    def value(self, *operands: jax.Array) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        (matrix,) = operands
        weights = coordinates.encode(matrix)
        exact = jnp.promote_types(weights.dtype, jnp.float32)  # half precision has no solver
        identity = jnp.eye(matrix.shape[0], dtype=exact)
        inverse = jnp.linalg.inv(identity - weights.astype(exact))
        return coordinates.decode(inverse.astype(weights.dtype))

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        (matrix,), (move,) = operands, tangents
        inverse = coordinates.encode(result)
        rise = coordinates.derivative(matrix, coordinates.encode(matrix)) * move
        moved = _matmul(_matmul(inverse, rise), inverse)
        return moved / coordinates.derivative(result, inverse)


def _converges(weights: jax.Array, inverse: jax.Array) -> jax.Array:
    visits = jnp.sum(inverse, axis=1)
    positive = jnp.all((visits > 0.5) & jnp.isfinite(visits))
    signed = jnp.any(weights < 0)
    return jax.lax.cond(
        any_in_batch(signed),
        lambda: jnp.where(signed, _contracts(weights), positive),
        lambda: positive,
    )


def _contracts(weights: jax.Array) -> jax.Array:
    """Whether the powers of a matrix vanish."""

    def square(state: tuple, count: jax.Array) -> tuple:
        power, log_norm = state
        power = _matmul(power, power)
        norm = jnp.max(jnp.abs(power))
        power = power / jnp.where(norm > 0, norm, 1)
        # log ‖P^(2^t)‖ / 2^t, kept as a mean so that it does not overflow.
        return (power, log_norm + jnp.log(norm) / 2.0**count), None

    norm = jnp.max(jnp.abs(weights))
    start = (weights / jnp.where(norm > 0, norm, 1), jnp.log(norm))
    counts = jnp.arange(1, SQUARINGS + 1, dtype=weights.dtype)
    (_, log_radius), _ = jax.lax.scan(square, start, counts)
    return log_radius < 0


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
