"""Circuits: problems and formulas compiled once, then read in any semiring.

    sources/    what becomes a graph: networks as clauses, files, state machines, traced elimination
    compilers/  from clauses to a deterministic graph, one in each file
    graph.py    "and" and "or" over literals, with a root for each answer
    evaluation/ a graph as sums of products, read in any semiring

`circuit_of` is the door between the two halves: above it nothing is evaluated, below it nothing
knows where a graph came from. Exports are lazy: graphs and formulas do not wait for JAX.
"""

import importlib
from typing import Any

_EXPORTS = {
    "building": ("circuit_of",),
    "circuit": ("Circuit",),
    "compilation": ("compile_circuit", "compile_formula"),
    "compilers.compiler": ("Compiler",),
    "compilers.d4": ("d4",),
    "compilers.pysdd": ("pysdd",),
    "evaluation.roots": ("Answers",),
    "formula": ("Formula",),
    "graph": ("Graph", "GraphBuilder"),
    "sources.elimination": ("trace_elimination",),
    "sources.files": ("from_nnf", "from_sdd"),
    "sources.nnf": ("parse_nnf", "read_nnf"),
    "sources.state_machine": ("from_state_machine",),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'neurosym.circuits' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"neurosym.circuits.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
