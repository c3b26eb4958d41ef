"""Hard reasoning on bits: propagation to a fixpoint, and complete search."""

from neurosym.hard.branching import (
    FAILURE_WEIGHTED,
    GIVEN_ORDER,
    HEURISTICS,
    SMALLEST_DOMAIN,
    Heuristic,
)
from neurosym.hard.propagate import Propagation, Status, propagate
from neurosym.hard.search import Count, SearchStatus, Solutions, count, solve

__all__ = [
    "FAILURE_WEIGHTED",
    "GIVEN_ORDER",
    "HEURISTICS",
    "SMALLEST_DOMAIN",
    "Count",
    "Heuristic",
    "Propagation",
    "SearchStatus",
    "Solutions",
    "Status",
    "count",
    "propagate",
    "solve",
]
