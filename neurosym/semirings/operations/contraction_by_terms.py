"""Contraction by its terms: exact in any semiring.

laid out:  a[g, i, j, 1] ⊗ b[g, 1, j, k], reduced over j; a block of j at a time where the terms
           would be many (`Contraction`)
folded:    c = a[..., 0] ⊗ b[0], then c ⊕ a[..., 1] ⊗ b[1], ... (`SelectiveContraction`)
"""

from __future__ import annotations

import jax

from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.terms import UNROLLED, Responsibilities, fold

MAX_TERMS = 2**18
"""Terms ``g × i × j × k`` that are laid out at once, about what a cache holds; more are reduced in
blocks of ``j``."""


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
        return Responsibilities(self.semiring, operands, result).along(tangents)


class SelectiveContraction(Operation):
    """A fold over ``j``, for a selective ⊕: comparisons alone, so nothing needs to be laid out."""

    def value(self, *operands: jax.Array) -> jax.Array:
        add, mul = self.semiring.add.function, self.semiring.mul.function  # type: ignore[attr-defined]
        a, b = operands

        def join(total: jax.Array | None, a: jax.Array, b: jax.Array) -> jax.Array:
            return mul(a, b) if total is None else add(total, mul(a, b))

        return fold(join, UNROLLED, (a, 2), (b, 1))

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        return Responsibilities(self.semiring, operands, result).along(tangents)


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
