"""The six comparisons of integers, by the sign that writes them."""

import operator
from collections.abc import Callable
from typing import Any

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

NEGATIONS = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""The comparison that holds exactly where another does not."""


def no_variable_left(shown: str, holds: bool) -> ValueError:
    """The error that a comparison, as ``shown``, has lost its variables, and what it amounts to."""
    return ValueError(f"the constraint {shown} has no variable left: {_meaning(holds)}")


def without_variables(holds: bool) -> ValueError:
    """The error that numbers were compared, so that a truth value is where a constraint belongs."""
    return ValueError(
        f"{holds} is not a constraint but a comparison without a variable: {_meaning(holds)}"
    )


def _meaning(holds: bool) -> str:
    return "it always holds, so leave it out" if holds else "it never holds"
