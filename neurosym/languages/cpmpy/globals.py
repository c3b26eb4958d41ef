"""Global constraints of CPMpy that are constraints of the catalogue, by CPMpy's names.

    Circuit(x, y, z)                      Tour((x, y, z))
    GlobalCardinalityCount(x, [1], [n])   GlobalCardinality(x, [1], [n])
    Xor([a, ~b, True])                    Xor((a, b)), as two of three parts turn it around

Each maker takes the arguments of a flat constraint: variables of CPMpy and numbers. It answers with
a constraint, or with a bool where the truth is known. All of them mean what CPMpy's ``value()``
says; where the catalogue is narrower, CPMpy's meaning is restored here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neurosym.languages.cpmpy import library as lib
from neurosym.problems import (
    AllDifferentExcept,
    AllEqual,
    Cumulative,
    DecisionDiagram,
    Decreasing,
    GlobalCardinality,
    Increasing,
    LexChain,
    LexLess,
    Member,
    NoOverlap,
    NValue,
    Precede,
    ShortTable,
    Tour,
    Variable,
    Xor,
)
from neurosym.problems.constraints.clause import Conjunction
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.logic import any_of

Made = Constraint | bool


class Globals:
    """Makers of constraints.

    Attributes:
      own: the variable for one of CPMpy, or for a number.
      copy: a further variable that always has the value of another one.
    """

    def __init__(self, own: Callable[[Any], Variable], copy: Callable[[Variable], Any]) -> None:
        self.own = own
        self.copy = copy

    def make(self, flat: Any) -> Made:
        """The constraint for a flat global constraint whose name is in `NAMES`."""
        return MAKERS[flat.name](self, flat)

    def entries(self, given: Sequence[Any]) -> list[Any]:
        """Variables and integers."""
        return [int(x) if lib.is_int(x) else self.own(x) for x in given]

    def variables(self, given: Sequence[Any]) -> list[Variable]:
        """Variables, also for numbers."""
        return [self.own(x) for x in given]

    def circuit(self, flat: Any) -> Made:
        found: list[Variable] = []
        for x in self.variables(flat.args):
            found.append(self.copy(x) if any(x is y for y in found) else x)
        return Tour(found)

    def cumulative(self, flat: Any) -> Made:
        starts, durations, *ends, demands, capacity = flat.args
        return Cumulative(
            self.variables(starts),
            self.entries(durations),
            self.entries(demands),
            *self.entries([capacity]),
            *map(self.entries, ends),
        )

    def no_overlap(self, flat: Any) -> Made:
        starts, durations, *ends = flat.args
        tasks = list(zip(self.variables(starts), self.entries(durations), strict=True))
        parts: list[Made] = (
            [_same(s + d, e) for (s, d), e in zip(tasks, *map(self.entries, ends), strict=True)]
            if ends
            else []
        )
        parts += [_made(d >= 0) for _, d in tasks]
        # Tasks that take no time overlap with none.
        sure = [(s, d) for s, d in tasks if _least(d) > 0]
        others = [(s, d) for s, d in tasks if _least(d) <= 0 and not (lib.is_int(d) and d == 0)]
        if len(sure) > 1:
            parts.append(NoOverlap(*zip(*sure, strict=True)))
        for n, (s, d) in enumerate(others):
            for u, e in [*sure, *others[:n]]:
                idle = [x == 0 for x in (d, e) if isinstance(x, Variable)]
                parts.append(any_of(_made(s + d <= u), _made(u + e <= s), *idle))
        return _all(parts)

    def all_different_except(self, flat: Any) -> Made:
        entries, excepted = flat.args
        return AllDifferentExcept(self.variables(entries), {int(v) for v in excepted})

    def all_equal(self, flat: Any) -> Made:
        entries = list(dict.fromkeys(self.variables(flat.args)))
        return AllEqual(entries) if len(entries) > 1 else True

    def ordered(self, flat: Any) -> Made:
        kind = Increasing if "increasing" in flat.name else Decreasing
        strict = flat.name.startswith("strictly")
        return _all(
            kind(pair, strict) if pair[0] is not pair[1] else not strict
            for pair in itertools.pairwise(self.variables(flat.args))
        )

    def lexicographic(self, flat: Any) -> Made:
        return self._before(*flat.args, strict=flat.name == "lex_less")

    def _before(self, first: Sequence[Any], second: Sequence[Any], *, strict: bool) -> Made:
        pairs = [
            (x, y)
            for x, y in zip(self.variables(first), self.variables(second), strict=True)
            if x is not y
        ]
        if not pairs:
            return not strict
        return LexLess([x for x, _ in pairs], [y for _, y in pairs], strict)

    def chain(self, flat: Any) -> Made:
        strict = flat.name == "lex_chain_less"
        rows = [self.variables(row) for row in flat.args]
        columns = list(zip(*rows, strict=True))
        if len(rows) < 2:
            return True
        if any(x is y for column in columns for x, y in itertools.pairwise(column)):
            return _all(
                self._before(*pair, strict=strict) for pair in itertools.pairwise(flat.args)
            )
        return LexChain(rows, strict)

    def exclusive(self, flat: Any) -> Made:
        odd: dict[Variable, bool] = {}
        wanted = True
        for part in flat.args:
            if isinstance(part, lib.NegBoolView):
                part, wanted = part._bv, not wanted
            if lib.is_int(part) or isinstance(part, lib.BoolVal):
                wanted ^= bool(part)
            else:
                variable = self.own(part)
                odd[variable] = not odd.get(variable, False)
        left = [variable for variable, there in odd.items() if there]
        if not left:
            return not wanted
        if len(left) == 1:
            return left[0] == int(wanted)
        if len(left) == 2:
            return left[0] + left[1] == 1 if wanted else left[0] == left[1]
        return Xor(left) if wanted else Xor(left).negated()

    def cardinality(self, flat: Any) -> Made:
        entries, values, counts = flat.args
        numbers: dict[int, Any] = {}
        parts: list[Made] = []
        for value, count in zip(map(int, values), self.entries(counts), strict=True):
            # A value that is named twice occurs as often as both say.
            if numbers.setdefault(value, count) is not count:
                parts.append(_same(numbers[value], count))
        counted = self.variables(entries)
        for value, count in numbers.items():
            if any(count is x for x in counted):  # in two roles
                numbers[value] = self.copy(count)
        if not numbers:
            return not flat.closed or not len(entries)
        return _all(
            [
                GlobalCardinality(counted, list(numbers), list(numbers.values()), flat.closed),
                *parts,
            ]
        )

    def precedence(self, flat: Any) -> Made:
        entries, values = self.variables(flat.args[0]), [int(v) for v in flat.args[1]]
        if len(values) < 2:
            return True
        if len(set(values)) == len(values):
            return Precede(entries, values)
        return _all(
            Precede(entries, pair) if len(set(pair)) > 1 else _all(_never(entries, pair[0]))
            for pair in itertools.pairwise(values)
        )

    def short_table(self, flat: Any) -> Made:
        entries, rows = flat.args
        cells = [[x if isinstance(x, str) else int(x) for x in row] for row in np.asarray(rows)]
        return ShortTable(self.distinct(entries), cells)

    def diagram(self, flat: Any) -> Made:
        root = flat.root_node
        nodes = [root, *(node for node in flat.mapping if node != root)]
        moves = [(a, v, b) for a in nodes for v, b in flat.mapping.get(a, {}).items()]
        if not flat.mapping.get(root):
            return not len(flat.args[0])
        return DecisionDiagram(self.distinct(flat.args[0]), moves)

    def distinct(self, given: Sequence[Any]) -> list[Variable]:
        """Variables of which none is named twice, for a word of an automaton."""
        found: list[Variable] = []
        for x in self.variables(given):
            found.append(self.copy(x) if any(x is y for y in found) else x)
        return found

    def number_of_values(self, left: Any, relation: str, right: Any) -> Made:
        """``nvalue(entries)`` compared with a variable or a number."""
        entries = list(dict.fromkeys(self.variables(left.args)))
        return NValue(entries, relation, *self.entries([right]))


MAKERS: dict[str, Callable[[Globals, Any], Made]] = {
    "circuit": Globals.circuit,
    "cumulative": Globals.cumulative,
    "no_overlap": Globals.no_overlap,
    "alldifferent_except_n": Globals.all_different_except,
    "alldifferent_except_0": Globals.all_different_except,
    "allequal": Globals.all_equal,
    "increasing": Globals.ordered,
    "decreasing": Globals.ordered,
    "strictly_increasing": Globals.ordered,
    "strictly_decreasing": Globals.ordered,
    "lex_less": Globals.lexicographic,
    "lex_lesseq": Globals.lexicographic,
    "lex_chain_less": Globals.chain,
    "lex_chain_lesseq": Globals.chain,
    "xor": Globals.exclusive,
    "gcc": Globals.cardinality,
    "precedence": Globals.precedence,
    "short_table": Globals.short_table,
    "mdd": Globals.diagram,
}
"""By CPMpy's names."""

NAMES = frozenset(MAKERS)


def _all(parts: Any) -> Made:
    left: list[Constraint] = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            left.append(part)
    if len(left) < 2:
        return left[0] if left else True
    return Conjunction(left)


def _same(first: Any, second: Any) -> Made:
    return _made(first == second)


def _made(found: Any) -> Made:
    return found if isinstance(found, Constraint) else bool(found)


def _least(given: Any) -> int:
    return int(min(given.domain) if isinstance(given, Variable) else given)  # type: ignore


def _never(entries: Sequence[Variable], value: int) -> list[Made]:
    found: list[Made] = []
    for x in dict.fromkeys(entries):
        others = [v for v in x.domain if v != value]
        if len(others) < len(x.domain):
            found.append(Member(x, others) if others else False)
    return found
