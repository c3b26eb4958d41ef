"""The error for a constraint without a negation: which kinds have one, and what to write instead.

A kind of constraint has a negation if its class overrides `Constraint.negated`; the list in the
message is made from the classes, so it cannot fall behind them. A kind without a negation says what
to write instead (`Constraint.instead_of_negation`); over few values a `Predicate` is always a way
round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neurosym.problems.constraints.constraint import Constraint

WRITTEN = {"Linear": "comparisons", "Absolute": "abs(...)"}
"""How users write the constraints whose class they seldom name; these come first in the list."""

MAX_SHOWN = 200
"""Characters of a constraint that a message shows."""


def has_negation(constraint: object) -> bool:
    """Whether ``~constraint`` exists, as far as its own kind decides that."""
    return isinstance(constraint, Constraint) and _overrides(type(constraint))


def no_negation(constraint: Constraint) -> ValueError:
    """The error that ``constraint`` has no negation, with what to write instead."""
    from neurosym.problems.constraints.predicate import MAX_COMBINATIONS, count_combinations

    names = {kind.__name__ for kind in _kinds(Constraint.__subclasses__())}
    known = [WRITTEN[name] for name in WRITTEN if name in names] + sorted(names - set(WRITTEN))
    ways = [constraint.instead_of_negation()]
    if count_combinations(constraint.scope) <= MAX_COMBINATIONS:
        ways.append(
            "with c for the constraint, write Predicate(c.scope, lambda *values: c.check(values)), "
            "which says the same and has a negation"
        )
    way = "; or ".join(way for way in ways if way)
    advice = f". Instead, {way}" if way else ""
    return ValueError(f"{show(constraint)} has no negation; {', '.join(known)} have{advice}")


def show(constraint: object) -> str:
    """A constraint as messages show it, in full where it is short."""
    text = repr(constraint)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 2]} …"


def _kinds(kinds: Iterable[type[Constraint]]) -> Iterator[type[Constraint]]:
    """Those of this package that have a negation, among some kinds and those derived from them."""
    for kind in kinds:
        if _overrides(kind) and kind.__module__.startswith("neurosym."):
            yield kind
        yield from _kinds(kind.__subclasses__())


def _overrides(kind: type[Constraint]) -> bool:
    return kind.negated is not Constraint.negated
