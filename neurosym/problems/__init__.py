"""Declaring problems, and compiling them to networks of flat arrays."""

from neurosym.problems.constraints.absolute import Absolute
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.problems.constraints.catalogue.counts import (
    AllDifferentExcept,
    Channel,
    GlobalCardinality,
    NValue,
    Xor,
)
from neurosym.problems.constraints.catalogue.orders import (
    AllEqual,
    Decreasing,
    Increasing,
    LexChain,
    LexLess,
    Precede,
    lex_less_equal,
)
from neurosym.problems.constraints.catalogue.scheduling import (
    BinPacking,
    Cumulative,
    NoOverlap,
    NoOverlap2D,
)
from neurosym.problems.constraints.catalogue.tables import DecisionDiagram, ShortTable
from neurosym.problems.constraints.catalogue.tours import SubTour, Tour
from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.conditional.conditional import Implies, Reified
from neurosym.problems.constraints.count import Count
from neurosym.problems.constraints.element.element import Element
from neurosym.problems.constraints.inverse import Inverse
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.predicate import Predicate
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.regular import Regular
from neurosym.problems.constraints.table import Table
from neurosym.problems.functions import entry, maximum, minimum
from neurosym.problems.logic import all_of, any_of
from neurosym.problems.network import Network
from neurosym.problems.problem import ContradictionWarning, Problem
from neurosym.problems.variable import Variable

__all__ = [
    "Absolute",
    "AllDifferent",
    "AllDifferentExcept",
    "AllEqual",
    "Automaton",
    "BinPacking",
    "Channel",
    "Clause",
    "ContradictionWarning",
    "Count",
    "Cumulative",
    "DecisionDiagram",
    "Decreasing",
    "Element",
    "GlobalCardinality",
    "Implies",
    "Increasing",
    "Inverse",
    "LexChain",
    "LexLess",
    "Linear",
    "Member",
    "NValue",
    "Network",
    "NoOverlap",
    "NoOverlap2D",
    "Precede",
    "Predicate",
    "Problem",
    "Regular",
    "Reified",
    "ShortTable",
    "SubTour",
    "Table",
    "Tour",
    "Variable",
    "Xor",
    "all_of",
    "any_of",
    "entry",
    "lex_less_equal",
    "maximum",
    "minimum",
]
