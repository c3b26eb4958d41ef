"""From a ground program to decision diagrams: one for each atom, components from below.

An atom without a cycle is the "or" of its rules. The atoms of a component that recurses start as
false and are computed again from each other until nothing changes, which is the least fixpoint
(T_P compilation: Vlasselaer, Van den Broeck, Kimmig, Meert and De Raedt 2015, "Anytime inference in
probabilistic logic programs with Tp-compilation", IJCAI). Equal functions are equal nodes, so the
fixpoint is seen at once, and a component is broken for all queries together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neurosym.circuits.sources.decisions import FALSE, Decisions
from neurosym.programs.dependence import Component
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule


def atom_diagrams(
    program: GroundProgram,
    parts: Sequence[Component],
    diagrams: Decisions,
    levels: Mapping[int, int],
) -> list[int]:
    """The diagram of each atom.

    Args:
      program: the rules.
      parts: its components.
      diagrams: where nodes are made.
      levels: of the choices.
    """
    rules = program.rules_of()
    found = [FALSE] * len(program.atoms)
    for part in parts:
        if not part.cyclic:
            (atom,) = part.atoms
            bodies = [_body(rule, found, diagrams, levels) for rule in rules[atom]]
            found[atom] = diagrams.disjoin_all(bodies)
        else:
            _least_fixpoint(part.atoms, rules, found, diagrams, levels)
    return found


def _least_fixpoint(
    atoms: Iterable[int],
    rules: Sequence[Sequence[Rule]],
    found: list[int],
    diagrams: Decisions,
    levels: Mapping[int, int],
) -> None:
    """Only what has news is computed again; first come what was waiting longest."""
    members = set(atoms)
    users: dict[int, list[Rule]] = {atom: [] for atom in members}
    for atom in members:
        for rule in rules[atom]:
            for literal in set(rule.body):
                if literal - 1 in members:
                    users[literal - 1].append(rule)
    pending: dict[int, None] = {}
    for atom in sorted(members):
        bodies = [_body(rule, found, diagrams, levels) for rule in rules[atom]]
        found[atom] = diagrams.disjoin_all([found[atom], *bodies])
        if found[atom] != FALSE:
            pending[atom] = None
    while pending:
        changed = next(iter(pending))
        del pending[changed]
        for rule in users[changed]:
            body = _body(rule, found, diagrams, levels)
            new = diagrams.disjoin(found[rule.head], body)
            if new != found[rule.head]:
                found[rule.head] = new
                pending[rule.head] = None


def _body(rule: Rule, found: Sequence[int], diagrams: Decisions, levels: Mapping[int, int]) -> int:
    parts = [found[x - 1] if x > 0 else diagrams.negate(found[-x - 1]) for x in rule.body]
    if rule.choice != NO_CHOICE:
        parts.append(diagrams.literal(levels[rule.choice], [rule.value]))
    return diagrams.conjoin_all(parts)
