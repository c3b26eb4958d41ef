"""From a regular expression to an automaton whose states are its places for values.

After a value the automaton is at the place in the expression that the value was read for; the
places that may follow a place, begin a word or end a word are found from the inside to the outside
(Glushkov 1961, "The abstract theory of automata", https://doi.org/10.1070/RM1961v016n05ABEH004112).
It has one state more than there are places, and no empty moves.

An expression is given in postfix form: sets of values, and operations on what stands before them.
The expression ``a(b|c)*`` is

    {a}, {b}, {c}, UNION, PLUS, OPTION, CONCATENATION

and has the places 1, 2, 3; the places 2 and 3 follow each of them, and each of them may end a word.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from neurosym.problems.constraints.regular.automaton import Automaton, automaton_of_machine
from neurosym.problems.constraints.regular.determinise import determinise, members


class Operation(enum.Enum):
    """What is done with the last one or two parts; `EMPTY` is a part, the empty word."""

    CONCATENATION = enum.auto()
    UNION = enum.auto()
    PLUS = enum.auto()
    OPTION = enum.auto()
    EMPTY = enum.auto()


Postfix = tuple[frozenset[Hashable] | Operation, ...]


class Part(NamedTuple):
    """A part of an expression; sets of places are the bits of integers."""

    first: int
    """Where a word may begin."""
    last: int
    """Where it may end."""
    empty: bool
    """Whether the empty word is one of them."""


class Positions(NamedTuple):
    """The automaton; state 0 is the start, the others are places."""

    values: list[frozenset[Hashable]]
    """[N] the values that each place reads; place n is state n + 1."""
    follow: list[int]
    """[N + 1] the states that may follow each state."""
    accepting: int


def positions(postfix: Postfix) -> Positions:
    """The places of an expression and what follows what."""
    values: list[frozenset[Hashable]] = []
    follow = [0]
    parts: list[Part] = []
    for item in postfix:
        if isinstance(item, frozenset):
            values.append(item)
            follow.append(0)
            here = 1 << len(values)
            parts.append(Part(here, here, False))
        elif item is Operation.EMPTY:
            parts.append(Part(0, 0, True))
        elif item is Operation.OPTION:
            parts.append(parts.pop()._replace(empty=True))
        elif item is Operation.PLUS:
            for place in members(parts[-1].last):
                follow[place] |= parts[-1].first
        else:
            after, before = parts.pop(), parts.pop()
            if item is Operation.UNION:
                parts.append(
                    Part(
                        before.first | after.first,
                        before.last | after.last,
                        before.empty or after.empty,
                    )
                )
                continue
            for place in members(before.last):
                follow[place] |= after.first
            parts.append(
                Part(
                    before.first | (after.first if before.empty else 0),
                    after.last | (before.last if after.empty else 0),
                    before.empty and after.empty,
                )
            )
    (whole,) = parts
    follow[0] = whole.first
    return Positions(values, follow, whole.last | whole.empty)


def determinised_positions(
    found: Positions, values: Iterable[Hashable], *, length: int | None, limit: int
) -> Automaton:
    """The smallest deterministic automaton; see `Automaton.determinised`.

    Raises:
      TooManySubsets: if more than ``limit`` sets of places are reached.
    """
    entered: dict[Hashable, int] = dict.fromkeys(values, 0)
    for n, read in enumerate(found.values):
        for value in read:
            entered[value] |= 1 << (n + 1)
    places: dict[int, int] = {}
    column = {value: places.setdefault(mask, len(places)) for value, mask in entered.items()}

    def successors(subset: int) -> list[int]:
        united = 0
        for state in members(subset):
            united |= found.follow[state]
        return [united & mask for mask in places]

    machine = determinise(
        1, found.accepting, successors, columns=len(places), length=length, limit=limit
    )
    return automaton_of_machine(machine, column)
