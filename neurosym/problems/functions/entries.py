"""`entry`: an entry of an array of integers and expressions, at an index that is an expression.

    entry([3, x, 4], i) == y      the sum is over an auxiliary h, defined by `Element`
    i == 5                        points outside: there the constraint does not hold

Of few combinations of values, a table takes the place of `Element`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.auxiliary import as_variable, guards_of
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.functional import Functional
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.masked import count_combinations
from neurosym.problems.functions.arguments import as_expression, constant_of, unless_always
from neurosym.problems.functions.function import Function
from neurosym.problems.functions.one_variable import OneVariable, simplified

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


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
            inside += unless_always(as_expression(each), ">=", 0)
            inside += unless_always(as_expression(each), "<", held.shape[k])
    rows = held.reshape(leading, -1)
    at = constant_of(as_expression(flat))
    if at is not None and 0 <= at < leading and not inside and not guards_of(list(rows.ravel())):
        rows = rows[at : at + 1]
        return rows[0].reshape(rest).view(VariableArray) if rest else as_expression(rows[0, 0])
    found = np.empty(rows.shape[1], object)
    for n in range(rows.shape[1]):
        found[n] = simplified(Entry(list(rows[:, n]), flat))
        if inside:
            found[n] = simplified(Guarded(found[n], tuple(inside)))
    return found.reshape(rest).view(VariableArray) if rest else found[0]


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
        return unless_always(index, ">=", 0) + unless_always(index, "<", len(self.array))

    def _possible(self) -> Any:
        picked = [p for p in self.arguments[0]._values() if 0 <= p < len(self.array)]
        return sorted({v for p in {0, *picked} for v in self.array[p]._values()})

    def _define(self, variable: Variable) -> list[Constraint]:
        from neurosym.problems.constraints.element.element import Element

        visible = self._visible()
        if len(visible) <= 2 and count_combinations(visible) <= 2**10:
            return [Functional.of(visible, variable, self._at)]
        problem, count = variable.problem, len(self.array)
        at = constant_of(self.arguments[0])
        if at is not None:
            same = as_variable(self.array[at if 0 <= at < count else 0], problem)
            return [Linear((variable, same), (1, -1), "==", 0)]
        index = as_variable(self.arguments[0], problem)
        if any(not 0 <= int(p) < count for p in index.domain):  # type: ignore[call-overload]
            inside = [int(p) if 0 <= int(p) < count else 0 for p in index.domain]  # type: ignore[call-overload]
            index = as_variable(OneVariable(index, inside, f"({index} inside)"), problem)
        entries = [constant_of(a) for a in self.array]
        array = [
            as_variable(a, problem) if value is None else value
            for a, value in zip(self.array, entries, strict=True)
        ]
        return [Element(index, array, variable)]


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
