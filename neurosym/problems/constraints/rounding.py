"""Sizes of arrays rounded up to a few, so that problems of about one size share programs.

    with rounding():
        rounded(8), rounded(9), rounded(10)      # 9, 9, 13
    rounded(8), rounded(9), rounded(10)          # 8, 9, 10: nothing is rounded here

Builders of propagators ask `rounded` for each size that follows from the data alone. `LENGTHS`, of
scopes and domains, grow by half each; `ROWS`, how many constraints or tuples there are, double, as
models of about one size differ more in them; `WIDTHS` are how many constraints a variable is in.
From 8 on, no size is a power of two: people start there, and then they go on to the next size.
"""

import bisect
import contextlib
import contextvars
from collections.abc import Iterator, Sequence

import numpy as np

LENGTHS = (1, 2, 4, 6, 9, 13, 21, 33, 49, 73, 109)

ROWS = (1, 4, 10, 21, 42, 80, 160)

WIDTHS = (1, 2, 6, 13, 26)

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


def rounded(size: int, most: int | None = None, *, among: Sequence[int] = LENGTHS) -> int:
    """The size that an array of ``size`` entries gets: itself, or within `rounding` a larger one.

    Args:
      size: of what there is.
      most: rounds to no more than this, which is at least ``size``.
      among: the sizes to choose from, and the largest of them times powers of two.
    """
    if not _ROUNDING.get() or size <= 0:
        return size
    large = round_up(size, among)
    return large if most is None else min(large, most)


def round_up(size: int, among: Sequence[int] = LENGTHS) -> int:
    """The smallest of the few sizes that is at least ``size``."""
    scale = 1
    while size > among[-1] * scale:
        scale *= 2
    place = bisect.bisect_left(among, -(-size // scale))
    return among[place] * scale


def with_rows(table: np.ndarray) -> np.ndarray:
    """A table whose number of rows is rounded; those that are new repeat the last one."""
    missing = rounded(len(table), among=ROWS) - len(table)
    return np.concatenate([table, np.repeat(table[-1:], missing, axis=0)]) if missing else table
