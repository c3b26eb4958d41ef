"""Tables of calls: their answers so far, and the bodies that wait for more of them.

    path(1, X) and path(1, Y)     one call, so one table
    answers    path(1, 2), ...    ground atoms, by their numbers
    waiting    frames             bodies that have come to this call, with what they are bound to

What is done with them is in `grounding`.
"""

from __future__ import annotations

from typing import NamedTuple

from neurosym.programs.clauses import Asked, Clause, Goal
from neurosym.programs.syntax import Place
from neurosym.programs.terms import Bindings, Term, Variable, is_ground, substituted, subterms


class Frame(NamedTuple):
    """A body that has come to one of its goals."""

    owner: Owner
    goals: tuple[Goal, ...]
    position: int
    bindings: Bindings
    literals: tuple[int, ...]


class Owner(NamedTuple):
    """Whose body it is: a head of a clause, for a table; or somebody who asks."""

    clause: Clause | None
    head: int
    table: Table | None
    asked: Asked | None

    @property
    def place(self) -> Place:
        return (self.clause or self.asked).place  # type: ignore[union-attr]


class Table:
    """The answers to one call, and who waits for more of them."""

    __slots__ = ("answers", "call", "waiting")

    def __init__(self, call: Term) -> None:
        self.call = call
        self.answers: dict[Term, int] = {}
        self.waiting: list[Frame | int] = []  # bodies, and the numbers of queries


class Tables:
    """The tables of all calls, each once."""

    def __init__(self) -> None:
        self._known: dict[Term, Table] = {}
        self._holes: list[Variable] = []

    def of(self, call: Term) -> tuple[Table, bool]:
        """The table of a call, and whether it is a new one."""
        key = self._canonical(call)
        found = self._known.get(key)
        if found is not None:
            return found, False
        found = self._known[key] = Table(key)
        return found, True

    def _canonical(self, call: Term) -> Term:
        """The call with its variables numbered: the same for calls that differ only in names."""
        if not isinstance(call, tuple) or is_ground(call):
            return call
        names: Bindings = {}
        for term in subterms(call):
            if isinstance(term, Variable) and term not in names:
                while len(self._holes) <= len(names):
                    self._holes.append(Variable(f"_{len(self._holes)}"))
                names[term] = self._holes[len(names)]
        return substituted(call, names)
