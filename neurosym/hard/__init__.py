"""Hard reasoning on bits: propagation to a fixpoint, and complete search."""

from neurosym.hard.best import Best, solve_best
from neurosym.hard.branching import (
    FAILURE_WEIGHTED,
    GIVEN_ORDER,
    HEURISTICS,
    SMALLEST_DOMAIN,
    Heuristic,
)
from neurosym.hard.propagate import Propagation, Status, propagate
from neurosym.hard.search import SearchStatus, Solutions, Tally, count, solve

__all__ = [
    "FAILURE_WEIGHTED",
    "GIVEN_ORDER",
    "HEURISTICS",
    "SMALLEST_DOMAIN",
    "Best",
    "Heuristic",
    "Propagation",
    "SearchStatus",
    "Solutions",
    "Status",
    "Tally",
    "count",
    "propagate",
    "solve",
    "solve_best",
]
