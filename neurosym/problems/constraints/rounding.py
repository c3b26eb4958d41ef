"""Sizes of arrays rounded up to a few, so that problems of about one size share programs.

    with rounding():
        rounded(8), rounded(9), rounded(10)      # 9, 9, 13
    rounded(8), rounded(9), rounded(10)          # 8, 9, 10: elsewhere nothing is

Builders of propagators ask `rounded` for each size that follows from the data alone. Each size is
about half as large again as the one before; none is a power of two or a round number from 6 on,
since those are where people start, and where they go on to the next one.
"""

import bisect
import contextlib
import contextvars
from collections.abc import Iterator

import numpy as np

_SIZES = (1, 2, 4, 6, 9, 13, 21, 33, 49, 73, 109)

_ROUNDING = contextvars.ContextVar("rounding", default=False)


@contextlib.contextmanager
def rounding() -> Iterator[None]:
    """Makes `rounded` round, within this context."""
    token = _ROUNDING.set(True)
    try:
        yield
    finally:
        _ROUNDING.reset(token)


def is_rounding() -> bool:
    """Whether sizes are rounded here."""
    return _ROUNDING.get()


def rounded(size: int, most: int | None = None) -> int:
    """The size that an array of ``size`` entries gets: itself, or within `rounding` a larger one.

    Args:
      size: of what there is.
      most: rounds to no more than this, which is at least ``size``.
    """
    if not _ROUNDING.get() or size <= 0:
        return size
    large = round_up(size)
    return large if most is None else min(large, most)


def round_up(size: int) -> int:
    """The smallest of the few sizes that is at least ``size``."""
    scale = 1
    while size > _SIZES[-1] * scale:
        scale *= 2
    place = bisect.bisect_left(_SIZES, -(-size // scale))
    return _SIZES[place] * scale


def with_rows(table: np.ndarray) -> np.ndarray:
    """A table whose number of rows is rounded; those that are new repeat the last one."""
    missing = rounded(len(table)) - len(table)
    return np.concatenate([table, np.repeat(table[-1:], missing, axis=0)]) if missing else table
