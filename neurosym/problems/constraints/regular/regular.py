"""`Regular`: a sequence of variables spells a word of a finite automaton or regular expression.

Pruning is exact (Pesant 2004, "A regular language membership constraint for finite sequences of
variables", https://doi.org/10.1007/978-3-540-30201-8_36): the automaton is unrolled into one layer
of states for each position, and a value stays where it lies on a path from the start to an
accepting state. Sets of states are bits, so a pass forward and a pass backward decide all values at
once.

Total and support are a chain of hidden indices, the states between the positions. The automaton is
deterministic, or is made so, so each accepted word is one path and counts once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from neurosym.problems.constraints.chain_lowering import Chain, ChainLowering
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.lowering import DenseLowering, Labels, Lowering, chain_labels
from neurosym.problems.constraints.masked import count_combinations, relation_of_mask, tabulate
from neurosym.problems.constraints.predicate import MAX_COMBINATIONS
from neurosym.problems.constraints.propagator import (
    Propagator,
    padded_scopes,
    power_of_two,
    shared_length,
    shared_rows,
)
from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.determinise import NOWHERE
from neurosym.problems.constraints.regular.layered_graph import BLOCK, LayeredGraph
from neurosym.problems.constraints.relation import Placed, Relation

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable


@dataclasses.dataclass(frozen=True, eq=False)
class Regular(Constraint):
    r"""The values of ``variables``, in their order, are a word of an automaton or an expression.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(2))
    >>> no_two_ones = Automaton((0, 1), 0, (0, 1), {(0, 0): 0, (0, 1): 1, (1, 0): 0})
    >>> problem.add(Regular(x, no_two_ones))
    >>> problem.compile().allows([1, 1, 0])
    False

    A regular expression is text. Where every value of the variables is a string of one character,
    each character stands for itself; otherwise it is made of tokens, which are numbers, names, or
    text in quotes:

    >>> letters = problem.variables("letter", shape=4, domain="abcd")
    >>> shifts = problem.variables("shift", shape=7, domain=("early", "late", "free"))
    >>> problem.add(Regular(letters, "a(b|c)*d"), Regular(x, "0* 1{1,2} 0*"))
    >>> problem.add(Regular(shifts, "(early{1,3} free | late{2} free{2})* .{0,3}"))

    ==================  ===================================================================
    ``x y``             x, then y; of characters ``xy``
    ``x | y``           x or y; a side may be empty
    ``x*  x+  x?``      any number of times; at least once; at most once
    ``x{3}  x{2,5}``    three times; two to five times; also ``x{2,}`` and ``x{,5}``
    ``(x)``             a group
    ``.``               any value of the variables
    ``[x y]  [1-3]``    one of some values; of a range those that the variables have
    ``[^x y]``          one of the other values
    ==================  ===================================================================

    Of characters, ``\ | * + ? ( ) { } [ ] . ^ $`` are written with a backslash before them, in a
    class only ``\ ] -`` and a ``^`` that comes first; ``\d \w \s \D \W \S`` are the values that
    they match in Python; a space is a value. Of tokens, a number such as ``-12`` is the integer, a
    name or a text in quotes is the string; if the variables have no such value, it is the one whose
    ``str`` it is (``True``, ``'2.5'``, ``'(0, 1)'``), and more than one such value is refused.
    There are no anchors, since the whole word is matched.

    A variable may be repeated where all combinations of values can be listed.

    Attributes:
      variables: one for each position; expressions and constants may stand for some.
      automaton: what they spell, an `Automaton` or the text of an expression. An automaton that is
        not deterministic is determinised for words of this length over the values of the variables.
      scope: the distinct variables.
      machine: the deterministic automaton.

    Raises:
      ValueError: without variables; for a repeated variable where the combinations of values are
        too many to list; for a text that is not a regular expression, with the position (counted
        from 0) in it, or that names something which is not a value of the variables; or for an
        automaton that becomes too large, as `Automaton.determinised`.
    """

    variables: Sequence[Any]
    automaton: Automaton | str
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)
    machine: Automaton = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        from neurosym.problems.auxiliary import all_variables, guards_of, listed

        variables = listed(self.variables)
        if not variables:
            raise ValueError("a regular constraint needs at least one variable")
        if not isinstance(self.automaton, Automaton | str):
            raise ValueError(
                f"a regular constraint needs an Automaton, not {self.automaton!r}, or the text of "
                "a regular expression"
            )
        object.__setattr__(self, "guards", guards_of(variables))
        variables = all_variables(variables, "a regular constraint")
        scope = tuple(dict.fromkeys(variables))
        if len(scope) < len(variables) and count_combinations(scope) > MAX_COMBINATIONS:
            twice = next(x for n, x in enumerate(variables) if id(x) in map(id, variables[:n]))
            raise ValueError(
                f"a regular constraint over {len(variables)} positions repeats variable "
                f"{twice.name!r} and has {count_combinations(scope)} combinations of values, more "
                f"than {MAX_COMBINATIONS}; declare another variable that equals it"
            )
        machine = self.automaton
        if isinstance(machine, str):
            from neurosym.problems.constraints.regular.expression import automaton_of_expression

            machine = automaton_of_expression(machine, _alphabet(scope), length=len(variables))
        elif not machine.deterministic:
            machine = machine.determinised(_alphabet(scope), length=len(variables))
        object.__setattr__(self, "variables", variables)
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "machine", machine)

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.variables)
        return f"Regular(({names}), {self.automaton!r})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        return self.machine.accepts(given[variable] for variable in self.variables)

    def negated(self) -> Regular:
        return Regular(self.variables, self.machine.complement(_alphabet(self.scope)))

    def compile(self) -> tuple[Placed, ...]:
        return self.place(self._relation())

    def _relation(self) -> Relation:
        if len(self.scope) < len(self.variables):
            return relation_of_mask(tabulate(self.scope, self.check))
        number = {state: n for n, state in enumerate(self.machine.states)}
        moves = self.machine.transitions
        places: dict[tuple[Hashable, ...], int] = {}
        which = [places.setdefault(x.domain, len(places)) for x in self.scope]
        tables = tuple(
            np.asarray(
                [
                    [number[moves[s, v]] if (s, v) in moves else NOWHERE for v in domain]
                    for s in number
                ],
                np.int32,
            )
            for domain in places
        )
        accepting = np.asarray([state in self.machine.accepting for state in number])
        start = number[self.machine.starts[0]]
        layers = _layers([tables[n] for n in which], start, accepting)
        # Only states on a path that accepts are kept, the start first.
        kept = np.flatnonzero(np.any(layers, axis=0))
        order = [start, *(int(s) for s in kept if s != start)]
        renumbered = np.full(len(number) + 1, NOWHERE, np.int32)  # the last is that of NOWHERE
        renumbered[order] = np.arange(len(order))
        return RegularRelation(
            accepting=tuple(bool(accepting[s]) for s in order),
            tables=tuple(
                tuple(tuple(row) for row in renumbered[table[order]].tolist()) for table in tables
            ),
            which=tuple(which),
        )


def _alphabet(scope: Sequence[Variable]) -> dict[Hashable, None]:
    """The values of some variables, each once."""
    return dict.fromkeys(value for variable in scope for value in variable.domain)


@dataclasses.dataclass(frozen=True)
class RegularRelation(Relation):
    """``Regular`` over value indices and numbered states; state 0 is the start.

    Attributes:
      accepting: for each state, whether a word may end there.
      tables: the distinct tables of transitions: a row for each state, in it the next state for
        each value index, or `NOWHERE`.
      which: the table of each position.
    """

    accepting: tuple[bool, ...]
    tables: tuple[tuple[tuple[int, ...], ...], ...]
    which: tuple[int, ...]
    kind: ClassVar[str] = "regular"

    @property
    def sizes(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(len(self.tables[n][0]) for n in self.which)

    def allows(self, assignment: Sequence[int]) -> bool:
        state = 0
        for n, value in zip(self.which, assignment, strict=True):
            state = self.tables[n][state][value]
            if state == NOWHERE:
                return False
        return self.accepting[state]

    @property
    def bucket(self) -> Hashable:
        # Few distinct ones: every group is a program of two loops, and pads to its longest only.
        return max(4, shared_length(len(self.which), least=9)), max(
            8, power_of_two(len(self.accepting))
        )

    @classmethod
    def group(cls, placed: Sequence[Placed[RegularRelation]], size: int) -> Propagator:
        length = shared_length(max(len(scope) for _, scope in placed), least=9)
        states = power_of_two(max(len(relation.accepting) for relation, _ in placed))
        rows = min(states, BLOCK)
        scope, present = padded_scopes([scope for _, scope in placed], length)
        which = np.zeros((len(placed), length), np.int32)
        accepting = np.zeros((len(placed), states), np.bool_)
        distinct: dict[tuple[tuple[int, ...], ...], int] = {}
        for c, (relation, variables) in enumerate(placed):
            places = [distinct.setdefault(table, len(distinct)) for table in relation.tables]
            which[c, : len(variables)] = [places[n] for n in relation.which]
            accepting[c, : len(relation.accepting)] = relation.accepting
        tables = np.full((shared_rows(len(distinct)), states, size), NOWHERE, np.int32)
        for n, table in enumerate(distinct):
            tables[n, : len(table), : len(table[0])] = table
        return LayeredGraph(
            scope=jax.device_put(scope),
            present=jax.device_put(present),
            which=jax.device_put(which),
            tables=jax.device_put(tables.reshape(len(tables), -1, rows, size)),
            accepting=jax.device_put(accepting),
        )

    def lower(self, private: frozenset[int]) -> Lowering:
        tables = [np.asarray(self.tables[n], np.int32) for n in self.which]
        layers = [np.flatnonzero(layer) for layer in _layers(tables, 0, np.asarray(self.accepting))]
        last = len(self.which) - 1
        if not len(layers[0]):  # nothing is accepted
            labels: list[Labels] = [(k,) for k in range(last + 1)]
            return DenseLowering(labels, lambda: [np.zeros(size, np.bool_) for size in self.sizes])
        if last > 1 and len(private) >= last:
            steps = []
            for table, here, ahead in zip(tables, layers[:-1], layers[1:], strict=True):
                number = np.full(len(self.accepting) + 1, len(ahead), np.int32)  # last: NOWHERE
                number[ahead] = np.arange(len(ahead))
                steps.append(number[table[here]])
            steps[-1] = np.where(steps[-1] < len(layers[-1]), 0, 1)  # one end for all
            opened = next((k for k in range(last + 1) if k not in private), 0)
            return ChainLowering(Chain.of(steps), opened)
        hidden: dict[Hashable, int] = {("state", k): len(layers[k]) for k in range(1, last + 1)}

        def masks() -> list[np.ndarray]:
            found = []
            for k, table in enumerate(tables):
                step = table[layers[k], :, None] == layers[k + 1]
                step = step.any(axis=2) if k == last else step
                found.append(step[0] if k == 0 else step)
            return found

        return DenseLowering(chain_labels(last + 1), masks, hidden)


def _layers(tables: Sequence[np.ndarray], start: int, accepting: np.ndarray) -> list[np.ndarray]:
    """``[N + 1] bool[S]``: the states before each position, and at the end, that lie on a path from
    the start to an accepting state; ``tables`` has ``int32[S, D]`` a position."""
    states = len(accepting)
    reached = [np.arange(states) == start]
    for table in tables:
        targets = np.unique(table[reached[-1]])
        reached.append(np.isin(np.arange(states), targets[targets != NOWHERE]))
    alive = [reached[-1] & accepting]
    for table, before in zip(reversed(tables), reversed(reached[:-1]), strict=True):
        ahead = np.append(alive[-1], False)  # the last is that of NOWHERE
        alive.append(before & ahead[table].any(axis=1))
    return alive[::-1]
