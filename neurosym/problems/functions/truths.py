"""`Truth`: a constraint as a number, 1 where it holds and 0 elsewhere.

    (x + y + z <= 4) + w == 2     the comparison is a `Truth`, an auxiliary of values 0 and 1
    (x == 3) + w == 2             the comparison reads one variable: its values are listed

An auxiliary variable of a truth is tied to the constraint in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.conditional.conditional import Reified
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.expression import Arithmetic, Terms
from neurosym.problems.functions.one_variable import simplified

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


def truth(constraint: Constraint) -> Arithmetic:
    """A constraint as a number, 0 or 1."""
    if constraint.truth is None:
        object.__setattr__(constraint, "truth", simplified(Truth(constraint)))
    return constraint.truth


class Truth(Arithmetic):
    """A constraint on several variables as a number: 1 where it holds, and 0 elsewhere."""

    __slots__ = ("_auxiliary", "constraint")

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self._auxiliary: Any = None

    def __repr__(self) -> str:
        return f"Truth({self})"

    def __str__(self) -> str:
        return f"({self.constraint})"

    def _terms(self) -> Terms:
        return {self: 1}, 0

    def _visible(self) -> tuple[Variable, ...]:
        return self.constraint.visible

    def _values(self) -> Any:
        return [0, 1]

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import holds

        return np.asarray(holds(self.constraint, given)).astype(np.int64)

    def _define(self, variable: Variable) -> list[Constraint]:
        from neurosym.problems.logic import is_trivial, literal_of, parts_of

        parts = parts_of(self.constraint)
        if any(is_trivial(part) for part in parts):  # those that always hold are left out
            return [Member(variable, {0})]
        this = Member(variable, {1})
        if len(parts) > 1:
            literals = [literal_of(part) for part in parts]
            back = Clause((this, *(literal.negated() for literal in literals)))
            return [back, *(Clause((this.negated(), literal)) for literal in literals)]
        (part,) = parts
        if isinstance(part, Clause):
            return [
                Clause((this.negated(), *part.literals)),
                *(Clause((this, literal.negated())) for literal in part.literals),
            ]
        if isinstance(part, Linear) and part.relation not in ("==", "!=") and len(part.scope) > 2:
            return _two_bounds(part, variable)
        return [Reified(this, part)]


def _two_bounds(part: Linear, variable: Variable) -> list[Constraint]:
    """That a sum is at most a bound exactly if a 0/1 variable is 1, as two sums over both."""
    sign = -1 if part.relation in (">", ">=") else 1
    bound = sign * part.constant - (part.relation in ("<", ">"))
    coefficients = [sign * c for c in part.coefficients]
    low = high = 0
    for x, c in zip(part.scope, coefficients, strict=True):
        values = [int(v) for v in x.domain]  # type: ignore[call-overload]
        ends = c * min(values), c * max(values)
        low, high = low + min(ends), high + max(ends)
    scope = (*part.scope, variable)
    # Within the reach of the sum, so that no coefficient is larger than needed.
    most, least = max(high - bound, 0), max(bound + 1 - low, 0)
    return [
        Linear(scope, (*coefficients, most), "<=", bound + most),
        Linear(scope, (*coefficients, least), ">=", bound + 1),
    ]
