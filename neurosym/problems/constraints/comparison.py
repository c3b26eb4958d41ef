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


def check_relation(relation: str, what: str) -> None:
    """Checks that a sign is one of the six.

    Args:
      relation: the sign.
      what: has it, such as "a count".

    Raises:
      ValueError: with the six, if it is not.
    """
    if relation not in COMPARISONS:
        raise ValueError(f"{what} has no relation {relation!r}; use {' '.join(COMPARISONS)}")


def without_variables(holds: bool, *, part: bool = False) -> ValueError:
    """The error that numbers were compared, so that a truth value is where a constraint belongs.

    Args:
      holds: the truth value.
      part: it is a part of another constraint, such as a condition.
    """
    wanted = "neither a constraint nor a 0/1 variable" if part else "not a constraint"
    return ValueError(
        f"{holds} is {wanted} but a comparison without a variable: {_meaning(holds, part)}"
    )


def _meaning(holds: bool, part: bool = False) -> str:
    if not holds:
        return "it never holds"
    return "it always holds" if part else "it always holds, so leave it out"
