"""Arithmetic on terms: what ``is`` and the comparisons evaluate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from neurosym.programs.terms import Float, Term, Variable, show

Number = int | float


class EvaluationError(ValueError):
    """An expression has no value; whoever knows the line adds it."""


def evaluate(term: Term) -> Number:
    """The value of an expression without variables.

    >>> evaluate(("+", 1, ("*", 2, 3)))
    7

    Raises:
      EvaluationError: if it has a variable or a name that is not arithmetic, or no value.
    """
    if isinstance(term, int):
        return term
    if isinstance(term, Float):
        return term.value
    if isinstance(term, Variable):
        raise EvaluationError(f"{term.name} has no value yet: bind it before it is computed with")
    name = term[0] if isinstance(term, tuple) else term
    arguments = [evaluate(x) for x in term[1:]] if isinstance(term, tuple) else []
    function = FUNCTIONS.get((name, len(arguments)))
    if function is None:
        raise EvaluationError(f"{show(term)} is not arithmetic")
    try:
        return function(*arguments)
    except ZeroDivisionError:
        raise EvaluationError(f"{show(term)} divides by zero") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise EvaluationError(f"{show(term)} has no value: {error}") from None


def number_term(value: Number) -> Term:
    """The term of a value."""
    return Float(value) if isinstance(value, float) else int(value)


def _divide(x: Number, y: Number) -> Number:
    """Exact for integers that divide, as in Prolog."""
    if isinstance(x, int) and isinstance(y, int) and x % y == 0:
        return x // y
    return x / y


def _integers(function: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def checked(x: Any, y: Any) -> int:
        if not (isinstance(x, int) and isinstance(y, int)):
            raise ValueError("it needs integers")
        return function(x, y)

    return checked


def _truncated(x: int, y: int) -> int:
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def _power(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        if y < 0 and abs(x) != 1:
            return float(x) ** y
        if y > 4096:
            raise ValueError("the exponent is too large")
        return int(x**y)
    found = x**y
    if isinstance(found, complex):
        raise ValueError("it is not real")
    return found


FUNCTIONS: dict[tuple[str, int], Callable[..., Number]] = {
    ("+", 2): lambda x, y: x + y,
    ("-", 2): lambda x, y: x - y,
    ("*", 2): lambda x, y: x * y,
    ("/", 2): _divide,
    ("//", 2): _integers(_truncated),
    ("div", 2): _integers(lambda x, y: x // y),
    ("mod", 2): _integers(lambda x, y: x % y),
    ("rem", 2): _integers(lambda x, y: x - y * _truncated(x, y)),
    ("xor", 2): _integers(lambda x, y: x ^ y),
    ("<<", 2): _integers(lambda x, y: x << y),
    (">>", 2): _integers(lambda x, y: x >> y),
    ("min", 2): min,
    ("max", 2): max,
    ("**", 2): _power,
    ("^", 2): _power,
    ("gcd", 2): _integers(math.gcd),
    ("atan2", 2): math.atan2,
    ("-", 1): lambda x: -x,
    ("+", 1): lambda x: x,
    ("abs", 1): abs,
    ("sign", 1): lambda x: (x > 0) - (x < 0),
    ("sqrt", 1): math.sqrt,
    ("exp", 1): math.exp,
    ("log", 1): math.log,
    ("log2", 1): math.log2,
    ("log", 2): lambda base, x: math.log(x) / math.log(base),
    ("sin", 1): math.sin,
    ("cos", 1): math.cos,
    ("tan", 1): math.tan,
    ("atan", 1): math.atan,
    ("float", 1): float,
    ("integer", 1): lambda x: math.floor(x + 0.5),
    ("truncate", 1): math.trunc,
    ("floor", 1): math.floor,
    ("ceiling", 1): math.ceil,
    ("round", 1): lambda x: math.floor(x + 0.5),
    ("pi", 0): lambda: math.pi,
    ("e", 0): lambda: math.e,
}
"""By name and number of arguments."""

OPERATORS = frozenset({"+", "*", "/", "//", "div", "mod", "rem", "xor", "<<", ">>", "**", "^"})
"""Operators that stand for a computation wherever they are written; ``-`` may also make a pair."""
