"""Soft reasoning in any semiring: exact inference by variable elimination."""

from neurosym.problems.potentials import Potentials
from neurosym.soft.belief_propagation import Beliefs, belief_propagation
from neurosym.soft.effort import Effort
from neurosym.soft.elimination import TooWideError
from neurosym.soft.inference import marginals, query, support, total
from neurosym.soft.k_best import BestSolutions, k_best
from neurosym.soft.restriction import RestrictedNetwork, restricted
from neurosym.soft.sampling import sample

__all__ = [
    "Beliefs",
    "BestSolutions",
    "Effort",
    "Potentials",
    "RestrictedNetwork",
    "TooWideError",
    "belief_propagation",
    "k_best",
    "marginals",
    "query",
    "restricted",
    "sample",
    "support",
    "total",
]
