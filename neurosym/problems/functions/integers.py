"""Arrays of integers of any size: exact ones, and division as CPMpy rounds it.

    truncated([-7, 7], [2, 0])    [-3, 0]

Values beyond 62 bits are kept as Python integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosym.problems.expression import MOST


def exact(values: Any) -> np.ndarray:
    """Integers as an array that holds them exactly."""
    held = np.asarray(values, object)
    most = max((abs(int(v)) for v in held.ravel()), default=0)
    return held.astype(np.int64) if most < MOST else held


def wide(values: Any) -> Any:
    """Values whose products with others of their size fit."""
    values = np.asarray(values)
    if values.dtype != object and values.size and int(abs(values).max()) >= 2**31:
        return values.astype(object)
    return values


def truncated(first: Any, second: Any) -> Any:
    """The quotient of arrays of integers, rounded towards zero; 0 where the divisor is 0."""
    first, second = np.asarray(first), np.asarray(second)
    safe = np.where(second == 0, 1, second)
    found = abs(first) // abs(safe)
    return np.where(second == 0, 0, np.where((first < 0) != (safe < 0), -found, found))


def distinct(values: Any) -> list[int]:
    """The values of an array, in order, each once."""
    return sorted({int(v) for v in np.asarray(values).ravel().tolist()})
