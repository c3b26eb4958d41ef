"""Readings of a circuit as operations of a semiring, batched and differentiable.

The derivative of a total is one pass down (`passes.flows`), which is computed with the total and
thrown away by the compiler where nobody differentiates. Second derivatives are products with the
Hessian, which is its own transpose. Memory is linear in the circuit.

Passes run with the instances of a batch along the last axis. `jax.vmap` of the public functions
gets there by `neurosym.transforms.one_program`, also when nested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from neurosym.circuits.evaluation import passes, roots
from neurosym.circuits.evaluation.passes import Tables
from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.rule import Operation
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.linear_map import both_ways, symmetric_map
from neurosym.transforms.one_program import one_program


def total(semiring: Semiring, tables: Tables, root: jax.Array, weights: Elements) -> Elements:
    """The value of a root, int32[], one element, from weights ``[I]``; by the rule."""
    return rule.apply(Total(semiring), weights, root[None], tables)[0]


def flow(semiring: Semiring, tables: Tables, root: jax.Array, weights: jax.Array) -> jax.Array:
    """The gradient of the total, floats ``[I]``, itself differentiable."""
    still = jax.lax.stop_gradient(weights)
    known = _for_batches(Total(semiring).run)(still, root[None], tables)[1]
    return rule.apply(Flow(semiring), weights, root[None], tables, known)


def support(semiring: Semiring, tables: Tables, root: jax.Array, weights: Elements) -> Elements:
    """The formal derivative of the total, elements ``[I]``; differentiable by the rule."""
    return rule.apply(Support(semiring), weights, root[None], tables)


def totals(semiring: Semiring, tables: Tables, weights: Elements) -> Elements:
    """The values of all roots, elements ``[R]``; differentiable by the rule."""
    return rule.apply(Totals(semiring), weights, tables)


@dataclasses.dataclass(frozen=True)
class Total(Operation):
    """The value of one root, and its gradient where there is one."""

    def run(
        self, weights: Elements, root: jax.Array, tables: Tables
    ) -> tuple[Elements, jax.Array | None]:
        """For a batch: elements ``[1, B]``, floats ``[I, B]``."""
        semiring = self.semiring
        values = passes.raw_up(semiring, tables, weights)
        found = roots.raw_read(semiring, tables.roots, values, root)
        if semiring.responsibility is None or semiring.cofactor is None:
            return found, None
        mul = semiring.mul.function  # type: ignore[attr-defined]
        arriving = roots.flows(semiring, tables.roots, values, root, mul)
        return found, passes.raw_flows(semiring, tables, values, arriving)

    def value(self, *operands: Any) -> tuple[Elements, jax.Array | None]:
        if self.semiring.autodiff:  # JAX differentiates this value itself
            weights, root, tables = operands
            values = passes.up(self.semiring, tables, _one(weights))
            found = roots.read(self.semiring, tables.roots, values, _one(root))
            return elements.at(found, (0, 0)), None
        found, gradient = _for_batches(self.run)(*operands)
        return elements.at(found, 0), gradient

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        slope = rule.apply(Flow(self.semiring), *operands, result[1])
        return jnp.sum(slope * tangents[0]), jnp.zeros_like(result[1])


@dataclasses.dataclass(frozen=True)
class Flow(Operation):
    """The gradient of the total, which is known already; this adds its derivative."""

    def value(self, *operands: Any) -> jax.Array:
        return operands[-1]

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, root, tables, _ = operands

        def hessian_product(along: jax.Array) -> jax.Array:
            return _for_batches(self._hessian_product)(weights, along, root, tables)

        return symmetric_map(hessian_product, tangents[0])

    def _hessian_product(
        self, weights: jax.Array, along: jax.Array, root: jax.Array, tables: Tables
    ) -> jax.Array:
        semiring = self.semiring

        def gradient(weights: jax.Array) -> jax.Array:
            values = passes.up(semiring, tables, weights)
            arriving = roots.flows(semiring, tables.roots, values, root, semiring.mul)
            return passes.flows(semiring, tables, values, arriving)

        return jax.jvp(gradient, (weights,), (along,))[1]


@dataclasses.dataclass(frozen=True)
class Totals(Operation):
    """The values of all roots. Its derivative is one pass up, its transpose one pass down."""

    def value(self, *operands: Any) -> Elements:
        if self.semiring.autodiff:
            weights, tables = operands
            return elements.at(self._ruled(_one(weights), tables), (slice(None), 0))
        return _for_batches(self._raw)(*operands)

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, tables = operands

        def up(along: jax.Array) -> jax.Array:
            return _for_batches(self._pushed)(weights, along, tables)

        def down(cotangents: jax.Array) -> jax.Array:
            return _for_batches(self._pulled)(weights, cotangents, tables)

        return both_ways(up, down, tangents[0])

    def _raw(self, weights: Elements, tables: Tables) -> Elements:
        values = passes.raw_up(self.semiring, tables, weights)
        return roots.raw_read_all(self.semiring, tables.roots, values)

    def _ruled(self, weights: Elements, tables: Tables) -> Elements:
        values = passes.up(self.semiring, tables, weights)
        return roots.read_all(self.semiring, tables.roots, values)

    def _pushed(self, weights: jax.Array, along: jax.Array, tables: Tables) -> jax.Array:
        return jax.jvp(lambda w: self._ruled(w, tables), (weights,), (along,))[1]

    def _pulled(self, weights: jax.Array, cotangents: jax.Array, tables: Tables) -> jax.Array:
        values = passes.raw_up(self.semiring, tables, weights)
        mul = self.semiring.mul.function  # type: ignore[attr-defined]
        arriving = roots.query_flows(self.semiring, tables.roots, values, cotangents, mul)
        return passes.raw_flows(self.semiring, tables, values, arriving)


@dataclasses.dataclass(frozen=True)
class Support(Operation):
    """The support of every weight."""

    def value(self, *operands: Any) -> Elements:
        if self.semiring.autodiff:
            return self._differentiable(*operands)
        return _for_batches(self._run)(*operands)

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, *rest = operands
        moved = jax.jvp(lambda w: self._differentiable(w, *rest), (weights,), (tangents[0],))
        return moved[1]

    def _run(self, weights: Elements, root: jax.Array, tables: Tables) -> Elements:
        values = passes.raw_up(self.semiring, tables, weights)
        arriving = roots.supports(self.semiring, tables.roots, values, root, raw=True)
        return passes.raw_down(self.semiring, tables, values, arriving)

    def _differentiable(self, weights: Elements, root: jax.Array, tables: Tables) -> Elements:
        values = passes.up(self.semiring, tables, _one(weights))
        arriving = roots.supports(self.semiring, tables.roots, values, _one(root), raw=False)
        found = passes.down(self.semiring, tables, values, arriving)
        return elements.at(found, (slice(None), 0))


def _one(weights: Elements) -> Elements:
    """A batch of one instance, ``[I, 1]``."""
    return jax.tree.map(lambda leaf: leaf[:, None], weights)


def _for_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` for one instance, and for the batches that `jax.vmap` makes of it.

    Args:
      run: takes arrays ``[n, B]``, one or several, and tables; returns arrays ``[R, B]``.

    Returns:
      The same function of arrays ``[n]``, which returns arrays ``[R]``.
    """
    program = one_program(lambda tables, arrays: run(*arrays, tables), axis=1)
    return lambda *operands: program(operands[-1], operands[:-1])
