"""`Function`: the base of functions of several expressions.

    x * y + z == 7     x * y is a Function: where it stands in a sum, an auxiliary h == x * y
    x * x              reads one variable: `simplified` makes a `OneVariable` of it

A function that has no value somewhere says so by its *guards*; there it takes some value anyhow,
and the smallest condition around it does not hold, as in CPMpy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.auxiliary import as_variable, guards_of
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.functional import MAX_ROWS, Functional
from neurosym.problems.constraints.masked import count_combinations
from neurosym.problems.constraints.tabulated import index_grid
from neurosym.problems.expression import Arithmetic, Terms
from neurosym.problems.functions.arguments import as_expression
from neurosym.problems.functions.integers import distinct, exact

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


class Function(Arithmetic):
    """A function of expressions that read several variables.

    A subclass gives `_apply`, and `_own_guards` where it has no value for some arguments.
    """

    __slots__ = ("_auxiliary", "_known", "arguments")

    def __init__(self, *arguments: Any) -> None:
        self.arguments = tuple(as_expression(a) for a in arguments)
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
            return distinct(self._at(index_grid(visible)))
        values = [a._values() for a in self.arguments]
        if math.prod(map(len, values)) > MAX_ROWS:
            raise ValueError(
                f"{self} is a function of {' × '.join(str(len(v)) for v in values)} values, more "
                f"than {MAX_ROWS} together; declare a variable for it with a smaller domain, or "
                "smaller domains for what it reads"
            )
        grid = np.meshgrid(*[exact(tuple(v)) for v in values], indexing="ij", sparse=True)
        return distinct(self._apply(*grid))

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
            values = [exact(tuple(x.domain))[given[x]] for x in distinct]
            return self._apply(*(values[k] for k in places))

        return [Functional.of(distinct, variable, at)]
