"""Rules as einsums: what a clause says of the tensors of its relations.

    0.5::r(Y) :- r(X), e(X, Y), X < Y.      r[y] ⊕= 0.5 ⊗ einsum("ab,a,ab->b", mask, r, e)

A comparison is a mask over the values of its variables, a constant is an index.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from neurosym.programs.builtins import BUILTINS
from neurosym.programs.clauses import Clause, Goal, Signature
from neurosym.programs.strata import components
from neurosym.programs.tensor_domains import RelationDomains
from neurosym.programs.terms import (
    Term,
    Variable,
    show,
    signature,
    substituted,
    unify,
    variables_of,
)


class TensorRule(NamedTuple):
    """``head ⊕= einsum(spec, tests, bodies)``; a constant of the head is an index."""

    head: Signature
    places: tuple[int | None, ...]  # of the head: where constants stand
    calls: tuple[tuple[Signature, tuple[int | None, ...]], ...]  # with the indices of constants
    masks: tuple[np.ndarray, ...]  # bool: what is computed, over its variables
    spec: str
    weight: float  # log-probability of the clause


def tensor_rule(
    clause: Clause, body: Sequence[Goal], weight: float, domains: RelationDomains
) -> TensorRule:
    """One body of a clause.

    Args:
      clause: with one head.
      body: of it.
      weight: the logarithm of the clause's probability.
      domains: of all relations.

    Raises:
      ProgramError: if a variable is not bound, or stands twice in an atom.
    """
    head = clause.heads[0].atom
    key, arguments = signature(head), head[1:] if isinstance(head, tuple) else ()
    letters: dict[Variable, str] = {}
    sizes: dict[Variable, Sequence[Term]] = {}

    def letter(x: Variable) -> str:
        if x not in letters:
            letters[x] = string.ascii_letters[len(letters)]
        return letters[x]

    calls, called = [], []
    for goal in body:
        if goal.kind != "call":
            continue
        own, given = signature(goal.atom), goal.atom[1:] if isinstance(goal.atom, tuple) else ()
        calls.append((own, domains.places(own, given, clause)))
        called.append("".join(letter(x) for x in given if isinstance(x, Variable)))
        for n, x in enumerate(given):
            if isinstance(x, Variable):
                sizes[x] = domains.terms[own, n]
    heads = [x for x in arguments if isinstance(x, Variable)]
    for n, x in enumerate(arguments):
        if isinstance(x, Variable):
            sizes.setdefault(x, domains.terms[key, n])
    masks, masked = [], []
    for goal in body:
        if goal.kind == "builtin":
            mask, used = _mask(goal, sizes, clause)
            masks.append(mask)
            masked.append("".join(letter(x) for x in used))
    parts = [*masked, *called]
    if len(set(heads)) < len(heads) or any(len(set(x)) < len(x) for x in parts):
        raise clause.place.error(
            "on the tensor road a variable stands once in an atom: write X = Y in the body"
        )
    known = set("".join(parts))
    for x in heads:
        if letter(x) not in known:
            raise clause.place.error(f"the variable {x.name} of the head is not bound")
    spec = ",".join(parts) + "->" + "".join(letters[x] for x in heads)
    return TensorRule(
        key, domains.places(key, arguments, clause), tuple(calls), tuple(masks), spec, weight
    )


def evaluation_order(
    rules: Mapping[Signature, Sequence[TensorRule]], asked: Signature
) -> list[tuple[list[Signature], bool]]:
    """Predicates with rules on which one depends, each after those that it needs.

    Returns:
      Those that depend on each other, and whether they depend on themselves.
    """
    edges: dict[Signature, list[Signature]] = {}
    stack = [asked] if asked in rules else []
    while stack:
        key = stack.pop()
        if key not in edges:
            edges[key] = [own for rule in rules[key] for own, _ in rule.calls if own in rules]
            stack += edges[key]
    return [
        (sorted(part), any(other in part for own in part for other in edges[own]))
        for part in components(edges)
        if any(rules[own] for own in part)
    ]


def _mask(
    goal: Goal, sizes: Mapping[Variable, Sequence[Term]], clause: Clause
) -> tuple[np.ndarray, list[Variable]]:
    """What a comparison says of all values of its variables."""
    used = list(dict.fromkeys(variables_of(goal.atom)))
    for x in used:
        if x not in sizes:
            raise clause.place.error(
                f"on the tensor road {x.name} of {show(goal.atom)} has to stand in a relation"
            )
    shape = [len(sizes[x]) for x in used]
    function = BUILTINS[signature(goal.atom)]
    mask = np.zeros(shape, bool)
    for index in np.ndindex(*shape):
        put = substituted(goal.atom, {x: sizes[x][n] for x, n in zip(used, index, strict=True)})
        arguments = put[1:] if isinstance(put, tuple) else ()
        mask[index] = any(
            all(unify(left, right, {}) for left, right in equations)
            for equations in function(*arguments)
        )
    return mask, used
