"""Contraction in real coordinates: one real matrix product, and exact where that underflows.

In LOG, of one row and one column over j = 0, 1:

    a = [0, -120], b = [-120, 0]             # the largest element of each is 0: no shift is needed
    exp(a) · exp(b) = e^-120 + e^-120        # 0 in float32
    both products are possible               # so the true value is not the zero of LOG
    0 ⊗ -120 ⊕ -120 ⊗ 0 = -119.3             # it is computed exactly, in the semiring itself

The program decides once whether any output of the batch needs that, so that the exact computation
stays a branch that is not taken.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import rule
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.contraction_by_terms import Contraction
from neurosym.semirings.operations.terms import Responsibilities, few, fill
from neurosym.transforms.any_in_batch import any_in_batch
from neurosym.transforms.linear_map import linear_map

T = TypeVar("T")


class RealContraction(Operation):
    """A real matrix product in the semiring's real coordinates, exact where that underflows."""

    def value(self, *operands: jax.Array) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        scaled = _Scaled(self.semiring, *operands)
        result = coordinates.decode(scaled.product) + scaled.rows + scaled.columns

        def mend(result: jax.Array, underflowed: jax.Array) -> jax.Array:
            return jnp.where(underflowed, _exact(self.semiring, operands), result)

        return scaled.mend(result, mend)

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        scaled = _Scaled(self.semiring, *operands)

        def forward(moves: list[jax.Array]) -> jax.Array:
            moved = fill(tangents, moves)

            # Rematerialised: if JAX transposes it, the untaken branch would hand over zeros in the
            # shape of its G × I × J × K residuals.
            @jax.checkpoint
            def exactly(operands: tuple[jax.Array, ...], moves: list[jax.Array]) -> jax.Array:
                slow = Responsibilities(self.semiring, operands, _exact(self.semiring, operands))
                return slow.forward(fill(tangents, moves))

            def mend(result: jax.Array, underflowed: jax.Array) -> jax.Array:
                return result + jnp.where(underflowed, exactly(operands, moves), 0)

            return scaled.mend(scaled.rise(moved) * scaled.scale(), mend)

        def transposed(cotangent: jax.Array) -> list[jax.Array]:
            def mend(result: list[jax.Array], underflowed: jax.Array) -> list[jax.Array]:
                slow = Responsibilities(self.semiring, operands, _exact(self.semiring, operands))
                lost = slow.transposed(jnp.where(underflowed, cotangent, 0), tangents)
                return [x + y for x, y in zip(result, lost, strict=True)]

            return scaled.mend(scaled.fall(cotangent * scaled.scale(), tangents), mend)

        moves = [t for t in tangents if t is not None]
        return forward(moves) if few(*operands) else linear_map(forward, transposed, moves)


class _Scaled:
    """Operands divided by the largest elements of their rows and columns, in real coordinates."""

    def __init__(self, semiring: Semiring, a: jax.Array, b: jax.Array) -> None:
        coordinates = semiring.coordinates
        assert coordinates is not None
        self.semiring = semiring
        self.operands = (a, b)
        self.a, self.b, self.rows, self.columns = a, b, jnp.zeros(()), jnp.zeros(())
        if coordinates.shifted:
            self.rows, self.columns = _largest(a, 2), _largest(b, 1)
            self.a, self.b = a - self.rows, b - self.columns
        self.encoded_a = coordinates.encode(self.a)
        self.encoded_b = coordinates.encode(self.b)
        self.product = _matmul(self.encoded_a, self.encoded_b)

    @property
    def threshold(self) -> float:
        """A lost term is below the smallest normal number, so J of them are below the rounding
        error of any product above this."""
        info = jnp.finfo(self.product.dtype)
        return self.a.shape[2] * float(info.tiny) / float(info.eps)

    def scale(self) -> jax.Array:
        """The slope of decoding, 0 for products that underflowed."""
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        sound = ~(self.product < (self.threshold if coordinates.shifted else -jnp.inf))  # or NaN
        product = jnp.where(sound, self.product, 1)
        slope = coordinates.derivative(coordinates.decode(product), product)
        return jnp.where(sound, 1 / slope, 0)

    def rise(self, tangents: Tangents) -> jax.Array:
        """The derivative of the real product along ``tangents`` of the operands."""
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        terms = []
        if tangents[0] is not None:
            slope = coordinates.derivative(self.a, self.encoded_a)
            terms.append(_matmul(slope * tangents[0], self.encoded_b))
        if tangents[1] is not None:
            slope = coordinates.derivative(self.b, self.encoded_b)
            terms.append(_matmul(self.encoded_a, slope * tangents[1]))
        return functools.reduce(jnp.add, terms)

    def fall(self, cotangent: jax.Array, tangents: Tangents) -> list[jax.Array]:
        """The transpose of `rise`, for the operands that move."""
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        terms = []
        if tangents[0] is not None:
            slope = coordinates.derivative(self.a, self.encoded_a)
            terms.append(slope * _matmul(cotangent, jnp.swapaxes(self.encoded_b, 1, 2)))
        if tangents[1] is not None:
            slope = coordinates.derivative(self.b, self.encoded_b)
            terms.append(slope * _matmul(jnp.swapaxes(self.encoded_a, 1, 2), cotangent))
        return terms

    def mend(self, result: T, exact: Callable[[T, jax.Array], T]) -> T:
        """``exact(result, underflowed)`` where some output of the batch underflowed.

        ``underflowed`` is ``bool[G, I, K]``: terms that matter may be lost, and the true value is
        not zero. A batch without small products pays for one reduction; one with true zeros for a
        second product, that of what is possible.
        """
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        if not coordinates.shifted:
            return result

        def underflowed() -> jax.Array:
            possible = _matmul(*((x > -jnp.inf).astype(x.dtype) for x in self.operands))
            return (self.product < self.threshold) & (possible > 0)

        small = any_in_batch(jnp.min(self.product, initial=jnp.inf) < self.threshold)
        lost = jax.lax.cond(small, lambda: any_in_batch(jnp.any(underflowed())), lambda: False)
        return jax.lax.cond(lost, lambda x: exact(x, underflowed()), lambda x: x, result)


def _exact(semiring: Semiring, operands: tuple[jax.Array, ...]) -> jax.Array:
    """The contraction without real coordinates, differentiable."""
    return rule.apply(Contraction(semiring), *operands)


def _largest(x: jax.Array, axis: int) -> jax.Array:
    largest = jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True, initial=-jnp.inf))
    return jnp.where(jnp.isfinite(largest), largest, 0)


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
