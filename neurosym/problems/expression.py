"""Arithmetic over variables that reads naturally: ``a + 2 * b <= total``.

An expression is a sum of variables with integer coefficients and a constant; comparing two of them
builds a `Linear` constraint.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from neurosym.problems.constraints.linear import Linear

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

Terms = tuple[dict["Variable", int], int]


class Arithmetic:
    """What variables and expressions share: ``+ - *`` and the six comparisons."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy integers leave the operators to us

    def _terms(self) -> Terms:
        raise TypeError(f"{type(self).__name__} has no terms")

    def __add__(self, other: Any) -> LinearExpression:
        return _combine(self, 1, other, 1)

    def __radd__(self, other: Any) -> LinearExpression:
        return _combine(self, 1, other, 1)

    def __sub__(self, other: Any) -> LinearExpression:
        return _combine(self, 1, other, -1)

    def __rsub__(self, other: Any) -> LinearExpression:
        return _combine(self, -1, other, 1)

    def __neg__(self) -> LinearExpression:
        return _combine(self, -1, 0, 1)

    def __mul__(self, factor: Any) -> LinearExpression:
        if isinstance(factor, Arithmetic):
            raise ValueError("a product of two variables is not linear; use a Table constraint")
        return _combine(self, _integer(factor, "a coefficient"), 0, 1)

    def __rmul__(self, factor: Any) -> LinearExpression:
        return self * factor

    def __eq__(self, other: object) -> Linear:  # type: ignore[override]
        return _compare(self, "==", other)

    def __ne__(self, other: object) -> Linear:  # type: ignore[override]
        return _compare(self, "!=", other)

    def __lt__(self, other: Any) -> Linear:
        return _compare(self, "<", other)

    def __le__(self, other: Any) -> Linear:
        return _compare(self, "<=", other)

    def __gt__(self, other: Any) -> Linear:
        return _compare(self, ">", other)

    def __ge__(self, other: Any) -> Linear:
        return _compare(self, ">=", other)

    def __hash__(self) -> int:
        return id(self)


class LinearExpression(Arithmetic):
    """A sum of variables with integer coefficients and a constant."""

    __slots__ = ("_coefficients", "_constant")

    def __init__(self, coefficients: dict[Variable, int], constant: int) -> None:
        self._coefficients = coefficients
        self._constant = constant

    def __repr__(self) -> str:
        terms = [f"{c}·{v.name}" for v, c in self._coefficients.items()]
        return f"LinearExpression({' + '.join([*terms, str(self._constant)])})"

    def _terms(self) -> Terms:
        return self._coefficients, self._constant


def _combine(left: Any, left_factor: int, right: Any, right_factor: int) -> LinearExpression:
    coefficients: dict[Variable, int] = {}
    constant = 0
    for side, factor in ((left, left_factor), (right, right_factor)):
        terms, addend = (
            side._terms() if isinstance(side, Arithmetic) else ({}, _integer(side, "a constant"))
        )
        constant += factor * addend
        for variable, coefficient in terms.items():
            coefficients[variable] = coefficients.get(variable, 0) + factor * coefficient
    return LinearExpression(coefficients, constant)


def _compare(left: Arithmetic, relation: str, right: Any) -> Linear:
    coefficients, constant = _combine(left, 1, right, -1)._terms()
    return Linear(tuple(coefficients), tuple(coefficients.values()), relation, -constant)


def _integer(value: Any, role: str) -> int:
    if isinstance(value, numbers.Integral):
        return int(value)
    raise ValueError(f"{role} of an expression is an integer, not {value!r}")
