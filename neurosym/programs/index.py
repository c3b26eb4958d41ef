"""Which clauses may answer a call: by the constants among its arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from neurosym.programs.clauses import Clause, Clauses, Signature
from neurosym.programs.terms import Bindings, Term, Variable, signature


class Candidate(NamedTuple):
    """A head that may answer a call."""

    clause: Clause
    head: int
    """Its number; of a neural predicate that of the value."""
    atom: Term
    bound: Bindings
    """What the head binds by itself: a network's output."""


class ClauseIndex:
    """The heads of each predicate; for each argument by its constants once somebody asks so."""

    def __init__(self, clauses: Clauses) -> None:
        self._all: dict[Signature, list[Candidate]] = {}
        for clause in clauses.clauses:
            for candidate in _candidates(clause):
                self._all.setdefault(signature(candidate.atom), []).append(candidate)
        self._by: dict[tuple[Signature, int], dict[Term, list[Candidate]] | None] = {}

    def matching(self, call: Term) -> Iterable[Candidate]:
        """Heads that may unify with a call, in the order of the program."""
        key = signature(call)
        found = self._all.get(key, [])
        if len(found) <= 8 or not isinstance(call, tuple):
            return found
        for place, argument in enumerate(call[1:], start=1):
            if isinstance(argument, Variable):
                continue
            own = self._index(key, place)
            if own is not None:
                few = own.get(_kind(argument), [])
                if len(few) < len(found):
                    found = few
        return found

    def _index(self, key: Signature, place: int) -> dict[Term, list[Candidate]] | None:
        """By the constant of one argument; None where some head has a variable there."""
        if (key, place) not in self._by:
            own: dict[Term, list[Candidate]] | None = {}
            for candidate in self._all[key]:
                argument = candidate.atom[place]
                argument = candidate.bound.get(argument, argument)
                if isinstance(argument, Variable):
                    own = None
                    break
                assert own is not None
                own.setdefault(_kind(argument), []).append(candidate)
            self._by[key, place] = own
        return self._by[key, place]


def _candidates(clause: Clause) -> Iterable[Candidate]:
    if clause.neural is not None:
        atom, output = clause.heads[0].atom, clause.neural.output
        if output is None:
            yield Candidate(clause, 0, atom, {})
            return
        for number, value in enumerate(clause.neural.values):
            yield Candidate(clause, number, atom, {output: value})
        return
    for number, head in enumerate(clause.heads):
        yield Candidate(clause, number, head.atom, {})


def _kind(argument: Term) -> Term:
    """A constant, or functor and arity of a compound."""
    return ("", argument[0], len(argument)) if isinstance(argument, tuple) else argument
