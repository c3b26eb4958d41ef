"""Programs for whose first run somebody waits: they compile in less time and run as fast.

    @quickly_compiled(static_argnums=0)
    def total(elimination, weights): ...

    total(elimination, weights)                 # at a prompt: a program of its own, made quickly
    jax.jit(lambda w: total(elimination, w))    # joins the program of the caller, who chooses

XLA's newer emitters of fused loops take half of the time that a small model needs to compile on a
CPU. Most loops run as fast without them; loops over integers and long folds run up to four times
slower. So ``when`` says for which arguments there is little to run.

    read = quick_jit(lambda images: model(images).argmax(-1))

What runs a few times needs no optimisation of its machine code either: `quick_jit`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from neurosym.transforms.compatibility import HAS_A_CHOICE_OF_EMITTERS
from neurosym.transforms.concrete import concrete

_WITHOUT_EMITTERS = {"xla_cpu_use_fusion_emitters": False}


# LLVM's optimisation.
_UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def quick_jit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` for what runs a few times: less to compile, more to run.

    On a CPU it leaves out what takes the compiler long, so the program runs several times slower.
    Floats may differ in their last bits. On other devices it is `jax.jit`.

    Args:
      function: to compile.
      options: of `jax.jit`, without `compiler_options`.

    Returns:
      The jitted function.

    >>> double = quick_jit(lambda x: 2 * x)
    >>> int(double(21))
    42
    """
    chosen: dict[str, Any] | None = None
    if jax.default_backend() == "cpu":
        chosen = {**_UNOPTIMISED, **(_WITHOUT_EMITTERS if HAS_A_CHOICE_OF_EMITTERS else {})}
    return jax.jit(function, compiler_options=chosen, **options)


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
