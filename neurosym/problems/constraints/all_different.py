"""`AllDifferent`: no two of the variables take the same value.

Pruning (`distinct.py`) at level ``"singles"``: a value that one variable is assigned leaves the
others (naked singles); where there are as many values as variables, a value that only one variable
still has is assigned to it (hidden singles), and what a shared part of two constraints must take
leaves the rest of the second. That is weaker than exact from three variables on. Level ``"hall"``
is exact for up to `MAX_HALL` variables (`hall.py`).

Total and support: the permanent, as a chain over the sets of values that a prefix of the variables
may have used (Ryser's problem by the dynamic program of Bax 1993 and others over subsets), so it
grows with the number of subsets, not of permutations.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.constraint import (
    Constraint,
    DenseLowering,
    Group,
    Labels,
    Relation,
    power_of_two,
)
from neurosym.problems.constraints.distinct import Distinct, MappedDistinct
from neurosym.problems.constraints.hall import HallSets
from neurosym.problems.constraints.table import TableRelation

if TYPE_CHECKING:
    from neurosym.problems.expression import Arithmetic
    from neurosym.problems.variable import Variable

LEVELS = ("singles", "hall")

MAX_HALL = 12
"""Variables of an `AllDifferent` at level "hall": its cost grows with the number of their subsets.
"""

MAX_DENSE = 2**12
"""Entries of a mask over all variables that is laid out whole."""


@dataclasses.dataclass(frozen=True, eq=False)
class AllDifferent(Constraint):
    """The variables, or expressions of one variable such as ``x + 3``, differ pairwise in value.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> queens = problem.variables("queen", shape=6, domain=range(6))
    >>> problem.add(AllDifferent(queens))
    >>> problem.add(AllDifferent([queen + row for row, queen in enumerate(queens)]))

    Attributes:
      entries: variables, or expressions ``c * x + d`` of one variable each with integer values.
      level: "singles", or "hall" for exact pruning of at most `MAX_HALL` variables.

    Raises:
      ValueError: for no variables, a variable that occurs twice, an expression of several
        variables or of a value that is no integer, an unknown level, or too many variables for it.
    """

    entries: Sequence[Variable | Arithmetic]
    level: str = "singles"
    scope: tuple[Variable, ...] = dataclasses.field(init=False, default=())
    values: tuple[tuple[Hashable, ...], ...] = dataclasses.field(init=False, default=())

    def __post_init__(self) -> None:
        entries = tuple(np.asarray(self.entries, dtype=object).ravel())
        if not entries:
            raise ValueError("an all-different constraint needs at least one variable")
        if self.level not in LEVELS:
            raise ValueError(f"all-different has the levels {', '.join(LEVELS)}, not {self.level}")
        if self.level == "hall" and len(entries) > MAX_HALL:
            raise ValueError(
                f"all-different at level 'hall' takes at most {MAX_HALL} variables, not "
                f"{len(entries)}"
            )
        read = [_entry(entry) for entry in entries]
        scope = tuple(variable for variable, _ in read)
        if len({id(variable) for variable in scope}) != len(scope):
            names = [variable.name for variable in scope]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"an all-different constraint names variable {twice!r} twice")
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "values", tuple(values for _, values in read))

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.scope)
        return f"AllDifferent({names})"

    def check(self, values: Sequence[Hashable]) -> bool:
        taken = [
            held[variable.value_index(value)]
            for variable, held, value in zip(self.scope, self.values, values, strict=True)
        ]
        return len(set(taken)) == len(taken)

    def compile(self) -> Relation:
        scope = tuple(variable.index for variable in self.scope)
        maps = common_indices(self.values)
        if len(set().union(*maps)) < len(scope):  # more variables than values
            sizes = tuple(len(row) for row in maps)
            return TableRelation(scope=scope, sizes=sizes, rows=(), allowed=True)
        return AllDifferentRelation(scope=scope, maps=maps, level=self.level)


@dataclasses.dataclass(frozen=True)
class AllDifferentRelation(Relation):
    """``maps[k][x_k]`` differ pairwise: indices in a universe of values that positions share."""

    scope: tuple[int, ...]
    maps: tuple[tuple[int, ...], ...]
    level: str = "singles"
    kind: ClassVar[str] = "all_different"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(row) for row in self.maps)

    @property
    def universe(self) -> int:
        """The number of indices that the maps reach up to."""
        return max(max(row) for row in self.maps) + 1

    @property
    def shifts(self) -> tuple[int, ...] | None:
        """What is added to a value index in each position, if every map is such a shift."""
        if all(row == tuple(range(row[0], row[0] + len(row))) for row in set(self.maps)):
            return tuple(row[0] for row in self.maps)
        return None

    def allows(self, assignment: Sequence[int]) -> bool:
        taken = {row[v] for row, v in zip(self.maps, assignment, strict=True)}
        return len(taken) == len(self.maps)

    @property
    def bucket(self) -> Hashable:
        arity = power_of_two(len(self.scope))
        if self.level == "hall":
            return "hall", len(self.scope)
        shifts = self.shifts
        if shifts is not None and not any(shifts):
            return "same", arity
        if shifts is not None and self.universe <= bits.WORD:
            return "shifted", arity
        return "mapped", arity

    @classmethod
    def group(cls, relations: Sequence[AllDifferentRelation], size: int) -> Group:
        if relations[0].bucket[0] == "hall":  # type: ignore[index]
            return HallSets.build([(r.scope, r.maps) for r in relations], size)
        return MappedDistinct.build([(r.scope, r.maps) for r in relations], size)

    @classmethod
    def couple(
        cls, relations: Sequence[AllDifferentRelation], size: int, variables: int
    ) -> Any | None:
        """A group that revises all variables at once, where their values are aligned."""
        if relations[0].bucket[0] not in ("same", "shifted"):  # type: ignore[index]
            return None
        rows = [(r.scope, r.shifts or (), r.sizes) for r in relations]
        return Distinct.build(rows, size, variables)

    def lower(self, private: frozenset[int], name: Hashable) -> DenseLowering:
        if math.prod(self.sizes) <= MAX_DENSE or len(self.scope) <= 2:
            return DenseLowering([self.scope], lambda: [self._mask()])
        return self._lower_chain(name)

    def _mask(self) -> np.ndarray:
        mask = np.ones(self.sizes, np.bool_)
        for j, k in itertools.combinations(range(len(self.scope)), 2):
            same = np.asarray(self.maps[j])[:, None] == np.asarray(self.maps[k])[None, :]
            shape = [size if n in (j, k) else 1 for n, size in enumerate(self.sizes)]
            mask &= ~same.reshape(shape)
        return mask

    def _lower_chain(self, name: Hashable) -> DenseLowering:
        """A chain of sets of used values: exactly one path for each allowed assignment.

        After k variables the state is the set of values used that later variables may still want;
        others need not be remembered.
        """
        arity = len(self.scope)
        later = [set().union(*self.maps[k:]) for k in range(arity + 1)]
        layers: list[dict[frozenset[int], int]] = [{frozenset(): 0}]
        for k in range(arity - 1):
            reached = {
                (used | {value}) & later[k + 1]
                for used in layers[-1]
                for value in self.maps[k]
                if value not in used
            }
            layers.append({used: n for n, used in enumerate(sorted(reached, key=sorted))})
        hidden: dict[Hashable, int] = {(name, k): max(1, len(layers[k])) for k in range(1, arity)}
        labels: list[Labels] = []
        for k, variable in enumerate(self.scope):
            before = ((name, k),) if k > 0 else ()
            after = ((name, k + 1),) if k < arity - 1 else ()
            labels.append((*before, variable, *after))

        def masks() -> list[np.ndarray]:
            steps = []
            for k, row in enumerate(self.maps):
                last = k == arity - 1
                width = 1 if last else hidden[name, k + 1]
                step = np.zeros((max(1, len(layers[k])), len(row), width), np.bool_)
                for used, state in layers[k].items():
                    for v, value in enumerate(row):
                        if value not in used:
                            after = 0 if last else layers[k + 1][(used | {value}) & later[k + 1]]
                            step[state, v, after] = True
                step = step[..., 0] if last else step
                steps.append(step[0] if k == 0 else step)
            return steps

        return DenseLowering(labels, masks, hidden)


def _entry(entry: Any) -> tuple[Variable, tuple[Hashable, ...]]:
    """The variable of an entry, and what each value of its domain becomes."""
    terms = getattr(entry, "_terms", None)
    if terms is None:
        raise ValueError(f"all-different takes variables and expressions of one, not {entry!r}")
    coefficients, constant = terms()
    if len(coefficients) != 1:
        raise ValueError(f"all-different takes expressions of one variable, not {entry!r}")
    ((variable, coefficient),) = coefficients.items()
    if (coefficient, constant) == (1, 0):
        return variable, variable.domain
    values = []
    for value in variable.domain:
        if not isinstance(value, int | np.integer):
            raise ValueError(
                f"arithmetic on variable {variable.name!r}: domain value must be an integer, "
                f"not {value!r}"
            )
        values.append(coefficient * int(value) + constant)
    if coefficient == 0:
        raise ValueError(f"in all-different, variable {variable.name!r} has the coefficient 0")
    return variable, tuple(values)


def common_indices(rows: Sequence[tuple[Hashable, ...]]) -> tuple[tuple[int, ...], ...]:
    """Each position's values as indices of one universe, shifts of the value index if possible."""
    if len(set(rows)) == 1:
        return (tuple(range(len(rows[0]))),) * len(rows)
    if all(isinstance(value, int | np.integer) for row in rows for value in row):
        numbers = [[int(value) for value in row] for row in rows]  # type: ignore[call-overload]
        least = min(min(row) for row in numbers)
        near = max(max(row) for row in numbers) - least < bits.WORD
        if near and all(row == list(range(row[0], row[0] + len(row))) for row in numbers):
            return tuple(tuple(value - least for value in row) for row in numbers)
    index: dict[Hashable, int] = {}
    for row in rows:
        for value in row:
            index.setdefault(value, len(index))
    return tuple(tuple(index[value] for value in row) for row in rows)
