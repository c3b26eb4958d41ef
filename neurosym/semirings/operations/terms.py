"""The terms of a contraction one after another, and what each contributes to its derivative.

    c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]           # the terms are those of one j
    fold(join, 16, (a, 2), (b, 1))                     # join(join(None, a0, b0), a1, b1) ...
    shares = Responsibilities(MAX_TIMES, (a, b), c)    # 1 for the largest term; ties split it
    shares.forward((ta, tb))                           # Σ_j share_j × the tangent of term j
    shares.transposed(ct, (ta, tb))                    # [ct × share summed over k, over i]

Derivatives keep nothing of the size of the terms: shares are formed again wherever they are needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import rule
from neurosym.semirings.algebra.rule import Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.linear_map import linear_map

FEW_TERMS = 2**13
"""Terms ``g × i × j × k`` up to which JAX differentiates and transposes what was laid out, which
compiles sooner; from which a selective ⊕ folds them."""

UNROLLED = 16
"""Steps of a fold that become one loop over the outputs; longer folds repeat that loop. More of
them were no faster and compile longer, fewer are not vectorised."""


def few(a: jax.Array, b: jax.Array) -> bool:
    """Whether all terms of ``[G, I, J]`` and ``[G, J, K]`` may be laid out and kept."""
    return a.size * b.shape[2] <= FEW_TERMS


class Responsibilities:
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
            if few(*operands):
                shares = self._share(self.a[..., None], self.b[:, None], result[:, :, None])
                winners = jnp.sum(shares, axis=2)
            else:
                count = functools.partial(_add, lambda a, b: self._share(a, b, result))
                winners = fold(count, self.unrolled, (self.a, 2), (self.b, 1))
            self.scale = 1 / jnp.maximum(winners, 1)

    def along(self, tangents: Tangents) -> jax.Array:
        """The derivative of the result, with a transpose of its own where the terms are many."""
        if few(self.a, self.b):
            return self.forward(tangents)
        return linear_map(
            lambda moves: self.forward(fill(tangents, moves)),
            lambda cotangent: self.transposed(cotangent, tangents),
            [t for t in tangents if t is not None],
        )

    def forward(self, tangents: Tangents) -> jax.Array:
        """The derivative of the result along ``tangents``."""
        ta, tb = (
            jnp.zeros_like(x) if t is None else t
            for x, t in zip((self.a, self.b), tangents, strict=True)
        )

        result = self.result[:, :, None] if few(self.a, self.b) else self.result

        def term(a: jax.Array, b: jax.Array, ta: jax.Array, tb: jax.Array) -> jax.Array:
            share = self._share(a, b, result)
            return share * rule.weighted(self._cofactors(a, b), (ta, tb))

        if few(self.a, self.b):
            laid_out = term(self.a[..., None], self.b[:, None], ta[..., None], tb[:, None])
            return jnp.sum(laid_out, axis=2) * self.scale
        moved = fold(
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
                fold(
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
                fold(
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


def fill(tangents: Tangents, moves: list[jax.Array]) -> Tangents:
    """``moves`` in the places of the tangents that are not None."""
    rest = iter(moves)
    return tuple(None if t is None else next(rest) for t in tangents)


def fold(
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


def _add(term: Callable[..., jax.Array], total: jax.Array | None, *xs: jax.Array) -> jax.Array:
    """One step of a sum in the real numbers."""
    return term(*xs) if total is None else total + term(*xs)
