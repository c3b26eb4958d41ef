"""`GroundProgram`: rules without variables over choices, which is what grounding leaves.

    0.6::heads(1). win :- heads(1).       atoms    heads(1), win
                                          choices  c0: value 0 weighs 0.6, value 1 (none) weighs 0.4
                                          rules    heads(1) <- c0 = 0;   win <- heads(1)

A literal is ``1 + atom``, negative for a negation. An annotated disjunction or a network's output
is one choice, with as many values as there are heads, and one more where none of them may hold.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from neurosym.programs.clauses import show_atom
from neurosym.programs.syntax import Place
from neurosym.programs.terms import Term, Variable

NO_CHOICE = -1


class Rule(NamedTuple):
    """``head <- body, choice = value``."""

    head: int
    body: tuple[int, ...]
    """Literals, ``1 + atom`` or its negative; sorted, each once."""
    choice: int
    """`NO_CHOICE` where nothing is chosen."""
    value: int
    clause: int
    """The number of the clause that it comes from; -1 of what stands for findall."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One many-valued variable.

    Attributes:
      name: how it is shown.
      outcomes: the atom that each value makes true; None of the value that stands for none.
      probabilities: of the values as the program states them; of a network all nan, of a learnable
        choice where learning starts.
      network: whose log-probabilities are meant, and the inputs that it reads; None of others.
      group: the place of the clause whose probabilities are learned, "LINE:COLUMN"; None where they
        are not. Choices of one group share them.
      free: for a learnable choice, which values are learned.
      labels: what the values of a network stand for.
    """

    name: str
    outcomes: tuple[Term | None, ...]
    probabilities: tuple[float, ...]
    network: tuple[str, tuple[Term, ...]] | None = None
    group: str | None = None
    free: tuple[bool, ...] = ()
    labels: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        """How many values it has."""
        return len(self.outcomes)


@dataclasses.dataclass(frozen=True)
class GroundProgram:
    """What is relevant to some queries and evidence.

    Attributes:
      atoms: as terms.
      rules: those of an atom that has none make it false.
      choices: the random variables, independent of each other.
      queries: the atoms that are asked, as terms and as numbers; -1 of those that are false.
      evidence: atoms and what was seen of them; -1 of those that are false.
      certain: atoms that hold in any case, of those that are asked.
      places: of the clauses, by number.
      warnings: what the user should know.
      shown: how atoms that stand for something else are shown.
    """

    atoms: tuple[Term, ...]
    rules: tuple[Rule, ...]
    choices: tuple[Choice, ...]
    queries: tuple[tuple[Term, int], ...]
    evidence: tuple[tuple[Term, int, bool], ...]
    certain: frozenset[int]
    places: tuple[Place, ...]
    warnings: tuple[str, ...] = ()
    shown: tuple[tuple[str, tuple[Term, tuple[Variable, ...]]], ...] = ()

    def rules_of(self) -> list[list[Rule]]:
        """The rules of each atom."""
        found: list[list[Rule]] = [[] for _ in self.atoms]
        for rule in self.rules:
            found[rule.head].append(rule)
        return found

    def show_atom(self, atom: int) -> str:
        """An atom as it is written."""
        return show_atom(self.atoms[atom], dict(self.shown))


def simplified(ground: GroundProgram) -> GroundProgram:
    """Without what is false or certain in every world, and what no query or evidence depends on."""
    rules = list(dict.fromkeys(ground.rules))
    certain: set[int] = set()
    while True:
        possible = _derivable(rules, len(ground.atoms))
        certain = _certain(rules, len(ground.atoms), possible)
        kept = list(dict.fromkeys(_reduced(rules, possible, certain)))
        if len(kept) == len(rules) and kept == rules:
            break
        rules = kept
    return _relevant(ground, rules, certain)


def _derivable(rules: Sequence[Rule], count: int) -> set[int]:
    """Atoms that may hold, if every negation and every choice helps."""
    return _closure([(r.head, [x for x in r.body if x > 0]) for r in rules], count)


def _certain(rules: Sequence[Rule], count: int, possible: set[int]) -> set[int]:
    """Atoms that hold in any case."""
    sure = [
        (r.head, [x for x in r.body if x > 0])
        for r in rules
        if r.choice == NO_CHOICE and not any(x < 0 and -x - 1 in possible for x in r.body)
    ]
    return _closure(sure, count)


def _closure(rules: Sequence[tuple[int, Sequence[int]]], count: int) -> set[int]:
    """The least set of heads whose bodies, positive literals, are in it."""
    waiting: dict[int, list[int]] = {}
    missing = []
    ready = []
    for number, (head, body) in enumerate(rules):
        missing.append(len(body))
        for literal in body:
            waiting.setdefault(literal - 1, []).append(number)
        if not body:
            ready.append(head)
    found: set[int] = set()
    while ready:
        atom = ready.pop()
        if atom in found:
            continue
        found.add(atom)
        for number in waiting.get(atom, ()):
            missing[number] -= 1
            if not missing[number]:
                ready.append(rules[number][0])
    return found


def _reduced(rules: Iterable[Rule], possible: set[int], certain: set[int]) -> Iterable[Rule]:
    for rule in rules:
        if rule.head in certain:
            if not rule.body and rule.choice == NO_CHOICE:
                yield rule
            elif rule.choice == NO_CHOICE and all(x > 0 and x - 1 in certain for x in rule.body):
                yield rule._replace(body=())
            continue
        if any(
            (x > 0 and x - 1 not in possible) or (x < 0 and -x - 1 in certain) or -x in rule.body
            for x in rule.body
        ):
            continue
        body = tuple(
            x
            for x in rule.body
            if not (x > 0 and x - 1 in certain) and not (x < 0 and -x - 1 not in possible)
        )
        if rule.head + 1 not in body:
            yield rule._replace(body=body)


def _relevant(ground: GroundProgram, rules: Sequence[Rule], certain: set[int]) -> GroundProgram:
    """What queries and evidence depend on, numbered anew."""
    own: dict[int, list[Rule]] = {}
    for rule in rules:
        own.setdefault(rule.head, []).append(rule)
    asked = [atom for _, atom in ground.queries] + [atom for _, atom, _ in ground.evidence]
    number: dict[int, int] = {}
    used: set[int] = set()
    stack = [atom for atom in reversed(asked) if atom in own]
    while stack:
        atom = stack.pop()
        if atom in number:
            continue
        number[atom] = len(number)
        for rule in reversed(own.get(atom, ())):
            stack.extend(abs(x) - 1 for x in reversed(rule.body))
    for atom in number:
        for rule in own.get(atom, ()):
            if rule.choice != NO_CHOICE:
                used.add(rule.choice)
    choices = {choice: number for number, choice in enumerate(sorted(used))}
    kept = [
        Rule(
            number[rule.head],
            tuple(sorted((number[abs(x) - 1] + 1) * (1 if x > 0 else -1) for x in rule.body)),
            choices[rule.choice] if rule.choice != NO_CHOICE else NO_CHOICE,
            rule.value,
            rule.clause,
        )
        for atom in number
        for rule in own.get(atom, ())
    ]
    return dataclasses.replace(
        ground,
        atoms=tuple(ground.atoms[atom] for atom in number),
        rules=tuple(kept),
        choices=tuple(ground.choices[choice] for choice in choices),
        queries=tuple((term, number.get(atom, -1)) for term, atom in ground.queries),
        evidence=tuple((term, number.get(atom, -1), seen) for term, atom, seen in ground.evidence),
        certain=frozenset(number[atom] for atom in certain if atom in number),
    )


def stated(probabilities: Sequence[float]) -> bool:
    """Whether the program states the probabilities of a choice."""
    return not any(map(math.isnan, probabilities))
