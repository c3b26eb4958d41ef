"""`OverEntries`: constraints over variables, expressions and constants that are made of others.

Such a constraint says in plain Python which values it accepts, and by `decompose` what it is made
of. Negation and truth value follow from its parts.
"""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.auxiliary import listed, visible_of
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic
from neurosym.problems.logic import holds, index_of
from neurosym.problems.variable import Variable

if TYPE_CHECKING:
    from neurosym.problems.problem import Problem


class OverEntries(Constraint):
    """A constraint over groups of entries: variables, expressions, 0/1 constraints, constants.

    A subclass gives `accepts` and `decompose`, and calls `_keep` with its groups when it is made.
    """

    _groups: tuple[tuple[Any, ...], ...]

    def accepts(self, *groups: list[Any]) -> bool:
        """Whether the values of the entries, group by group, satisfy the constraint."""
        raise NotImplementedError

    def check(self, values: Sequence[Hashable]) -> bool:
        pairs = zip(self.scope, values, strict=True)
        given = {x: np.asarray(x.value_index(value)) for x, value in pairs}
        for group in self._groups:
            for entry in group:
                if isinstance(entry, Arithmetic) and not all(
                    bool(holds(guard, given)) for guard in entry._guards()
                ):
                    return False
        return self.accepts(*([_value(e, given) for e in group] for group in self._groups))

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        found: Any = np.asarray(True)
        for part in self._parts:
            found = found & holds(part, given)
        return found

    def _keep(self, *groups: Any) -> None:
        """Remembers the entries, group by group, and the variables that they read."""
        flat = tuple(listed(group) for group in groups)
        scope = dict.fromkeys(x for group in flat for entry in group for x in visible_of(entry))
        if not scope:
            raise ValueError(f"{type(self).__name__} needs at least one variable")
        object.__setattr__(self, "_groups", flat)
        object.__setattr__(self, "scope", tuple(scope))

    @property
    def _problem(self) -> Problem:
        return self.scope[0].problem

    def __repr__(self) -> str:
        shown = (f"({', '.join(map(str, group))})" for group in self._groups)
        return f"{type(self).__name__}({', '.join(shown)})"


def same_lengths(name: str, **groups: Sequence[Any]) -> None:
    """Checks that groups are of one length.

    Raises:
      ValueError: with the lengths, if they are not.
    """
    lengths = {what: len(group) for what, group in groups.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{count} {what}" for what, count in lengths.items())
        raise ValueError(f"{name} takes as many of each, not {shown}")


def integers(group: Any, what: str) -> tuple[int, ...]:
    """A group of plain integers.

    Raises:
      ValueError: for something else.
    """
    found = listed(group)
    for entry in found:
        if not isinstance(entry, numbers.Integral):
            raise ValueError(f"{what} are integers, not {entry!r}")
    return tuple(int(entry) for entry in found)


def _value(entry: Any, given: dict[Variable, np.ndarray]) -> Any:
    if isinstance(entry, Variable):
        return entry.domain[int(index_of(entry, given))]
    if isinstance(entry, Constraint):
        return int(bool(holds(entry, given)))
    return int(entry._at(given)) if isinstance(entry, Arithmetic) else entry
