"""Programs for whose first run somebody waits: they compile in less time and run as fast.

    @quickly_compiled
    def search(constraints, lanes): ...     # one instance of a small model at a prompt

XLA's newer emitters of fused loops take half of the time that a search of a small model needs to
compile on a CPU, and its loops do not run faster with them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jaxlib

_WITHOUT_EMITTERS = {"xla_cpu_use_fusion_emitters": False}

_LAST_WITH_A_CHOICE = (0, 11)
"""The release of jaxlib after which there is one kind of emitters."""


def quickly_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `jax.jit`, of a function that is called outside of every trace."""
    plain = jax.jit(function)
    if tuple(map(int, jaxlib.__version__.split(".")[:2])) > _LAST_WITH_A_CHOICE:
        return plain
    quick = jax.jit(function, compiler_options=_WITHOUT_EMITTERS)

    def called(*arguments: Any) -> Any:
        return (quick if jax.default_backend() == "cpu" else plain)(*arguments)

    return called
