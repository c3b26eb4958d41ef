"""Functions whose batch is the last axis, however `jax.vmap` is applied from outside.

    def running(x):                                   # x [n, B]: the batch is the last axis
        return jnp.cumsum(x, axis=0)

    batch_last(running, x)                            # x [n]: running sees [n, 1]
    jax.vmap(lambda x: batch_last(running, x))(xs)    # xs [B, n]: running sees [n, B], once
    jax.grad(...), jax.hessian(...)                   # as if running had been written for [n]

`jax.vmap` puts the batch first, which leaves the innermost loops of a CPU to axes that are often
short. `batch_last` calls a function of arrays with one more axis, the batch, as the last one: of
length 1 for one instance, and of the batch's size (of several nested batches: their product) under
`jax.vmap`. The function sees the whole batch at once, so it may also decide something for all of
it, in a `jax.lax.cond` that stays a branch.

JAX differentiates it as it differentiates the function itself, in forward and in reverse mode and
to any order. Where nothing flows back, and some arguments belong to the whole batch, use
`neurosym.transforms.one_program`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from neurosym.transforms.compatibility import (
    abstract_array,
    define,
    is_unknown,
    is_zero,
    setting,
    with_zeros,
)

Function = Callable[..., tuple[jax.Array, ...]]
"""From arrays ``[..., B]`` to arrays ``[..., B]``, each instance for itself; hashable."""


def batch_last(function: Callable[..., jax.Array], *operands: jax.Array) -> jax.Array:
    """``function`` of one instance, computed with the batch as the last axis.

    Args:
      function: from arrays ``[..., B]`` to an array ``[..., B]``. Its result for one instance must
        not depend on the values of the others. Hashable, and equal to any function that does the
        same, such as a frozen dataclass, so that it is traced once.
      *operands: arrays of one instance, without the batch.

    Returns:
      The result of ``function`` for this instance, without the batch.
    """
    (result,) = _batch_last.bind(*operands, function=_Single(function), batched=False)
    return result


def _evaluate(*operands: jax.Array, function: Function, batched: bool) -> Sequence[jax.Array]:
    if batched:
        return list(function(*operands))
    return [y[..., 0] for y in function(*(x[..., None] for x in operands))]


# Traced once for shapes, derivatives and lowering; also what runs outside of a trace.
_traced = jax.jit(_evaluate, static_argnames=("function", "batched"))


def _abstract(*operands: Any, function: Function, batched: bool) -> Sequence[Any]:
    given = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in operands)
    found = _shapes(function, batched, given, setting("jax_enable_x64"))
    return [abstract_array(y.shape, y.dtype) for y in found]


# JAX traces anew within each `vmap`; shapes are the same there.
@functools.lru_cache(maxsize=1024)
def _shapes(
    function: Function, batched: bool, given: Sequence[jax.ShapeDtypeStruct], x64: bool
) -> Sequence[jax.ShapeDtypeStruct]:
    del x64  # only a part of the key
    return jax.eval_shape(lambda *x: _traced(*x, function=function, batched=batched), *given)


def _batch(
    operands: Sequence[jax.Array], axes: Sequence[int | None], *, function: Function, batched: bool
) -> tuple[Sequence[jax.Array], Sequence[int]]:
    size = next(x.shape[n] for x, n in zip(operands, axes, strict=True) if n is not None)
    moved = []
    for x, n in zip(operands, axes, strict=True):
        x = (
            jnp.broadcast_to(x[..., None], (*x.shape, size))
            if n is None
            else jnp.moveaxis(x, n, -1)
        )
        moved.append(x.reshape(*x.shape[:-2], -1) if batched else x)
    found = _batch_last.bind(*moved, function=function, batched=True)
    if batched:
        found = [y.reshape(*y.shape[:-1], -1, size) for y in found]
    return found, [y.ndim - 1 for y in found]


def _jvp(
    primals: Sequence[jax.Array], tangents: Sequence[Any], *, function: Function, batched: bool
) -> tuple[Sequence[jax.Array], Sequence[jax.Array]]:
    moving = tuple(not is_zero(t) for t in tangents)
    given = [t for t, moves in zip(tangents, moving, strict=True) if moves]
    result = _batch_last.bind(*primals, function=function, batched=batched)
    derivative = _Derivative(function, moving)
    rise = _batch_last.bind(*primals, *given, function=derivative, batched=batched)
    return result, rise


def _transpose(
    cotangents: Sequence[Any], *operands: Any, function: Function, batched: bool
) -> Sequence[Any]:
    linear = tuple(is_unknown(x) for x in operands)
    known = [x for x, unknown in zip(operands, linear, strict=True) if not unknown]
    avals = [x.aval for x in operands if is_unknown(x)]
    given = [with_zeros(c) for c in cotangents]
    shapes = tuple(a.shape[:-1] if batched else a.shape for a in avals)
    transposed = _Transposed(function, linear, shapes, tuple(a.dtype for a in avals))
    found = iter(_batch_last.bind(*known, *given, function=transposed, batched=batched))
    return [next(found) if unknown else None for unknown in linear]


_batch_last = define(
    "batch_last",
    compute=_traced,
    abstract=_abstract,
    batch=_batch,
    jvp=_jvp,
    transpose=_transpose,
)


@dataclasses.dataclass(frozen=True)
class _Single:
    """A function with one result, as one with several."""

    function: Callable[..., jax.Array]

    def __call__(self, *operands: jax.Array) -> tuple[jax.Array, ...]:
        return (self.function(*operands),)


@dataclasses.dataclass(frozen=True)
class _Derivative:
    """The tangents of a function's results, linear in those of the operands that move."""

    function: Function
    moving: tuple[bool, ...]

    def __call__(self, *arguments: jax.Array) -> tuple[jax.Array, ...]:
        primals, tangents = arguments[: len(self.moving)], arguments[len(self.moving) :]
        moved = [x for x, moves in zip(primals, self.moving, strict=True) if moves]

        def function(*moved: jax.Array) -> tuple[jax.Array, ...]:
            given = iter(moved)
            pairs = zip(primals, self.moving, strict=True)
            operands = (next(given) if moves else x for x, moves in pairs)
            return tuple(_traced(*operands, function=self.function, batched=True))

        return jax.jvp(function, tuple(moved), tuple(tangents))[1]


@dataclasses.dataclass(frozen=True)
class _Transposed:
    """The transpose of a function in the operands in which it is linear."""

    function: Function
    linear: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]  # of the linear operands, without the batch
    dtypes: tuple[Any, ...]

    def __call__(self, *arguments: jax.Array) -> tuple[jax.Array, ...]:
        count = len(self.linear) - sum(self.linear)
        known, cotangents = arguments[:count], arguments[count:]
        size = cotangents[0].shape[-1]

        def function(*unknown: jax.Array) -> tuple[jax.Array, ...]:
            given, others = iter(unknown), iter(known)
            operands = (next(given if x else others) for x in self.linear)
            return tuple(_traced(*operands, function=self.function, batched=True))

        wanted = [
            jax.ShapeDtypeStruct((*shape, size), dtype)
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]
        return jax.linear_transpose(function, *wanted)(tuple(cotangents))
