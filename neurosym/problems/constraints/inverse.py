"""`Inverse`: two arrays of variables of which each inverts the other, ``y[x[i]] == i``.

    x = (2, 0, 1)      person i has seat x[i]
    y = (1, 2, 0)      seat j holds person y[j]
    x[0] == 2  and  y[2] == 0  are one fact in two ways of saying it

It is made of clauses: for each i and j, ``x[i] == j`` if and only if ``y[j] == i``. They link two
models of one problem (channelling: Cheng, Choi, Lee and Wu 1999, "Increasing constraint propagation
by redundant modeling", https://doi.org/10.1023/A:1009894810205), so each constraint may be written
in the terms that suit it.

Pruning is weaker than exact: it removes the value of an assigned variable from the others (naked
singles) and assigns a value that only one variable can still take (hidden singles); clauses see
nothing more. Total and support are exact; over n pairs their tensors span some n variables at once.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.membership import Member

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Inverse(Constraint):
    """``y[x[i]] == i`` and ``x[y[j]] == j`` for all positions, which count from 0.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> seat = problem.variables("seat", shape=3, domain=range(3))
    >>> person = problem.variables("person", shape=3, domain=range(3))
    >>> problem.add(Inverse(seat, person))
    >>> network = problem.compile()
    >>> network.allows([2, 0, 1, 1, 2, 0]), network.allows([2, 0, 1, 2, 0, 1])
    (True, False)

    So both are permutations of the positions. ``Inverse(x, x)`` says that one array inverts itself.

    Attributes:
      first: n distinct variables over integers; a value that is not a position is not allowed.
      second: n distinct variables; they may be some of the first ones.
      scope: the distinct variables.

    Raises:
      ValueError: for no variables, arrays of different lengths, a variable that is twice in one
        array, or a domain with a value that is not an integer.
    """

    first: Sequence[Variable]
    second: Sequence[Variable]
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        first, second = _variables(self.first), _variables(self.second)
        if len(first) != len(second):
            raise ValueError(
                "each array of an inverse constraint has a position for each variable of the other "
                f"one, so their lengths are equal, not {len(first)} and {len(second)}"
            )
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "second", second)
        object.__setattr__(self, "scope", tuple(dict.fromkeys(first + second)))

    def __repr__(self) -> str:
        first, second = (
            ", ".join(variable.name for variable in array) for array in (self.first, self.second)
        )
        return f"Inverse(({first}), ({second}))"

    def decompose(self) -> list[Constraint]:
        parts: list[Constraint] = []
        count = len(self.first)
        for variable in self.scope:
            inside = [value for value in variable.domain if 0 <= _integer(value) < count]
            if len(inside) < len(variable.domain):
                parts.append(Member(variable, inside))
        for i, x in enumerate(self.first):
            for j, y in enumerate(self.second):
                forth, back = _holding(x, j), _holding(y, i)
                if x is y and i == j:
                    continue  # It is one condition, equal to itself.
                parts += [Clause((forth.negated(), back)), Clause((forth, back.negated()))]
        return parts


def _variables(array: Any) -> tuple[Variable, ...]:
    from neurosym.problems.variable import Variable

    variables = tuple(np.asarray(array, dtype=object).ravel())
    if not variables:
        raise ValueError("an inverse constraint needs at least one variable in each array")
    for variable in variables:
        if not isinstance(variable, Variable):
            raise ValueError(f"an inverse constraint is between variables, not {variable!r}")
        for value in variable.domain:
            if not isinstance(value, numbers.Integral):
                raise ValueError(
                    f"the values of variable {variable.name!r} are positions of the other array, "
                    f"so they are integers, not {value!r}"
                )
    if len({id(variable) for variable in variables}) < len(variables):
        names = [variable.name for variable in variables]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an inverse constraint names variable {twice!r} twice in one array")
    return variables


def _holding(variable: Variable, position: int) -> Member:
    """That a variable takes a position; no value does where its domain lacks it."""
    return Member(variable, [value for value in variable.domain if value == position])


def _integer(value: Hashable) -> int:
    return int(value)  # type: ignore[call-overload]
