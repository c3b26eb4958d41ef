"""Hard reasoning on bits: propagation to a fixpoint, and complete search."""

from neurosym.hard.best import Best, solve_best
from neurosym.hard.branching import (
    FAILURE_WEIGHTED,
    GIVEN_ORDER,
    HEURISTICS,
    SMALLEST_DOMAIN,
    Heuristic,
)
from neurosym.hard.listing import solutions
from neurosym.hard.optimize import OptimizeStatus, Optimum, optimize
from neurosym.hard.projection import ProjectedTally, count_projected
from neurosym.hard.propagate import Propagation, Status, propagate
from neurosym.hard.search import SearchStatus, Solutions, Tally, count, solve

__all__ = [
    "FAILURE_WEIGHTED",
    "GIVEN_ORDER",
    "HEURISTICS",
    "SMALLEST_DOMAIN",
    "Best",
    "Heuristic",
    "OptimizeStatus",
    "Optimum",
    "ProjectedTally",
    "Propagation",
    "SearchStatus",
    "Solutions",
    "Status",
    "Tally",
    "count",
    "count_projected",
    "optimize",
    "propagate",
    "solutions",
    "solve",
    "solve_best",
]
