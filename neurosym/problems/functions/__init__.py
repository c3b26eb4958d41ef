"""Functions of expressions: products, quotients, extremes, entries of arrays, truths as 0/1.

    x * y        Product of two variables; where it stands in a sum, an auxiliary h == x * y
    x * x        a function of one variable: its values are listed, nothing is auxiliary
    7 // x       has no value at x == 0: a constraint around it does not hold there
    a < b        as a number it is Truth: 1 where the comparison holds, and 0 elsewhere

Bottom up: `integers`, `one_variable`, `truths`, `arguments`, `function` (the base), and one file
for each family of functions.
"""

from neurosym.problems.functions.arithmetic import (
    Absolute,
    Power,
    Product,
    Quotient,
    Remainder,
    absolute,
    power,
    product,
    quotient,
    remainder,
)
from neurosym.problems.functions.entries import Entry, Guarded, entry
from neurosym.problems.functions.extremes import Maximum, Minimum, maximum, minimum
from neurosym.problems.functions.function import Function
from neurosym.problems.functions.integers import truncated
from neurosym.problems.functions.one_variable import OneVariable
from neurosym.problems.functions.truths import Truth, truth

__all__ = [
    "Absolute",
    "Entry",
    "Function",
    "Guarded",
    "Maximum",
    "Minimum",
    "OneVariable",
    "Power",
    "Product",
    "Quotient",
    "Remainder",
    "Truth",
    "absolute",
    "entry",
    "maximum",
    "minimum",
    "power",
    "product",
    "quotient",
    "remainder",
    "truncated",
    "truth",
]
