"""Arithmetic over variables that reads naturally: ``a + 2 * b <= total``.

An expression is a sum of variables with integer coefficients and a constant; comparing two
expressions builds a `Linear` constraint. ``abs(...)`` of an expression may be compared with an
integer. A variable whose values are not integers may be compared with one of its values: that is a
`Member`.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from neurosym.problems.constraints.absolute import Absolute
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

Terms = tuple[dict["Variable", int], int]


class Arithmetic:
    """The arithmetic that variables and expressions share: ``+ - *`` and the six comparisons."""

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

    def __abs__(self) -> AbsoluteValue:
        return AbsoluteValue(self)

    def _holding(self, value: object) -> Member | None:
        """That a variable takes a value which is not a matter of arithmetic; None elsewhere."""
        return None

    def __eq__(self, other: object) -> Constraint:  # type: ignore[override]
        if isinstance(other, AbsoluteValue):
            return other == self
        member = self._holding(other)
        return _compare(self, "==", other) if member is None else member

    def __ne__(self, other: object) -> Constraint:  # type: ignore[override]
        if isinstance(other, AbsoluteValue):
            return other != self
        member = self._holding(other)
        return _compare(self, "!=", other) if member is None else member.negated()

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


class AbsoluteValue:
    """``abs(expression)``, to be compared with an integer; no further arithmetic."""

    __slots__ = ("_expression",)
    __array_ufunc__ = None

    def __init__(self, expression: Arithmetic) -> None:
        self._expression = expression

    def __repr__(self) -> str:
        return f"AbsoluteValue({self._expression!r})"

    def _compare(self, relation: str, right: object) -> Absolute:
        if not isinstance(right, numbers.Integral):
            raise ValueError(
                f"abs(...) is compared with an integer, not {right!r}; "
                "use a Predicate for other relations"
            )
        terms, offset = self._expression._terms()
        return Absolute(tuple(terms), tuple(terms.values()), offset, relation, int(right))

    def __eq__(self, other: object) -> Absolute:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: object) -> Absolute:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: Any) -> Absolute:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Absolute:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Absolute:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Absolute:
        return self._compare(">=", other)

    def __hash__(self) -> int:
        return id(self)


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
