"""`Variable`: an unknown of a problem, with a finite domain of hashable values."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Collection, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.membership import Member
from neurosym.problems.expression import Arithmetic, LinearExpression, integers_of

if TYPE_CHECKING:
    from neurosym.problems.problem import Problem


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Variable(Arithmetic):
    """One unknown; made by `Problem.variable` and `Problem.variables`.

    ``==``, ``<=`` and the like build constraints. Variables are told apart by identity: as keys of
    a dictionary they work, but ``in`` on a list of variables does not.

    Attributes:
      problem: the problem that declared it.
      name: unique in its problem.
      domain: its values, in the order in which arrays index them.
      index: its row in arrays over the variables of its problem.
    """

    problem: Problem
    name: str
    domain: tuple[Hashable, ...]
    index: int

    def __repr__(self) -> str:
        return f"Variable({self.name})"

    def __str__(self) -> str:
        return self.name

    def value_index(self, value: Hashable) -> int:
        """The position of ``value`` in the domain.

        Raises:
          ValueError: if the domain has no such value.
        """
        try:
            return self.domain.index(value)
        except ValueError:
            raise ValueError(
                f"{value!r} is not in the domain of variable {self.name!r}, "
                f"which is {describe_domain(self.domain)}"
            ) from None

    def isin(self, values: Collection[Hashable]) -> Member:
        """The constraint that this variable takes one of some values of its domain."""
        return Member(self, values)

    def _holding(self, value: object) -> Member | None:
        if isinstance(value, Arithmetic | Constraint) or not isinstance(value, Hashable):
            return None
        if isinstance(value, numbers.Integral) and _all_integers(self.domain):
            return None
        return Member(self, frozenset([value]))

    def _terms(self) -> tuple[dict[Arithmetic, int], int]:
        return {self: 1}, 0

    def _visible(self) -> tuple[Variable, ...]:
        return (self,)

    def _values(self) -> Any:
        return sorted(integers_of(self))

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        return np.asarray(integers_of(self), np.int64)[given[self]]

    def _define(self, variable: Variable) -> list[Constraint]:
        return LinearExpression({self: 1}, 0)._define(variable)


def _all_integers(domain: tuple[Hashable, ...]) -> bool:
    return all(isinstance(value, numbers.Integral) for value in domain)


def describe_domain(domain: tuple[Hashable, ...]) -> str:
    """A domain as a message shows it: whole when it is short, its ends when it is long."""
    if len(domain) <= 12:
        return "{" + ", ".join(repr(value) for value in domain) + "}"
    return f"{{{domain[0]!r}, {domain[1]!r}, …, {domain[-1]!r}}} ({len(domain)} values)"
