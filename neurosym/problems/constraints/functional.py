"""`Functional`: an auxiliary variable is a function of a few variables, listed.

    h == x * y     rows (0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1): one for each pair of x and y

Pruning is exact.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.constraint import Constraint, Placed
from neurosym.problems.constraints.table import TableRelation
from neurosym.problems.constraints.tabulated import index_grid

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

MAX_ROWS = 2**16
"""Combinations of values of what a function reads."""


@dataclasses.dataclass(frozen=True, eq=False)
class Functional(Constraint):
    """The last variable of ``scope`` is a function of the others.

    Attributes:
      scope: what the function reads, and the variable that it gives.
      result: ``int[D_0, ...]``: the value index of the last variable, or -1 where the others never
        take these values together.
    """

    scope: tuple[Variable, ...]
    result: np.ndarray = dataclasses.field(repr=False)

    @classmethod
    def of(
        cls,
        read: Sequence[Variable],
        variable: Variable,
        at: Callable[[dict[Variable, np.ndarray]], Any],
    ) -> Functional:
        """From a function of value indices, by variable, to values of ``variable``."""
        sizes = tuple(len(x.domain) for x in read)
        domain = np.asarray([int(v) for v in variable.domain])  # type: ignore[call-overload]
        values = np.broadcast_to(np.asarray(at(index_grid(read))), sizes)
        values = values.astype(domain.dtype)
        result = np.minimum(np.searchsorted(domain, values), len(domain) - 1)
        # Auxiliary variables may not take all their values together: what lies outside is left out.
        return cls((*read, variable), np.where(domain[result] == values, result, -1))

    def check(self, values: Sequence[Hashable]) -> bool:
        index = [x.value_index(value) for x, value in zip(self.scope, values, strict=True)]
        return bool(self.result[tuple(index[:-1])] == index[-1])

    def compile(self) -> tuple[Placed, ...]:
        size = len(self.scope[-1].domain)
        if self.result.ndim == 1:
            mask = self.result[:, None] == np.arange(size)
            return self.place(BinaryRelation.from_mask(mask))
        grid = np.indices(self.result.shape).reshape(self.result.ndim, -1)
        rows = np.concatenate([grid, self.result.reshape(1, -1)]).T
        rows = rows[rows[:, -1] >= 0].tolist()
        sizes = (*self.result.shape, size)
        return self.place(TableRelation(sizes, tuple(map(tuple, rows)), True))
