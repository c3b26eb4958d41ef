"""Whole weights whose sums float32 cannot hold, which the search adds up exactly in float64.

[[16777216, 0, 16777217], [0, 0, 0]]     in float32 the first and the last weight are equal
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

IN_FLOAT32 = 2.0**24
IN_FLOAT64 = 2.0**53


def whole_numbers(weights: Any, declared: np.ndarray) -> np.ndarray | None:
    """Weights ``float64[..., V, D]``, if they are whole numbers that need it; else None.

    Args:
      weights: integers, or float64 of NumPy or Python; of other dtypes none needs it.
      declared: ``bool[V, D]``; other entries may be anything.

    Raises:
      ValueError: for integers whose sums float64 cannot hold.
    """
    given = np.asarray(weights)
    integers = given.dtype.kind in "iu"
    if not integers and given.dtype != np.float64:
        return None
    if given.shape[-2:] != declared.shape:
        return None
    held = np.where(declared, given.astype(np.float64), 0)
    known = np.where(np.isfinite(held), held, 0)
    if not integers and (known != np.floor(known)).any():
        return None
    largest = np.abs(known).max(axis=-1, initial=0).sum(axis=-1).max(initial=0)
    if largest < IN_FLOAT32:
        return None
    if largest >= IN_FLOAT64:
        if not integers:
            return None
        raise ValueError(
            f"integer weights add up to {largest:.3e}, and beyond 2**53 float64 is not exact; "
            "scale them down, or give floats"
        )
    return held


def patterns_of(weights: jax.Array | np.ndarray) -> Any:
    """The bits of weights as integers: nothing differentiates them, so a gradient needs no rule."""
    if weights.dtype == np.float64:
        return jax.device_put(np.ascontiguousarray(weights).view(np.uint64))
    return jax.lax.bitcast_convert_type(weights, np.uint32)
