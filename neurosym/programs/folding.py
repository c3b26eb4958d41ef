"""findall and aggregates over atoms that may or may not hold.

    aggregate_all(count, p(X), N)  with p(1) certain, p(2) and p(3) open
    states after p(1): {1};  after p(2): {1, 2};  after p(3): {1, 2, 3}

The answers are gone through one by one. A state is what has been collected so far; equal states are
merged, so that a count has as many states as it can have values. A state of the last layer is the
value under which the body goes on, and holds where its rules say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurosym.programs.arithmetic import EvaluationError, evaluate, number_term
from neurosym.programs.builtins import sorted_set
from neurosym.programs.terms import Term, to_list

MAX_STATES = 4096
"""Collections that may differ at once."""

Item = tuple[Term, int]
"""What an answer contributes, and its literal; 0 where it is certain."""

Fold = list[tuple[Term, int]]
"""Each value, and the literal under which it is the value; 0 where it is certain."""


def folded(
    kind: str,
    items: Sequence[Item],
    atom: Callable[[int, int], int],
    rule: Callable[[int, Sequence[int]], None],
) -> Fold:
    """The values of a collection.

    Args:
      kind: "findall", "bag", "set", "count", "sum", "min" or "max".
      items: in order.
      atom: makes the atom of a state, of its layer and number.
      rule: adds a rule, a head under a body of literals.

    Raises:
      EvaluationError: if there are too many states, or a number is needed and is not there.
    """
    step = _step(kind)
    # Certain items first, unless order matters: they make no new states.
    if kind not in ("findall", "bag"):
        items = sorted(items, key=lambda item: item[1] != 0)
    states: dict[Term, int] = {_START[kind]: 0}  # each with its literal; 0 is certain
    for layer, (item, literal) in enumerate(items):
        following: dict[Term, list[list[int]]] = {}
        for state, own in states.items():
            with_item = step(state, item)
            if not literal or with_item == state:
                following.setdefault(with_item, []).append([own] if own else [])
                continue
            following.setdefault(with_item, []).append([x for x in (own, literal) if x])
            following.setdefault(state, []).append([x for x in (own, -literal) if x])
        if len(following) > MAX_STATES:
            raise EvaluationError(
                f"{kind} over {len(items):,} answers that may or may not hold has more than "
                f"{MAX_STATES:,} results"
            )
        states = _with_atoms(following, layer, atom, rule)
    return [(_value(kind, state), own) for state, own in states.items() if state is not None]


def _with_atoms(
    following: dict[Term, list[list[int]]],
    layer: int,
    atom: Callable[[int, int], int],
    rule: Callable[[int, Sequence[int]], None],
) -> dict[Term, int]:
    states = {}
    for number, (state, bodies) in enumerate(following.items()):
        if [] in bodies:
            states[state] = 0
        elif len(bodies) == 1 and len(bodies[0]) == 1 and bodies[0][0] > 0:
            states[state] = bodies[0][0]
        else:
            head = atom(layer, number)
            for body in bodies:
                rule(head, body)
            states[state] = head + 1
    return states


_START: dict[str, Term] = {
    "findall": (),
    "bag": (),
    "set": (),
    "count": 0,
    "sum": 0,
    "min": None,
    "max": None,
}


def _step(kind: str) -> Callable[[Term, Term], Term]:
    if kind == "count":
        return lambda state, item: state + 1
    if kind == "sum":
        return lambda state, item: _sum(state, item)
    if kind == "max":
        return lambda state, item: item if state is None or _more(item, state) else state
    if kind == "min":
        return lambda state, item: item if state is None or _more(state, item) else state
    if kind == "set":
        return lambda state, item: tuple(sorted_set([*state, item]))
    return lambda state, item: (*state, item)


def _sum(state: Term, item: Term) -> Term:
    return number_term(evaluate(("+", state, item)))


def _more(x: Term, y: Term) -> bool:
    return evaluate(x) > evaluate(y)


def _value(kind: str, state: Term) -> Term:
    if kind in ("findall", "bag", "set"):
        return to_list(list(state))
    return number_term(evaluate(state)) if kind in ("min", "max") else state


__all__ = ["EvaluationError", "Fold", "folded"]
