"""Circuits: problems and formulas compiled once, then read in any semiring.

    sources/    what becomes a graph: networks as clauses, files, state machines, traced elimination
    compilers/  from clauses to a deterministic graph, one in each file
    graph.py    "and" and "or" over literals, with a root for each answer
    evaluation/ a graph as sums of products, read in any semiring

`circuit_of` is the door between the two halves: above it nothing is evaluated, below it nothing
knows where a graph came from.
"""

from neurosym.circuits.building import circuit_of
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.compilation import compile_circuit, compile_formula
from neurosym.circuits.compilers.compiler import Compiler
from neurosym.circuits.compilers.d4 import d4
from neurosym.circuits.compilers.pysdd import pysdd
from neurosym.circuits.evaluation.roots import Answers
from neurosym.circuits.formula import Formula
from neurosym.circuits.graph import Graph, GraphBuilder
from neurosym.circuits.sources.elimination import trace_elimination
from neurosym.circuits.sources.files import from_nnf, from_sdd
from neurosym.circuits.sources.nnf import parse_nnf, read_nnf
from neurosym.circuits.sources.state_machine import from_state_machine

__all__ = [
    "Answers",
    "Circuit",
    "Compiler",
    "Formula",
    "Graph",
    "GraphBuilder",
    "circuit_of",
    "compile_circuit",
    "compile_formula",
    "d4",
    "from_nnf",
    "from_sdd",
    "from_state_machine",
    "parse_nnf",
    "pysdd",
    "read_nnf",
    "trace_elimination",
]
