"""What of a program a query needs: its clauses, and of their relations the rows that it binds.

    query path(0, X)                          "path of 0"(X)
    path(X, Y) :- edge(X, Y).                 "path of 0"(Y) :- edge(0, Y).
    path(X, Y) :- path(X, Z), edge(Z, Y).     "path of 0"(Y) :- "path of 0"(Z), edge(Z, Y).

An argument that the query binds and that the rules only hand on is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurosym.programs.clauses import Clause, Goal, Learnable, Signature
from neurosym.programs.terms import (
    Term,
    Variable,
    is_ground,
    show,
    signature,
    substituted,
    unify,
)


def relevant(clauses: Sequence[Clause], asked: Signature) -> list[Clause]:
    """The clauses on which a predicate depends.

    Raises:
      ProgramError: if a body of them negates or collects.
    """
    own: dict[Signature, list[Clause]] = {}
    for clause in clauses:
        for head in clause.heads:
            own.setdefault(signature(head.atom), []).append(clause)
    seen, stack = {asked}, [asked]
    while stack:
        for clause in own.get(stack.pop(), ()):
            for goal in (x for body in clause.bodies for x in body):
                if goal.kind not in ("call", "builtin"):
                    raise clause.place.error(
                        f"the tensor road has rules over relations and comparisons, not {goal.kind}"
                    )
                key = signature(goal.atom)
                if goal.kind == "call" and key not in seen:
                    seen.add(key)
                    stack.append(key)
    return [x for x in clauses if any(signature(head.atom) in seen for head in x.heads)]


def specialised(
    clauses: Sequence[Clause], atom: Term
) -> tuple[list[Clause], Term, dict[int, Term]]:
    """Drops arguments that a query binds and that the rules only hand on.

    For ``path(0, X)`` and ``path(X, Y) :- path(X, Z), edge(Z, Y).`` one row of the relation is
    enough: the first argument of all that is derived is 0.

    Returns:
      The clauses and the query over what is left, and the arguments that were dropped, by place.
    """
    key = signature(atom)
    arguments = atom[1:] if isinstance(atom, tuple) else ()
    own = [x for x in clauses if any(signature(head.atom) == key for head in x.heads)]
    others = [x for x in clauses if x not in own]
    called = {signature(goal.atom) for x in others for body in x.bodies for goal in body}
    fixed = {n: x for n, x in enumerate(arguments) if is_ground(x)}
    if not fixed or key in called or any(is_open(x) or len(x.heads) > 1 for x in own):
        return list(clauses), atom, {}
    for clause in own:
        head = clause.heads[0].atom
        for goal in (x for body in clause.bodies for x in body):
            if signature(goal.atom) == key and goal.kind != "builtin":
                fixed = {n: x for n, x in fixed.items() if goal.atom[n + 1] == head[n + 1]}
    if not fixed:
        return list(clauses), atom, {}
    kept = [n for n in range(key[1]) if n not in fixed]
    name = f"{key[0]} of {', '.join(show(x) for x in fixed.values())}"

    def cut(term: Any) -> Term:
        return (name, *[term[n + 1] for n in kept]) if kept else name

    changed = []
    for clause in clauses:
        if clause not in own:
            changed.append(clause)
            continue
        head = clause.heads[0]
        bindings: dict[Variable, Term] = {}
        if not all(unify(head.atom[n + 1], x, bindings) for n, x in fixed.items()):
            continue
        bodies = []
        for body in clause.bodies:
            goals = []
            for goal in body:
                same = goal.kind == "call" and signature(goal.atom) == key
                called_ = substituted(cut(goal.atom) if same else goal.atom, bindings)
                goals.append(Goal(goal.kind, called_, goal.template, goal.result))
            bodies.append(tuple(goals))
        heads = (type(head)(substituted(cut(head.atom), bindings), head.label),)
        changed.append(Clause(clause.number, heads, tuple(bodies), clause.variables, clause.place))
    return changed, cut(atom), fixed


def restored(atom: Term, values: Sequence[Term], dropped: Mapping[int, Term]) -> str:
    """An answer as it is written, with the arguments that `specialised` dropped."""
    name = atom[0] if isinstance(atom, tuple) else atom
    if not dropped:
        return show((name, *values) if values else name)
    rest = iter(values)
    count = len(values) + len(dropped)
    own = [dropped[n] if n in dropped else next(rest) for n in range(count)]
    assert isinstance(name, str)
    return show((name.split(" of ")[0], *own))


def is_open(clause: Clause) -> bool:
    """Whether a clause is ``t(_)::name(X, Y).``, a relation that is given with each call."""
    head = clause.heads[0]
    arguments = head.atom[1:] if isinstance(head.atom, tuple) else ()
    return (
        len(clause.heads) == 1
        and isinstance(head.label, Learnable)
        and clause.bodies == ((),)
        and bool(arguments)
        and all(isinstance(x, Variable) for x in arguments)
        and len(set(arguments)) == len(arguments)
    )
