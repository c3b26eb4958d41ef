"""`Member`: a variable takes one of some values; the literals that clauses are made of.

Written ``x.isin({1, 4})``; ``colour == "red"`` and ``colour != "red"`` build it where values are
not integers, so that arithmetic does not apply.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.comparison import without_variables
from neurosym.problems.constraints.constraint import Constraint, Placed
from neurosym.problems.constraints.unary import UnaryRelation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Member(Constraint):
    """``variable`` takes one of ``values``.

    >>> from neurosym.problems import Problem
    >>> colour = Problem().variable("colour", domain=("red", "green", "blue"))
    >>> colour.isin({"red", "blue"}), ~(colour == "red")
    (Member(colour in {'red', 'blue'}), Member(colour in {'green', 'blue'}))

    Attributes:
      variable: the variable.
      values: of its domain, kept as a frozenset; none at all is a constraint that nothing
        satisfies.
      scope: the variable, as a tuple.
      mask: the values as bits: bit v stands for value index v.

    Raises:
      ValueError: for values that the domain does not have.
    """

    variable: Variable
    values: Collection[Hashable]
    scope: tuple[Variable] = dataclasses.field(init=False, repr=False)
    mask: int = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        variable = self.variable
        try:
            values = frozenset(self.values)
        except TypeError:
            raise ValueError(
                f"the values of variable {variable.name!r} are a set, not {self.values!r}"
            ) from None
        inside = [v for v, value in enumerate(variable.domain) if value in values]
        if len(inside) < len(values):
            for value in values:
                variable.value_index(value)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "scope", (variable,))
        object.__setattr__(self, "mask", sum(1 << v for v in inside))

    def __repr__(self) -> str:
        inside = [repr(value) for value in self.variable.domain if value in self.values]
        if len(inside) > 12:
            inside = [*inside[:2], "…", inside[-1]]
        return f"Member({self.variable.name} in {{{', '.join(inside)}}})"

    def check(self, values: Sequence[Hashable]) -> bool:
        return values[0] in self.values

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        from neurosym.problems.logic import index_of

        inside = np.asarray([value in self.values for value in self.variable.domain])
        return inside[index_of(self.variable, given)]

    def compile(self) -> tuple[Placed, ...]:
        return self.place(self.relation())

    def relation(self) -> UnaryRelation:
        """The values as a relation over one position."""
        size = len(self.variable.domain)
        return UnaryRelation(tuple(bool(self.mask >> v & 1) for v in range(size)))

    def negated(self) -> Member:
        return Member(self.variable, frozenset(self.variable.domain).difference(self.values))


def as_literal(part: Constraint | Variable) -> Member | None:
    """A constraint on one variable, or a 0/1 variable that is to be 1, as a `Member`.

    None for a constraint on several variables.

    Raises:
      ValueError: for a variable with other values, or for something else.
    """
    if isinstance(part, Member):
        return part
    from neurosym.problems.variable import Variable

    if isinstance(part, Variable):
        if not set(part.domain) <= {0, 1}:
            raise ValueError(
                f"variable {part.name!r} stands for a condition, so its values are 0 and 1; "
                "compare it with a value"
            )
        return Member(part, frozenset(value for value in part.domain if value))
    if isinstance(part, bool | np.bool_):
        raise without_variables(bool(part), part=True)
    if not isinstance(part, Constraint):
        raise ValueError(f"{part!r} is neither a constraint nor a 0/1 variable")
    if len(part.scope) != 1:
        return None
    (variable,) = part.scope
    return Member(variable, frozenset(value for value in variable.domain if part.check((value,))))
