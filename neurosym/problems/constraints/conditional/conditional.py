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
from neurosym.problems.constraints.comparison import without_variables
from neurosym.problems.constraints.conditional.branches import ConditionalRelation
from neurosym.problems.constraints.constraint import Constraint, guarded_placements, placements
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.membership import Member, as_literal
from neurosym.problems.constraints.relation import Placed

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Implies(Constraint):
    """If ``condition`` holds, so does ``constraint``.

    Usually one of them is on one variable: a comparison with a value, a `Member`, or a 0/1
    variable. If it is ``constraint``, the contrapositive is compiled, and ``condition`` must have a
    negation. If both are on several variables, an auxiliary one stands for ``condition``.

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
      ValueError: if a negation is needed that does not exist.
    """

    condition: Constraint | Variable
    constraint: Constraint | Variable
    literal: Member = dataclasses.field(init=False, repr=False)
    consequence: Constraint = dataclasses.field(init=False, repr=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        from neurosym.problems.logic import All, bare, negation

        sides = _sides(self.condition, self.constraint)
        literal, consequence = sides.literal, sides.constraint
        if sides.swapped:
            literal, consequence = literal.negated(), negation(consequence)
        if consequence.guards:
            consequence = All((bare(consequence), *consequence.guards))
        object.__setattr__(self, "literal", literal)
        object.__setattr__(self, "consequence", consequence)
        object.__setattr__(self, "scope", _united(literal, consequence))

    def __repr__(self) -> str:
        return f"Implies({self.condition!r}, {self.constraint!r})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        return not _holds(self.literal, given) or _holds(self.consequence, given)

    def negatable(self) -> Sequence[Constraint]:
        return (Clause((self.literal.negated(), self.consequence)),)

    def compile(self) -> Sequence[Placed]:
        from neurosym.problems.logic import implication

        consequence = self.consequence
        if isinstance(consequence, Member | Clause):
            return Clause((self.literal.negated(), consequence)).compile()
        if not _stands_alone(consequence):
            # Its parts are over variables that it does not name, so each gets the condition.
            parts = [implication(self.literal, part) for part in consequence.decompose()]
            return [one for part in parts for one in guarded_placements(part, self.scope)]
        return self.place(_relation(self.scope, self.literal, consequence, None))


@dataclasses.dataclass(frozen=True, eq=False)
class Reified(Constraint):
    """``condition`` holds exactly if ``constraint`` does.

    Usually one of them is on one variable: a comparison with a value, a `Member`, or a 0/1
    variable. The other side must have a negation. If both are on several variables, an auxiliary
    one stands for ``condition``.

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
      ValueError: if a side on several variables has no negation.
    """

    condition: Constraint | Variable
    constraint: Constraint | Variable
    literal: Member = dataclasses.field(init=False, repr=False)
    consequence: Constraint = dataclasses.field(init=False, repr=False)
    opposite: Constraint = dataclasses.field(init=False, repr=False)
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        from neurosym.problems.logic import literal_of

        literal, consequence, _ = _sides(self.condition, self.constraint)
        if consequence.guards or type(consequence).negated is Constraint.negated:
            consequence = literal_of(consequence)
        object.__setattr__(self, "literal", literal)
        object.__setattr__(self, "consequence", consequence)
        object.__setattr__(self, "opposite", consequence.negated())
        object.__setattr__(self, "scope", _united(literal, consequence))

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


def _sides(first: Constraint | Variable, second: Constraint | Variable) -> _Sides:
    from neurosym.problems.logic import literal_of

    first, second = _constraint(first), _constraint(second)
    for part in (first, second):
        if not part.scope:
            raise without_variables(part.check(()), part=True)
    if isinstance(first, Member) and not first.guards:
        return _Sides(first, second, False)
    if isinstance(second, Member) and not second.guards:
        return _Sides(second, first, True)
    # Both are on several variables: an auxiliary one stands for the first.
    return _Sides(literal_of(first), second, False)


def _constraint(part: Constraint | Variable) -> Constraint:
    literal = as_literal(part)
    if literal is None or (isinstance(part, Constraint) and part.guards):
        assert isinstance(part, Constraint)
        return part
    return literal


def _stands_alone(constraint: Constraint) -> bool:
    """Whether what it compiles to is over variables of its scope."""
    if type(constraint).decompose is Constraint.decompose:
        return True
    scope = {variable.index for variable in constraint.scope}
    return all(set(one.scope) <= scope for one in placements(constraint))


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
