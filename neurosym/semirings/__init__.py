"""The algebra: semirings, their reductions and contractions, and the one gradient rule.

`algebra` holds semirings as values, `operations` the computations in any of them, `fixpoints` the
least fixpoints and closures. The names below are the public ones.
"""

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.instances import (
    ALL,
    BOOLEAN,
    COUNTING,
    LOG,
    LUKASIEWICZ,
    MAX_MIN,
    MAX_TIMES,
    MIN_PLUS,
    REAL,
    smooth_max,
)
from neurosym.semirings.algebra.k_best import K_BEST
from neurosym.semirings.algebra.moments import (
    EXPECTATION,
    VARIANCE,
    entropy,
    entropy_weights,
    expectation,
    expectation_weights,
    variance,
    variance_weights,
)
from neurosym.semirings.algebra.names import semiring_by_name
from neurosym.semirings.algebra.provenance import (
    ADD_MULT,
    NOISY_OR,
    TOP_K_PROOFS,
    Provenance,
    facts,
)
from neurosym.semirings.algebra.semiring import RealCoordinates, Semiring
from neurosym.semirings.fixpoints.closure import closure
from neurosym.semirings.fixpoints.fixpoint import Fixpoint, FixpointStatus, fixpoint
from neurosym.semirings.operations.einsum import einsum

__all__ = [
    "ADD_MULT",
    "ALL",
    "BOOLEAN",
    "COUNTING",
    "EXPECTATION",
    "K_BEST",
    "LOG",
    "LUKASIEWICZ",
    "MAX_MIN",
    "MAX_TIMES",
    "MIN_PLUS",
    "NOISY_OR",
    "REAL",
    "TOP_K_PROOFS",
    "VARIANCE",
    "Fixpoint",
    "FixpointStatus",
    "Provenance",
    "RealCoordinates",
    "Semiring",
    "closure",
    "einsum",
    "elements",
    "entropy",
    "entropy_weights",
    "expectation",
    "expectation_weights",
    "facts",
    "fixpoint",
    "semiring_by_name",
    "smooth_max",
    "variance",
    "variance_weights",
]
