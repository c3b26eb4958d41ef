"""Integer functions as CPMpy has them: the value for some arguments, None where it is undefined.

``//`` and ``%`` truncate toward zero (``-7 // 2 == -3``, ``-7 % 2 == -1``), not toward minus
infinity as Python does. An undefined value makes the condition that it stands in false.
"""

from __future__ import annotations

from collections.abc import Callable


def quotient(x: int, y: int) -> int | None:
    """``x // y``, rounded toward zero."""
    if y == 0:
        return None
    whole = abs(x) // abs(y)
    return whole if (x < 0) == (y < 0) else -whole


def remainder(x: int, y: int) -> int | None:
    """``x - y * (x // y)``, of the sign of x."""
    return None if y == 0 else abs(x) % abs(y) * (-1 if x < 0 else 1)


def power(x: int, y: int) -> int | None:
    """``x ** y``; undefined for negative exponents."""
    return x**y if y >= 0 else None


FUNCTIONS: dict[str, Callable[..., int | None]] = {
    "abs": abs,
    "mul": lambda x, y: x * y,
    "div": quotient,
    "mod": remainder,
    "pow": power,
}
"""By CPMpy's names."""
