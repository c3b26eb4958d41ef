"""Temperature schedules: pure functions from a step to the temperature of a bridge.

A relaxed sample at a high temperature has smooth, biased gradients, and at a low one sharp, noisy
ones; annealing goes from high to low (Jang et al. 2017, section 2.2,
https://arxiv.org/abs/1611.01144). Every schedule starts at ``start``, reaches ``floor`` after
``steps`` steps and stays there; it can be called with Python numbers and within jit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import jax.numpy as jnp
from jax import Array

Schedule = Callable[[int | Array], Array]
"""From a step, from 0, to the temperature, a float32 scalar."""


def constant(start: float) -> Schedule:
    """The same temperature at every step."""
    _check(start, start, 1)
    return lambda step: jnp.full(jnp.shape(step), start, jnp.float32)


def exponential(start: float, floor: float, steps: int) -> Schedule:
    """``start · (floor / start) ** (step / steps)``: the same factor at every step."""
    _check(start, floor, steps)
    return lambda step: start * jnp.exp(math.log(floor / start) * _progress(step, steps))


def linear(start: float, floor: float, steps: int) -> Schedule:
    """A straight line from ``start`` to ``floor``."""
    _check(start, floor, steps)
    return lambda step: start + (floor - start) * _progress(step, steps)


def cosine(start: float, floor: float, steps: int) -> Schedule:
    """Half a cosine from ``start`` to ``floor``: flat at both ends."""
    _check(start, floor, steps)
    return lambda step: (
        floor + (start - floor) * 0.5 * (1 + jnp.cos(math.pi * _progress(step, steps)))
    )


SCHEDULES = MappingProxyType({"exponential": exponential, "linear": linear, "cosine": cosine})
"""The annealing schedules by the names that configs use; "constant" is the one more."""


def make_schedule(
    name: str, *, start: float = 1.0, floor: float = 0.5, steps: int = 1000, **unknown: object
) -> Schedule:
    """The schedule of that name.

    Example:
      >>> temperature = make_schedule("linear", start=2.0, floor=1.0, steps=100)
      >>> [temperature(step).item() for step in (0, 50, 100, 1000)]
      [2.0, 1.5, 1.0, 1.0]

    Args:
      name: "constant", "exponential", "linear" or "cosine".
      start: temperature at step 0, above 0.
      floor: temperature from step ``steps`` on, above 0 and at most ``start``; "constant" has no
        use for it.
      steps: steps from ``start`` to ``floor``, at least 1; "constant" has no use for it.

    Raises:
      ValueError: when there is no such schedule or option, or a number is out of range.
    """
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"a temperature schedule has no {names}; it takes start, floor, steps")
    if name == "constant":
        return constant(start)
    if name not in SCHEDULES:
        names = ", ".join(["constant", *SCHEDULES])
        raise ValueError(f"unknown temperature schedule {name!r}; there are {names}")
    return SCHEDULES[name](start, floor, steps)


def _progress(step: int | Array, steps: int) -> Array:
    """0 at the first step, 1 from step ``steps`` on."""
    return jnp.clip(jnp.asarray(step, jnp.float32) / steps, 0, 1)


def _check(start: float, floor: float, steps: int) -> None:
    if not 0 < floor <= start < math.inf:
        raise ValueError(
            f"temperatures must be 0 < floor <= start; got floor {floor} and start {start}"
        )
    if steps < 1:
        raise ValueError(f"a temperature schedule needs at least 1 step; got {steps}")
