"""The gradient rule: one `custom_jvp` for every operation of every semiring.

An operation of a semiring is a pair: its value, computed with ⊕ and ⊗, and its tangent, written
with nothing but the two derivatives that the semiring states (``responsibility`` of ⊕, ``cofactor``
of ⊗). `apply` ties the two together; no other function of the framework has a hand-written
derivative for a semiring. Since tangents are made of differentiable JAX operations and of `apply`
itself, forward mode, reverse mode and higher derivatives follow.

Derivatives are finite wherever the stated ones are, the semiring's zero included. Ties of a
selective ⊕ (or ⊗) are split evenly within one reduction; differently bracketed expressions agree
as subgradients, not value for value.

Elements of several parts have no single responsibility. A semiring of such elements is
differentiated by JAX through its own ⊕ and ⊗ as written (``autodiff``), or not at all.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements

if TYPE_CHECKING:
    from neurosym.semirings.algebra.semiring import Semiring

Tangents = tuple[jax.Array | None, ...]


@dataclasses.dataclass(frozen=True)
class Operation:
    """An n-ary operation of a semiring; frozen and hashable, so it can be a static argument."""

    semiring: Semiring

    def value(self, *operands: Elements) -> Elements:
        """The result, by whatever computation is best.

        It is never differentiated, except where the elements have several parts.
        """
        raise TypeError(f"{type(self).__name__} defines no value")

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        """The derivative of the result along ``tangents`` (None where an operand stands still)."""
        raise TypeError(f"{type(self).__name__} defines no tangent")


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _apply(operation: Operation, *operands: jax.Array) -> jax.Array:
    return operation.value(*operands)


@functools.partial(_apply.defjvp, symbolic_zeros=True)
def _apply_jvp(operation: Operation, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    semiring = operation.semiring
    if not semiring.differentiable:
        raise _underivable(semiring)
    # A number of Python that is differentiated by arrives as it is; an operand may be a pytree.
    primals = tuple(jax.tree.map(jnp.asarray, x) for x in primals)
    result = _apply(operation, *primals)
    moving = tuple(None if isinstance(t, SymbolicZero) else t for t in tangents)
    return result, operation.tangent(result, primals, moving)


def apply(operation: Operation, *operands: Elements) -> Elements:
    """The value of ``operation``, differentiable by the rule."""
    semiring = operation.semiring
    if semiring.autodiff:
        return operation.value(*operands)
    if elements.is_structured(semiring):
        return operation.value(*_without_tangents(semiring, *operands))
    if semiring.dtype != "float":  # integers and Booleans have no tangents
        return operation.value(*operands)
    return _apply(operation, *operands)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _without_tangents(semiring: Semiring, *operands: Elements) -> tuple[Elements, ...]:
    return operands


@_without_tangents.defjvp
def _without_tangents_jvp(semiring: Semiring, primals: Any, tangents: Any) -> Any:
    raise _underivable(semiring)


def _underivable(semiring: Semiring) -> ValueError:
    return ValueError(
        f"semiring {semiring.name} states no derivatives (responsibility and cofactor), "
        "so nothing computed in it can be differentiated"
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Ruled:
    """A semiring's ``add`` or ``mul``: the function as given, differentiated by the rule."""

    semiring: Semiring
    operation: type[Add] | type[Mul]
    function: Callable[[Elements, Elements], Elements]

    def __call__(self, x: Elements, y: Elements) -> Elements:
        x, y = elements.broadcast_arrays(
            self.semiring, self.semiring.asarray(x), self.semiring.asarray(y)
        )
        return apply(self.operation(self.semiring), x, y)

    def __reduce__(self) -> Any:
        return getattr, (self.semiring, self.operation.field)


class Add(Operation):
    """``x ⊕ y`` elementwise."""

    field: ClassVar[str] = "add"  # of the semiring

    def value(self, *operands: Elements) -> Elements:
        return self.semiring.add.function(*operands)  # type: ignore[attr-defined]

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        shares = [responsibility(self.semiring, x, result) for x in operands]
        if self.semiring.selective:
            shares = split_ties(shares)
        return weighted(shares, tangents)


class Mul(Operation):
    """``x ⊗ y`` elementwise."""

    field: ClassVar[str] = "mul"  # of the semiring

    def value(self, *operands: Elements) -> Elements:
        return self.semiring.mul.function(*operands)  # type: ignore[attr-defined]

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        return weighted(cofactors(self.semiring, *operands), tangents)


@dataclasses.dataclass(frozen=True)
class Sum(Operation):
    """⊕ along one axis."""

    axis: int

    def value(self, *operands: Elements) -> Elements:
        (x,) = operands
        return raw_sum(self.semiring, x, self.axis)

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        (x,) = operands
        shares = responsibility(self.semiring, x, jnp.expand_dims(result, self.axis))
        if self.semiring.selective:
            shares = split_ties_along(shares, self.axis)
        return jnp.sum(weighted([shares], tangents), axis=self.axis)


@dataclasses.dataclass(frozen=True)
class Product(Operation):
    """⊗ along one axis. Its derivative uses exclusive products, never a division."""

    axis: int

    def value(self, *operands: Elements) -> Elements:
        (x,) = operands
        semiring = self.semiring
        if semiring.fold_prod is not None:
            return semiring.fold_prod(x, self.axis)
        return _fold(semiring, semiring.mul.function, x, self.axis, semiring.one)  # type: ignore[attr-defined]

    def tangent(
        self, result: jax.Array, operands: tuple[jax.Array, ...], tangents: Tangents
    ) -> jax.Array:
        (x,) = operands
        semiring = self.semiring
        assert semiring.cofactor is not None
        others = exclusive_products(semiring, x, self.axis)
        shares = semiring.cofactor(x, others).astype(x.dtype)
        if semiring.selective_mul:
            shares = split_ties_along(shares, self.axis)
        return jnp.sum(weighted([shares], tangents), axis=self.axis)


def exclusive_products(semiring: Semiring, x: Elements, axis: int) -> Elements:
    """``y[i] = ⊗_{j != i} x[j]`` along ``axis``, by prefix and suffix products."""
    shape = elements.shape(semiring, x)
    size = shape[axis]
    if size == 0:
        return x
    dtype = elements.dtype(semiring, x)
    one = semiring.ones((*shape[:axis], 1, *shape[axis + 1 :]), dtype)
    before = jax.lax.associative_scan(semiring.mul, x, axis=axis)
    after = jax.lax.associative_scan(semiring.mul, x, axis=axis, reverse=True)
    along = (slice(None),) * axis
    before = elements.concatenate(semiring, [one, before], axis)
    after = elements.concatenate(semiring, [after, one], axis)
    return semiring.mul(
        elements.at(before, (*along, slice(0, size))), elements.at(after, (*along, slice(1, None)))
    )


def raw_sum(semiring: Semiring, x: Elements, axis: int) -> Elements:
    """⊕ along ``axis`` as a value, without the gradient rule."""
    shape = elements.shape(semiring, x)
    if shape[axis] == 0:
        return semiring.zeros(shape[:axis] + shape[axis + 1 :], elements.dtype(semiring, x))
    if semiring.fold_sum is not None:
        return semiring.fold_sum(x, axis)
    return _fold(semiring, semiring.add.function, x, axis, semiring.zero)  # type: ignore[attr-defined]


def responsibility(semiring: Semiring, x: jax.Array, total: jax.Array) -> jax.Array:
    """The semiring's responsibility, as floats of the elements' type."""
    assert semiring.responsibility is not None
    return semiring.responsibility(x, total).astype(x.dtype)


def cofactors(semiring: Semiring, x: jax.Array, y: jax.Array) -> list[jax.Array]:
    """The derivatives of ``x ⊗ y`` with respect to ``x`` and ``y``."""
    assert semiring.cofactor is not None
    # Of two numbers of Python a comparison is a bool of Python.
    factors = semiring.cofactor(x, y), semiring.cofactor(y, x)
    shares = [jnp.asarray(factor, x.dtype) for factor in factors]
    return split_ties(shares) if semiring.selective_mul else shares


def split_ties(shares: list[jax.Array]) -> list[jax.Array]:
    """Divides the shares of tied operands evenly."""
    count = functools.reduce(jnp.add, shares)
    return [share / jnp.maximum(count, 1) for share in shares]


def split_ties_along(shares: jax.Array, axis: int) -> jax.Array:
    """Divides the shares of tied elements of one reduction evenly."""
    return shares / jnp.maximum(jnp.sum(shares, axis=axis, keepdims=True), 1)


def weighted(shares: list[jax.Array], tangents: Tangents) -> jax.Array:
    """The sum of the tangents, each weighted by its share."""
    terms = [s * t for s, t in zip(shares, tangents, strict=True) if t is not None]
    return functools.reduce(jnp.add, terms)


def _fold(
    semiring: Semiring,
    function: Callable[[Elements, Elements], Elements],
    x: Elements,
    axis: int,
    identity: Elements,
) -> Elements:
    """Folds a binary operation along ``axis`` as a balanced tree."""
    x = elements.moveaxis(semiring, x, axis, 0)
    size, *rest = elements.shape(semiring, x)
    if size == 0:
        return elements.full(semiring, rest, identity, elements.dtype(semiring, x))
    while size > 1:
        half = size // 2
        folded = function(elements.at(x, slice(0, half)), elements.at(x, slice(half, 2 * half)))
        odd = elements.at(x, slice(2 * half, None))
        x = elements.concatenate(semiring, [folded, odd]) if size % 2 else folded
        size = half + size % 2
    return elements.at(x, 0)
