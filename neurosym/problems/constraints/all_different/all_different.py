"""`AllDifferent`: no two of the variables take the same value.

Pruning (`distinct.py`) at level ``"singles"``: a value that one variable is assigned leaves the
others (naked singles); where there are as many values as variables, a value that only one variable
still has is assigned to it (hidden singles), and the values that a shared part of two constraints
must take leave the rest of the second constraint. From three variables on, that is weaker than
exact. Level ``"hall"`` is exact for up to `MAX_HALL` variables (`hall.py`).

Total and support (`subsets_lowering.py`) grow with the number of subsets of the values, not with
the number of permutations.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.all_different.distinct import Distinct, MappedDistinct
from neurosym.problems.constraints.all_different.hall import HallSets
from neurosym.problems.constraints.all_different.subsets_lowering import (
    chain_of_sets,
    lower_all_different,
)
from neurosym.problems.constraints.all_different.subsets_messages import SetLattice, set_messages
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.propagator import Coupled, Propagator, shared_length
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.table import TableRelation
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring

if TYPE_CHECKING:
    from neurosym.problems.expression import Arithmetic
    from neurosym.problems.problem import Problem
    from neurosym.problems.variable import Variable

LEVELS = ("singles", "hall")

MAX_HALL = 12
"""Variables of an `AllDifferent` at level "hall": its cost grows with the number of their subsets.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class AllDifferent(Constraint):
    """The variables and expressions differ pairwise in value.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> queens = problem.variables("queen", shape=6, domain=range(6))
    >>> problem.add(AllDifferent(queens))
    >>> problem.add(AllDifferent([queen + row for row, queen in enumerate(queens)]))

    Attributes:
      entries: variables, expressions and constants. Functions of one variable each, such as
        ``2 * x + 3``, need no auxiliary variable.
      level: "singles", or "hall" for exact pruning of at most `MAX_HALL` variables.

    Raises:
      ValueError: for no variables, a variable that occurs twice, an expression of a value that is
        not an integer, an unknown level, or too many variables for it.
    """

    entries: Sequence[Variable | Arithmetic]
    level: str = "singles"
    scope: tuple[Variable, ...] = dataclasses.field(init=False, default=())
    values: tuple[tuple[Hashable, ...], ...] = dataclasses.field(init=False, default=())

    def __post_init__(self) -> None:
        from neurosym.problems.auxiliary import guards_of, problem_of
        from neurosym.problems.expression import Arithmetic, LinearExpression
        from neurosym.problems.functions import truth
        from neurosym.problems.variable import Variable

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
        names = [entry.name for entry in entries if isinstance(entry, Variable)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"an all-different constraint names variable {twice!r} twice")
        problem = problem_of(entries)
        if problem is None:
            raise ValueError("an all-different constraint needs at least one variable")
        read, seen = [], set()
        for entry in entries:
            variable, values = _entry(entry, problem)
            if variable in seen:  # x and x + 1: the second one is a variable of its own
                entry = entry if isinstance(entry, Arithmetic) else truth(entry)
                alone = LinearExpression({entry: 1}, 0)
                variable = problem.add_auxiliary(tuple(entry._values()), alone, str(entry))
                values = variable.domain
            seen.add(variable)
            read.append((variable, values))
        scope = tuple(variable for variable, _ in read)
        object.__setattr__(self, "guards", guards_of(entries))
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "values", tuple(values for _, values in read))

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.scope)
        return f"AllDifferent({names})"

    def negatable(self) -> Sequence[Constraint]:
        """That every two entries differ."""
        from neurosym.problems.constraints.tabulated import Tabulated

        found: list[Constraint] = []
        pairs = list(zip(self.scope, self.values, strict=True))
        for n, (x, held) in enumerate(pairs):
            for y, others in pairs[:n]:
                index = {value: v for v, value in enumerate(others)}
                mask = np.ones((len(held), len(others)), np.bool_)
                for v, value in enumerate(held):
                    if value in index:
                        mask[v, index[value]] = False
                if not mask.all():
                    found.append(Tabulated((x, y), mask, f"{x.name} != {y.name}"))
        return found

    def check(self, values: Sequence[Hashable]) -> bool:
        taken = [
            held[variable.value_index(value)]
            for variable, held, value in zip(self.scope, self.values, values, strict=True)
        ]
        return len(set(taken)) == len(taken)

    def compile(self) -> tuple[Placed, ...]:
        maps = common_indices(self.values)
        if len(set().union(*maps)) < len(maps):  # more variables than values
            sizes = tuple(len(row) for row in maps)
            return self.place(TableRelation(sizes=sizes, rows=(), allowed=True))
        return self.place(AllDifferentRelation(maps=maps, level=self.level))


@dataclasses.dataclass(frozen=True)
class AllDifferentRelation(Relation):
    """``maps[k][x_k]`` differ pairwise: indices in a universe of values that positions share."""

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
        """The number added to a value index in each position, if every map is such a shift."""
        if all(row == tuple(range(row[0], row[0] + len(row))) for row in set(self.maps)):
            return tuple(row[0] for row in self.maps)
        return None

    def allows(self, assignment: Sequence[int]) -> bool:
        taken = {row[v] for row, v in zip(self.maps, assignment, strict=True)}
        return len(taken) == len(self.maps)

    @property
    def bucket(self) -> Hashable:
        arity = shared_length(len(self.maps))
        if self.level == "hall":
            return "hall", len(self.maps)
        shifts = self.shifts
        if shifts is not None and not any(shifts):
            return "same", arity
        if shifts is not None and self.universe <= bits.WORD:
            return "shifted", arity
        return "mapped", arity

    @classmethod
    def group(cls, placed: Sequence[Placed[AllDifferentRelation]], size: int) -> Propagator:
        rows = [(scope, relation.maps) for relation, scope in placed]
        if placed[0].relation.bucket[0] == "hall":  # type: ignore[index]
            return HallSets.build(rows, size)
        return MappedDistinct.build(rows, size)

    @classmethod
    def couple(
        cls, placed: Sequence[Placed[AllDifferentRelation]], size: int, variables: int
    ) -> Coupled | None:
        """A propagator of all variables at once, where their values are aligned."""
        if placed[0].relation.bucket[0] not in ("same", "shifted"):  # type: ignore[index]
            return None
        rows = [(scope, r.shifts or (), r.sizes) for r, scope in placed]
        return Distinct.build(rows, size, variables)

    def lower(self, private: frozenset[int]) -> Lowering:
        return lower_all_different(self.maps, private)

    def messages(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        coordinates = semiring.coordinates
        if coordinates is not None and coordinates.shifted:
            lattice = _lattice(self.maps)
            if lattice is not None:
                return set_messages(semiring, lattice, weights)
        return self.support(semiring, weights)


@functools.lru_cache(maxsize=64)
def _lattice(maps: tuple[tuple[int, ...], ...]) -> SetLattice | None:
    chain = chain_of_sets(maps)
    return None if chain is None else SetLattice.of(chain, maps)


def _entry(entry: Any, problem: Problem) -> tuple[Variable, tuple[Hashable, ...]]:
    """The variable of an entry, and what each value of its domain becomes."""
    from neurosym.problems.auxiliary import as_variable
    from neurosym.problems.constraints.constraint import Constraint
    from neurosym.problems.expression import Arithmetic, integers_of
    from neurosym.problems.functions import OneVariable, truth
    from neurosym.problems.variable import Variable

    if isinstance(entry, Constraint):
        entry = truth(entry)
    if not isinstance(entry, Arithmetic):
        variable = as_variable(entry, problem)
        return variable, variable.domain
    coefficients, constant = entry._terms()
    terms = [(atom, c) for atom, c in coefficients.items() if c]
    if len(terms) == 1:
        ((atom, c),) = terms
        if (c, constant) == (1, 0) and isinstance(atom, Variable):
            return atom, atom.domain
        if isinstance(atom, OneVariable) and len(set(atom.values)) == len(atom.values):
            return atom.variable, tuple([c * value + constant for value in atom.values])
        if isinstance(atom, Variable):
            return atom, tuple([c * value + constant for value in integers_of(atom)])
    variable = as_variable(entry, problem)
    return variable, variable.domain


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
