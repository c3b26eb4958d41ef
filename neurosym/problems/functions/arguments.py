"""What functions take: expressions, constants and truths, and conditions on them.

    as_expression(7)               an expression without terms
    constant_of(as_expression(7))  7
    unless_always(y, "!=", 0)      (y != 0,), or () where no value of y is 0

The last one is the guard of a quotient: what must hold so that it has a value.
"""

from __future__ import annotations

from typing import Any

from neurosym.problems.constraints.comparison import COMPARISONS
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic, LinearExpression, _integer
from neurosym.problems.functions.truths import truth


def as_expression(entry: Any) -> Arithmetic:
    """An expression as it is, a constraint as 0 or 1, and an integer.

    Raises:
      ValueError: for something else.
    """
    if isinstance(entry, Constraint):
        return truth(entry)
    if isinstance(entry, Arithmetic):
        return entry
    return LinearExpression({}, _integer(entry, "an argument"))


def constant_of(expression: Arithmetic) -> int | None:
    """The integer that an expression without terms is; None of other expressions."""
    coefficients, constant = expression._terms()
    return None if coefficients else constant


def unless_always(expression: Arithmetic, relation: str, number: int) -> tuple[Constraint, ...]:
    """A comparison with a number as a guard; none where every value of the expression passes."""
    from neurosym.problems.expression import comparison

    values = expression._values()
    ends = [values[0], values[-1]]
    if relation == "!=":
        if number not in values:
            return ()
    elif all(COMPARISONS[relation](end, number) for end in ends):
        return ()
    coefficients, constant = expression._terms()
    return (comparison(dict(coefficients), constant - number, relation),)
