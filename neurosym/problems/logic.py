"""Constraints made of constraints: ``a & b``, ``a | b``, ``a ^ b``, ``~a``, ``a.implies(b)``.

    (x < y) | (z == 3)      over few combinations: a table
                            otherwise the clause b | (z == 3), with an auxiliary b for x < y

Parts are constraints and 0/1 variables. What always holds, or never does, is worked out where it is
written, so that it may come from generated models.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosym.problems.auxiliary import Auxiliary, as_variable, problem_of
from neurosym.problems.constraints.clause import Clause, Conjunction
from neurosym.problems.constraints.conditional.conditional import Implies
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member, as_literal
from neurosym.problems.constraints.tabulated import tabulated, worth_tabulating
from neurosym.problems.expression import Arithmetic, compare
from neurosym.problems.functions import OneVariable, truth
from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class All(Constraint):
    """Every one of some constraints holds; a problem takes them one by one.

    Attributes:
      parts: constraints.
      scope: the distinct variables of all of them.
    """

    parts: tuple[Constraint, ...]
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        every = [each for part in self.parts for each in (part, *part.guards)]
        scope = tuple(dict.fromkeys(x for each in every for x in each.scope))
        object.__setattr__(self, "scope", scope)

    def __repr__(self) -> str:
        return " & ".join(f"({part!r})" for part in self.parts)

    def __str__(self) -> str:
        return " & ".join(f"({part})" for part in self.parts)

    def decompose(self) -> Sequence[Constraint]:
        return self.parts

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        found: Any = np.asarray(True)
        for part in self.parts:
            found = found & holds(part, given)
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class Equivalence(Constraint):
    """Two constraints hold both or neither; or exactly one of them does, where not ``alike``.

    Its truth value says whether they are one object, so that ``constraint in constraints`` works.

    Attributes:
      left: one of them.
      right: the other one.
      alike: whether they agree.
    """

    left: Constraint
    right: Constraint
    alike: bool

    @functools.cached_property
    def scope(self) -> tuple[Variable, ...]:  # type: ignore[override]
        return self._stated.scope

    @functools.cached_property
    def _stated(self) -> Constraint:
        return compare(self.left, "==" if self.alike else "!=", self.right)

    def __repr__(self) -> str:
        return f"({self.left!r}) {'==' if self.alike else '!='} ({self.right!r})"

    def __str__(self) -> str:
        return f"({self.left}) {'==' if self.alike else '!='} ({self.right})"

    def __bool__(self) -> bool:
        return (self.left is self.right) == self.alike

    def decompose(self) -> Sequence[Constraint]:
        return (self._stated,)

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        return self._stated.holds(given)

    def negated(self) -> Constraint:
        return Equivalence(self.left, self.right, not self.alike)

    def negatable(self) -> Sequence[Constraint]:
        return parts_of(self._stated)


def any_of(*parts: Any) -> Constraint:
    """That at least one of some constraints and 0/1 variables holds.

    Args:
      parts: one by one, or as one list, array or generator. Without parts it never holds.

    Raises:
      ValueError: for a part that is neither a constraint nor of values 0 and 1.
    """
    kept = []
    for part in _listed(parts):
        if is_trivial(part):
            if constant_truth(part):
                return always(True)
            continue
        kept.append(part)
    if not kept:
        return always(False)
    if len(kept) == 1:
        return kept[0]
    if all(_is_literal(part) for part in kept):
        return Clause(tuple(kept))
    shown = " | ".join(f"({part})" for part in kept)
    small = _listed_out(kept, lambda a, b: a | b, shown)
    if small is not None:
        return small
    found = Clause(tuple(kept))
    object.__setattr__(found, "written", (shown,))
    return found


def all_of(*parts: Any) -> Constraint:
    """That every one of some constraints and 0/1 variables holds.

    Args:
      parts: as those of `any_of`. Without parts it always holds.

    Raises:
      ValueError: as `any_of`.
    """
    kept = []
    for part in _listed(parts):
        if is_trivial(part):
            if not constant_truth(part):
                return part
            continue
        kept.append(part)
    if not kept:
        return always(True)
    if len(kept) == 1:
        return kept[0]
    if all(_is_literal(part) for part in kept):
        return Conjunction(tuple(kept))
    return All(tuple(kept))


def both(left: Any, right: Any) -> Constraint:
    """``left & right``."""
    return all_of(left, right)


def either(left: Any, right: Any) -> Constraint:
    """``left | right``."""
    return any_of(left, right)


def exactly_one(left: Any, right: Any) -> Constraint:
    """``left ^ right``."""
    return compare(as_constraint(left), "!=", as_constraint(right))


def implication(condition: Any, consequence: Any) -> Constraint:
    """``condition.implies(consequence)``."""
    condition, consequence = as_constraint(condition), as_constraint(consequence)
    for part, end in ((condition, False), (consequence, True)):
        if is_trivial(part) and constant_truth(part) == end:
            return always(True)
    if is_trivial(condition):
        return consequence
    if is_trivial(consequence):
        return negation(condition)
    shown = f"({condition}) implies ({consequence})"
    small = _listed_out([negation(condition), consequence], lambda a, b: a | b, shown)
    if small is not None:
        return small
    found = Implies(condition, consequence)
    object.__setattr__(found, "written", (shown,))
    return found


def negation(constraint: Constraint) -> Constraint:
    """The constraint that holds exactly where this one does not, also where this has no value.

    Raises:
      ValueError: if its kind has no negation.
    """
    if is_trivial(constraint):
        return always(not constant_truth(constraint))
    if constraint.guards:
        parts = (bare(constraint), *constraint.guards)
        return any_of([negation(part) for part in parts])
    return constraint.negated()


def always(truth: bool) -> Constraint:
    """The constraint without variables that holds, or that does not."""
    return Linear((), (), "==" if truth else "!=", 0)


def is_trivial(constraint: Constraint) -> bool:
    """Whether a constraint reads no declared variable."""
    return not constraint.visible


def constant_truth(constraint: Constraint) -> bool:
    """Whether a constraint that reads no declared variable holds."""
    return bool(holds(constraint, {}))


def as_constraint(part: Any) -> Constraint:
    """A constraint, or that a 0/1 variable or expression is 1.

    Raises:
      ValueError: for anything else.
    """
    if isinstance(part, Constraint):
        return part
    if isinstance(part, bool | np.bool_):
        return always(bool(part))
    if isinstance(part, Arithmetic) and not isinstance(part, Variable):
        if not set(part._values()) <= {0, 1}:
            raise ValueError(
                f"{part} stands for a condition, so its values are 0 and 1; compare it with a value"
            )
        return compare(part, "==", 1)
    literal = as_literal(part)
    assert literal is not None
    return literal


def literal_of(part: Constraint | Variable) -> Member:
    """That a constraint holds, as a literal on its variable or on an auxiliary one."""
    if isinstance(part, Variable):
        literal = as_literal(part)
        assert literal is not None
        return literal
    if not part.guards:
        literal = as_literal(part)
        if literal is not None:
            return literal
    term = truth(part)
    if isinstance(term, OneVariable):
        pairs = zip(term.variable.domain, term.values, strict=True)
        return Member(term.variable, [value for value, one in pairs if one])
    problem = problem_of([part])
    assert problem is not None
    return Member(as_variable(term, problem), {1})


def parts_of(constraint: Constraint) -> list[Constraint]:
    """Constraints with a negation of their own that hold together exactly if this one does."""
    found = []
    for each in (bare(constraint), *constraint.guards):
        found += [
            part for part in each.negatable() if not (is_trivial(part) and constant_truth(part))
        ]
    return found


def bare(constraint: Constraint) -> Constraint:
    """A constraint without its guards."""
    if not constraint.guards:
        return constraint
    found = copy.copy(constraint)
    object.__setattr__(found, "guards", ())
    object.__setattr__(found, "truth", None)
    return found


def holds(constraint: Constraint, given: dict[Variable, np.ndarray]) -> Any:
    """Whether a constraint holds, of arrays of value indices by declared variable."""
    found = constraint.holds(given)
    for guard in constraint.guards:
        found = found & holds(guard, given)
    return found


def index_of(variable: Variable, given: dict[Variable, np.ndarray]) -> np.ndarray:
    """The value indices of a variable, which may be auxiliary."""
    return variable._index_at(given) if isinstance(variable, Auxiliary) else given[variable]


def _listed(parts: Sequence[Any]) -> list[Constraint]:
    if len(parts) == 1 and not isinstance(parts[0], Constraint | Arithmetic | bool | np.bool_):
        parts = list(np.asarray(list(parts[0]), object).ravel())
    return [as_constraint(part) for part in parts]


def _is_literal(part: Constraint) -> bool:
    if part.guards:
        return False
    return len(part.scope) == 1 or isinstance(part, Clause | Conjunction)


def _listed_out(parts: Sequence[Constraint], join: Any, shown: str) -> Constraint | None:
    scope = tuple(dict.fromkeys(x for part in parts for x in part.visible))
    if not scope or not worth_tabulating(scope):
        return None

    def together(given: dict[Variable, np.ndarray]) -> Any:
        found = holds(parts[0], given)
        for part in parts[1:]:
            found = join(found, holds(part, given))
        return found

    return tabulated(scope, together, shown)
