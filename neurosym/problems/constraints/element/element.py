"""`Element`: an array indexed by a variable, ``array[index] == value``.

The entries of the array are constants, variables, or both. An array of constants is a table of
(index, value) pairs. With variables among the entries pruning is exact too (Van Hentenryck and
Carillon 1988): an index stays while its entry and the value have a value in common, a value stays
while some possible entry has it, and an entry is bound to the value once the index picks it alone.

Values are compared as values, not by their positions in the domains: the entries are translated
into the positions of the value's domain first, unless they agree already.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.auxiliary import Auxiliary, as_variable, guards_of, problem_of
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.element.entries import NOWHERE, ElementRelation
from neurosym.problems.constraints.masked import count_combinations, relation_of_mask, tabulate
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.predicate import MAX_COMBINATIONS
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.table import Table
from neurosym.problems.expression import Arithmetic
from neurosym.problems.variable import Variable

if TYPE_CHECKING:
    from neurosym.problems.problem import Problem


@dataclasses.dataclass(frozen=True, eq=False)
class Element(Constraint):
    """``array[index] == value``.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> day = problem.variable("day", domain=range(3))
    >>> price = problem.variable("price", domain=(10, 20, 30))
    >>> problem.add(Element(day, [20, 10, 20], price))
    >>> problem.compile().allows([1, 0])
    True

    A variable may be several entries of the array. A variable that is also the index or the value
    is allowed where all combinations of values can be listed.

    Attributes:
      index: an expression, or a variable whose domain holds integers. Positions count from 0; a
        value that is not a position of the array is not allowed.
      array: constants (hashable values), variables, and expressions.
      value: a variable, an expression or a constant.
      scope: the distinct variables: the index, the value, the entries.

    Raises:
      ValueError: for an index that is not a variable over integers, an empty array, a constant that
        cannot be hashed, or a variable in two of the three roles where the combinations of values
        are too many to list.
    """

    index: Variable
    array: Sequence[Hashable]
    value: Hashable
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = problem_of([self.index])
        if problem is None:
            raise ValueError(f"the index of an element constraint is a variable, not {self.index}")
        array = tuple(self.array)
        read = (self.index, *array, self.value)
        object.__setattr__(self, "guards", guards_of(read))
        object.__setattr__(self, "index", as_variable(self.index, problem))
        array = tuple([_read(entry, problem) for entry in array])
        object.__setattr__(self, "value", _read(self.value, problem))
        for position in self.index.domain:
            if not isinstance(position, numbers.Integral):
                raise ValueError(
                    f"variable {self.index.name!r} is an index, so its domain holds integers, "
                    f"not {position!r}"
                )
        if not array:
            raise ValueError(f"the array that variable {self.index.name!r} indexes is empty")
        for entry in (*array, self.value):
            try:
                hash(entry)
            except TypeError:
                raise ValueError(
                    f"an element constraint compares with {entry!r}, which cannot be hashed"
                ) from None
        entries = tuple(dict.fromkeys(entry for entry in array if isinstance(entry, Variable)))
        head = (self.index, self.value) if isinstance(self.value, Variable) else (self.index,)
        scope = tuple(dict.fromkeys((*head, *entries)))
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "scope", scope)
        if self._overlaps and count_combinations(scope) > MAX_COMBINATIONS:
            names = ", ".join(variable.name for variable in (*head, *entries))
            raise ValueError(
                f"an element constraint over {names} has a variable in two roles and "
                f"{count_combinations(scope)} combinations of values, more than "
                f"{MAX_COMBINATIONS}; declare another variable that equals it for one of the roles"
            )

    @property
    def _entries(self) -> tuple[Variable, ...]:
        return tuple(dict.fromkeys(entry for entry in self.array if isinstance(entry, Variable)))

    @property
    def _overlaps(self) -> bool:
        """Whether a variable is in two of the roles index, value and entry."""
        return len(self.scope) < 1 + isinstance(self.value, Variable) + len(self._entries)

    def __repr__(self) -> str:
        return f"Element([{_show_all(self.array)}][{self.index.name}] == {_show(self.value)})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        position = int(given[self.index])  # type: ignore[call-overload]
        if not 0 <= position < len(self.array):
            return False
        entry, value = self.array[position], self.value
        found = given[entry] if isinstance(entry, Variable) else entry
        return bool(found == (given[value] if isinstance(value, Variable) else value))

    def negatable(self) -> Sequence[Constraint]:
        """That the index is inside of the array, and that the entry there is the value."""
        from neurosym.problems import functions
        from neurosym.problems.logic import any_of, bare

        index, count = self.index, len(self.array)
        inside = [p for p in index.domain if 0 <= int(p) < count]  # type: ignore[call-overload]
        parts: list[Constraint] = []
        if len(inside) < len(index.domain):
            parts.append(Member(index, inside))
        if all(_is_number(x) for x in (*self.array, self.value)):
            return (*parts, bare(functions.entry(self.array, index) == self.value))
        for p in inside:
            here, value = self.array[int(p)], self.value  # type: ignore[call-overload]
            parts.append(any_of(index.isin(set(index.domain) - {p}), _equal(here, value)))
        return parts

    def compile(self) -> tuple[Placed, ...]:
        return self.place(self._relation())

    def _relation(self) -> Relation:
        if self._overlaps:
            return relation_of_mask(tabulate(self.scope, self.check))
        targeted = isinstance(self.value, Variable)
        alphabet = self.value.domain if isinstance(self.value, Variable) else (self.value,)
        code = {value: n for n, value in enumerate(alphabet)}
        place = {variable: k for k, variable in enumerate(self.scope)}
        choices, constants = [], []
        for position in self.index.domain:
            inside = 0 <= int(position) < len(self.array)  # type: ignore[call-overload]
            entry = self.array[int(position)] if inside else None  # type: ignore[call-overload]
            variable = isinstance(entry, Variable)
            choices.append(place[entry] if isinstance(entry, Variable) else NOWHERE)
            constants.append(code.get(entry, NOWHERE) if inside and not variable else NOWHERE)
        if not self._entries:
            mask = np.asarray(constants)[:, None] == np.arange(len(alphabet))
            return relation_of_mask(mask if targeted else mask[:, 0])
        return ElementRelation(
            sizes=tuple(len(variable.domain) for variable in self.scope),
            targeted=targeted,
            alphabet=len(alphabet),
            choices=tuple(choices),
            constants=tuple(constants),
            codes=tuple(
                tuple(code.get(value, NOWHERE) for value in variable.domain)
                for variable in self.scope[1:]
            ),
        )


def _read(given: Any, problem: Problem) -> Hashable:
    """An entry or a value: a variable, also for an expression, or a constant."""
    if not isinstance(given, Arithmetic | Constraint):
        return given
    found = as_variable(given, problem)
    if isinstance(found, Auxiliary) and found.expression is None:
        return found.domain[0]
    return found


def _is_number(given: Any) -> bool:
    values = given.domain if isinstance(given, Variable) else (given,)
    return all(isinstance(value, numbers.Integral) for value in values)


def _equal(one: Any, other: Any) -> Constraint:
    """That two variables or constants, whose values may be anything, are equal."""
    if not isinstance(one, Variable):
        one, other = other, one
    from neurosym.problems.logic import always

    if not isinstance(one, Variable):
        return always(one == other)
    if not isinstance(other, Variable):
        return Member(one, [value for value in one.domain if value == other])
    rows = tuple([(value, value) for value in one.domain if value in other.domain])
    return Table((one, other), rows) if one is not other else always(True)


def _show_all(array: Sequence[Hashable]) -> str:
    return ", ".join(map(_show, array[:8])) + (", …" if len(array) > 8 else "")


def _show(entry: Hashable) -> str:
    return entry.name if isinstance(entry, Variable) else repr(entry)
