"""The contraction of two arrays: ``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]`` in any semiring.

Where the semiring has real coordinates this is one real matrix product at highest precision, so it
runs on matrix units. In log-like encodings the operands are shifted by their largest elements
first; an output whose real product underflows although its true value is not zero (rows
``[0, -120]`` against columns ``[-120, 0]``) is computed exactly instead. Any other semiring, and
any product with a single row or column, lays its terms out and reduces them, a block of ``j`` at a
time where they would be many; where ⊕ is selective, many terms are folded one ``j`` after another
and never laid out.

Derivatives keep nothing of the size of the terms: what is transposed brings its own transpose
(`neurosym.transforms.linear_map`), which forms the terms' responsibilities again.

Everything else (`neurosym.semirings.operations.einsum`, the engines) brings its arrays into this
form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.any_in_batch import any_in_batch
from neurosym.transforms.linear_map import linear_map

MAX_TERMS = 2**18
"""Terms ``g × i × j × k`` that are laid out at once, about what a cache holds; more are reduced in
blocks of ``j``."""

FEW_TERMS = 2**13
"""Terms ``g × i × j × k`` up to which JAX differentiates and transposes what was laid out, which
compiles sooner; from which a selective ⊕ folds them."""

T = TypeVar("T")

UNROLLED = 16
"""Steps of a fold that become one loop over the outputs; longer folds repeat that loop. More of
them were no faster and compile longer, fewer are not vectorised."""


def contract(semiring: Semiring, a: Elements, b: Elements) -> Elements:
    """``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]``, differentiable by the rule.

    Args:
      semiring: the algebra.
      a: elements ``[G, I, J]``.
      b: elements ``[G, J, K]``.

    Returns:
      Elements ``[G, I, K]``.
    """
    shape = elements.shape(semiring, a)
    columns = elements.shape(semiring, b)[2]
    if semiring.coordinates is not None and shape[1] > 1 and columns > 1:
        return rule.apply(RealContraction(semiring), a, b)
    plain = not elements.is_structured(semiring) and semiring.dtype == "float"
    if semiring.selective and plain and not _few(a, b):
        return rule.apply(SelectiveContraction(semiring), a, b)
    return rule.apply(Contraction(semiring), a, b)


class Contraction(Operation):
    """Broadcast and reduce: any semiring, exact."""

    def value(self, *operands: Elements) -> Elements:
        a, b = operands
        semiring = self.semiring
        groups, rows, _ = elements.shape(semiring, a)
        columns = elements.shape(semiring, b)[2]

        def part(a: Elements, b: Elements) -> Elements:
            a, b = elements.expand_dims(semiring, a, 3), elements.expand_dims(semiring, b, 1)
            a, b = elements.broadcast_arrays(semiring, a, b)
            return rule.raw_sum(semiring, semiring.mul.function(a, b), 2)  # type: ignore[attr-defined]

        blocks = _blocks(semiring, a, b)
        if blocks == 1:
            return part(a, b)
        zero = semiring.zeros((groups, rows, columns), elements.dtype(semiring, a))

        def step(total: Elements, block: tuple[Elements, Elements]) -> tuple[Elements, None]:
            return semiring.add.function(total, part(*block)), None  # type: ignore[attr-defined]

        return jax.lax.scan(step, zero, _split(semiring, a, b, blocks))[0]

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        return _Responsibilities(self.semiring, operands, result).along(tangents)


class SelectiveContraction(Operation):
    """A fold over ``j``, for a selective ⊕: comparisons alone, so nothing needs to be laid out."""

    def value(self, *operands: jax.Array) -> jax.Array:
        add, mul = self.semiring.add.function, self.semiring.mul.function  # type: ignore[attr-defined]
        a, b = operands

        def join(total: jax.Array | None, a: jax.Array, b: jax.Array) -> jax.Array:
            return mul(a, b) if total is None else add(total, mul(a, b))

        return _fold(join, UNROLLED, (a, 2), (b, 1))

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        return _Responsibilities(self.semiring, operands, result).along(tangents)


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
            moved = _fill(tangents, moves)

            # Rematerialised: if JAX transposes it, the untaken branch would hand over zeros in the
            # shape of its G × I × J × K residuals.
            @jax.checkpoint
            def exactly(operands: tuple[jax.Array, ...], moves: list[jax.Array]) -> jax.Array:
                slow = _Responsibilities(self.semiring, operands, _exact(self.semiring, operands))
                return slow.forward(_fill(tangents, moves))

            def mend(result: jax.Array, underflowed: jax.Array) -> jax.Array:
                return result + jnp.where(underflowed, exactly(operands, moves), 0)

            return scaled.mend(scaled.rise(moved) * scaled.scale(), mend)

        def transposed(cotangent: jax.Array) -> list[jax.Array]:
            def mend(result: list[jax.Array], underflowed: jax.Array) -> list[jax.Array]:
                slow = _Responsibilities(self.semiring, operands, _exact(self.semiring, operands))
                lost = slow.transposed(jnp.where(underflowed, cotangent, 0), tangents)
                return [x + y for x, y in zip(result, lost, strict=True)]

            return scaled.mend(scaled.fall(cotangent * scaled.scale(), tangents), mend)

        moves = [t for t in tangents if t is not None]
        return forward(moves) if _few(*operands) else linear_map(forward, transposed, moves)


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


class _Responsibilities:
    """The tangent of a contraction and its transpose, from the shares of the terms in the result.

    Shares are formed again wherever they are needed; ties of a selective ⊕ are split evenly.
    """

    def __init__(
        self, semiring: Semiring, operands: tuple[jax.Array, ...], result: jax.Array
    ) -> None:
        self.semiring = semiring
        self.a, self.b = operands
        self.result = result
        self.unrolled = UNROLLED if semiring.selective else UNROLLED // 2
        self.scale = jnp.ones((), result.dtype)
        if semiring.selective:
            if _few(*operands):
                shares = self._share(self.a[..., None], self.b[:, None], result[:, :, None])
                winners = jnp.sum(shares, axis=2)
            else:
                count = functools.partial(_add, lambda a, b: self._share(a, b, result))
                winners = _fold(count, self.unrolled, (self.a, 2), (self.b, 1))
            self.scale = 1 / jnp.maximum(winners, 1)

    def along(self, tangents: Tangents) -> jax.Array:
        """The derivative of the result, with a transpose of its own where the terms are many."""
        if _few(self.a, self.b):
            return self.forward(tangents)
        return linear_map(
            lambda moves: self.forward(_fill(tangents, moves)),
            lambda cotangent: self.transposed(cotangent, tangents),
            [t for t in tangents if t is not None],
        )

    def forward(self, tangents: Tangents) -> jax.Array:
        """The derivative of the result along ``tangents``."""
        ta, tb = (
            jnp.zeros_like(x) if t is None else t
            for x, t in zip((self.a, self.b), tangents, strict=True)
        )

        result = self.result[:, :, None] if _few(self.a, self.b) else self.result

        def term(a: jax.Array, b: jax.Array, ta: jax.Array, tb: jax.Array) -> jax.Array:
            share = self._share(a, b, result)
            return share * rule.weighted(self._cofactors(a, b), (ta, tb))

        if _few(self.a, self.b):
            laid_out = term(self.a[..., None], self.b[:, None], ta[..., None], tb[:, None])
            return jnp.sum(laid_out, axis=2) * self.scale
        moved = _fold(
            functools.partial(_add, term), self.unrolled, (self.a, 2), (self.b, 1), (ta, 2), (tb, 1)
        )
        return moved * self.scale

    def transposed(self, cotangent: jax.Array, tangents: Tangents) -> list[jax.Array]:
        """The transpose of `forward`, for the operands that move."""
        cotangent = cotangent * self.scale
        found = []
        if tangents[0] is not None:  # [G, I, J], one k after another

            def to_a(b: jax.Array, total: jax.Array, ct: jax.Array) -> jax.Array:
                b = jnp.swapaxes(b, 1, 2)
                share = self._share(self.a, b, total)
                return ct * share * self._cofactors(self.a, b)[0]

            found.append(
                _fold(
                    functools.partial(_add, to_a),
                    self.unrolled,
                    (self.b, 2),
                    (self.result, 2),
                    (cotangent, 2),
                )
            )
        if tangents[1] is not None:  # [G, J, K], one i after another

            def to_b(a: jax.Array, total: jax.Array, ct: jax.Array) -> jax.Array:
                a = jnp.swapaxes(a, 1, 2)
                share = self._share(a, self.b, total)
                return ct * share * self._cofactors(a, self.b)[1]

            found.append(
                _fold(
                    functools.partial(_add, to_b),
                    self.unrolled,
                    (self.a, 1),
                    (self.result, 1),
                    (cotangent, 1),
                )
            )
        return found

    def _share(self, a: jax.Array, b: jax.Array, total: jax.Array) -> jax.Array:
        return rule.responsibility(self.semiring, self.semiring.mul(a, b), total)

    def _cofactors(self, a: jax.Array, b: jax.Array) -> list[jax.Array]:
        return rule.cofactors(self.semiring, *jnp.broadcast_arrays(a, b))


def _add(term: Callable[..., jax.Array], total: jax.Array | None, *xs: jax.Array) -> jax.Array:
    """One step of a sum in the real numbers."""
    return term(*xs) if total is None else total + term(*xs)


def _fold(
    join: Callable[..., jax.Array], unrolled: int, *arrays: tuple[jax.Array, int]
) -> jax.Array:
    """``join(... join(None, *slices 0) ..., *slices n)`` over one axis of each array.

    The slices keep that axis, with length 1. Up to ``unrolled`` steps are one loop over the result.
    """
    length = arrays[0][0].shape[arrays[0][1]]

    def steps(total: jax.Array | None, parts: list[jax.Array], count: int) -> jax.Array:
        for n in range(count):
            taken = [
                jax.lax.slice_in_dim(x, n, n + 1, axis=axis)
                for x, (_, axis) in zip(parts, arrays, strict=True)
            ]
            total = join(total, *taken)
        assert total is not None
        return total

    first = length % unrolled or min(length, unrolled)
    head = [jax.lax.slice_in_dim(x, 0, first, axis=axis) for x, axis in arrays]
    total = steps(None, head, first)
    if first == length:
        return total

    def block(total: jax.Array, start: jax.Array) -> tuple[jax.Array, None]:
        parts = [jax.lax.dynamic_slice_in_dim(x, start, unrolled, axis=axis) for x, axis in arrays]
        return steps(total, parts, unrolled), None

    return jax.lax.scan(block, total, jnp.arange(first, length, unrolled))[0]


def _exact(semiring: Semiring, operands: tuple[jax.Array, ...]) -> jax.Array:
    """The contraction without real coordinates, differentiable."""
    return rule.apply(Contraction(semiring), *operands)


def _fill(tangents: Tangents, moves: list[jax.Array]) -> Tangents:
    """``moves`` in the places of the tangents that are not None."""
    rest = iter(moves)
    return tuple(None if t is None else next(rest) for t in tangents)


def _largest(x: jax.Array, axis: int) -> jax.Array:
    largest = jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True, initial=-jnp.inf))
    return jnp.where(jnp.isfinite(largest), largest, 0)


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _few(a: jax.Array, b: jax.Array) -> bool:
    return a.size * b.shape[2] <= FEW_TERMS


def _blocks(semiring: Semiring, a: Elements, b: Elements) -> int:
    groups, rows, length = elements.shape(semiring, a)
    terms = groups * rows * length * elements.shape(semiring, b)[2] * elements.size(semiring)
    return min(max(1, -(-terms // MAX_TERMS)), max(1, length))


def _split(semiring: Semiring, a: Elements, b: Elements, blocks: int) -> tuple[Elements, Elements]:
    """Cuts the contracted axis into blocks, ``[N, G, I, J/N]`` and ``[N, G, J/N, K]``."""
    groups, rows, length = elements.shape(semiring, a)
    columns = elements.shape(semiring, b)[2]
    extra = -length % blocks
    a = elements.pad(semiring, a, [(0, 0, 0), (0, 0, 0), (0, extra, 0)])
    b = elements.pad(semiring, b, [(0, 0, 0), (0, extra, 0), (0, 0, 0)])
    size = (length + extra) // blocks
    a = elements.reshape(semiring, a, (groups, rows, blocks, size))
    b = elements.reshape(semiring, b, (groups, blocks, size, columns))
    return elements.moveaxis(semiring, a, 2, 0), elements.moveaxis(semiring, b, 1, 0)
