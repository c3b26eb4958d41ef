"""The forms in which the transitions of an automaton are given.

    {("a", 0): "b"}        a mapping from (state, value) to the next state
    [(("a", 0), "b")]      its items, as pairs
    [("a", 0, "b")]        triples (state, value, next state)

Which of the two an item of a list is, its length decides, whatever the names of the states are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

Pair = tuple[Hashable, Hashable]
Triple = tuple[Hashable, Hashable, Hashable]


def read_transitions(given: Any, known: frozenset[Hashable]) -> dict[Pair, Hashable] | tuple:
    """A dictionary where each pair leads to one state, distinct triples otherwise."""
    triples: dict[Triple, None] = {}
    if not isinstance(given, Iterable):
        raise _not_a_transition(given)
    for item in given.items() if isinstance(given, Mapping) else given:
        pair, target = _pair_and_target(item)
        if not isinstance(pair, tuple) or len(pair) != 2 or not is_state(pair[0], known):
            raise ValueError(
                f"a transition leads from a pair (state, value) to a state, not from {pair!r}"
            )
        if not is_state(target, known):
            hint = ""
            if isinstance(given, Mapping):
                hint = (
                    "; a mapping is deterministic, so each leads to one state, and triples "
                    "(state, value, next state) may lead to several"
                )
            raise ValueError(
                f"the transition from {pair!r} leads to {target!r}, which is not a state{hint}"
            )
        if not is_hashable(pair[1]):
            raise ValueError(f"the transition from {pair!r} reads a value that cannot be hashed")
        triples[(*pair, target)] = None
    moves: dict[Pair, Hashable] = {(state, value): target for state, value, target in triples}
    return moves if len(moves) == len(triples) else tuple(triples)


def _pair_and_target(item: Any) -> tuple[Any, Any]:
    if isinstance(item, tuple | list) and len(item) == 3:
        return (item[0], item[1]), item[2]
    if isinstance(item, tuple | list) and len(item) == 2:
        pair, target = item
        return (tuple(pair) if isinstance(pair, list) else pair), target
    raise _not_a_transition(item)


def _not_a_transition(item: object) -> ValueError:
    return ValueError(
        "transitions are a mapping from pairs (state, value) to states, or triples (state, value, "
        f"next state), not {item!r}"
    )


def is_state(name: object, known: frozenset[Hashable]) -> bool:
    return is_hashable(name) and name in known


def is_hashable(name: object) -> bool:
    try:
        hash(name)
    except TypeError:  # also of a tuple that holds a list
        return False
    return True
