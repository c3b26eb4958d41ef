"""One program for a whole batch, however `jax.vmap` is applied from outside.

    def together(network, lanes):        # lanes [B, V, W]: a loop that ends when all are done
        ...

    alone = one_program(together)
    alone(network, lanes)                # lanes [V, W]: a batch of one
    jax.vmap(alone, in_axes=(None, 0))   # lanes [B, V, W]: `together` sees all of them at once
    jax.vmap(jax.vmap(alone, (None, 0)), (None, 0))    # lanes [A, B, V, W]: a batch of A × B

`jax.vmap` of a loop or of a search would run every instance to the end of the slowest one, and
would turn each branch into a select. `one_program` hands the batch over as an axis instead, so the
function may share work among instances.

Nothing flows back through it: a function that must be differentiated brings its own derivative
around it, or is written for `neurosym.transforms.batch_last`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from neurosym.transforms.compatibility import custom_vmap


def one_program(
    together: Callable[[Any, Any], Any], *, axis: int = 0, x64: bool = False
) -> Callable[[Any, Any], Any]:
    """``together``, a function of a batch, as a function of one instance.

    Args:
      together: from ``(shared, batch)``, two pytrees of arrays, to a pytree of arrays. The arrays
        of ``batch`` and of the result have the batch as one axis, of any length above 0; the arrays
        of ``shared`` belong to all instances.
      axis: where the batch is, in arguments and in results: counted from the front, so that
        elements of several parts may have axes of their own behind it.
      x64: runs everything under ``jax.enable_x64(True)``, as 64-bit lanes need.

    Returns:
      A function ``(shared, instance) -> result`` of arrays without that axis. Under `jax.vmap`,
      also nested, in ``instance`` alone it is one call of ``together``. Where ``shared`` differs
      between instances there is nothing to share: they run one after another.
    """

    def precision() -> Any:
        return jax.enable_x64(True) if x64 else contextlib.nullcontext()

    @custom_vmap
    def batched(shared: Any, batch: Any) -> Any:
        with precision():
            if jax.tree.leaves(batch)[0].shape[axis]:
                return together(shared, batch)
            some = jax.tree.map(lambda x: jnp.zeros(_with_length(x, axis, 1), x.dtype), batch)
            shapes = jax.eval_shape(together, shared, some)
            return jax.tree.map(lambda x: jnp.zeros(_with_length(x, axis, 0), x.dtype), shapes)

    @batched.def_vmap
    def _(size: int, in_batched: Any, shared: Any, batch: Any) -> Any:
        with precision():
            if any(jax.tree.leaves(in_batched[0])):
                found = _one_after_another(batched, in_batched, (shared, batch))
            else:
                length = _length(in_batched[1], batch, axis)
                joined = jax.tree.map(
                    lambda mapped, x: _join(x, size, mapped, axis), in_batched[1], batch
                )
                found = batched(shared, joined)
                found = jax.tree.map(lambda y: _split(y, size, length, axis), found)
        return found, jax.tree.map(lambda _: True, found)

    @custom_vmap
    def alone(shared: Any, instance: Any) -> Any:
        with precision():
            batch = jax.tree.map(lambda x: jnp.expand_dims(x, axis), instance)
            found = together(shared, batch)
            return jax.tree.map(lambda y: jnp.squeeze(y, axis), found)

    @alone.def_vmap
    def _(size: int, in_batched: Any, shared: Any, instance: Any) -> Any:
        with precision():
            if any(jax.tree.leaves(in_batched[0])):
                found = _one_after_another(alone, in_batched, (shared, instance))
            else:
                batch = jax.tree.map(
                    lambda mapped, x: jnp.moveaxis(_repeated(x, size, mapped), 0, axis),
                    in_batched[1],
                    instance,
                )
                found = jax.tree.map(lambda y: jnp.moveaxis(y, axis, 0), batched(shared, batch))
        return found, jax.tree.map(lambda _: True, found)

    return alone


def _one_after_another(function: Any, in_batched: Any, arguments: Any) -> Any:
    """``function`` of each instance; what is not batched is closed over and not repeated."""
    leaves, structure = jax.tree.flatten(arguments)
    mapped = jax.tree.leaves(in_batched)
    moving = [x for x, moves in zip(leaves, mapped, strict=True) if moves]

    def each(moving: list[jax.Array]) -> Any:
        given = iter(moving)
        pairs = zip(leaves, mapped, strict=True)
        own = [next(given) if moves else x for x, moves in pairs]
        return function(*jax.tree.unflatten(structure, own))

    return jax.lax.map(each, moving)


def _length(mapped: Any, batch: Any, axis: int) -> int:
    """B, of a batch some of whose arrays have one more axis in front."""
    first, moves = jax.tree.leaves(batch)[0], jax.tree.leaves(mapped)[0]
    return first.shape[axis + moves]


def _join(x: jax.Array, size: int, mapped: bool, axis: int) -> jax.Array:
    """``[size, ..., B, ...]`` to ``[..., size * B, ...]``; without the first axis: repeated."""
    x = jnp.moveaxis(_repeated(x, size, mapped), 0, axis)
    return x.reshape(*x.shape[:axis], size * x.shape[axis + 1], *x.shape[axis + 2 :])


def _repeated(x: jax.Array, size: int, mapped: bool) -> jax.Array:
    return x if mapped else jnp.broadcast_to(x, (size, *x.shape))


def _split(x: jax.Array, size: int, length: int, axis: int) -> jax.Array:
    """``[..., size * B, ...]`` to ``[size, ..., B, ...]``, where B is ``length``."""
    x = x.reshape(*x.shape[:axis], size, length, *x.shape[axis + 1 :])
    return jnp.moveaxis(x, axis, 0)


def _with_length(x: Any, axis: int, length: int) -> tuple[int, ...]:
    return (*x.shape[:axis], length, *x.shape[axis + 1 :])
