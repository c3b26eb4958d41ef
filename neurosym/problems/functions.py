"""Functions of expressions: products, quotients, extremes, entries of arrays, truths as 0/1.

    x * y        Product of two variables; where it stands in a sum, an auxiliary h == x * y
    x * x        a function of one variable: its values are listed, nothing is auxiliary
    7 // x       has no value at x == 0: a constraint around it does not hold there
    a < b        as a number it is Truth: 1 where the comparison holds, and 0 elsewhere

A function that has no value somewhere says so by its *guards*; there it takes some value anyhow,
and the smallest condition around it does not hold, as in CPMpy.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosym.problems.auxiliary import as_variable, guards_of
from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.comparison import COMPARISONS
from neurosym.problems.constraints.conditional.conditional import Reified
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.extremum import Extremum
from neurosym.problems.constraints.functional import MAX_ROWS, Functional
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.predicate import count_combinations
from neurosym.problems.constraints.tabulated import index_grid
from neurosym.problems.expression import Arithmetic, LinearExpression, Terms, _integer

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


class OneVariable(Arithmetic):
    """A function of one variable, by its values in the order of the domain."""

    __slots__ = ("_auxiliary", "guards", "shown", "values", "variable")

    def __init__(
        self,
        variable: Variable,
        values: Sequence[int],
        shown: str,
        guards: tuple[Constraint, ...] = (),
    ) -> None:
        self.variable, self.values, self.shown = variable, tuple(int(v) for v in values), shown
        self.guards = guards
        self._auxiliary: Any = None

    def __repr__(self) -> str:
        return f"OneVariable({self.shown})"

    def __str__(self) -> str:
        return self.shown

    def _terms(self) -> Terms:
        return {self: 1}, 0

    def _visible(self) -> tuple[Variable, ...]:
        return (self.variable,)

    def _values(self) -> Any:
        return sorted(set(self.values))

    def _guards(self) -> tuple[Constraint, ...]:
        return self.guards

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        return _array(self.values)[given[self.variable]]

    def _define(self, variable: Variable) -> list[Constraint]:
        return [Functional.of((self.variable,), variable, self._at)]


class Function(Arithmetic):
    """A function of expressions that read several variables."""

    __slots__ = ("_auxiliary", "_known", "arguments")
    MOST: ClassVar[int] = 2**62

    def __init__(self, *arguments: Any) -> None:
        self.arguments = tuple(_argument(a) for a in arguments)
        self._auxiliary: Any = None
        self._known: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()}({', '.join(map(str, self.arguments))})"

    def _apply(self, *values: Any) -> Any:
        """Of arrays of integers."""
        raise NotImplementedError

    def _own_guards(self) -> tuple[Constraint, ...]:
        return ()

    def _terms(self) -> Terms:
        return {self: 1}, 0

    def _visible(self) -> tuple[Variable, ...]:
        return tuple(dict.fromkeys(x for a in self.arguments for x in a._visible()))

    def _guards(self) -> tuple[Constraint, ...]:
        return (*guards_of(self.arguments), *self._own_guards())

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        return self._apply(*(a._at(given) for a in self.arguments))

    def _values(self) -> Any:
        if self._known is None:
            self._known = self._possible()
        return self._known

    def _possible(self) -> Any:
        visible = self._visible()
        if count_combinations(visible) <= MAX_ROWS:
            return _distinct(self._at(index_grid(visible)))
        values = [a._values() for a in self.arguments]
        if math.prod(map(len, values)) > MAX_ROWS:
            raise ValueError(
                f"{self} is a function of {' × '.join(str(len(v)) for v in values)} values, more "
                f"than {MAX_ROWS} together; declare a variable for it with a smaller domain, or "
                "smaller domains for what it reads"
            )
        grid = np.meshgrid(*[_array(tuple(v)) for v in values], indexing="ij", sparse=True)
        return _distinct(self._apply(*grid))

    def _define(self, variable: Variable) -> list[Constraint]:
        problem = variable.problem
        visible = self._visible()
        if len(visible) <= 2 and count_combinations(visible) <= MAX_ROWS:
            return [Functional.of(visible, variable, self._at)]
        variables = [as_variable(a, problem) for a in self.arguments]
        distinct = tuple(dict.fromkeys(variables))
        place = {x: k for k, x in enumerate(distinct)}
        places = [place[x] for x in variables]

        def at(given: dict[Variable, np.ndarray]) -> Any:
            values = [_array(tuple(x.domain))[given[x]] for x in distinct]
            return self._apply(*(values[k] for k in places))

        return [Functional.of(distinct, variable, at)]


class Product(Function):
    """``x * y``."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("*", self)

    def _apply(self, *values: Any) -> Any:
        return _wide(values[0]) * values[1]


class Quotient(Function):
    """``x // y``, rounded towards zero; without a value where y is 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("//", self)

    def _apply(self, *values: Any) -> Any:
        return truncated(*values)

    def _own_guards(self) -> tuple[Constraint, ...]:
        return _unless_always(self.arguments[1], "!=", 0)


class Remainder(Function):
    """``x % y``, with the sign of x; without a value where y is 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("%", self)

    def _apply(self, *values: Any) -> Any:
        first, second = values
        return first - second * truncated(first, second)

    def _own_guards(self) -> tuple[Constraint, ...]:
        return _unless_always(self.arguments[1], "!=", 0)


class Power(Function):
    """``x ** y``; without a value where y is negative."""

    __slots__ = ()

    def __str__(self) -> str:
        return _infix("**", self)

    def _apply(self, *values: Any) -> Any:
        first = np.asarray(values[0]).astype(object)
        second = np.maximum(np.asarray(values[1]), 0).astype(object)
        return _array(np.asarray(first**second, object))

    def _own_guards(self) -> tuple[Constraint, ...]:
        return _unless_always(self.arguments[1], ">=", 0)


class Absolute(Function):
    """``abs(x)``."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"abs({self.arguments[0]})"

    def _apply(self, *values: Any) -> Any:
        return abs(values[0])


class _Extreme(Function):
    __slots__ = ()
    _largest: ClassVar[bool]

    def _apply(self, *values: Any) -> Any:
        found = values[0]
        for value in values[1:]:
            found = np.maximum(found, value) if self._largest else np.minimum(found, value)
        return found

    def _possible(self) -> Any:
        values = [a._values() for a in self.arguments]
        ends = [(v[0] if self._largest else v[-1]) for v in values]
        end = max(ends) if self._largest else min(ends)
        inside = (x for v in values for x in v if (x >= end if self._largest else x <= end))
        return sorted(set(inside))

    def _define(self, variable: Variable) -> list[Constraint]:
        visible = self._visible()
        if len(visible) <= 2 and count_combinations(visible) <= 2**10:
            return [Functional.of(visible, variable, self._at)]
        return [Extremum(self.arguments, variable, self._largest)]


class Maximum(_Extreme):
    """``maximum(x, y, ...)``."""

    __slots__ = ()
    _largest = True


class Minimum(_Extreme):
    """``minimum(x, y, ...)``."""

    __slots__ = ()
    _largest = False


class Entry(Function):
    """``array[index]``, of constants and expressions; without a value where it points outside."""

    __slots__ = ("array",)

    def __init__(self, array: Sequence[Any], index: Any) -> None:
        super().__init__(index, *array)
        self.array = self.arguments[1:]

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.array[:8])) + (", …" if len(self.array) > 8 else "")
        return f"[{shown}][{self.arguments[0]}]"

    def _apply(self, *values: Any) -> Any:
        index, entries = np.asarray(values[0]), np.broadcast_arrays(*values)[1:]
        inside = (index >= 0) & (index < len(entries))
        place = np.broadcast_to(np.where(inside, index, 0), entries[0].shape)
        return np.take_along_axis(np.stack(entries), place[None].astype(np.int64), 0)[0]

    def _own_guards(self) -> tuple[Constraint, ...]:
        index = self.arguments[0]
        return _unless_always(index, ">=", 0) + _unless_always(index, "<", len(self.array))

    def _possible(self) -> Any:
        picked = [p for p in self.arguments[0]._values() if 0 <= p < len(self.array)]
        return sorted({v for p in {0, *picked} for v in self.array[p]._values()})

    def _define(self, variable: Variable) -> list[Constraint]:
        from neurosym.problems.constraints.element.element import Element

        visible = self._visible()
        if len(visible) <= 2 and count_combinations(visible) <= 2**10:
            return [Functional.of(visible, variable, self._at)]
        problem, count = variable.problem, len(self.array)
        at = _constant(self.arguments[0])
        if at is not None:
            same = as_variable(self.array[at if 0 <= at < count else 0], problem)
            return [Linear((variable, same), (1, -1), "==", 0)]
        index = as_variable(self.arguments[0], problem)
        if any(not 0 <= int(p) < count for p in index.domain):  # type: ignore[call-overload]
            inside = [int(p) if 0 <= int(p) < count else 0 for p in index.domain]  # type: ignore[call-overload]
            index = as_variable(OneVariable(index, inside, f"({index} inside)"), problem)
        entries = [_constant(a) for a in self.array]
        array = [
            as_variable(a, problem) if value is None else value
            for a, value in zip(self.array, entries, strict=True)
        ]
        return [Element(index, array, variable)]


class Truth(Function):
    """A constraint on several variables as a number: 1 where it holds, and 0 elsewhere."""

    __slots__ = ("constraint",)

    def __init__(self, constraint: Constraint) -> None:
        super().__init__()
        self.constraint = constraint

    def __str__(self) -> str:
        return f"({self.constraint})"

    def _visible(self) -> tuple[Variable, ...]:
        return self.constraint.visible

    def _values(self) -> Any:
        return [0, 1]

    def _guards(self) -> tuple[Constraint, ...]:
        return ()

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import holds

        return np.asarray(holds(self.constraint, given)).astype(np.int64)

    def _define(self, variable: Variable) -> list[Constraint]:
        from neurosym.problems.logic import is_trivial, literal_of, parts_of

        parts = parts_of(self.constraint)
        if any(is_trivial(part) for part in parts):  # those that always hold are left out
            return [Member(variable, {0})]
        this = Member(variable, {1})
        if len(parts) > 1:
            literals = [literal_of(part) for part in parts]
            back = Clause((this, *(literal.negated() for literal in literals)))
            return [back, *(Clause((this.negated(), literal)) for literal in literals)]
        (part,) = parts
        if isinstance(part, Clause):
            return [
                Clause((this.negated(), *part.literals)),
                *(Clause((this, literal.negated())) for literal in part.literals),
            ]
        if isinstance(part, Linear) and part.relation not in ("==", "!=") and len(part.scope) > 2:
            return _two_bounds(part, variable)
        return [Reified(this, part)]


def product(left: Any, right: Any) -> Arithmetic:
    """``left * right``."""
    for one, other in ((left, right), (right, left)):
        value = _constant(_argument(one))
        if value is not None:
            other = _argument(other)
            return LinearExpression(
                {atom: value * c for atom, c in other._terms()[0].items()},
                value * other._terms()[1],
            )
    return _made(Product, left, right)


def quotient(left: Any, right: Any) -> Arithmetic:
    """``left // right``, rounded towards zero."""
    return _made(Quotient, left, right)


def remainder(left: Any, right: Any) -> Arithmetic:
    """``left % right``, with the sign of ``left``."""
    return _made(Remainder, left, right)


def power(left: Any, right: Any) -> Arithmetic:
    """``left ** right``."""
    return _made(Power, left, right)


def absolute(inside: Any) -> Arithmetic:
    """``abs(inside)``."""
    return _made(Absolute, inside)


def truth(constraint: Constraint) -> Arithmetic:
    """A constraint as a number, 0 or 1."""
    if constraint.truth is None:
        object.__setattr__(constraint, "truth", _simple(Truth(constraint)))
    return constraint.truth


def maximum(*arguments: Any) -> Arithmetic:
    """The largest of some expressions and integers, given one by one or as one list or array.

    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> ends = problem.variables("end", shape=3, domain=range(5))
    >>> problem.add(ns.maximum(ends) <= 1)
    >>> int(ns.count(problem.compile()).count)
    8

    Raises:
      ValueError: without arguments, or for one that is neither an expression nor an integer.
    """
    return _extreme(Maximum, arguments, max)


def minimum(*arguments: Any) -> Arithmetic:
    """The smallest of some expressions and integers, as `maximum`."""
    return _extreme(Minimum, arguments, min)


def entry(array: Any, index: Any) -> Any:
    """``array[index]`` of a sequence of integers and expressions; the index is an expression.

    Of an array of several axes, ``index`` is a tuple with an expression or an integer for each of
    its first axes. A constraint around an index that points outside, also below 0, does not hold.

    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> x = problem.variable("x", domain=range(-2, 9))
    >>> problem.add(ns.entry([3, 1, 4, 1, 5], x + 1) == 1)
    >>> sorted(solution["x"] for solution in ns.solutions(problem.compile()))
    [0, 2]

    Raises:
      ValueError: for an empty array, more indices than axes, or a constant that is outside.
    """
    from neurosym.problems.arrays import VariableArray

    indices = index if isinstance(index, tuple) else (index,)
    held = np.empty(len(array), object) if not isinstance(array, np.ndarray) else array
    if held is not array:
        nested = any(isinstance(part, Sequence | np.ndarray) for part in array)
        held = np.array(array, object) if nested else held
        if not nested:
            held[:] = list(array)
    if len(indices) > held.ndim:
        raise ValueError(f"an array of {held.ndim} axes has no {len(indices)} indices")
    if not held.size:
        raise ValueError("an array without entries has no entry")
    flat: Any = 0
    for k, each in enumerate(indices):
        flat = flat * held.shape[k] + each
    leading, rest = math.prod(held.shape[: len(indices)]), held.shape[len(indices) :]
    inside: list[Constraint] = []
    if len(indices) > 1:
        for k, each in enumerate(indices):
            inside += _unless_always(_argument(each), ">=", 0)
            inside += _unless_always(_argument(each), "<", held.shape[k])
    rows = held.reshape(leading, -1)
    at = _constant(_argument(flat))
    if at is not None and 0 <= at < leading and not inside and not guards_of(list(rows.ravel())):
        rows = rows[at : at + 1]
        return rows[0].reshape(rest).view(VariableArray) if rest else _argument(rows[0, 0])
    found = np.empty(rows.shape[1], object)
    for n in range(rows.shape[1]):
        found[n] = _guarded(_made(Entry, list(rows[:, n]), flat), tuple(inside))
    return found.reshape(rest).view(VariableArray) if rest else found[0]


class Guarded(Function):
    """An expression that has a value only where some constraints hold."""

    __slots__ = ("extra",)

    def __init__(self, inside: Any, extra: tuple[Constraint, ...]) -> None:
        super().__init__(inside)
        self.extra = extra

    def __str__(self) -> str:
        return str(self.arguments[0])

    def _apply(self, *values: Any) -> Any:
        return values[0]

    def _own_guards(self) -> tuple[Constraint, ...]:
        return self.extra


def truncated(first: Any, second: Any) -> Any:
    """The quotient of arrays of integers, rounded towards zero; 0 where the divisor is 0."""
    first, second = np.asarray(first), np.asarray(second)
    safe = np.where(second == 0, 1, second)
    found = abs(first) // abs(safe)
    return np.where(second == 0, 0, np.where((first < 0) != (safe < 0), -found, found))


def _extreme(kind: type[_Extreme], arguments: Sequence[Any], of_numbers: Callable) -> Any:
    if len(arguments) == 1 and not isinstance(arguments[0], Arithmetic | numbers.Integral):
        arguments = list(np.asarray(arguments[0], object).ravel())
    if not arguments:
        raise ValueError(f"{kind.__name__.lower()} needs at least one argument")
    if all(isinstance(a, numbers.Integral) for a in arguments):
        return LinearExpression({}, int(of_numbers(arguments)))
    if len(arguments) == 1:
        return _argument(arguments[0])
    return _made(kind, *arguments)


def _made(kind: Callable[..., Function], *arguments: Any) -> Arithmetic:
    return _simple(kind(*arguments))


def _guarded(inside: Arithmetic, extra: tuple[Constraint, ...]) -> Arithmetic:
    return _simple(Guarded(inside, extra)) if extra else inside


def _simple(function: Function) -> Arithmetic:
    """A function of no variable as a constant, and of one variable by its values."""
    visible = function._visible()
    if len(visible) > 1:
        return function
    guards = function._guards()
    if not visible:
        if all(bool(guard.holds({})) for guard in guards):
            return LinearExpression({}, int(function._at({})))
        return function
    (variable,) = visible
    given = index_grid(visible)
    size = len(variable.domain)
    values = np.broadcast_to(function._at(given), size)
    there = np.ones(size, np.bool_)
    for guard in guards:
        there &= np.broadcast_to(guard.holds(given), size)
    allowed = [value for value, ok in zip(variable.domain, there, strict=True) if ok]
    guards = () if there.all() else (Member(variable, allowed),)
    return OneVariable(variable, values.tolist(), str(function), guards)


def _argument(entry: Any) -> Arithmetic:
    if isinstance(entry, Constraint):
        return truth(entry)
    if isinstance(entry, Arithmetic):
        return entry
    return LinearExpression({}, _integer(entry, "an argument"))


def _constant(expression: Arithmetic) -> int | None:
    coefficients, constant = expression._terms()
    return None if coefficients else constant


def _unless_always(expression: Arithmetic, relation: str, number: int) -> tuple[Constraint, ...]:
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


def _two_bounds(part: Linear, variable: Variable) -> list[Constraint]:
    """That a sum is at most a bound exactly if a 0/1 variable is 1, as two sums over both."""
    sign = -1 if part.relation in (">", ">=") else 1
    bound = sign * part.constant - (part.relation in ("<", ">"))
    coefficients = [sign * c for c in part.coefficients]
    low = high = 0
    for x, c in zip(part.scope, coefficients, strict=True):
        values = [int(v) for v in x.domain]  # type: ignore[call-overload]
        ends = c * min(values), c * max(values)
        low, high = low + min(ends), high + max(ends)
    scope = (*part.scope, variable)
    # Within the reach of the sum, so that no coefficient is larger than needed.
    most, least = max(high - bound, 0), max(bound + 1 - low, 0)
    return [
        Linear(scope, (*coefficients, most), "<=", bound + most),
        Linear(scope, (*coefficients, least), ">=", bound + 1),
    ]


def _infix(sign: str, function: Function) -> str:
    shown = [str(a) for a in function.arguments]
    return f" {sign} ".join(s if " " not in s or s.endswith("]") else f"({s})" for s in shown)


def _distinct(values: Any) -> list[int]:
    return sorted({int(v) for v in np.asarray(values).ravel().tolist()})


def _array(values: Any) -> np.ndarray:
    """Integers as an array that holds them exactly."""
    held = np.asarray(values, object)
    most = max((abs(int(v)) for v in held.ravel()), default=0)
    return held.astype(np.int64) if most < Function.MOST else held


def _wide(values: Any) -> Any:
    """Values whose products with others of their size fit."""
    values = np.asarray(values)
    if values.dtype != object and values.size and int(abs(values).max()) >= 2**31:
        return values.astype(object)
    return values
