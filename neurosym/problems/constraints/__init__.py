"""Constraints, one file or folder for each kind, and the parts of which all kinds consist."""

from neurosym.problems.constraints.absolute import Absolute
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.conditional.conditional import Implies, Reified
from neurosym.problems.constraints.constraint import Constraint, Group
from neurosym.problems.constraints.count import Count
from neurosym.problems.constraints.element.element import Element
from neurosym.problems.constraints.inverse import Inverse
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.predicate import Predicate
from neurosym.problems.constraints.propagator import Propagator
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.regular import Regular
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.table import Table

__all__ = [
    "Absolute",
    "AllDifferent",
    "Automaton",
    "Clause",
    "Constraint",
    "Count",
    "Element",
    "Group",
    "Implies",
    "Inverse",
    "Linear",
    "Member",
    "Placed",
    "Predicate",
    "Propagator",
    "Regular",
    "Reified",
    "Relation",
    "Table",
]
