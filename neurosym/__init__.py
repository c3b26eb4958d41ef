"""Differentiable reasoning in JAX: one problem, many semirings.

    import neurosym as ns

    problem = ns.Problem()
    a, b = problem.variables("digit", shape=2, domain=range(10))
    total = problem.variable("total", domain=range(19))
    problem.add(a + b == total)
    network = problem.compile()

    ns.propagate(network)                        # which values are possible
    ns.total(network, weights)                   # the log-probability that the constraints hold
    ns.query(network, weights, target=total)     # the distribution of the total

Exports are lazy, so that importing the package costs nothing and changes no JAX flag.
"""

import importlib
from typing import Any

from neurosym._version import __version__

_EXPORTS = {
    "bits": ("Domains",),
    "bounding": (
        "Bound",
        "BoundStatus",
        "Reparametrised",
        "bounds",
        "reparametrised",
        "upper_bound",
    ),
    "circuits": ("Circuit", "compile_circuit"),
    "compiled_programs": ("keep_compiled_programs",),
    "explanations": ("Conflict", "Derivation", "conflict", "explain"),
    "transforms.quick": ("quick_jit",),
    "hard": (
        "FAILURE_WEIGHTED",
        "GIVEN_ORDER",
        "SMALLEST_DOMAIN",
        "Best",
        "Heuristic",
        "OptimizeStatus",
        "Optimum",
        "Propagation",
        "SearchStatus",
        "Solutions",
        "Status",
        "Tally",
        "count",
        "optimize",
        "propagate",
        "solutions",
        "solve",
        "solve_best",
    ),
    "problems": (
        "AllDifferent",
        "AllEqual",
        "Decreasing",
        "Increasing",
        "LexChain",
        "LexLess",
        "Precede",
        "lex_less_equal",
        "AllDifferentExcept",
        "Channel",
        "GlobalCardinality",
        "NValue",
        "Xor",
        "BinPacking",
        "Cumulative",
        "NoOverlap",
        "NoOverlap2D",
        "SubTour",
        "Tour",
        "DecisionDiagram",
        "ShortTable",
        "Absolute",
        "Automaton",
        "Clause",
        "Count",
        "Element",
        "Implies",
        "Inverse",
        "Linear",
        "Member",
        "Network",
        "Predicate",
        "Problem",
        "Regular",
        "Reified",
        "Table",
        "Variable",
        "all_of",
        "any_of",
        "entry",
        "maximum",
        "minimum",
    ),
    "programs": ("Program",),
    "semirings": (
        "ADD_MULT",
        "BOOLEAN",
        "COUNTING",
        "EXPECTATION",
        "Fixpoint",
        "FixpointStatus",
        "K_BEST",
        "LOG",
        "LUKASIEWICZ",
        "MAX_MIN",
        "MAX_TIMES",
        "MIN_PLUS",
        "NOISY_OR",
        "Provenance",
        "REAL",
        "Semiring",
        "TOP_K_PROOFS",
        "VARIANCE",
        "closure",
        "einsum",
        "fixpoint",
        "semiring_by_name",
        "smooth_max",
    ),
    "soft": (
        "Beliefs",
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
    ),
}
_MODULES = (
    "bits",
    "bounding",
    "bridge",
    "circuits",
    "datasets",
    "encoders",
    "explanations",
    "export",
    "hard",
    "io",
    "languages",
    "losses",
    "nn",
    "plots",
    "problems",
    "programs",
    "puzzles",
    "reasoning",
    "reports",
    "semirings",
    "soft",
    "sweeps",
    "testing",
    "torch",
    "training",
)
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = ["__version__", *sorted(_HOME), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"neurosym.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"neurosym.{name}")
    else:
        raise AttributeError(f"module 'neurosym' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
