"""The contraction of two arrays: ``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]`` in any semiring.

Where the semiring has real coordinates this is one real matrix product at highest precision, so it
runs on matrix units. In log-like encodings the operands are shifted by their largest elements
first; an output whose real product underflows although its true value is not zero (rows
``[0, -120]`` against columns ``[-120, 0]``) is computed exactly instead. Any other semiring, and
any product with a single row or column, broadcasts and reduces, a block of ``j`` at a time where
the terms would be many.

Everything else (`neurosym.semirings.einsum`, the engines) brings its arrays into this form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from neurosym.semirings import rule
from neurosym.semirings.rule import Operation, Tangents
from neurosym.semirings.semiring import Semiring

MAX_TERMS = 2**24
"""Terms ``g × i × j × k`` that are laid out at once; more are reduced in blocks of ``j``."""


def contract(semiring: Semiring, a: jax.Array, b: jax.Array) -> jax.Array:
    """``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]``, differentiable by the rule.

    Args:
      semiring: the algebra.
      a: elements ``[G, I, J]``.
      b: elements ``[G, J, K]``.

    Returns:
      Elements ``[G, I, K]``.
    """
    product = a.shape[1] > 1 and b.shape[2] > 1
    if product and semiring.coordinates is not None:
        return rule.apply(RealContraction(semiring), a, b)
    return rule.apply(Contraction(semiring), a, b)


class Contraction(Operation):
    """Broadcast and reduce: any semiring, exact."""

    def value(self, *operands: jax.Array) -> jax.Array:
        a, b = operands
        semiring = self.semiring

        def part(a: jax.Array, b: jax.Array) -> jax.Array:
            terms = semiring.mul.function(a[..., None], b[:, None])  # type: ignore[attr-defined]
            return rule.raw_sum(semiring, terms, 2)

        blocks = _blocks(a, b)
        if blocks == 1:
            return part(a, b)
        zero = jnp.full((*a.shape[:2], b.shape[2]), semiring.zero, a.dtype)

        def step(total: jax.Array, block: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            return semiring.add.function(total, part(*block)), None  # type: ignore[attr-defined]

        zeros = jnp.asarray(semiring.zero, a.dtype)
        return jax.lax.scan(step, zero, _split(a, b, blocks, zeros))[0]

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        return _broadcast_tangent(self.semiring, result, operands, tangents)


class RealContraction(Operation):
    """A real matrix product in the semiring's real coordinates, exact where that underflows."""

    def value(self, *operands: jax.Array) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        scaled = _Scaled(self.semiring, *operands)

        def fast() -> jax.Array:
            return coordinates.decode(scaled.product) + scaled.shift

        def exact(underflowed: jax.Array) -> jax.Array:
            value = Contraction(self.semiring).value(*operands)
            return jnp.where(underflowed, value, fast())

        if not coordinates.shifted:
            return fast()

        return scaled.mend(fast, exact)

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        scaled = _Scaled(self.semiring, *operands)
        sound = scaled.product >= (scaled.threshold if coordinates.shifted else -jnp.inf)
        product = jnp.where(sound, scaled.product, 1)
        slope = coordinates.derivative(coordinates.decode(product), product)
        scale = jnp.where(sound, 1 / slope, 0)

        def fast() -> jax.Array:
            return scaled.rise(tangents) * scale

        # Rematerialised: without it reverse mode makes the untaken branch hand over zeros in the
        # shape of its G × I × J × K residuals.
        @jax.checkpoint
        def exact(underflowed: jax.Array, *arrays: jax.Array) -> jax.Array:
            result = rule.apply(Contraction(self.semiring), *arrays[:2])
            moves = iter(arrays[2:])
            moved = tuple(None if t is None else next(moves) for t in tangents)
            tangent = _broadcast_tangent(self.semiring, result, arrays[:2], moved)
            return jnp.where(underflowed, tangent, 0)

        if not coordinates.shifted:
            return fast()
        moving = [t for t in tangents if t is not None]
        return scaled.mend(
            fast, lambda underflowed: fast() + exact(underflowed, *operands, *moving)
        )


class _Scaled:
    """Operands divided by the largest elements of their rows and columns, in real coordinates."""

    def __init__(self, semiring: Semiring, a: jax.Array, b: jax.Array) -> None:
        coordinates = semiring.coordinates
        assert coordinates is not None
        self.semiring = semiring
        self.operands = (a, b)
        self.a, self.b, self.shift = a, b, jnp.zeros((), a.dtype)
        if coordinates.shifted:
            rows, columns = _largest(a, 2), _largest(b, 1)
            self.a, self.b, self.shift = a - rows, b - columns, rows + columns
        self.encoded_a = coordinates.encode(self.a)
        self.encoded_b = coordinates.encode(self.b)
        self.product = _matmul(self.encoded_a, self.encoded_b)

    @property
    def threshold(self) -> float:
        """A lost term is below the smallest normal number, so J of them are below the rounding
        error of any product above this."""
        info = jnp.finfo(self.product.dtype)
        return self.a.shape[2] * float(info.tiny) / float(info.eps)

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

    def mend(
        self, fast: Callable[[], jax.Array], exact: Callable[[jax.Array], jax.Array]
    ) -> jax.Array:
        """``exact(underflowed)`` where some output of the batch underflowed, else ``fast()``.

        ``underflowed`` is ``bool[G, I, K]``: terms that matter may be lost, and the true value is
        not zero. A batch without small products pays for one reduction; one with true zeros for a
        second product, that of what is possible.
        """

        def look_closer() -> jax.Array:
            possible = _matmul(*((x > -jnp.inf).astype(x.dtype) for x in self.operands))
            underflowed = (self.product < self.threshold) & (possible > 0)
            some = _any_in_batch(jnp.any(underflowed))
            return jax.lax.cond(some, lambda: exact(underflowed), fast)

        small = _any_in_batch(jnp.min(self.product, initial=jnp.inf) < self.threshold)
        return jax.lax.cond(small, look_closer, fast)


@custom_vmap
def _any_in_batch(mask: jax.Array) -> jax.Array:
    """``bool[]``, true for every instance of the batch if it is true for one.

    Under `vmap` the answer is one for the whole batch, so a `lax.cond` on it stays a branch and
    does not become a select that always computes both sides.
    """
    return jnp.any(mask)


@_any_in_batch.def_vmap
def _any_in_batch_vmap(axis_size: int, in_batched: list[bool], mask: jax.Array) -> tuple:
    return _any_in_batch(mask), False


def _broadcast_tangent(
    semiring: Semiring,
    result: jax.Array,
    operands: tuple[jax.Array, ...],
    tangents: Tangents,
) -> jax.Array:
    """The rule for a contraction, term by term, in blocks of ``j`` where the terms are many."""
    a, b = operands
    blocks = _blocks(a, b)
    dense = [jnp.zeros_like(x) if t is None else t for x, t in zip(operands, tangents, strict=True)]
    winners = jnp.ones_like(result)
    total = result[:, :, None, :]

    def shares(a: jax.Array, b: jax.Array) -> jax.Array:
        return rule.responsibility(semiring, semiring.mul(a[..., None], b[:, None]), total)

    def part(a: jax.Array, b: jax.Array, ta: jax.Array, tb: jax.Array) -> jax.Array:
        share = shares(a, b)
        x, y = jnp.broadcast_arrays(a[..., None], b[:, None])
        moved = rule.weighted(rule.cofactors(semiring, x, y), (ta[..., None], tb[:, None]))
        return jnp.sum(share * moved, axis=2)

    if blocks == 1:
        if semiring.selective:
            winners = jnp.maximum(jnp.sum(shares(a, b), axis=2), 1)
        return part(a, b, *dense) / winners

    zeros = jnp.asarray(semiring.zero, a.dtype)
    pairs = _split(a, b, blocks, zeros)
    if semiring.selective:
        counts = jax.lax.scan(
            lambda n, ab: (n + jnp.sum(shares(*ab), axis=2), None), jnp.zeros_like(result), pairs
        )[0]
        winners = jnp.maximum(counts, 1)
    moves = _split(dense[0], dense[1], blocks, jnp.zeros((), a.dtype))
    summed = jax.lax.scan(
        lambda total, block: (total + part(*block[0], *block[1]), None),
        jnp.zeros_like(result),
        (pairs, moves),
    )[0]
    return summed / winners


def _largest(x: jax.Array, axis: int) -> jax.Array:
    largest = jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True, initial=-jnp.inf))
    return jnp.where(jnp.isfinite(largest), largest, 0)


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _blocks(a: jax.Array, b: jax.Array) -> int:
    terms = a.size * b.shape[2]
    return min(max(1, -(-terms // MAX_TERMS)), max(1, a.shape[2]))


def _split(
    a: jax.Array, b: jax.Array, blocks: int, padding: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Cuts the contracted axis into blocks, ``[N, G, I, J/N]`` and ``[N, G, J/N, K]``."""
    extra = -a.shape[2] % blocks
    a = jax.lax.pad(a, padding, [(0, 0, 0), (0, 0, 0), (0, extra, 0)])
    b = jax.lax.pad(b, padding, [(0, 0, 0), (0, extra, 0), (0, 0, 0)])
    a = jnp.moveaxis(a.reshape(*a.shape[:2], blocks, -1), 2, 0)
    b = jnp.moveaxis(b.reshape(b.shape[0], blocks, -1, b.shape[2]), 1, 0)
    return a, b
