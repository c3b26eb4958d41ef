"""`OneVariable`: what reads one variable, by its values; nothing is auxiliary.

    x * x, x in {0, 1, 2}     OneVariable(x, (0, 1, 4))
    7 // x                    has no value at x == 0: its guard is that x is 1 or 2

`simplified` makes it of any expression that reads one variable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.functional import Functional
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.tabulated import index_grid
from neurosym.problems.expression import Arithmetic, LinearExpression, Terms
from neurosym.problems.functions.integers import exact

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
        return exact(self.values)[given[self.variable]]

    def _define(self, variable: Variable) -> list[Constraint]:
        return [Functional.of((self.variable,), variable, self._at)]


def simplified(function: Arithmetic) -> Arithmetic:
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
