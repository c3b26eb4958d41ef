"""`Tabulated`: a constraint that is small enough to list what it allows.

Expressions over few combinations of values compile to it: pruning is exact, and there is no
auxiliary variable. The table is made by array arithmetic over value indices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.masked import Masked, count_combinations
from neurosym.problems.constraints.membership import Member

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

FEW = 2**10
"""Combinations of values that are listed, of any number of variables."""

PAIRS = 2**14
"""Combinations of values of two variables that are listed: a matrix of pairs prunes fast."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tabulated(Masked):
    """Some combinations of values of ``scope`` are allowed.

    Attributes:
      scope: the variables.
      allowed: ``bool[D_0, D_1, ...]``, by value indices.
      shown: what it says, in words.
    """

    scope: tuple[Variable, ...]
    allowed: np.ndarray = dataclasses.field(repr=False)
    shown: str

    def __repr__(self) -> str:
        return f"Tabulated({self.shown})"

    def __str__(self) -> str:
        return super().__str__() if self.written else self.shown

    def negated(self) -> Tabulated:
        return Tabulated(self.scope, ~self.allowed, f"not ({self.shown})")


def worth_tabulating(scope: Sequence[Variable]) -> bool:
    """Whether a constraint over these variables is listed, whatever it says."""
    combinations = count_combinations(scope)
    return combinations == 1 or combinations <= (PAIRS if len(scope) <= 2 else FEW)


def tabulated(
    scope: tuple[Variable, ...], holds: Callable[[dict[Variable, np.ndarray]], Any], shown: str
) -> Tabulated | Member:
    """What ``holds`` says of all combinations, as a table, or as a set of values of one variable.

    Args:
      scope: the variables.
      holds: from arrays of value indices, by variable, to Booleans; called once.
      shown: what it says, in words.
    """
    sizes = tuple(len(variable.domain) for variable in scope)
    mask = np.broadcast_to(np.asarray(holds(index_grid(scope)), np.bool_), sizes)
    if len(scope) == 1:
        (variable,) = scope
        return Member(variable, [v for v, ok in zip(variable.domain, mask, strict=True) if ok])
    return Tabulated(scope, mask, shown)


def index_grid(scope: Sequence[Variable]) -> dict[Variable, np.ndarray]:
    """All combinations of value indices, as arrays of one long axis each, that broadcast."""
    count = len(scope)
    return {
        variable: np.arange(len(variable.domain)).reshape(
            [-1 if k == n else 1 for k in range(count)]
        )
        for n, variable in enumerate(scope)
    }
