"""Constraints, one file a kind."""

from neurosym.problems.constraints.constraint import Constraint, Group, Relation
from neurosym.problems.constraints.linear import Linear
from neurosym.problems.constraints.table import Table

__all__ = ["Constraint", "Group", "Linear", "Relation", "Table"]
