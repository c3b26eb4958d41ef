"""Products, quotients, remainders, powers and absolute values of expressions.

    product(x, 3)      3 * x: no function is made
    product(x, y)      Product
    quotient(7, x)     has no value at x == 0: a constraint around it does not hold there

Rounding is that of CPMpy: a quotient is rounded towards zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic, LinearExpression
from neurosym.problems.functions.arguments import as_expression, constant_of, unless_always
from neurosym.problems.functions.function import Function
from neurosym.problems.functions.integers import exact, truncated, wide
from neurosym.problems.functions.one_variable import simplified


def product(left: Any, right: Any) -> Arithmetic:
    """``left * right``."""
    for one, other in ((left, right), (right, left)):
        value = constant_of(as_expression(one))
        if value is not None:
            other = as_expression(other)
            return LinearExpression(
                {atom: value * c for atom, c in other._terms()[0].items()},
                value * other._terms()[1],
            )
    return simplified(Product(left, right))


def quotient(left: Any, right: Any) -> Arithmetic:
    """``left // right``, rounded towards zero."""
    return simplified(Quotient(left, right))


def remainder(left: Any, right: Any) -> Arithmetic:
    """``left % right``, with the sign of ``left``."""
    return simplified(Remainder(left, right))


def power(left: Any, right: Any) -> Arithmetic:
    """``left ** right``."""
    return simplified(Power(left, right))


def absolute(inside: Any) -> Arithmetic:
    """``abs(inside)``."""
    return simplified(Absolute(inside))


class Product(Function):
    """``x * y``."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("*", self)

    def _apply(self, *values: Any) -> Any:
        return wide(values[0]) * values[1]


class _Division(Function):
    """Has no value where the second argument is 0."""

    __slots__ = ()

    def _own_guards(self) -> tuple[Constraint, ...]:
        return unless_always(self.arguments[1], "!=", 0)


class Quotient(_Division):
    """``x // y``, rounded towards zero; without a value where y is 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("//", self)

    def _apply(self, *values: Any) -> Any:
        return truncated(*values)


class Remainder(_Division):
    """``x % y``, with the sign of x; without a value where y is 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("%", self)

    def _apply(self, *values: Any) -> Any:
        first, second = values
        return first - second * truncated(first, second)


class Power(Function):
    """``x ** y``; without a value where y is negative."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("**", self)

    def _apply(self, *values: Any) -> Any:
        first = np.asarray(values[0]).astype(object)
        second = np.maximum(np.asarray(values[1]), 0).astype(object)
        return exact(np.asarray(first**second, object))

    def _own_guards(self) -> tuple[Constraint, ...]:
        return unless_always(self.arguments[1], ">=", 0)


class Absolute(Function):
    """``abs(x)``."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"abs({self.arguments[0]})"

    def _apply(self, *values: Any) -> Any:
        return abs(values[0])


def _infix(sign: str, function: Function) -> str:
    shown = [str(a) for a in function.arguments]
    return f" {sign} ".join(s if " " not in s or s.endswith("]") else f"({s})" for s in shown)
