"""Made by scripts/exports.py from the lists in `__init__.py`; edits are lost."""

from neurosym.circuits.building import circuit_of as circuit_of
from neurosym.circuits.circuit import Circuit as Circuit
from neurosym.circuits.compilation import compile_circuit as compile_circuit
from neurosym.circuits.compilation import compile_formula as compile_formula
from neurosym.circuits.compilers.compiler import Compiler as Compiler
from neurosym.circuits.compilers.d4 import d4 as d4
from neurosym.circuits.compilers.pysdd import pysdd as pysdd
from neurosym.circuits.evaluation.roots import Answers as Answers
from neurosym.circuits.formula import Formula as Formula
from neurosym.circuits.graph import Graph as Graph
from neurosym.circuits.graph import GraphBuilder as GraphBuilder
from neurosym.circuits.sources.elimination import trace_elimination as trace_elimination
from neurosym.circuits.sources.files import from_nnf as from_nnf
from neurosym.circuits.sources.files import from_sdd as from_sdd
from neurosym.circuits.sources.nnf import parse_nnf as parse_nnf
from neurosym.circuits.sources.nnf import read_nnf as read_nnf
from neurosym.circuits.sources.state_machine import from_state_machine as from_state_machine
