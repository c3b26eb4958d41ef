"""Total, flow and support of a circuit as operations of a semiring, batched and differentiable.

The derivative of a total is one pass down (`passes.flows`), which is computed with the total and
thrown away by the compiler where nobody differentiates. Second derivatives are products with the
Hessian, which is its own transpose. Memory is linear in the circuit.

Passes run with the instances of a batch along the last axis. `jax.vmap` of the public functions
gets there by `custom_vmap`, also when nested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from neurosym.circuits import passes
from neurosym.circuits.passes import Tables
from neurosym.semirings import elements, rule
from neurosym.semirings.elements import Elements
from neurosym.semirings.rule import Operation
from neurosym.semirings.semiring import Semiring


def total(semiring: Semiring, tables: Tables, root: int, weights: Elements) -> Elements:
    """The value of the root, one element, from weights ``[I]``; differentiable by the rule."""
    return rule.apply(Total(semiring, root), weights, tables)[0]


def flow(semiring: Semiring, tables: Tables, root: int, weights: jax.Array) -> jax.Array:
    """The gradient of the total, floats ``[I]``, itself differentiable."""
    known = _batch_last(Total(semiring, root).run)(jax.lax.stop_gradient(weights), tables)[1]
    return rule.apply(Flow(semiring, root), weights, tables, known)


def support(semiring: Semiring, tables: Tables, root: int, weights: Elements) -> Elements:
    """The formal derivative of the total, elements ``[I]``; differentiable by the rule."""
    return rule.apply(Support(semiring, root), weights, tables)


@dataclasses.dataclass(frozen=True)
class Total(Operation):
    """The value of the root, and its gradient where there is one."""

    root: int

    def run(self, weights: Elements, tables: Tables) -> tuple[Elements, jax.Array | None]:
        """For a batch: elements ``[1, B]``, floats ``[I, B]``."""
        semiring = self.semiring
        values = passes.raw_up(semiring, tables, weights)
        found = elements.at(values, slice(self.root, self.root + 1))
        if semiring.responsibility is None or semiring.cofactor is None:
            return found, None
        return found, passes.raw_flows(semiring, tables, values, self.root)

    def value(self, *operands: Any) -> tuple[Elements, jax.Array | None]:
        if self.semiring.autodiff:  # JAX differentiates this value itself
            weights, tables = operands
            values = passes.up(self.semiring, tables, _one(weights))
            return elements.at(values, (self.root, 0)), None
        found, gradient = _batch_last(self.run)(*operands)
        return elements.at(found, 0), gradient

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, tables = operands
        slope = rule.apply(Flow(self.semiring, self.root), weights, tables, result[1])
        return jnp.sum(slope * tangents[0]), jnp.zeros_like(result[1])


@dataclasses.dataclass(frozen=True)
class Flow(Operation):
    """The gradient of the total, which is known already; this adds its derivative."""

    root: int

    def value(self, *operands: Any) -> jax.Array:
        return operands[2]

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, tables, _ = operands

        def hessian_product(along: jax.Array) -> jax.Array:
            return _batch_last(self._hessian_product)(weights, along, tables)

        return _symmetric_map(hessian_product, tangents[0])

    def _hessian_product(self, weights: jax.Array, along: jax.Array, tables: Tables) -> jax.Array:
        def gradient(weights: jax.Array) -> jax.Array:
            values = passes.up(self.semiring, tables, weights)
            return passes.flows(self.semiring, tables, values, self.root)

        return jax.jvp(gradient, (weights,), (along,))[1]


@dataclasses.dataclass(frozen=True)
class Support(Operation):
    """The support of every weight."""

    root: int

    def value(self, *operands: Any) -> Elements:
        if self.semiring.autodiff:
            return self._differentiable(*operands)
        return _batch_last(self._run)(*operands)

    def tangent(self, result: Any, operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        weights, tables = operands
        moved = jax.jvp(lambda w: self._differentiable(w, tables), (weights,), (tangents[0],))
        return moved[1]

    def _run(self, weights: Elements, tables: Tables) -> Elements:
        values = passes.raw_up(self.semiring, tables, weights)
        return passes.raw_down(self.semiring, tables, values, self.root)

    def _differentiable(self, weights: Elements, tables: Tables) -> Elements:
        values = passes.up(self.semiring, tables, _one(weights))
        found = passes.down(self.semiring, tables, values, self.root)
        return elements.at(found, (slice(None), 0))


def _symmetric_map(product: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """``product(x)``, where that is linear, and told to be its own transpose.

    ``y = H x`` is the upper half of the solution (y, u) of ``[0 I; I -H] (y, u) = (x, 0)``, which
    is a symmetric system, so JAX transposes its solution by solving it again.
    """
    size = x.shape[0]

    def matrix(z: jax.Array) -> jax.Array:
        y, u = z[:size], z[size:]
        return jnp.concatenate([u, y - product(u)])

    def solve(_: object, right: jax.Array) -> jax.Array:
        u, rest = right[:size], right[size:]
        return jnp.concatenate([rest + product(u), u])

    right = jnp.concatenate([x, jnp.zeros_like(x)])
    return jax.lax.custom_linear_solve(matrix, right, solve, symmetric=True)[:size]


def _one(weights: Elements) -> Elements:
    """A batch of one instance, ``[I, 1]``."""
    return jax.tree.map(lambda leaf: leaf[:, None], weights)


def _batch_last(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` for one instance, and for the batches that `jax.vmap` makes of it.

    Args:
      run: takes elements ``[I, B]``, one or several, and tables; returns arrays ``[R, B]``.

    Returns:
      The same function of elements ``[I]``, which returns arrays ``[R]``.
    """

    @custom_vmap
    def batched(tables: Tables, *arrays: Elements) -> Any:
        return run(*arrays, tables)

    @batched.def_vmap
    def _(size: int, in_batched: Any, tables: Tables, *arrays: Elements) -> Any:
        if any(jax.tree.leaves(in_batched[0])):  # a batched lax.cond maps what it closes over
            every = jax.tree.map(
                lambda mapped, x: x if mapped else jnp.broadcast_to(x, (size, *x.shape)),
                in_batched,
                [tables, *arrays],
            )
            found = jax.lax.map(lambda each: batched(*each), every)
            return found, jax.tree.map(lambda _: True, found)

        def join(mapped: bool, x: jax.Array) -> jax.Array:  # [size, I, B] to [I, size * B]
            x = x if mapped else jnp.broadcast_to(x, (size, *x.shape))
            return jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1, *x.shape[3:])

        def split(x: jax.Array) -> jax.Array:  # [R, size * B] to [size, R, B]
            return jnp.moveaxis(x.reshape(x.shape[0], size, -1, *x.shape[2:]), 1, 0)

        joined = [jax.tree.map(join, m, x) for m, x in zip(in_batched[1:], arrays, strict=True)]
        found = jax.tree.map(split, batched(tables, *joined))
        return found, jax.tree.map(lambda _: True, found)

    def one(*operands: Any) -> Any:
        *arrays, tables = operands
        found = batched(tables, *(_one(x) for x in arrays))
        return jax.tree.map(lambda leaf: leaf[:, 0], found)

    return one
