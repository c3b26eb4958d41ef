"""Programs for whose first run somebody waits: they compile in less time and run as fast.

    @quickly_compiled(static_argnums=0)
    def total(elimination, weights): ...

    total(elimination, weights)                 # at a prompt: a program of its own, made quickly
    jax.jit(lambda w: total(elimination, w))    # joins the program of the caller, who chooses

XLA's newer emitters of fused loops take half of the time that a small model needs to compile on a
CPU. Most loops run as fast without them; loops over integers and long folds run up to four times
slower. So ``when`` says for which arguments there is little to run.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from neurosym.transforms.compatibility import HAS_A_CHOICE_OF_EMITTERS
from neurosym.transforms.concrete import concrete

_WITHOUT_EMITTERS = {"xla_cpu_use_fusion_emitters": False}


def quickly_compiled(
    *, static_argnums: int | Sequence[int] = (), when: Callable[..., bool] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `jax.jit`, for calls with positional arguments.

    Args:
      static_argnums: as for `jax.jit`.
      when: of all arguments: whether a quickly compiled program is worth its loops; None for
        always. Asked outside of every trace alone.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        plain = jax.jit(function, static_argnums=static_argnums)
        if not HAS_A_CHOICE_OF_EMITTERS:
            return plain
        quick = jax.jit(function, static_argnums=static_argnums, compiler_options=_WITHOUT_EMITTERS)

        @functools.wraps(function)
        def called(*arguments: Any) -> Any:
            alone = jax.default_backend() == "cpu" and concrete(*arguments)
            alone = alone and (when is None or when(*arguments))
            return (quick if alone else plain)(*arguments)

        return called

    return decorate
