"""Orders of sequences: increasing, lexicographic, equal; a value before another one.

Pruning is exact where no variable is named twice.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from neurosym.problems.constraints.catalogue.over_entries import (
    OverEntries,
    listed,
    same_lengths,
)
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.regular import Regular
from neurosym.problems.functions.function import Function
from neurosym.problems.functions.one_variable import simplified
from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Monotone(OverEntries):
    """Neighbours are in order, upwards or downwards."""

    entries: Sequence[Any]
    strict: bool = False
    _upwards: ClassVar[bool]

    def __post_init__(self) -> None:
        self._keep(self.entries)

    def accepts(self, *groups: list[Any]) -> bool:
        return all(a < b if self.strict else a <= b for a, b in self._pairs(groups[0]))

    def decompose(self) -> list[Constraint]:
        return [_ordered(a, b, self.strict) for a, b in self._pairs(self._groups[0])]

    def _pairs(self, entries: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Neighbours, the one that is to be the lesser first."""
        return [(a, b) if self._upwards else (b, a) for a, b in itertools.pairwise(entries)]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Increasing(_Monotone):
    """Each entry is at most the next one; less where ``strict``.

    Attributes:
      entries: variables, expressions and integers.
      strict: whether neighbours differ.

    Raises:
      ValueError: without variables.
    """

    _upwards = True


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Decreasing(_Monotone):
    """Each entry is at least the next one; greater where ``strict``. See `Increasing`."""

    _upwards = False


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AllEqual(OverEntries):
    """All entries have the same value.

    Attributes:
      entries: variables, expressions and constants.

    Raises:
      ValueError: without variables.
    """

    entries: Sequence[Any]

    def __post_init__(self) -> None:
        self._keep(self.entries)

    def accepts(self, *groups: list[Any]) -> bool:
        return len(set(groups[0])) <= 1

    def decompose(self) -> list[Constraint]:
        entries = sorted(self._groups[0], key=lambda entry: not isinstance(entry, Variable))
        return [_equal(a, b) for a, b in itertools.pairwise(entries)]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LexLess(OverEntries):
    """The first sequence comes before the second one in lexicographic order.

    Attributes:
      first: variables, expressions and integers.
      second: as many of them.
      strict: False allows them to be equal.

    Raises:
      ValueError: for sequences of different lengths, or without variables.
    """

    first: Sequence[Any]
    second: Sequence[Any]
    strict: bool = True

    def __post_init__(self) -> None:
        first, second = listed(self.first), listed(self.second)
        same_lengths("a lexicographic order", first=first, second=second)
        self._keep(first, second)

    def accepts(self, *groups: list[Any]) -> bool:
        first, second = groups
        return first < second if self.strict else first <= second

    def decompose(self) -> list[Constraint]:
        signs = [simplified(Sign(a, b)) for a, b in zip(*self._groups, strict=True)]
        moves = {("equal", 0): "equal", ("equal", -1): "less"}
        moves |= {("less", sign): "less" for sign in (-1, 0, 1)}
        accepting = ["less"] if self.strict else ["equal", "less"]
        return [Regular(signs, Automaton(("equal", "less"), "equal", accepting, moves))]


def lex_less_equal(first: Sequence[Any], second: Sequence[Any]) -> LexLess:
    """That the first sequence comes before the second one, or that they are equal."""
    return LexLess(first, second, strict=False)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LexChain(OverEntries):
    """Each row comes before the next one in lexicographic order, or equals it if not ``strict``.

    Pruning is that of each pair of neighbours.

    Attributes:
      rows: sequences of one length.
      strict: whether neighbours differ.

    Raises:
      ValueError: for rows of different lengths, or without variables.
    """

    rows: Sequence[Sequence[Any]]
    strict: bool = True

    def __post_init__(self) -> None:
        rows = [listed(row) for row in self.rows]
        same_lengths("a chain", **{f"in row {n}": row for n, row in enumerate(rows)})
        self._keep(*rows)

    def accepts(self, *groups: list[Any]) -> bool:
        return all(a < b if self.strict else a <= b for a, b in itertools.pairwise(groups))

    def decompose(self) -> list[Constraint]:
        return [LexLess(a, b, self.strict) for a, b in itertools.pairwise(self._groups)]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Precede(OverEntries):
    """Of some values in a row, each occurs in a sequence only after the one before it has.

    It breaks the symmetry of values that may be exchanged.

    Attributes:
      entries: variables, expressions and constants.
      values: in the order of their first occurrences; at least two.

    Raises:
      ValueError: without variables, or for fewer than two values or repeated ones.
    """

    entries: Sequence[Any]
    values: Sequence[Hashable]

    def __post_init__(self) -> None:
        values = tuple(self.values)
        if len(values) < 2 or len(set(values)) < len(values):
            raise ValueError(f"values that precede each other are two or more, not {values}")
        object.__setattr__(self, "values", values)
        self._keep(self.entries)

    def accepts(self, *groups: list[Any]) -> bool:
        seen = 0
        for value in groups[0]:
            if value in self.values:
                place = self.values.index(value)
                if place > seen:
                    return False
                seen = max(seen, place + 1)
        return True

    def decompose(self) -> list[Constraint]:
        from neurosym.problems.auxiliary import all_variables

        variables = all_variables(self._groups[0], "Precede")
        alphabet = dict.fromkeys(value for x in variables for value in x.domain)
        place = {value: n for n, value in enumerate(self.values)}
        states = range(len(self.values) + 1)
        moves = {
            (seen, value): max(seen, place.get(value, -1) + 1)
            for seen in states
            for value in alphabet
            if place.get(value, -1) <= seen
        }
        return [Regular(variables, Automaton(states, 0, states, moves))]


class Sign(Function):
    """-1, 0 or 1: whether x is less than, equal to or greater than y."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"sign({self.arguments[0]} - {self.arguments[1]})"

    def _apply(self, *values: Any) -> Any:
        return np.sign(np.asarray(values[0]) - values[1])


def _ordered(first: Any, second: Any, strict: bool) -> Any:
    found = first < second if strict else first <= second
    return found if isinstance(found, Constraint) else bool_constraint(found)


def bool_constraint(truth: Any) -> Constraint:
    """A comparison of numbers as a constraint without variables."""
    from neurosym.problems.logic import always

    return always(bool(truth))


def _equal(first: Any, second: Any) -> Constraint:
    from neurosym.problems.constraints.element.element import _equal as equal_values

    if isinstance(first, Variable) and isinstance(second, Variable):
        numbers = all(isinstance(v, int | np.integer) for x in (first, second) for v in x.domain)
        return first == second if numbers else equal_values(first, second)
    if isinstance(first, Variable) and not isinstance(second, Constraint | Function):
        from neurosym.problems.expression import Arithmetic

        if not isinstance(second, Arithmetic):
            return equal_values(first, second)
    found = first == second
    return found if isinstance(found, Constraint) else bool_constraint(found)
