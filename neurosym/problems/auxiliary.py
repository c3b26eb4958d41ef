"""`Auxiliary`: a variable that follows from the declared ones, and that no user sees.

    problem.add(x * y + z == 7)      the sum is over an auxiliary variable h, defined by h == x * y

An auxiliary variable stands for an expression where a constraint needs a variable. It has no row in
the arrays of a network: constraints over it compile to a `Composite` over declared variables. Its
value follows from theirs, so that counts and totals are those of the declared variables alone.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.variable import Variable

if TYPE_CHECKING:
    from neurosym.problems.constraints.constraint import Constraint
    from neurosym.problems.problem import Problem

MAX_VALUES = 2**16
"""Values of an auxiliary variable."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Auxiliary(Variable):
    """A variable that equals an expression; made by `as_variable`.

    Attributes:
      expression: what it equals, or None for a constant.
      index: negative; it tells the auxiliary variables of a problem apart.
    """

    expression: Any = None

    def __repr__(self) -> str:
        return self.name

    @functools.cached_property
    def definitions(self) -> tuple[Constraint, ...]:
        """Constraints that give it its one value, over variables that come before it."""
        return () if self.expression is None else tuple(self.expression._define(self))

    def _visible(self) -> tuple[Variable, ...]:
        return () if self.expression is None else self.expression._visible()

    def _at(self, given: dict[Variable, np.ndarray]) -> Any:
        if self.expression is None:
            return np.asarray(_integer(self.domain[0]))
        return self.expression._at(given)

    def _index_at(self, given: dict[Variable, np.ndarray]) -> np.ndarray:
        if self.expression is None:
            return np.asarray(0)
        return np.searchsorted(np.asarray(self.domain), self.expression._at(given))


def as_variable(entry: Any, problem: Problem) -> Variable:
    """What an entry of a constraint is a variable for: itself, an expression, or a constant.

    Raises:
      ValueError: for an expression of too many values.
    """
    from neurosym.problems.constraints.constraint import Constraint
    from neurosym.problems.expression import Arithmetic, LinearExpression
    from neurosym.problems.functions import truth

    if isinstance(entry, Variable):
        return entry
    if isinstance(entry, Constraint):
        entry = truth(entry)
    if not isinstance(entry, Arithmetic):
        try:
            hash(entry)
        except TypeError:
            raise ValueError(
                f"{entry!r} is neither a variable, an expression nor a value"
            ) from None
        return problem.add_auxiliary((entry,), None, repr(entry))
    if isinstance(entry, LinearExpression):
        terms = {x: c for x, c in entry._terms()[0].items() if c}
        if not terms:
            return problem.add_auxiliary((entry._terms()[1],), None, str(entry))
        if list(terms.values()) == [1] and entry._terms()[1] == 0:
            (atom,) = terms
            if atom is not entry:
                return as_variable(atom, problem)
    known = entry._auxiliary
    if known is None or known.problem is not problem:
        values = entry._values()
        if len(values) > MAX_VALUES:
            raise ValueError(
                f"{entry} takes up to {len(values)} values, from {values[0]} to {values[-1]}, and "
                f"an expression inside of another one takes at most {MAX_VALUES}"
            )
        known = problem.add_auxiliary(tuple(values), entry, str(entry))
        entry._auxiliary = known
    return known


def all_variables(entries: Sequence[Any], what: str) -> tuple[Variable, ...]:
    """The entries of a constraint as variables; at least one of them names a problem.

    Raises:
      ValueError: if no entry has a variable.
    """
    problem = problem_of(entries)
    if problem is None:
        shown = ", ".join(map(repr, entries[:3]))
        raise ValueError(f"{what} needs at least one variable, and there is none in {shown}")
    return tuple([as_variable(entry, problem) for entry in entries])


def listed(group: Any) -> tuple[Any, ...]:
    """The entries of an array of any shape, a sequence, or a single entry."""
    from neurosym.problems.constraints.constraint import Constraint
    from neurosym.problems.expression import Arithmetic

    if isinstance(group, np.ndarray):
        return tuple(group.ravel().tolist())
    single = isinstance(group, Arithmetic | Constraint | str | bytes)
    return (group,) if single or not isinstance(group, Iterable) else tuple(group)


def problem_of(entries: Sequence[Any]) -> Problem | None:
    """The problem of the first variable that entries have."""
    for entry in entries:
        for variable in visible_of(entry):
            return variable.problem
    return None


def visible_of(entry: Any) -> tuple[Variable, ...]:
    """The declared variables in an entry; none in a constant."""
    from neurosym.problems.constraints.constraint import Constraint
    from neurosym.problems.expression import Arithmetic

    if isinstance(entry, Constraint):
        return entry.visible
    return entry._visible() if isinstance(entry, Arithmetic) else ()


def guards_of(entries: Sequence[Any]) -> tuple[Constraint, ...]:
    """What must hold so that entries have a value at all, such as an index inside of its array."""
    from neurosym.problems.expression import Arithmetic

    found: dict[Constraint, None] = {}
    for entry in entries:
        if isinstance(entry, Arithmetic):
            found |= dict.fromkeys(entry._guards())
    return tuple(found)


def _integer(value: Hashable) -> int:
    if not isinstance(value, numbers.Integral):
        raise ValueError(f"arithmetic is with integers, not {value!r}")
    return int(value)
