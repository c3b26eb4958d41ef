"""Tables with open entries, with conditions, and as decision diagrams."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from neurosym.problems.auxiliary import all_variables
from neurosym.problems.constraints.catalogue.over_entries import OverEntries
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.regular import Regular

ANY = "*"
"""In a row of a `ShortTable`: every value."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ShortTable(OverEntries):
    """The values together fit one of ``rows``, whose entries are values, sets of values, or "*".

    Rows may overlap: an assignment counts once. The rows become a deterministic automaton, so
    pruning is exact. Rows with conditions over several columns are
    ``any_of(all_of(...), ...)``.

    Attributes:
      entries: variables, expressions and constants.
      rows: for each entry a value, a collection of values, or ``"*"`` for every value.
      wildcard: the sign for every value.

    Raises:
      ValueError: for a row of another length, without variables, or for rows that make too large an
        automaton.
    """

    entries: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    wildcard: Hashable = ANY

    def __post_init__(self) -> None:
        self._keep(self.entries)
        rows = tuple(tuple(row) for row in self.rows)
        for row in rows:
            if len(row) != len(self._groups[0]):
                raise ValueError(
                    f"a table over {len(self._groups[0])} entries has the row {row!r} of {len(row)}"
                )
        object.__setattr__(self, "rows", rows)

    def _fits(self, value: Hashable, cell: Any) -> bool:
        if isinstance(cell, set | frozenset | list | range | tuple):
            return value in cell
        return cell == self.wildcard or value == cell

    def accepts(self, *groups: list[Any]) -> bool:
        return any(
            all(self._fits(v, cell) for v, cell in zip(groups[0], row, strict=True))
            for row in self.rows
        )

    def decompose(self) -> list[Constraint]:
        from neurosym.problems.logic import always

        if not self.rows:
            return [always(False)]
        variables = all_variables(self._groups[0], "ShortTable")
        last = len(variables) - 1
        moves, states = [], {"start": None, "end": None}
        for n, row in enumerate(self.rows):
            for k, (x, cell) in enumerate(zip(variables, row, strict=True)):
                here = "start" if k == 0 else (n, k)
                ahead = "end" if k == last else (n, k + 1)
                states |= {here: None, ahead: None}  # type: ignore[dict-item]
                moves += [(here, value, ahead) for value in x.domain if self._fits(value, cell)]
        return [Regular(variables, Automaton(tuple(states), "start", {"end"}, moves))]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DecisionDiagram(OverEntries):
    """The values are the labels of a path from the root to an end of a decision diagram (an MDD).

    It is an automaton whose words are as long as there are entries; pruning is exact.

    Attributes:
      entries: variables, expressions and constants.
      transitions: triples (node, value, node); the first one leaves the root.

    Raises:
      ValueError: without variables or transitions, or as `Regular`.
    """

    entries: Sequence[Any]
    transitions: Iterable[tuple[Hashable, Hashable, Hashable]]

    def __post_init__(self) -> None:
        transitions = tuple(tuple(move) for move in self.transitions)
        if not transitions:
            raise ValueError("a decision diagram needs at least one transition")
        object.__setattr__(self, "transitions", transitions)
        self._keep(self.entries)

    def accepts(self, *groups: list[Any]) -> bool:
        moves = list(self.transitions)
        here = {moves[0][0]}
        for value in groups[0]:
            here = {c for a, b, c in moves if a in here and b == value}
        return bool(here)

    def decompose(self) -> list[Constraint]:
        moves = list(self.transitions)
        nodes = dict.fromkeys(node for a, _, c in moves for node in (a, c))
        automaton = Automaton(tuple(nodes), moves[0][0], set(nodes), moves)
        return [Regular(self._groups[0], automaton)]
