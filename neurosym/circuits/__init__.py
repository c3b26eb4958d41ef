"""Circuits: problems and formulas compiled once, then read in any semiring."""

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.compilers.pysdd import compile_circuit
from neurosym.circuits.evaluation.roots import Answers
from neurosym.circuits.sources.elimination import trace_elimination
from neurosym.circuits.sources.files import from_nnf, from_sdd
from neurosym.circuits.sources.state_machine import from_state_machine

__all__ = [
    "Answers",
    "Circuit",
    "compile_circuit",
    "from_nnf",
    "from_sdd",
    "from_state_machine",
    "trace_elimination",
]
