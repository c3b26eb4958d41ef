"""`Additive`: a sum of functions of one variable each, compared with a constant.

    2 * (x == 1) + 3 * (y == 1) <= 4      rows ((0, 2, 0), (0, 3, 0)) over x, y in 0 to 2

It compiles to the same relations as `Linear`, whose terms are a value times a coefficient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.comparison import COMPARISONS, NEGATIONS
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.linear import check_reach, relation_of_sum
from neurosym.problems.constraints.relation import Placed

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Additive(Constraint):
    """``Σ_k rows[k][x_k]  relation  constant``.

    Attributes:
      scope: distinct variables; those whose row is constant are left out.
      rows: what each value index of each variable adds.
      relation: one of ``== != < <= > >=``.
      constant: an integer.

    Raises:
      ValueError: for sums beyond 62 bits.
    """

    scope: tuple[Variable, ...]
    rows: tuple[tuple[int, ...], ...]
    relation: str
    constant: int

    def __post_init__(self) -> None:
        kept, constant = {}, self.constant
        for variable, row in zip(self.scope, self.rows, strict=True):
            if len(set(row)) == 1:
                constant -= row[0]
            else:
                kept[variable] = row
        check_reach(kept.values(), tuple(variable.name for variable in kept))
        object.__setattr__(self, "scope", tuple(kept))
        object.__setattr__(self, "rows", tuple(kept.values()))
        object.__setattr__(self, "constant", constant)

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.scope)
        return f"Additive(functions of {names} {self.relation} {self.constant})"

    def check(self, values: Sequence[Hashable]) -> bool:
        index = [x.value_index(value) for x, value in zip(self.scope, values, strict=True)]
        total = sum(row[v] for row, v in zip(self.rows, index, strict=True))
        return bool(COMPARISONS[self.relation](total, self.constant))

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import index_of

        total: Any = np.asarray(0)
        for row, variable in zip(self.rows, self.scope, strict=True):
            total = total + np.asarray(row)[index_of(variable, given)]
        return COMPARISONS[self.relation](total, self.constant)

    def negated(self) -> Additive:
        return dataclasses.replace(self, relation=NEGATIONS[self.relation])

    def compile(self) -> tuple[Placed, ...]:
        if not self.scope:
            return ()
        loose = any(variable.index < 0 for variable in self.scope)
        return self.place(relation_of_sum(self.rows, self.relation, self.constant, loose=loose))
