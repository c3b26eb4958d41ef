"""`Objective`: what a problem minimises or maximises, as a constraint with a bound that moves.

    minimise 3 * x + y, from 0 to 40      low 0, base 8, digits 2
    bound    3 * x + y <= d_0 + 8 * d_1   a constraint over the variables and two digits more

The digits are variables of a larger network, held by their domains: so one compiled search serves
every bound, and each instance of a batch has its own. Values are exact integers of any size that
a sum may have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.auxiliary import visible_of
from neurosym.problems.constraints.composite import visible_placements
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.expression import Arithmetic, LinearExpression, comparison
from neurosym.problems.functions import OneVariable, truth
from neurosym.problems.structure import Structure
from neurosym.problems.variable import Variable

if TYPE_CHECKING:
    from neurosym.problems.problem import Problem


MOST = 2**60
"""Objectives stay below it, and so do the differences between them: with a bound, sums double."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """A plain value. The *cost* is the objective itself, or its negative where it is maximised.

    Attributes:
      sense: 1 to minimise, -1 to maximise.
      low: no cost is smaller.
      high: no cost is larger.
      base: of the digits.
      digits: how many values each of them has, the lowest one first.
      bound: that the cost is at most ``low`` and what the digits say, over the variables and after
        them the digits, the lowest one first.
      slopes: for each variable what each of its values adds to the cost, as far as that is known;
        empty where nothing is.
      shown: the expression.
    """

    sense: int
    low: int
    high: int
    base: int
    digits: tuple[int, ...]
    bound: tuple[Placed, ...]
    slopes: tuple[tuple[float, ...], ...]
    shown: str

    def written(self, cost: int) -> tuple[int, ...]:
        """The digits that allow costs up to this one, which lies between ``low`` and ``high``."""
        offset, found = cost - self.low, []
        for _ in self.digits:
            offset, digit = divmod(offset, self.base)
            found.append(digit)
        return tuple(found)

    def cost(self, assignment: Sequence[int]) -> int:
        """The cost of value indices ``int[V]`` that satisfy the problem."""
        values = [int(v) for v in assignment]
        least, most = self.low, self.high
        while least < most:
            middle = (least + most) // 2
            if all(part.allows([*values, *self.written(middle)]) for part in self.bound):
                most = middle
            else:
                least = middle + 1
        return least

    def bounded(self, structure: Structure) -> Structure:
        """The structure of the problem with the digits, and with the bound that they say."""
        names = tuple(f"digit {k} of the objective" for k in range(len(self.digits)))
        return Structure(
            names=structure.names + names,
            domains=structure.domains + tuple(tuple(range(size)) for size in self.digits),
            relations=structure.relations + self.bound,
        )


def checked_objective(expression: Any, problem: Problem) -> Arithmetic:
    """An expression that may be minimised.

    Raises:
      ValueError: for something else, for variables of another problem, or for a range that does not
        fit, with the range.
    """
    if isinstance(expression, Constraint):
        expression = truth(expression)
    if not isinstance(expression, Arithmetic):
        raise ValueError(f"an objective is an expression over variables, not {expression!r}")
    visible = visible_of(expression)
    if not visible:
        raise ValueError(f"the objective {expression} reads no variable")
    for variable in visible:
        if variable.problem is not problem:
            raise ValueError(
                f"the objective {expression} is on variable {variable.name!r} of another problem"
            )
    terms, constant = expression._terms()
    low = high = constant
    for atom, c in terms.items():
        values = atom._values()
        ends = c * int(values[0]), c * int(values[-1])
        low, high = low + min(ends), high + max(ends)
    if max(-low, high, high - low) >= MOST:
        raise ValueError(
            f"the objective {expression} reaches from {low} to {high}, which does not fit 60 bits"
        )
    return expression


def make_objective(
    expression: Arithmetic, sense: int, variables: Sequence[Variable], problem: Problem
) -> Objective:
    """The objective of a problem over these variables."""
    terms, constant = expression._terms()
    costs = {atom: sense * c for atom, c in terms.items()}
    low = high = sense * constant
    for atom, c in costs.items():
        values = atom._values()
        ends = c * int(values[0]), c * int(values[-1])
        low, high = low + min(ends), high + max(ends)
    base = max(8, min(64, max(len(variable.domain) for variable in variables)))
    digits, rest = [], high - low
    while rest >= base:
        rest //= base
        digits.append(base)
    digits.append(rest + 1)
    held: dict[Any, int] = dict(costs)
    for k, size in enumerate(digits):
        digit = Variable(
            problem=problem,
            name=f"digit {k} of the objective",
            domain=tuple(range(size)),
            index=len(variables) + k,
        )
        held[digit] = -(base**k)
    constraint = comparison(held, sense * constant - low, "<=")
    return Objective(
        sense=sense,
        low=low,
        high=high,
        base=base,
        digits=tuple(digits),
        bound=visible_placements(constraint),
        slopes=_slopes(costs, variables),
        shown=str(LinearExpression(terms, constant)),
    )


def _slopes(costs: dict[Arithmetic, int], variables: Sequence[Variable]) -> Any:
    """What values add to the cost; of other functions than sums, less where they are smaller."""
    rows = {x: np.zeros(len(x.domain)) for x in variables}
    for atom, c in costs.items():
        if isinstance(atom, Variable) and atom in rows:
            rows[atom] += [float(c * int(value)) for value in atom.domain]  # type: ignore[call-overload]
        elif isinstance(atom, OneVariable):
            rows[atom.variable] += [float(c * value) for value in atom.values]
    if not any(row.any() for row in rows.values()):
        return ()
    return tuple(tuple(row.tolist()) for row in rows.values())
