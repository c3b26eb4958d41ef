"""Arithmetic over variables that reads naturally: ``a + 2 * b <= total``.

    3 * x + abs(y - z) + (x == 2) <= 9
    terms   {x: 3, abs(y - z): 1, (x == 2): 1}     variables, functions of variables, truths as 0/1
    built   a sum over x (whose values 3 * x and x == 2 add up) and an auxiliary h == abs(y - z)

An expression is a sum of terms with integer coefficients and a constant. A term is a variable or a
function (`neurosym.problems.functions`). Comparing two expressions builds a constraint: `Linear` of
variables alone; a table where only few combinations of values matter; otherwise a sum over the
variables, and over auxiliary variables for functions of several variables. A variable whose values
are not integers may be compared with one of its values: that is a `Member`.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.absolute import Absolute
from neurosym.problems.constraints.comparison import COMPARISONS
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.additive import Additive
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.tabulated import tabulated, worth_tabulating

if TYPE_CHECKING:
    from neurosym.problems.problem import Problem
    from neurosym.problems.variable import Variable

Terms = tuple[dict["Arithmetic", int], int]

MOST = 2**62
"""Sums stay below it."""


class Arithmetic:
    """The arithmetic that variables and expressions share.

    ``+ - * // % **`` and ``abs``, rounding as CPMpy does: a quotient is rounded towards zero, and a
    remainder has the sign of the dividend. The six comparisons. Of variables of values 0 and 1,
    ``& | ^ ~`` and `implies`. With an array on the other side, an operator goes entry by entry.

    A subclass gives `_terms`, `_visible`, `_values`, `_at` and `_define`, a place for
    `_auxiliary`, and `_guards` where it has no value for some assignments.
    """

    __slots__ = ()
    __array_ufunc__ = None  # NumPy integers leave the operators to us
    _auxiliary: Any

    def _terms(self) -> Terms:
        """Coefficients of variables and functions, and a constant, that add up to it."""
        raise NotImplementedError

    def _visible(self) -> tuple[Variable, ...]:
        """The declared variables that it reads."""
        raise NotImplementedError

    def _values(self) -> Any:
        """A sequence of integers in order, among which are its values."""
        raise NotImplementedError

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        """Its values as integers, from arrays of value indices of the declared variables."""
        raise NotImplementedError

    def _define(self, variable: Variable) -> list[Constraint]:
        """Constraints that give a variable its values, over variables that come before it."""
        raise NotImplementedError

    def _guards(self) -> tuple[Constraint, ...]:
        """What must hold so that it has a value."""
        return ()

    def __add__(self, other: Any) -> Any:
        return _each(_combine, self, 1, other, 1)

    def __radd__(self, other: Any) -> Any:
        return _each(_combine, self, 1, other, 1)

    def __sub__(self, other: Any) -> Any:
        return _each(_combine, self, 1, other, -1)

    def __rsub__(self, other: Any) -> Any:
        return _each(_combine, self, -1, other, 1)

    def __neg__(self) -> LinearExpression:
        return _combine(self, -1, 0, 1)

    def __pos__(self) -> Arithmetic:
        return self

    def __mul__(self, factor: Any) -> Any:
        if not isinstance(factor, Arithmetic | Constraint | np.ndarray):
            return _combine(self, _integer(factor, "a coefficient"), 0, 1)
        return _call("product", self, factor)

    def __rmul__(self, factor: Any) -> Any:
        return self * factor

    def __floordiv__(self, other: Any) -> Any:
        return _call("quotient", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _call("quotient", other, self)

    def __mod__(self, other: Any) -> Any:
        return _call("remainder", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _call("remainder", other, self)

    def __pow__(self, other: Any) -> Any:
        return _call("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return _call("power", other, self)

    def __abs__(self) -> AbsoluteValue:
        return AbsoluteValue(self)

    def _holding(self, value: object) -> Member | None:
        """That a variable takes a value which is not a matter of arithmetic; None elsewhere."""
        return None

    def __eq__(self, other: object) -> Constraint:  # type: ignore[override]
        member = self._holding(other)
        return _each(compare, self, "==", other) if member is None else member

    def __ne__(self, other: object) -> Constraint:  # type: ignore[override]
        member = self._holding(other)
        return _each(compare, self, "!=", other) if member is None else member.negated()

    def __lt__(self, other: Any) -> Any:
        return _each(compare, self, "<", other)

    def __le__(self, other: Any) -> Any:
        return _each(compare, self, "<=", other)

    def __gt__(self, other: Any) -> Any:
        return _each(compare, self, ">", other)

    def __ge__(self, other: Any) -> Any:
        return _each(compare, self, ">=", other)

    def __hash__(self) -> int:
        return id(self)

    def __and__(self, other: Any) -> Any:
        return _logic("both", self, other)

    def __rand__(self, other: Any) -> Any:
        return _logic("both", other, self)

    def __or__(self, other: Any) -> Any:
        return _logic("either", self, other)

    def __ror__(self, other: Any) -> Any:
        return _logic("either", other, self)

    def __xor__(self, other: Any) -> Any:
        return _logic("exactly_one", self, other)

    def __rxor__(self, other: Any) -> Any:
        return _logic("exactly_one", other, self)

    def __invert__(self) -> Constraint:
        from neurosym.problems.logic import as_constraint, negation

        return negation(as_constraint(self))

    def implies(self, other: Any) -> Constraint:
        """That ``other`` holds if this 0/1 variable or expression is 1."""
        return _logic("implication", self, other)

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self} has no truth value before the problem is solved: write & for 'and', | for "
            "'or' and ~ for 'not', with parentheses around comparisons"
        )


class LinearExpression(Arithmetic):
    """A sum of variables and functions with integer coefficients, and a constant."""

    __slots__ = ("_auxiliary", "_coefficients", "_constant")

    def __init__(self, coefficients: dict[Arithmetic, int], constant: int) -> None:
        self._coefficients = coefficients
        self._constant = constant
        self._auxiliary: Any = None

    def __repr__(self) -> str:
        terms = [f"{c}·{text(x)}" for x, c in self._coefficients.items()]
        return f"LinearExpression({' + '.join([*terms, str(self._constant)])})"

    def __str__(self) -> str:
        shown = ""
        for x, c in self._coefficients.items():
            sign = ("-" if c < 0 else "") if not shown else (" - " if c < 0 else " + ")
            shown += f"{sign}{text(x) if abs(c) == 1 else f'{abs(c)} * {text(x)}'}"
        if not shown:
            return str(self._constant)
        if self._constant:
            shown += f" {'-' if self._constant < 0 else '+'} {abs(self._constant)}"
        return shown

    def _terms(self) -> Terms:
        return self._coefficients, self._constant

    def _visible(self) -> tuple[Variable, ...]:
        return tuple(dict.fromkeys(x for atom in self._coefficients for x in atom._visible()))

    def _guards(self) -> tuple[Constraint, ...]:
        return tuple([guard for atom in self._coefficients for guard in atom._guards()])

    def _values(self) -> Any:
        sums: Any = np.asarray([self._constant], object)
        low = high = self._constant
        for atom, c in self._coefficients.items():
            values = atom._values()
            ends = c * int(values[0]), c * int(values[-1])
            low, high = low + min(ends), high + max(ends)
            if sums is not None and len(sums) * len(values) <= 2**14 and max(-low, high) < MOST:
                terms = c * np.asarray(values, np.int64)
                sums = np.unique(np.add.outer(np.asarray(sums, np.int64), terms))
            else:
                sums = None
        return range(low, high + 1) if sums is None else [int(x) for x in sums]

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        found: Any = np.asarray(self._constant, object)
        exact = abs(self._constant)
        for atom, c in self._coefficients.items():
            values = atom._values()
            exact += abs(c) * max(abs(int(values[0])), abs(int(values[-1])))
        if exact < MOST:
            found = found.astype(np.int64)
        for atom, c in self._coefficients.items():
            there = np.asarray(atom._at(given))
            found = found + c * (there if exact < MOST else there.astype(object))
        return found

    def _define(self, variable: Variable) -> list[Constraint]:
        from neurosym.problems.constraints.functional import Functional

        visible = self._visible()
        if len(visible) == 1:
            return [Functional.of(visible, variable, self._at)]
        difference = LinearExpression({**self._coefficients, variable: -1}, self._constant)
        return [sum_of(*difference._terms(), "==", variable.problem)]


class AbsoluteValue(Arithmetic):
    """``abs(expression)``."""

    __slots__ = ("_expression", "_term")

    def __init__(self, expression: Arithmetic) -> None:
        self._expression = expression
        self._term: Any = None

    def __repr__(self) -> str:
        return f"AbsoluteValue({self._expression!r})"

    def __str__(self) -> str:
        return f"abs({self._expression})"

    def _terms(self) -> Terms:
        if self._term is None:
            self._term = _call("absolute", self._expression)
        return self._term._terms()

    def _visible(self) -> tuple[Variable, ...]:
        return self._expression._visible()

    def _guards(self) -> tuple[Constraint, ...]:
        return self._expression._guards()

    def _values(self) -> Any:
        self._terms()
        return self._term._values()

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        return abs(self._expression._at(given))

    def _define(self, variable: Variable) -> list[Constraint]:
        self._terms()
        return self._term._define(variable)

    @property
    def _auxiliary(self) -> Any:
        self._terms()
        return self._term._auxiliary

    @_auxiliary.setter
    def _auxiliary(self, variable: Any) -> None:
        self._term._auxiliary = variable


def compare(left: Any, relation: str, right: Any) -> Constraint:
    """The constraint that two expressions, one of which may be an integer, compare so."""
    found = _absolute(left, relation, right)
    if found is None:
        coefficients, constant = _combine(left, 1, right, -1)._terms()
        found = comparison(coefficients, constant, relation)
    object.__setattr__(found, "written", (left, relation, right))
    return found


def comparison(coefficients: dict[Any, int], constant: int, relation: str) -> Constraint:
    """The constraint that a sum of terms compares so with zero, in the form that prunes best."""
    from neurosym.problems.auxiliary import guards_of
    from neurosym.problems.variable import Variable

    if all(isinstance(atom, Variable) for atom in coefficients):
        return Linear(tuple(coefficients), tuple(coefficients.values()), relation, -constant)
    expression = LinearExpression(coefficients, constant)
    guards = guards_of([expression])
    coefficients = {atom: c for atom, c in coefficients.items() if c}
    visible = expression._visible()
    if worth_tabulating(visible):

        def holds(given: dict[Variable, np.ndarray]) -> Any:
            found = COMPARISONS[relation](expression._at(given), 0)
            for guard in guards:
                found = found & guard.holds(given)
            return found

        return tabulated(visible, holds, f"{expression} {relation} 0")
    found = sum_of(coefficients, constant, relation, visible[0].problem)
    if guards:
        object.__setattr__(found, "guards", guards)
    return found


def sum_of(
    coefficients: dict[Any, int], constant: int, relation: str, problem: Problem
) -> Constraint:
    """A sum of terms compared with zero, over variables, functions of one and auxiliary ones."""
    from neurosym.problems.auxiliary import as_variable
    from neurosym.problems.functions import OneVariable

    plain: dict[Variable, int] = {}
    functions: list[tuple[Variable, tuple[int, ...]]] = []
    for atom, c in coefficients.items():
        if isinstance(atom, OneVariable):
            functions.append((atom.variable, tuple(c * value for value in atom.values)))
        else:
            variable = as_variable(atom, problem)
            plain[variable] = plain.get(variable, 0) + c
    if not functions:
        return Linear(tuple(plain), tuple(plain.values()), relation, -constant)
    rows: dict[Variable, tuple[int, ...]] = {}
    for variable, c in plain.items():
        functions.append((variable, tuple(c * int(v) for v in integers_of(variable))))
    for variable, row in functions:
        known = rows.get(variable, (0,) * len(row))
        rows[variable] = tuple(a + b for a, b in zip(known, row, strict=True))
    return Additive(tuple(rows), tuple(rows.values()), relation, -constant)


def integers_of(variable: Variable) -> list[int]:
    """The values of a variable, which are integers.

    Raises:
      ValueError: for a value that is not.
    """
    for value in variable.domain:
        if not isinstance(value, numbers.Integral):
            raise ValueError(
                f"arithmetic on variable {variable.name!r}: domain value must be an integer, not "
                f"{value!r}"
            )
    return [int(value) for value in variable.domain]  # type: ignore[call-overload]


def text(part: Any) -> str:
    """A part of an expression as it stands inside of another one, in parentheses if need be."""
    shown = str(part)
    bare = not isinstance(part, LinearExpression | Constraint) or " " not in shown
    return shown if bare else f"({shown})"


def _absolute(left: Any, relation: str, right: Any) -> Constraint | None:
    """``abs(...)`` of a sum of variables, compared with an integer, where it can be listed."""
    from neurosym.problems.variable import Variable

    if not isinstance(left, AbsoluteValue) or not isinstance(right, numbers.Integral):
        return None
    terms, offset = left._expression._terms()
    scope = tuple([atom for atom in terms if isinstance(atom, Variable)])
    if len(scope) < len(terms) or not scope:
        return None
    if len(scope) > 2 and not worth_tabulating(scope):
        return None
    return Absolute(scope, tuple(terms.values()), offset, relation, int(right))


def _combine(left: Any, left_factor: int, right: Any, right_factor: int) -> LinearExpression:
    coefficients: dict[Arithmetic, int] = {}
    constant = 0
    for side, factor in ((left, left_factor), (right, right_factor)):
        if isinstance(side, Constraint):
            side = _call("truth", side)
        terms, addend = (
            side._terms() if isinstance(side, Arithmetic) else ({}, _integer(side, "a constant"))
        )
        constant += factor * addend
        for variable, coefficient in terms.items():
            coefficients[variable] = coefficients.get(variable, 0) + factor * coefficient
    # Zero times something without a value has no value.
    kept = {x: c for x, c in coefficients.items() if c or x._guards()}
    return LinearExpression(kept, constant)


def _each(function: Any, left: Any, middle: Any, right: Any, *more: Any) -> Any:
    """A function of two sides, entry by entry where the right one is an array."""
    if not isinstance(right, np.ndarray):
        return function(left, middle, right, *more)
    from neurosym.problems.arrays import VariableArray

    found = np.empty(right.shape, object)
    for place in np.ndindex(*right.shape):
        found[place] = function(left, middle, right[place], *more)
    return found.view(VariableArray)


def _call(name: str, *arguments: Any) -> Any:
    from neurosym.problems import functions

    array = next((a for a in arguments if isinstance(a, np.ndarray)), None)
    if array is None:
        return getattr(functions, name)(*arguments)
    from neurosym.problems.arrays import VariableArray

    found = np.empty(array.shape, object)
    for place in np.ndindex(*array.shape):
        each = [a[place] if a is array else a for a in arguments]
        found[place] = getattr(functions, name)(*each)
    return found.view(VariableArray)


def _logic(name: str, left: Any, right: Any) -> Any:
    from neurosym.problems import logic

    if isinstance(right, np.ndarray):
        return _each(lambda a, _, b: _logic(name, a, b), left, None, right)
    return getattr(logic, name)(left, right)


def _integer(value: Any, role: str) -> int:
    if isinstance(value, numbers.Integral):
        return int(value)
    raise ValueError(f"{role} of an expression is an integer, not {value!r}")
