"""Components of a ground program, and whether its negation is stratified."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from neurosym.programs.ground import GroundProgram, Rule
from neurosym.programs.strata import components, path_between
from neurosym.programs.syntax import ProgramError


class Component(NamedTuple):
    """Atoms that depend on each other."""

    atoms: tuple[int, ...]
    cyclic: bool


def components_of(program: GroundProgram) -> list[Component]:
    """The components of the atoms, each after those that it depends on.

    Raises:
      ProgramError: if an atom depends on its own negation; the message has the cycle.
    """
    rules = program.rules_of()
    edges = {
        atom: [abs(literal) - 1 for rule in own for literal in rule.body]
        for atom, own in enumerate(rules)
    }
    found = []
    for own in components(edges):
        members = set(own)
        cyclic = len(own) > 1 or own[0] in edges[own[0]]
        if cyclic:
            for atom in own:
                for rule in rules[atom]:
                    for literal in rule.body:
                        if literal < 0 and -literal - 1 in members:
                            raise _not_stratified(program, rules, edges, rule, literal, members)
        found.append(Component(tuple(sorted(own)), cyclic))
    return found


def _not_stratified(
    program: GroundProgram,
    rules: Sequence[Sequence[Rule]],
    edges: dict[int, list[int]],
    first: Rule,
    literal: int,
    members: set[int],
) -> ProgramError:
    negated = -literal - 1
    way = [negated] if negated == first.head else path_between(negated, first.head, edges, members)
    steps = [(first, f"\\+ {program.show_atom(negated)}")]
    for atom, following in itertools.pairwise(way):
        rule = next(r for r in rules[atom] if any(abs(x) - 1 == following for x in r.body))
        sign = "" if following + 1 in rule.body else "\\+ "
        steps.append((rule, sign + program.show_atom(following)))
    said = ", ".join(
        f"{program.show_atom(rule.head)} needs {needed} (line {program.places[rule.clause].line})"
        for rule, needed in steps
    )
    place = program.places[first.clause]
    return place.error(f"negation is not stratified: in a cycle, {said}")
