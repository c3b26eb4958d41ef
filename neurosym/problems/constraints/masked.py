"""`Masked`: constraints that list what they allow, as a mask over combinations of values.

    x < y over three values     allowed = [[0, 1, 1], [0, 0, 1], [0, 0, 0]]

A mask becomes the relation that prunes exactly: values of one variable, pairs of two, or rows of a
table, allowed or forbidden ones, whichever are fewer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.constraint import Constraint, Placed, Relation
from neurosym.problems.constraints.table import TableRelation
from neurosym.problems.constraints.unary import UnaryRelation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


class Masked(Constraint):
    """A constraint that holds where its mask says so. A subclass gives ``scope`` and ``allowed``.

    Attributes:
      allowed: ``bool[D_0, D_1, ...]``, by value indices of ``scope``.
    """

    allowed: np.ndarray

    def check(self, values: Sequence[Hashable]) -> bool:
        index = (x.value_index(value) for x, value in zip(self.scope, values, strict=True))
        return bool(self.allowed[tuple(index)])

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import index_of

        return self.allowed[tuple(index_of(x, given) for x in self.scope)]

    def compile(self) -> tuple[Placed, ...]:
        return self.place(relation_of_mask(self.allowed))


def count_combinations(scope: Sequence[Variable]) -> int:
    """The number of combinations of values."""
    return math.prod(len(variable.domain) for variable in scope)


def tabulate(scope: Sequence[Variable], check: Callable[[Sequence[Hashable]], bool]) -> np.ndarray:
    """``bool[D_0, D_1, ...]``: which combinations of values pass ``check``."""
    values = itertools.product(*(variable.domain for variable in scope))
    holds = np.fromiter(map(check, values), np.bool_, count_combinations(scope))
    return holds.reshape([len(variable.domain) for variable in scope])


def relation_of_mask(mask: np.ndarray) -> Relation:
    """The relation that allows what ``mask`` says, ``bool[D_0, ...]``."""
    if mask.ndim == 1:
        return UnaryRelation(tuple(mask.tolist()))
    if mask.ndim == 2:
        return BinaryRelation.from_mask(mask)
    allowed = 2 * int(mask.sum()) <= mask.size
    rows = np.argwhere(mask == allowed).tolist()
    return TableRelation(mask.shape, tuple(map(tuple, rows)), allowed)
