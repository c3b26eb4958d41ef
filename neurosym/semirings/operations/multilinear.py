"""Multilinear functions of elements, such as a convolution or a whole pass of a dynamic program.

The convolution of x = [x0, x1] and y = [y0, y1], read in three algebras:

    f(algebra, x, y) = [x0 ⊗ y0,  x0 ⊗ y1 ⊕ x1 ⊗ y0,  x1 ⊗ y1]    # nothing but ⊕ and ⊗
    MAX_TIMES:  f(MAX_TIMES, x, y)                                # read in the semiring itself
    LOG, small: f(LOG, x, y)                                      # exact, and as fast: the only one
    LOG, fast:  m + n + log f(REALS, exp(x - m), exp(y - n))      # m, n: the largest entries
    LOG, exact: f(LOG, x, y), where f(REALS, ...) is so small that terms may have been lost to
                underflow, although f(POSSIBILITIES, x > -inf, y > -inf) says that there are some

A function that is written with the operations of an `Algebra` alone can be read in any semiring,
and in the real numbers. In a semiring with real coordinates it is read in these coordinates,
encoded once and decoded once, whatever happens in between. In log-like encodings the operands are
scaled first; where a result is so small that terms may have been lost to underflow although the
true value is not zero, the function is read in the semiring itself instead, which is exact. The
program decides once for the whole batch whether that is needed, so that the exact reading stays a
branch that is not taken.

Where a function and its batch are small (`FEW_TERMS`, `FEW_PRODUCTS`, `FEW_OF_A_BATCH`), their
sizes decide before anything is compiled: it is read in the semiring itself alone, which compiles
several times sooner.

The batch is the last axis throughout (`neurosym.transforms.batch_last`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import REAL
from neurosym.semirings.algebra.rule import Operation, Tangents
from neurosym.semirings.algebra.semiring import RealCoordinates, Semiring
from neurosym.semirings.operations.contraction import contract
from neurosym.transforms.batch_last import batch_last
from neurosym.transforms.linear_map import linear_map


@dataclasses.dataclass(frozen=True)
class Algebra:
    """What a multilinear function may do with elements: ⊕ and ⊗, and moving them about with the
    functions of `neurosym.semirings.algebra.elements` for ``semiring``."""

    semiring: Semiring

    @property
    def stacks(self) -> bool:
        """Whether a few terms are best laid out and reduced as one array. A ⊕ of several passes is
        fastest so; sums of real numbers are, where they are written out and become one loop."""
        return True

    @property
    def is_real(self) -> bool:
        """Whether derivatives are those of real numbers, so that the transpose of a convolution is
        a correlation."""
        return False

    def mul(self, x: Elements, y: Elements) -> Elements:
        """``x ⊗ y`` elementwise."""
        return self.semiring.mul(x, y)

    def sum(self, x: Elements, axis: int | tuple[int, ...]) -> Elements:
        """⊕ along axes, as one reduction."""
        return self.semiring.sum(x, axis)

    def sum_of(self, terms: Sequence[Elements]) -> Elements:
        """⊕ of terms of the same shape, as one reduction."""
        if len(terms) == 1:
            return terms[0]
        return self.semiring.sum(elements.stack(self.semiring, terms), 0)

    def contract(self, x: Elements, y: Elements) -> Elements:
        """``⊕_k x[n, k, b] ⊗ y[j, k, m, b]``, elements ``[N, J, M, B]``."""
        rows, length, batch = elements.shape(self.semiring, x)
        blocks, _, width, _ = elements.shape(self.semiring, y)
        x = elements.transpose(self.semiring, x, (2, 0, 1))
        y = elements.transpose(self.semiring, y, (3, 1, 0, 2))
        y = elements.reshape(self.semiring, y, (batch, length, blocks * width))
        z = contract(self.semiring, x, y)
        z = elements.reshape(self.semiring, z, (batch, rows, blocks, width))
        return elements.transpose(self.semiring, z, (1, 2, 3, 0))


@dataclasses.dataclass(frozen=True)
class Reals(Algebra):
    """The real numbers with JAX's own operations."""

    @property
    def stacks(self) -> bool:
        return False

    @property
    def is_real(self) -> bool:
        return True

    def mul(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return x * y

    def sum(self, x: jax.Array, axis: int | tuple[int, ...]) -> jax.Array:
        return jnp.sum(x, axis)

    def sum_of(self, terms: Sequence[jax.Array]) -> jax.Array:
        terms = list(terms)
        while len(terms) > 1:
            pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[2 * len(pairs) :]
        return terms[0]

    def contract(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.einsum("nkb,jkmb->njmb", x, y, precision=jax.lax.Precision.HIGHEST)


REALS = Reals(REAL)


@dataclasses.dataclass(frozen=True)
class Possibilities(Reals):
    """Truth values as the numbers 0 and 1: XLA on CPU reduces Booleans thirty times slower."""

    @property
    def is_real(self) -> bool:
        return False

    def sum(self, x: jax.Array, axis: int | tuple[int, ...]) -> jax.Array:
        return jnp.minimum(super().sum(x, axis), 1)

    def sum_of(self, terms: Sequence[jax.Array]) -> jax.Array:
        return jnp.minimum(super().sum_of(terms), 1)

    def contract(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.minimum(super().contract(x, y), 1)


POSSIBILITIES = Possibilities(REAL)

FEW_TERMS = 24
"""Terms up to which a function is read in the semiring itself although that has coordinates that
need a scale: one program instead of three, the exact one."""

FEW_PRODUCTS = 2**11
"""Products of one instance up to which it is the same, if they are few beside the entries of
operands and results: the exact reading is then as fast as the scaled one with its check."""

FEW_OF_A_BATCH = 2**12
"""Products of a whole batch up to which it is the same: beyond, it is run time that counts, and an
exponential of each product costs more than the check."""

FEW_PER_ENTRY = 9
"""How many products for each entry are few. The exact reading takes an exponential of each product,
the scaled one of each entry. The sum of two digits has 4.9, that of three 8.1, of six dice 11."""

FEW_LEVELS = 2
"""Sums one after another up to which it is so: each of them is an exponential and a logarithm."""


class Work(NamedTuple):
    """The sizes of one instance, known before any number is."""

    products: int  # that one of its passes sums
    entries: int  # of its operands and results
    levels: int  # sums that wait for each other


class Multilinear(Protocol):
    """A function of several operands, linear in each that a result depends on, made of ⊕ and ⊗.

    Hashable, and equal to any other that does the same.

    Attributes:
      terms: at least the number of products that are summed, added up over the sums that lead from
        an operand to a result.
      work: what one instance takes; None where that was not measured, so that terms decide.
    """

    @property
    def terms(self) -> int: ...

    @property
    def work(self) -> Work | None: ...

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        """The result ``[S, B]`` from operands ``[D_k, B]``."""
        ...

    def scale(self, *shifts: jax.Array) -> jax.Array:
        """The sum of ``shifts``, ``[B]`` an operand, of those that a result depends on: ``[S, B]``
        or ``[B]`` if it is the same for all results."""
        ...


def evaluate(semiring: Semiring, function: Multilinear, *operands: Elements) -> Elements:
    """``function`` in a semiring, differentiable by the rule.

    Args:
      semiring: the algebra.
      function: the function to compute.
      *operands: elements ``[D_k]`` of one instance.

    Returns:
      Elements ``[S]``.
    """
    if elements.is_structured(semiring):
        expanded = [elements.expand_dims(semiring, x, 1) for x in operands]
        return elements.at(function(Algebra(semiring), *expanded), (slice(None), 0))
    return batch_last(_Reading(semiring, function), *operands)


def _small(function: Multilinear, batch: Any) -> bool:
    """Whether the exact reading alone is compiled: known from sizes, before any number is."""
    if function.terms <= FEW_TERMS:
        return True
    work = function.work
    if work is None or not isinstance(batch, int) or batch * work.products > FEW_OF_A_BATCH:
        return False  # in an export a batch may be a symbol
    return _has_few_products(function)


def _has_few_products(function: Multilinear) -> bool:
    """Whether an exact reading costs about as much as a look at which results are possible."""
    work = function.work
    if work is None or work.levels > FEW_LEVELS:
        return False
    return work.products <= min(FEW_PRODUCTS, FEW_PER_ENTRY * work.entries)


@dataclasses.dataclass(frozen=True)
class _Reading:
    """A function read in a semiring or in its real coordinates; the batch is last."""

    semiring: Semiring
    function: Multilinear

    def __call__(self, *operands: jax.Array) -> jax.Array:
        coordinates = self.semiring.coordinates
        small = _small(self.function, operands[0].shape[-1])
        if coordinates is None or (coordinates.shifted and small):
            return _read(self.function, Algebra(self.semiring), *operands)
        return rule.apply(_InCoordinates(self.semiring, self.function), *operands)


@functools.partial(jax.jit, static_argnums=(0, 1), inline=True)
def _read(function: Multilinear, algebra: Algebra, *operands: Elements) -> Elements:
    """``function`` in an algebra, traced once for all branches and derivatives that read it."""
    return function(algebra, *operands)


@dataclasses.dataclass(frozen=True)
class _InCoordinates(Operation):
    """A function read in the semiring's real coordinates, exact where that underflows."""

    function: Multilinear

    def value(self, *operands: jax.Array) -> jax.Array:
        return _Value(self.semiring, self.function)(*operands)

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: Tangents) -> Any:
        moving = tuple(t is not None for t in tangents)
        given = [t for t in tangents if t is not None]
        return _Tangent(self.semiring, self.function, moving)(*operands, *given)


@dataclasses.dataclass(frozen=True)
class _Value:
    """The result of a function; the batch is last."""

    semiring: Semiring
    function: Multilinear

    def __call__(self, *operands: jax.Array) -> jax.Array:
        scaled = _Scaled(self.semiring, self.function, operands)
        decode = scaled.coordinates.decode
        if not scaled.coordinates.shifted:
            return decode(scaled.result)

        def fast() -> jax.Array:
            return decode(scaled.result) + scaled.shift

        def exact() -> jax.Array:
            value = _read(self.function, Algebra(self.semiring), *operands)
            return jnp.where(scaled.sound, fast(), value)

        return jax.lax.cond(scaled.lost, exact, fast)


@dataclasses.dataclass(frozen=True)
class _Tangent:
    """The tangent of a function's result, given operands and the tangents of those that move."""

    semiring: Semiring
    function: Multilinear
    moving: tuple[bool, ...]

    def __call__(self, *arguments: jax.Array) -> jax.Array:
        operands, given = arguments[: len(self.moving)], arguments[len(self.moving) :]
        scaled = _Scaled(self.semiring, self.function, operands)
        if not scaled.coordinates.shifted:
            return scaled.rise(self.moving, given)

        # Both directions are branches of their own: the transpose that JAX makes of a branch would
        # hand over what the branch computed for it, of an exact reading all its terms.
        def exactly(*given: jax.Array) -> jax.Array:
            @jax.checkpoint  # for derivatives of higher order, which JAX makes of this direction
            def mended(sound: jax.Array, *arguments: jax.Array) -> jax.Array:
                operands, given = arguments[: len(self.moving)], arguments[len(self.moving) :]
                function = functools.partial(_read, self.function, Algebra(self.semiring))
                return jnp.where(sound, 0, _tangent(function, operands, self.moving, given))

            return fast(*given) + mended(scaled.sound, *operands, *given)

        def fast(*given: jax.Array) -> jax.Array:
            return scaled.rise(self.moving, given)

        def forward(moves: Sequence[jax.Array]) -> jax.Array:
            return jax.lax.cond(scaled.lost, exactly, fast, *moves)

        def transposed(cotangent: jax.Array) -> list[jax.Array]:
            turned = [jax.linear_transpose(branch, *given) for branch in (exactly, fast)]
            return list(jax.lax.cond(scaled.lost, *turned, cotangent))

        return linear_map(forward, transposed, list(given))


class _Scaled:
    """A function of operands in real coordinates, each divided by its sum or largest element."""

    def __init__(
        self, semiring: Semiring, function: Multilinear, operands: Sequence[jax.Array]
    ) -> None:
        assert semiring.coordinates is not None
        self.semiring, self.function, self.operands = semiring, function, tuple(operands)
        self.coordinates: RealCoordinates = semiring.coordinates
        self.scaled = list(operands)
        self.encoded = [self.coordinates.encode(x) for x in operands]
        self.products = function.terms
        if self.coordinates.shifted:
            self._scale()
        self.result = _read(function, REALS, *self.encoded)
        if self.coordinates.shifted:
            self.lost = self._lost()

    def _scale(self) -> None:
        largest = [_largest(x) for x in self.operands]
        self.scaled = [x - m for x, m in zip(self.operands, largest, strict=True)]
        self.encoded = [self.coordinates.encode(x) for x in self.scaled]
        combinations = math.prod(x.shape[0] for x in self.operands)
        if combinations <= MAX_COMBINATIONS:
            self.products *= combinations
        else:  # sums over many operands could overflow, or leave little room above the threshold
            sums = [jnp.maximum(jnp.sum(x, 0), 1) for x in self.encoded]
            sums = [jax.lax.stop_gradient(x) for x in sums]
            self.encoded = [x / y for x, y in zip(self.encoded, sums, strict=True)]
            largest = [m + self.coordinates.decode(x) for m, x in zip(largest, sums, strict=True)]
        self.shift = self.function.scale(*largest)

    @property
    def sound(self) -> jax.Array:
        """Which results show no lost term, or are NaN; made where it is asked for."""
        return ~(self.result < self.threshold)

    @property
    def threshold(self) -> float:
        """A lost term is below the smallest normal number, so all of them together are below the
        rounding error of any result above this."""
        info = jnp.finfo(self.result.dtype)
        return self.products * float(info.tiny) / float(info.eps)

    def _lost(self) -> jax.Array:
        """Whether some result of the batch has lost terms that matter."""

        def look_closer() -> jax.Array:
            there = [(x != self.semiring.zero).astype(x.dtype) for x in self.operands]
            possible = _read(self.function, POSSIBILITIES, *there) > 0
            return jnp.any(possible & ~self.sound)

        small = jnp.min(self.result, initial=jnp.inf) < self.threshold
        if _has_few_products(self.function):  # so a closer look saves nothing
            return small
        return jax.lax.cond(small, look_closer, lambda: jnp.zeros((), jnp.bool_))

    def rise(self, moving: tuple[bool, ...], tangents: Sequence[jax.Array]) -> jax.Array:
        """The derivative of the sound results along the tangents of the operands that move."""
        given = iter(tangents)
        moves = []
        for n, moved in enumerate(moving):
            if moved:
                slope = self.coordinates.derivative(self.scaled[n], self.encoded[n])
                moves.append(next(given) * slope)
        function = functools.partial(_read, self.function, REALS)
        rise = _tangent(function, self.encoded, moving, moves)
        result = self.result
        if self.coordinates.shifted:
            result = jnp.where(self.sound, result, 1)
        slope = self.coordinates.derivative(self.coordinates.decode(result), result)
        if self.coordinates.shifted:
            return rise * jnp.where(self.sound, 1 / slope, 0)
        return rise / slope


MAX_COMBINATIONS = 2**24
"""Up to so many products of one entry an operand, operands are divided by their largest entry."""


def _tangent(
    function: Callable[..., Any],
    operands: Sequence[jax.Array],
    moving: tuple[bool, ...],
    tangents: Sequence[jax.Array],
) -> jax.Array:
    """The derivative of ``function`` along the tangents of the operands that move."""

    def of_moving(*moved: jax.Array) -> jax.Array:
        given = iter(moved)
        pairs = zip(operands, moving, strict=True)
        return function(*(next(given) if moves else x for x, moves in pairs))

    moved = tuple(x for x, moves in zip(operands, moving, strict=True) if moves)
    return jax.jvp(of_moving, moved, tuple(tangents))[1]


def _largest(x: jax.Array) -> jax.Array:
    largest = jax.lax.stop_gradient(jnp.max(x, axis=0, initial=-jnp.inf))
    return jnp.where(jnp.isfinite(largest), largest, 0)
