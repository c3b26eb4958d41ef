"""Circuits: problems and formulas compiled once, then read in any semiring."""

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.compile import compile_circuit
from neurosym.circuits.elimination import trace_elimination
from neurosym.circuits.from_files import from_nnf, from_sdd
from neurosym.circuits.roots import Answers
from neurosym.circuits.state_machine import from_state_machine

__all__ = [
    "Answers",
    "Circuit",
    "compile_circuit",
    "from_nnf",
    "from_sdd",
    "from_state_machine",
    "trace_elimination",
]
