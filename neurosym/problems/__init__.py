"""Declaring problems, and compiling them to networks of flat arrays."""

from neurosym.problems.constraints.linear import Linear
from neurosym.problems.constraints.table import Table
from neurosym.problems.network import Network
from neurosym.problems.problem import Problem
from neurosym.problems.variable import Variable

__all__ = ["Linear", "Network", "Problem", "Table", "Variable"]
