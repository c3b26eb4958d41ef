"""Loops that XLA compiles operation by operation, whatever its release.

    while_loop(condition, body, start)           # as jax.lax.while_loop
    fori_loop(steps, body, start)                # as jax.lax.fori_loop(0, steps, ...)
    jax.jit(lambda x: while_loop(c, b, x))(x)    # also within a program that somebody else compiles

On CPU, XLA turns a loop that touches few bytes into one sequential function (its pass
`small-while-loop-hoisting`): for a counter and a few numbers that saves the dispatch of each
operation. From jaxlib 0.12 on it takes every loop for a small one, and the wide lanes of the hard
engine become scalar code on one thread, ten times slower. The pass leaves a loop alone that holds
an operation which such a function cannot call, so these loops look at their condition through a
sort of two flags. It takes a quarter of a microsecond a step, on CPU and with those releases only.

Loops over few numbers are better off with `jax.lax`, and so are those through which gradients flow.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from neurosym.transforms.compatibility import HOISTS_EVERY_LOOP

Carry = TypeVar("Carry")


def while_loop(
    condition: Callable[[Carry], jax.Array], body: Callable[[Carry], Carry], start: Carry
) -> Carry:
    """As `jax.lax.while_loop`."""
    return jax.lax.while_loop(lambda carry: _apart(condition(carry)), body, start)


def fori_loop(steps: Any, body: Callable[[Any, Carry], Carry], start: Carry) -> Carry:
    """As `jax.lax.fori_loop` from 0 to below ``steps``, a number or int32[]."""

    def counted(state: tuple[jax.Array, Carry]) -> tuple[jax.Array, Carry]:
        step, carry = state
        return step + 1, body(step, carry)

    zero = jnp.zeros((), jnp.int32)
    return while_loop(lambda state: state[0] < steps, counted, (zero, start))[1]


def _apart(flag: jax.Array) -> jax.Array:
    """The flag, of whose loop XLA does not make one function."""
    if not HOISTS_EVERY_LOOP:
        return flag
    return jax.lax.platform_dependent(flag, cpu=_by_sorting, default=lambda flag: flag)


def _by_sorting(flag: jax.Array) -> jax.Array:
    return jax.lax.sort(jnp.stack([flag, jnp.zeros_like(flag)]))[1]
