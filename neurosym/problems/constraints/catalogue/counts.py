"""Counts over sequences: how often values occur, how many are distinct, parity, exceptions."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Hashable, Sequence
from typing import Any

from neurosym.problems.auxiliary import all_variables
from neurosym.problems.constraints.catalogue.orders import _equal, bool_constraint
from neurosym.problems.constraints.catalogue.over_entries import (
    OverEntries,
    listed,
    same_lengths,
)
from neurosym.problems.constraints.comparison import COMPARISONS, check_relation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.count import Count
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.regular import Regular
from neurosym.problems.expression import Arithmetic, compare
from neurosym.problems.functions import truth
from neurosym.problems.logic import any_of, as_constraint, negation


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GlobalCardinality(OverEntries):
    """Each of some values occurs as often as its count says.

    Pruning is that of a `Count` for each value, which is exact.

    Attributes:
      entries: variables, expressions and constants.
      values: distinct values.
      counts: for each value an integer, a variable or an expression.
      closed: whether no other value occurs.

    Raises:
      ValueError: for another number of counts than values, or without variables.
    """

    entries: Sequence[Any]
    values: Sequence[Hashable]
    counts: Sequence[Any]
    closed: bool = False

    def __post_init__(self) -> None:
        values, counts = tuple(self.values), listed(self.counts)
        same_lengths("a cardinality", values=values, counts=counts)
        object.__setattr__(self, "values", values)
        self._keep(self.entries, counts)

    def accepts(self, *groups: list[Any]) -> bool:
        entries, counts = groups
        right = all(entries.count(v) == n for v, n in zip(self.values, counts, strict=True))
        return right and (not self.closed or set(entries) <= set(self.values))

    def decompose(self) -> list[Constraint]:
        entries, counts = self._groups
        variables = all_variables((*entries, *counts), "a cardinality")[: len(entries)]
        possible = {value for x in variables for value in x.domain}
        parts: list[Constraint] = []
        for value, number in zip(self.values, counts, strict=True):
            if value in possible:
                parts.append(Count(variables, {value}, "==", number))
            else:
                found = 0 == number  # noqa: SIM300
                parts.append(found if isinstance(found, Constraint) else bool_constraint(found))
        if self.closed:
            for x in variables:
                inside = [value for value in x.domain if value in self.values]
                if len(inside) < len(x.domain):
                    parts.append(Member(x, inside))
        return parts


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NValue(OverEntries):
    """The number of distinct values of some entries, compared with ``number``.

    Pruning is that of one count over "some entry has this value", for each value.

    Attributes:
      entries: variables, expressions and constants.
      relation: one of ``== != < <= > >=``.
      number: an integer, a variable or an expression.

    Raises:
      ValueError: without variables, or for an unknown relation.
    """

    entries: Sequence[Any]
    relation: str
    number: Any

    def __post_init__(self) -> None:
        check_relation(self.relation, "a number of values")
        self._keep(self.entries, self.number)

    def accepts(self, *groups: list[Any]) -> bool:
        return bool(COMPARISONS[self.relation](len(set(groups[0])), groups[1][0]))

    def decompose(self) -> list[Constraint]:
        entries = all_variables((*self._groups[0], self.number), "NValue")[:-1]
        where: dict[Hashable, list[Constraint]] = {}
        for x in dict.fromkeys(entries):
            for value in x.domain:
                where.setdefault(value, []).append(Member(x, [value]))
        there = [truth(any_of(members)) for members in where.values()]
        return [compare(sum(there[1:], there[0]), self.relation, self.number)]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Xor(OverEntries):
    """An odd number of some constraints and 0/1 variables hold. Pruning is exact over variables.

    Attributes:
      parts: constraints and 0/1 variables.

    Raises:
      ValueError: without parts, or for one that is neither.
    """

    parts: Sequence[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(as_constraint(part) for part in listed(self.parts)))
        self._keep(self.parts)

    def accepts(self, *groups: list[Any]) -> bool:
        return sum(groups[0]) % 2 == 1

    def decompose(self) -> list[Constraint]:
        moves = {(odd, bit): odd ^ bit for odd in (0, 1) for bit in (0, 1)}
        return [Regular([truth(part) for part in self.parts], Automaton((0, 1), 0, [1], moves))]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AllDifferentExcept(OverEntries):
    """Entries of equal value take one of some excepted values. Pruning is that of each pair.

    Attributes:
      entries: variables, expressions and constants.
      excepted: values that may be repeated; 0 unless it is given.

    Raises:
      ValueError: without variables.
    """

    entries: Sequence[Any]
    excepted: Collection[Hashable] = (0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "excepted", frozenset(self.excepted))
        self._keep(self.entries)

    def accepts(self, *groups: list[Any]) -> bool:
        kept = [value for value in groups[0] if value not in self.excepted]
        return len(set(kept)) == len(kept)

    def decompose(self) -> list[Constraint]:
        variables = all_variables(self._groups[0], "AllDifferentExcept")
        parts: list[Constraint] = []
        for x, y in itertools.combinations(variables, 2):
            if x is y:
                parts.append(Member(x, [value for value in x.domain if value in self.excepted]))
                continue
            free = [value for value in x.domain if value in self.excepted]
            parts.append(any_of(Member(x, free), negation(_equal(x, y))))
        return parts


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Channel(OverEntries):
    """``flags[i]`` holds exactly if ``index == i + start``, and the index is one of these.

    Pruning is exact for each flag.

    Attributes:
      flags: 0/1 variables, expressions or constraints.
      index: a variable or an expression.
      start: the index of the first flag.

    Raises:
      ValueError: without flags, or for one that is neither.
    """

    flags: Sequence[Any]
    index: Any
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "flags", listed(self.flags))
        if not isinstance(self.index, Arithmetic):
            raise ValueError(f"the index of a channel is an expression, not {self.index!r}")
        self._keep(self.flags, self.index)

    def accepts(self, *groups: list[Any]) -> bool:
        flags, (index,) = groups
        inside = 0 <= index - self.start < len(flags)
        return inside and all(
            bool(flag) == (index == self.start + i) for i, flag in enumerate(flags)
        )

    def decompose(self) -> list[Constraint]:
        last = self.start + len(self.flags) - 1
        parts = [compare(self.index, ">=", self.start), compare(self.index, "<=", last)]
        for i, flag in enumerate(self.flags):
            here = compare(self.index, "==", self.start + i)
            parts.append(compare(as_constraint(flag), "==", here))
        return parts
