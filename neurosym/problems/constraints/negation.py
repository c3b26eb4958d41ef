"""The error for a constraint without a negation, and what to write instead.

Every kind of constraint of this package has a negation: one of its own (`Constraint.negated`), or
that of the constraints that it is made of. A kind of one's own that defines neither `negated` nor
`decompose` has none; over few values a `Predicate` is a way round.
"""

from __future__ import annotations

from neurosym.problems.constraints.constraint import Constraint

MAX_SHOWN = 200
"""Characters of a constraint that a message shows."""


def has_negation(constraint: object) -> bool:
    """Whether ``~constraint`` exists, as far as its own kind decides that."""
    if not isinstance(constraint, Constraint):
        return False
    kind = type(constraint)
    return (
        kind.negated is not Constraint.negated
        or kind.decompose is not Constraint.decompose
        or kind.negatable is not Constraint.negatable
    )


def no_negation(constraint: Constraint) -> ValueError:
    """The error that ``constraint`` has no negation, with what to write instead."""
    from neurosym.problems.constraints.masked import count_combinations
    from neurosym.problems.constraints.predicate import MAX_COMBINATIONS

    advice = ""
    if count_combinations(constraint.scope) <= MAX_COMBINATIONS:
        advice = (
            "; or, with c for the constraint, write Predicate(c.scope, lambda *values: "
            "c.check(values)), which says the same and has a negation"
        )
    kind = type(constraint).__name__
    return ValueError(
        f"{show(constraint)} has no negation: give {kind} a method negated(), or decompose() into "
        f"constraints that have one{advice}"
    )


def show(constraint: object) -> str:
    """A constraint as messages show it, in full where it is short."""
    text = repr(constraint)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 2]} …"
