"""`Implies` and `Reified`: a constraint that holds if, or exactly if, a condition does.

The condition is on one variable: it takes a value of a set, or as a 0/1 variable is 1. So there is
one constraint for the values of the set and another one, or none, for the rest;
`neurosym.problems.constraints.conditional.branches` says what that means for the engines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from neurosym.problems.constraints.clause import Clause
from neurosym.problems.constraints.conditional.branches import ConditionalRelation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.membership import Member, as_literal
from neurosym.problems.constraints.negation import show
from neurosym.problems.constraints.relation import Placed

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Implies(Constraint):
    """If ``condition`` holds, so does ``constraint``.

    One of them is on one variable: a comparison with a value, a `Member`, or a 0/1 variable. If it
    is ``constraint``, the contrapositive is compiled, and ``condition`` must have a negation.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(4))
    >>> rain = problem.variable("rain", domain=(0, 1))
    >>> problem.add(Implies(rain, x + y <= 3), Implies(x == 3, rain))
    >>> network = problem.compile()
    >>> network.allows([3, 0, 1]), network.allows([3, 0, 0]), network.allows([3, 1, 1])
    (True, False, False)

    Attributes:
      condition: what implies.
      constraint: what is implied. It may be on the variable of the condition, too.
      literal: the side on one variable, negated if it is ``constraint``.
      consequence: what holds if the literal does.
      scope: the distinct variables, that of the literal first.

    Raises:
      ValueError: if both are on several variables, or a negation is needed that does not exist.
    """

    condition: Constraint | Variable
    constraint: Constraint | Variable
    literal: Member = dataclasses.field(init=False, repr=False)
    consequence: Constraint = dataclasses.field(init=False, repr=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        sides = _sides(self.condition, self.constraint, "Implies")
        literal, consequence = sides.literal, sides.constraint
        if sides.swapped:
            literal, consequence = literal.negated(), consequence.negated()
        object.__setattr__(self, "literal", literal)
        object.__setattr__(self, "consequence", consequence)
        object.__setattr__(self, "scope", _united(literal, consequence))

    def __repr__(self) -> str:
        return f"Implies({self.condition!r}, {self.constraint!r})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        return not _holds(self.literal, given) or _holds(self.consequence, given)

    def instead_of_negation(self) -> str:
        return (
            f"declare a 0/1 variable r and add Reified(r, {show(self.consequence)}); "
            f"Clause((~c, r)) with {show(self.literal)} for c says the same and has a negation"
        )

    def compile(self) -> Sequence[Placed]:
        if isinstance(self.consequence, Member | Clause):
            return Clause((self.literal.negated(), self.consequence)).compile()
        return self.place(_relation(self.scope, self.literal, self.consequence, None))


@dataclasses.dataclass(frozen=True, eq=False)
class Reified(Constraint):
    """``condition`` holds exactly if ``constraint`` does.

    One of them is on one variable: a comparison with a value, a `Member`, or a 0/1 variable. The
    other side must have a negation.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(4))
    >>> less = problem.variable("less", domain=(False, True))
    >>> problem.add(Reified(less, x < y))
    >>> network = problem.compile()
    >>> network.allows([1, 2, 1]), network.allows([2, 2, 1]), network.allows([2, 2, 0])
    (True, False, True)

    Attributes:
      condition: one side.
      constraint: the other side. It may be on the variable of the condition, too.
      literal: the side on one variable.
      consequence: what holds if the literal does.
      opposite: what holds if it does not.
      scope: the distinct variables, that of the literal first.

    Raises:
      ValueError: if both are on several variables, or the one that is has no negation.
    """

    condition: Constraint | Variable
    constraint: Constraint | Variable
    literal: Member = dataclasses.field(init=False, repr=False)
    consequence: Constraint = dataclasses.field(init=False, repr=False)
    opposite: Constraint = dataclasses.field(init=False, repr=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        sides = _sides(self.condition, self.constraint, "Reified")
        object.__setattr__(self, "literal", sides.literal)
        object.__setattr__(self, "consequence", sides.constraint)
        object.__setattr__(self, "opposite", sides.constraint.negated())
        object.__setattr__(self, "scope", _united(sides.literal, sides.constraint))

    def __repr__(self) -> str:
        return f"Reified({self.condition!r}, {self.constraint!r})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        return _holds(self.literal, given) == _holds(self.consequence, given)

    def negated(self) -> Reified:
        return Reified(self.literal.negated(), self.consequence)

    def compile(self) -> tuple[Placed, ...]:
        return self.place(_relation(self.scope, self.literal, self.consequence, self.opposite))


class _Sides(NamedTuple):
    literal: Member
    constraint: Constraint
    swapped: bool  # the literal is the second side


def _sides(first: Constraint | Variable, second: Constraint | Variable, kind: str) -> _Sides:
    literals = as_literal(first), as_literal(second)
    if literals[0] is not None:
        return _Sides(literals[0], _constraint(second), False)
    if literals[1] is not None:
        return _Sides(literals[1], _constraint(first), True)
    raise ValueError(
        f"{show(first)} and {show(second)} are both on several variables, and one side is to be on "
        f"one: declare a 0/1 variable b, and add Reified(b, {show(first)}) and "
        f"{kind}(b, {show(second)})"
    )


def _constraint(part: Constraint | Variable) -> Constraint:
    literal = as_literal(part)
    if literal is not None:
        return literal
    assert isinstance(part, Constraint)
    return part


def _united(literal: Member, constraint: Constraint) -> tuple[Variable, ...]:
    return tuple(dict.fromkeys((literal.variable, *constraint.scope)))


def _holds(constraint: Constraint, given: dict[Variable, Hashable]) -> bool:
    return constraint.check([given[variable] for variable in constraint.scope])


def _relation(
    scope: Sequence[Variable], literal: Member, then: Constraint, otherwise: Constraint | None
) -> ConditionalRelation:
    position = {variable: k for k, variable in enumerate(scope)}

    def branch(constraint: Constraint) -> Placed:
        return Placed(joined(constraint), tuple(position[x] for x in constraint.scope))

    return ConditionalRelation(
        sizes=tuple(len(variable.domain) for variable in scope),
        mask=literal.mask,
        branches=(branch(then), None if otherwise is None else branch(otherwise)),
    )
