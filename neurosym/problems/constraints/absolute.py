"""`Absolute`: the absolute value of a sum, compared with a constant; ``abs(x - y) == 3``.

It is tabulated by array arithmetic when the problem is compiled. Over two variables the table is a
binary relation, so domains may be large. Pruning is exact.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.binary import MAX_PAIRS
from neurosym.problems.constraints.comparison import COMPARISONS, NEGATIONS
from neurosym.problems.constraints.constraint import Constraint, Placed
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.masked import count_combinations, relation_of_mask
from neurosym.problems.constraints.predicate import MAX_COMBINATIONS

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Absolute(Constraint):
    """``|coefficients · scope + offset|  relation  constant``.

    Usually written as ``problem.add(abs(x - y) == 3)``; this is the explicit form of it:
    ``Absolute((x, y), (1, -1), 0, "==", 3)``. A repeated variable adds up its coefficients, and
    variables with coefficient zero drop out.

    Attributes:
      scope: the variables; their domains hold integers.
      coefficients: one integer for each variable.
      offset: an integer.
      relation: one of ``== != < <= > >=``.
      constant: an integer.

    Raises:
      ValueError: as `Linear`, or for more combinations of values than can be listed.
    """

    scope: tuple[Variable, ...]
    coefficients: tuple[int, ...]
    offset: int
    relation: str
    constant: int

    def __post_init__(self) -> None:
        Linear(self.scope, self.coefficients, self.relation, self.constant)
        sum_alone = Linear(self.scope, self.coefficients, self.relation, -self.offset)
        scope = sum_alone.scope
        combinations = count_combinations(scope)
        limit = MAX_PAIRS if len(scope) <= 2 else MAX_COMBINATIONS
        if combinations > limit:
            names = ", ".join(variable.name for variable in scope)
            raise ValueError(
                f"abs(...) over {names} has {combinations} combinations of values, more than "
                f"{limit}; declare a variable that equals the sum and take its abs(...)"
            )
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "coefficients", sum_alone.coefficients)
        object.__setattr__(self, "offset", -sum_alone.constant)
        object.__setattr__(self, "constant", int(self.constant))

    def __repr__(self) -> str:
        terms = [f"{c}·{v.name}" for v, c in zip(self.scope, self.coefficients, strict=True)]
        inside = " + ".join([*terms, str(self.offset)] if self.offset else terms)
        return f"Absolute(|{inside}| {self.relation} {self.constant})"

    def check(self, values: Sequence[Hashable]) -> bool:
        total = sum(c * int(v) for c, v in zip(self.coefficients, values, strict=True))  # type: ignore[call-overload]
        return bool(COMPARISONS[self.relation](abs(total + self.offset), self.constant))

    def negated(self) -> Absolute:
        return dataclasses.replace(self, relation=NEGATIONS[self.relation])

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import index_of

        total: Any = np.asarray(self.offset)
        for c, x in zip(self.coefficients, self.scope, strict=True):
            values = np.asarray([int(value) for value in x.domain])  # type: ignore[call-overload]
            total = total + c * values[index_of(x, given)]
        return COMPARISONS[self.relation](abs(total), self.constant)

    def compile(self) -> tuple[Placed, ...]:
        if not self.scope:
            return ()
        terms = [
            c * np.asarray([int(value) for value in x.domain], np.int64)  # type: ignore[call-overload]
            for c, x in zip(self.coefficients, self.scope, strict=True)
        ]
        sums = functools.reduce(np.add.outer, terms) + self.offset
        return self.place(relation_of_mask(COMPARISONS[self.relation](abs(sums), self.constant)))
