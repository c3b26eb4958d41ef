"""`Predicate`: a Python function of a few values, tabulated once.

The constraint calls the function with every combination of values of the domains when it is made,
and keeps the table of the answers; whatever the function reads besides its arguments may change
afterwards.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.masked import Masked, count_combinations, tabulate

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_COMBINATIONS = 2**20
"""Combinations of values for which a predicate is called, unless it says otherwise."""


@dataclasses.dataclass(frozen=True, eq=False)
class Predicate(Masked):
    """``function`` of the values of ``variables``, in their order, is true.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y, z = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(Predicate((x, y, z), lambda a, b, c: (a ^ b) == c))
    >>> problem.compile().allows([1, 3, 2])
    True

    The function is called once for every combination of values, when the constraint is made, and
    never again. So a function that is defined in a loop may read the variable of the loop:

    >>> for least in (1, 2):
    ...     problem.add(Predicate((x, y), lambda a, b: a + b >= least))
    >>> problem.compile().allows([1, 0, 1])
    False

    Pruning is exact.

    Attributes:
      variables: one for each argument; expressions and constants may stand for some. A
        repeated variable is passed the same value each time.
      function: says whether the values are allowed, by the truth of what it returns.
      limit: the combinations of values that may be tabulated.
      scope: the distinct variables.
      allowed: ``bool[D_0, D_1, ...]``, what the function said, by value indices of ``scope``.

    Raises:
      ValueError: without variables, for more than ``limit`` combinations, or if the function
        raises, with the values that it was given.
    """

    variables: Sequence[Any]
    function: Callable[..., Any]
    limit: int = MAX_COMBINATIONS
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)
    allowed: np.ndarray = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        from neurosym.problems.auxiliary import all_variables, guards_of, listed

        variables = listed(self.variables)
        if not variables:
            raise ValueError("a predicate needs at least one variable")
        if not callable(self.function):
            raise ValueError(f"a predicate is a function of values, not {self.function!r}")
        object.__setattr__(self, "guards", guards_of(variables))
        variables = all_variables(variables, "a predicate")
        scope = tuple(dict.fromkeys(variables))
        combinations = count_combinations(scope)
        if combinations > self.limit:
            names = ", ".join(variable.name for variable in scope)
            raise ValueError(
                f"a predicate over {names} has {combinations} combinations of values, more than "
                f"its limit of {self.limit}; give a larger limit, or split the constraint"
            )
        object.__setattr__(self, "variables", variables)
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "allowed", tabulate(scope, self._call))

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.variables)
        return f"Predicate(({names}), {_name(self.function)})"

    def negated(self) -> Predicate:
        def function(*values: Hashable) -> bool:
            return not self.function(*values)

        function.__name__ = f"not {_name(self.function)}"
        opposite = copy.copy(self)
        object.__setattr__(opposite, "guards", ())
        object.__setattr__(opposite, "truth", None)
        object.__setattr__(opposite, "written", ())
        object.__setattr__(opposite, "function", function)
        object.__setattr__(opposite, "allowed", ~self.allowed)
        return opposite

    def _call(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        arguments = [given[variable] for variable in self.variables]
        try:
            return bool(self.function(*arguments))
        except Exception as error:
            where = ", ".join(f"{v.name} = {value!r}" for v, value in given.items())
            raise ValueError(f"{self!r} raises {error!r} at {where}") from error


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))
