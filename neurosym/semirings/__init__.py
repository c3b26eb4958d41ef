"""The algebra: semirings, their reductions and contractions, and the one gradient rule."""

from neurosym.semirings.einsum import einsum
from neurosym.semirings.instances import (
    ALL,
    BOOLEAN,
    COUNTING,
    LOG,
    MAX_MIN,
    MAX_TIMES,
    MIN_PLUS,
    REAL,
    semiring_by_name,
)
from neurosym.semirings.semiring import RealCoordinates, Semiring

__all__ = [
    "ALL",
    "BOOLEAN",
    "COUNTING",
    "LOG",
    "MAX_MIN",
    "MAX_TIMES",
    "MIN_PLUS",
    "REAL",
    "RealCoordinates",
    "Semiring",
    "einsum",
    "semiring_by_name",
]
