"""Labels of heads: the probabilities that a program states, and those that it leaves to learning.

    0.3::a.  1/6::b.  t(_)::c.  t(0.2)::d.  P::e(P) :- f(P).

A label is an expression, whose value may wait for the variables of the body, or ``t(...)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurosym.programs.arithmetic import EvaluationError, evaluate
from neurosym.programs.clauses import Head, Learnable
from neurosym.programs.syntax import Place
from neurosym.programs.terms import Bindings, Term, Variable, is_ground, resolve

TOLERANCE = 1e-9
"""By how much the probabilities of an annotated disjunction may exceed one."""

_DISTRIBUTIONS = frozenset(
    {"normal", "gaussian", "uniform", "beta", "poisson", "exponential", "gamma", "dirichlet"}
)


def label_of(label: Term, place: Place) -> Term | Learnable:
    """A label that is no network: ``t(...)`` or an expression, whose value is checked if known."""
    if isinstance(label, tuple) and label[0] == "t":
        if len(label) != 2:
            raise place.error("a learnable probability is t(_) or t(0.3)")
        if isinstance(label[1], Variable):
            return Learnable(None)
        return Learnable(probability(label[1], {}, place))
    if isinstance(label, tuple) and label[0] in _DISTRIBUTIONS:
        raise place.error(f"the distribution {label[0]} is not supported: choices are discrete")
    if is_ground(label):
        probability(label, {}, place)
    return label


def probability(label: Term, bindings: Bindings, place: Place) -> float:
    """The value of a label.

    Raises:
      ProgramError: if it has none, or one outside [0, 1].
    """
    term = resolve(label, bindings)
    try:
        value = float(evaluate(term))
    except EvaluationError as error:
        raise place.error(f"this probability cannot be computed: {error}") from None
    if not 0 <= value <= 1:
        raise place.error(f"a probability lies in [0, 1]; this one is {value:g}")
    return value


def check_total(values: Sequence[float], place: Place) -> None:
    """Raises `ProgramError` where the probabilities of a disjunction exceed one."""
    if math.fsum(values) > 1 + TOLERANCE:
        raise place.error(
            f"the probabilities of this annotated disjunction sum to {math.fsum(values):g}, more "
            "than 1"
        )


def check_heads(heads: Sequence[Head], place: Place) -> None:
    """Raises `ProgramError` where what is known of the labels of a disjunction exceeds one."""
    values = []
    for head in heads:
        if isinstance(head.label, Learnable):
            values.append(head.label.initial or 0.0)
        elif head.label is not None and is_ground(head.label):
            values.append(probability(head.label, {}, place))
    check_total(values, place)
