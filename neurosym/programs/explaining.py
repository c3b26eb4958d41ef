"""Proofs as text: what is chosen, and how the query follows from it."""

from __future__ import annotations

import math
from typing import Any

from neurosym.programs.ground import NO_CHOICE, Choice, Rule
from neurosym.programs.proofs import Proof
from neurosym.programs.question import ProgramQuery
from neurosym.programs.readings import ProofReader
from neurosym.programs.terms import show


def outcome(choice: Choice, value: int) -> str:
    """What a value of a choice says: an atom, or that none of its atoms came of it."""
    atom = choice.outcomes[value]
    if atom is not None:
        return show(atom)
    others = [show(x) for x in choice.outcomes if x is not None]
    return f"\\+{others[0]}" if len(others) == 1 else f"none of {', '.join(others)}"


def explained(question: ProgramQuery, reader: ProofReader, k: int) -> dict[str, dict[str, Any]]:
    """The k best proofs of each query.

    Returns:
      By query its "proofs", each with its "probability" and what is "chosen"; all of them as lines
      of "text", each with its derivation below it; and the same as "trees", titles with lines that
      know their depth.
    """
    weights = question.plain_weights()
    found = {}
    for number, answer in enumerate(question.answers):
        proofs = reader.best(number, weights, k)
        lines: list[str] = []
        entries: list[dict[str, Any]] = []
        trees: list[tuple[str, list[tuple[int, str]]]] = []
        for n, proof in enumerate(proofs, start=1):
            chosen = [outcome(question.ground.choices[c], v) for c, v in proof.chosen]
            tree = derivation(question, number, proof)
            title = f"proof {n}  {math.exp(proof.weight):.6g}"
            entries.append({"probability": math.exp(proof.weight), "chosen": chosen})
            lines += [title, *[f"{'  ' * (1 + depth)}{said}" for depth, said in tree]]
            trees.append((f"{answer}, {title}", tree))
        found[answer] = {"proofs": entries, "text": lines or ["no proof"], "trees": trees}
    return found


def derivation(question: ProgramQuery, query: int, proof: Proof) -> list[tuple[int, str]]:
    """How a query follows from what a proof chooses: each atom above what it needs."""
    ground = question.ground
    atom = ground.queries[query][1]
    lines: list[tuple[int, str]] = []
    if atom < 0:
        return lines
    chosen = dict(proof.chosen)
    how = _derived(question, chosen)
    stack: list[tuple[int, int]] = [(1 + atom, 0)]
    shown: set[int] = set()
    while stack:
        literal, depth = stack.pop()
        number = abs(literal) - 1
        said = ("\\+ " if literal < 0 else "") + ground.show_atom(number)
        rule = how.get(number)
        if literal > 0 and rule is not None and rule.choice != NO_CHOICE:
            p = question.plain_weights()[rule.choice][rule.value]
            said = f"{math.exp(p):.6g}::{said}"
        if rule is not None and number in shown and rule.body:
            lines.append((depth, said + "  (above)"))
            continue
        lines.append((depth, said))
        if literal > 0 and rule is not None:
            shown.add(number)
            stack += [(x, depth + 1) for x in reversed(rule.body)]
    return lines


def _derived(question: ProgramQuery, chosen: dict[int, int]) -> dict[int, Rule]:
    """The first rule of each atom that holds when nothing but a proof's choices is made.

    A negation in a body is taken as it is: that the proof supports it was shown before.
    """
    how: dict[int, Rule] = {}
    changed = True
    while changed:
        changed = False
        for rule in question.ground.rules:
            ready = rule.choice == NO_CHOICE or chosen.get(rule.choice) == rule.value
            ready = ready and all(x < 0 or x - 1 in how for x in rule.body)
            if ready and rule.head not in how:
                how[rule.head] = rule
                changed = True
    return how
