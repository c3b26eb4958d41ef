"""Domains of relations: which terms each argument of each predicate goes over, in which order.

    edge(a, b). edge(b, c).             edge/2, 1   a, b, c    Z stands in both, so both have
    path(X, Y) :- path(X, Z), ...       path/2, 2   a, b, c    the terms of either

The terms of a place are the coordinates of an axis of the relation's tensor.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurosym.programs.clauses import Clause, Signature
from neurosym.programs.syntax import ProgramError
from neurosym.programs.terms import (
    Term,
    Variable,
    from_python,
    is_ground,
    order_key,
    show,
    signature,
)

MAX_ENTRIES = 50_000_000
"""Entries of one tensor."""

Place = tuple[Signature, int]


@dataclasses.dataclass(frozen=True)
class RelationDomains:
    """The terms of each argument of each predicate."""

    terms: Mapping[Place, Sequence[Term]]

    @functools.cached_property
    def index(self) -> dict[Place, dict[Term, int]]:
        """Where each term stands."""
        return {place: {x: n for n, x in enumerate(own)} for place, own in self.terms.items()}

    def of(self, key: Signature) -> list[Sequence[Term]]:
        """The terms of all arguments of a predicate."""
        return [self.terms[key, n] for n in range(key[1])]

    def shape(self, key: Signature) -> tuple[int, ...]:
        """Of the tensor of a relation."""
        return tuple(map(len, self.of(key)))

    def places(
        self, key: Signature, given: Sequence[Term], clause: Clause
    ) -> tuple[int | None, ...]:
        """Where the constants of an atom stand; None for its variables."""
        found: list[int | None] = []
        for n, x in enumerate(given):
            if isinstance(x, Variable):
                found.append(None)
            elif is_ground(x):
                found.append(self.index[key, n][x])
            else:
                raise clause.place.error(f"the tensor road has no compound terms: {show(x)}")
        return tuple(found)

    def by_name(self) -> dict[str, tuple[tuple[Term, ...], ...]]:
        """The terms of each argument, by "name/arity"."""
        found: dict[str, list[tuple[Term, ...]]] = {}
        for (key, _), own in sorted(self.terms.items(), key=lambda x: x[0]):
            found.setdefault(name_of(key), []).append(tuple(own))
        return {name: tuple(own) for name, own in found.items()}


def domains_of(
    clauses: Sequence[Clause], asked: Term, stated: Mapping[str, Sequence[Sequence[Any]]]
) -> RelationDomains:
    """The terms of each argument: arguments that share a variable share their terms.

    Args:
      clauses: whose relations are meant.
      asked: the query.
      stated: by "name/arity" the values of each argument, or how many; others are those that the
        clauses mention.

    Raises:
      ProgramError: a constant is outside of what is stated, or a relation has too many entries.
    """
    parent: dict[Any, Any] = {}

    def find(x: Any) -> Any:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    terms: dict[Any, dict[Term, None]] = {}
    constants: list[tuple[Place, Term]] = []
    for clause in [*clauses, None]:
        atoms = [asked] if clause is None else [head.atom for head in clause.heads]
        if clause is not None:
            atoms += [x.atom for body in clause.bodies for x in body if x.kind == "call"]
        for atom in atoms:
            for n, x in enumerate(atom[1:] if isinstance(atom, tuple) else ()):
                place = (signature(atom), n)
                find(place)
                if isinstance(x, Variable):
                    other = find((None if clause is None else clause.number, x))
                    parent[other] = find(place)
                else:
                    constants.append((place, x))
    for place, x in constants:
        terms.setdefault(find(place), {})[x] = None
    order: dict[Any, list[Term]] = {}
    for name, arguments in stated.items():
        functor, _, arity = name.rpartition("/")
        if not arity.isdigit() or int(arity) != len(arguments):
            raise ProgramError(f'domains are given by "name/arity", each argument\'s, not {name!r}')
        for n, own in enumerate(arguments):
            place = ((functor, int(arity)), n)
            if place in parent:
                listed = [from_python(x) for x in (range(own) if isinstance(own, int) else own)]
                order.setdefault(find(place), listed)
    for root, listed in order.items():
        known = set(listed)
        beyond = [x for x in terms.get(root, {}) if x not in known]
        if beyond:
            raise ProgramError(f"{show(beyond[0])} is outside of the domain that is stated")
    found: dict[Place, list[Term]] = {}
    sets = {root: sorted(own, key=order_key) for root, own in terms.items()}
    for place in [x for x in parent if isinstance(x[0], tuple)]:
        root = find(place)
        found[place] = order.get(root, sets.get(root, []))
    for key in {place[0] for place in found}:
        entries = int(np.prod([len(found[key, n]) for n in range(key[1])], dtype=float))
        if entries > MAX_ENTRIES:
            raise ProgramError(
                f"the relation {name_of(key)} has {entries:,} entries, more than {MAX_ENTRIES:,}"
            )
    return RelationDomains(found)


def name_of(key: Signature) -> str:
    """A signature as it is written."""
    return f"{key[0]}/{key[1]}"
