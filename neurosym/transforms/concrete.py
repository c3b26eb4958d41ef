"""Whether arrays are there to be looked at, or stand for arrays of a program that is being traced.

    concrete(jnp.ones(3))                      # True
    jax.jit(lambda x: concrete(x))             # False: x is a tracer
    jax.jit(lambda x: concrete(np.ones(3)))    # False: whatever is computed here joins the program

Code that runs outside of every transformation may read arrays with NumPy, which compiles nothing,
and call a program that is compiled for several shapes at once.
"""

import threading
from typing import Any

import jax

from neurosym.transforms.compatibility import trace_state


def _state_outside() -> Any:
    """The state outside of every transformation, also where this is imported inside of one.

    What JAX traces is known to each thread for itself, and a new thread traces nothing.
    """
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(trace_state()))
    thread.start()
    thread.join()
    return found[0]


_OUTSIDE = _state_outside()


def concrete(*arrays: Any) -> bool:
    """Whether nothing is being traced, and no leaf of the pytrees is a tracer."""
    return trace_state() == _OUTSIDE and not any(
        isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arrays)
    )
