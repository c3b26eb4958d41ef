"""`Clauses`: a program as it is meant, which is what grounding reads.

    0.3::a(X); t(_)::b(X) :- c(X), \\+ (d(X), e).

is a `Clause` with two heads, and the body ``c(X), not $1(X)``, where ``$1(X) :- d(X), e.`` is a
clause of its own: a negation always speaks of one atom. A disjunction makes several bodies of one
clause, which share its choice. `read_clauses` makes them of sentences.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping

from neurosym.programs.syntax import Place, ProgramError
from neurosym.programs.terms import Term, Variable, show, signature, substituted

Signature = tuple[str, int]

FOLDS = ("findall", "count", "sum", "min", "max", "bag", "set")
"""What collects the answers of a goal; the last six as aggregate_all/3."""


@dataclasses.dataclass(frozen=True)
class Goal:
    """One part of a body.

    Attributes:
      kind: "call", "not", "builtin", "foreign", or one of `FOLDS`.
      atom: what is called or computed; for a fold the atom whose answers are collected.
      template, result: of a fold, the term that each answer makes, and what the whole is equal to.
    """

    kind: str
    atom: Term
    template: Term = None
    result: Term = None


@dataclasses.dataclass(frozen=True)
class Learnable:
    """A probability ``t(...)`` that is learned.

    Attributes:
      initial: where learning starts; None for ``t(_)``.
    """

    initial: float | None


@dataclasses.dataclass(frozen=True)
class Neural:
    """A network's say, ``nn(name, inputs, output, values)``.

    Attributes:
      name: of the network.
      inputs: the terms that it reads.
      output: the variable that the values are of; None for nn/2, whose network says true or false.
      values: ground terms.
    """

    name: str
    inputs: tuple[Term, ...]
    output: Term | None
    values: tuple[Term, ...]


@dataclasses.dataclass(frozen=True)
class Head:
    """One head of a clause and its label: None (certain), `Learnable`, or an expression."""

    atom: Term
    label: Term | Learnable | None


@dataclasses.dataclass(frozen=True)
class Clause:
    """A fact, rule or annotated disjunction.

    Attributes:
      number: its place among the clauses.
      heads: of which at most one holds, for every grounding of the variables.
      bodies: of which one has to hold; a clause without a body has one that is empty.
      variables: those of the clause, in order.
      place: where it is written.
      neural: of a neural clause; its one head is an atom with the network's output variable.
    """

    number: int
    heads: tuple[Head, ...]
    bodies: tuple[tuple[Goal, ...], ...]
    variables: tuple[Variable, ...]
    place: Place
    neural: Neural | None = None

    @property
    def certain(self) -> bool:
        """There is nothing to choose."""
        return self.neural is None and self.heads[0].label is None

    @property
    def learnable(self) -> bool:
        """Some label is ``t(...)``."""
        return any(isinstance(head.label, Learnable) for head in self.heads)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A query or a piece of evidence: an atom, under a body.

    Attributes:
      atom: what is asked, or was seen.
      bodies: the ways in which it is asked; as of a clause.
      value: what was seen; None of a query.
      place: where it is written.
    """

    atom: Term
    bodies: tuple[tuple[Goal, ...], ...]
    value: bool | None
    place: Place


@dataclasses.dataclass(frozen=True)
class Clauses:
    """A program, read and checked.

    Attributes:
      clauses: in order, with those that stand for negations and findall.
      queries, evidence: as they are written in the text.
      shown: what the atoms that stand for something else say, by functor, and which variables of
        that their arguments are.
      foreign: the signatures that Python functions define.
    """

    clauses: tuple[Clause, ...]
    queries: tuple[Asked, ...]
    evidence: tuple[Asked, ...]
    shown: Mapping[str, tuple[Term, tuple[Variable, ...]]]

    foreign: frozenset[Signature]

    def show(self, atom: Term) -> str:
        """An atom as it is written."""
        return show_atom(atom, self.shown)

    def by_signature(self) -> dict[Signature, list[Clause]]:
        """The clauses of each predicate, each once."""
        found: dict[Signature, list[Clause]] = {}
        for clause in self.clauses:
            for key in dict.fromkeys(signature(head.atom) for head in clause.heads):
                found.setdefault(key, []).append(clause)
        return found


def show_atom(atom: Term, shown: Mapping[str, tuple[Term, tuple[Variable, ...]]]) -> str:
    """An atom as it is written, also where it stands for something else."""
    name, *arguments = atom if isinstance(atom, tuple) else (atom,)
    if name == "$state":
        return "(what was collected so far)"
    if name not in shown:
        return show(atom)
    term, variables = shown[name]
    return show(substituted(term, dict(zip(variables, arguments, strict=True))))


def unknown(atom: Term, known: Iterable[Signature], place: Place) -> ProgramError:
    """The error that a predicate is not defined, with near names."""
    name, arity = signature(atom)
    signatures = [key for key in known if not key[0].startswith("$")]
    same = sorted(n for other, n in signatures if other == name)
    if same:
        hint = f"; there is {', '.join(f'{name}/{n}' for n in same)}"
    else:
        names = sorted({other for other, _ in signatures})
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
        full = [f"{other}/{n}" for other in near for o, n in signatures if o == other]
        hint = f"; did you mean {' or '.join(full)}?" if full else ""
    return place.error(f"no clause defines {name}/{arity}{hint}")
