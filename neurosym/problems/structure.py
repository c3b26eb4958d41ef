"""`Structure`: what a network is about, as one value: names, domains, and what holds where.

    names      ("a", "b", "c")
    domains    ((0, 1), (0, 1), (0, 1))
    relations  (Placed(unequal, (0, 1)), Placed(unequal, (1, 2)))

Plans and programs of the soft engine are made for a structure. Equal structures share them, and so
do all placements of equal relations within one structure.
"""

from __future__ import annotations

import dataclasses
import difflib
import numbers
from collections.abc import Hashable

from neurosym.problems.constraints.relation import Placed
from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """The static facts of a network: hashable, compared by content, hashed once.

    Attributes:
      names: of the variables, row by row.
      domains: their values.
      relations: what holds, each with the rows of the variables that it holds of.
    """

    names: tuple[str, ...]
    domains: tuple[tuple[Hashable, ...], ...]
    relations: tuple[Placed, ...]

    def __post_init__(self) -> None:
        key = hash((self.names, self.domains, self.relations))
        object.__setattr__(self, "_hash", key)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Structure)
            and hash(self) == hash(other)
            and self.names == other.names
            and self.domains == other.domains
            and self.relations == other.relations
        )

    def __reduce__(self) -> tuple:
        # Strings hash differently in another process, so the hash stays behind.
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    @property
    def variables(self) -> int:
        """V."""
        return len(self.names)

    @property
    def size(self) -> int:
        """D, the values of the largest domain."""
        return max(len(domain) for domain in self.domains)

    def index(self, variable: Variable | str | int) -> int:
        """The row of a variable in arrays over the variables.

        Raises:
          ValueError: if there is no such variable, or it is another problem's.
        """
        names = self.names
        if isinstance(variable, numbers.Integral) and not isinstance(variable, bool):
            if 0 <= variable < len(names):
                return int(variable)
            raise ValueError(f"variable {variable} does not exist; there are {len(names)}")
        if not isinstance(variable, str | Variable):
            raise ValueError(
                f"a variable is given as itself, its name or its row, not {variable!r}"
            )
        name = variable if isinstance(variable, str) else variable.name
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"the network has no variable {name!r}{hint}")
        row = names.index(name)
        if isinstance(variable, Variable) and not self._is_row(variable, row):
            raise ValueError(f"variable {name!r} belongs to another problem")
        return row

    def _is_row(self, variable: Variable, row: int) -> bool:
        return variable.index == row and variable.domain == self.domains[row]


@dataclasses.dataclass(frozen=True, eq=False)
class RestrictedStructure(Structure):
    """A structure of some of the values.

    Attributes:
      declared: the domains of the variables with all their values.
    """

    declared: tuple[tuple[Hashable, ...], ...]

    def _is_row(self, variable: Variable, row: int) -> bool:
        return variable.index == row and variable.domain == self.declared[row]


class OverVariables:
    """What a network and a restricted network say about their variables, by their structure."""

    structure: Structure

    @property
    def variables(self) -> int:
        """V."""
        return self.structure.variables

    @property
    def size(self) -> int:
        """D, the values of the largest domain."""
        return self.structure.size

    def index(self, variable: Variable | str | int) -> int:
        """The row of a variable, given as itself, its name or its row.

        Raises:
          ValueError: if there is no such variable, or it is another problem's.
        """
        return self.structure.index(variable)
