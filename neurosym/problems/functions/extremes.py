"""`maximum` and `minimum` of expressions.

    maximum(x, y, 3) + z == 7     the sum is over an auxiliary h, tied to x, y and 3 by `Extremum`

Of few combinations of values, a table takes its place.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.extremum import Extremum
from neurosym.problems.constraints.functional import Functional
from neurosym.problems.constraints.masked import count_combinations
from neurosym.problems.expression import Arithmetic, LinearExpression
from neurosym.problems.functions.arguments import as_expression
from neurosym.problems.functions.function import Function
from neurosym.problems.functions.one_variable import simplified

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


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


def _extreme(kind: type[_Extreme], arguments: Sequence[Any], of_numbers: Callable) -> Any:
    if len(arguments) == 1 and not isinstance(arguments[0], Arithmetic | numbers.Integral):
        arguments = list(np.asarray(arguments[0], object).ravel())
    if not arguments:
        raise ValueError(f"{kind.__name__.lower()} needs at least one argument")
    if all(isinstance(a, numbers.Integral) for a in arguments):
        return LinearExpression({}, int(of_numbers(arguments)))
    if len(arguments) == 1:
        return as_expression(arguments[0])
    return simplified(kind(*arguments))
