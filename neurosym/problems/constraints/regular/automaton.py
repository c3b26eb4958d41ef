"""`Automaton`: a finite automaton over any values, deterministic or not.

Engines need a deterministic automaton: there each accepted word is one path, so it counts once.
`determinised` makes any automaton deterministic, over the values that occur.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

from neurosym.problems.constraints.regular.determinise import (
    MAX_SUBSETS,
    NOWHERE,
    Machine,
    TooManySubsets,
    determinise,
    members,
)
from neurosym.problems.constraints.regular.transitions import (
    Pair,
    is_hashable,
    is_state,
    read_transitions,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Automaton:
    """A finite automaton; it accepts a word if some way of reading it ends in an accepting state.

    >>> even = Automaton(
    ...     states=("even", "odd"),
    ...     start="even",
    ...     accepting={"even"},
    ...     transitions={
    ...         ("even", 0): "even",
    ...         ("even", 1): "odd",
    ...         ("odd", 0): "odd",
    ...         ("odd", 1): "even",
    ...     },
    ... )
    >>> even.accepts([1, 0, 1])
    True

    A mapping leads from each pair (state, value) to one state. A list of triples (state, value,
    next state) may lead to several:

    >>> ends_in_two_ones = Automaton(
    ...     "abc",
    ...     "a",
    ...     "c",
    ...     [
    ...         ("a", 0, "a"),
    ...         ("a", 1, "a"),
    ...         ("a", 1, "b"),
    ...         ("b", 1, "c"),
    ...     ],
    ... )
    >>> ends_in_two_ones.accepts([1, 0, 1, 1]), ends_in_two_ones.deterministic
    (True, False)

    Attributes:
      states: distinct hashable names.
      start: the state before the first value, or several: a set or a list is several states, any
        other value, a tuple or a frozenset among them, is the name of one.
      accepting: the states in which a word may end.
      transitions: a mapping as above, or an iterable of triples ``(state, value, next)`` or of
        pairs ``((state, value), next)``; which of the two an item is, its length decides. A word
        that needs a transition that is missing is rejected. Kept as a dictionary if each pair leads
        to one state, as a tuple of distinct triples otherwise.
      starts: the start states, as a tuple.

    Raises:
      ValueError: if there is no state or no start, a state is repeated or unknown, or a transition
        has none of the forms above.
    """

    states: Collection[Hashable]
    start: Hashable
    accepting: Collection[Hashable]
    transitions: Any
    starts: tuple[Hashable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        states = tuple(self.states)
        for state in states:
            if not is_hashable(state):
                raise ValueError(f"the state {state!r} of an automaton cannot be hashed")
        known = frozenset(states)
        if not states:
            raise ValueError("an automaton needs at least one state")
        if len(known) < len(states):
            raise ValueError(f"an automaton repeats a state: {states!r}")
        several = isinstance(self.start, set | list)
        starts = tuple(self.start) if several else (self.start,)  # type: ignore[arg-type]
        if not starts:
            raise ValueError("an automaton needs at least one start")
        for state in starts:
            if not is_state(state, known):
                named = isinstance(state, tuple | frozenset)
                hint = "; several starts are given as a set or a list" if named else ""
                raise ValueError(f"the start {state!r} is not a state of the automaton{hint}")
        for state in (accepting := tuple(self.accepting)):
            if not is_state(state, known):
                raise ValueError(f"the accepting state {state!r} is not a state of the automaton")
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "starts", tuple(dict.fromkeys(starts)))
        object.__setattr__(self, "start", frozenset(starts) if several else self.start)
        object.__setattr__(self, "accepting", frozenset(accepting))
        object.__setattr__(self, "transitions", read_transitions(self.transitions, known))

    @classmethod
    def from_expression(
        cls, text: str, values: Iterable[Hashable], *, limit: int = MAX_SUBSETS
    ) -> Automaton:
        """The smallest deterministic automaton for the words of a regular expression.

        >>> Automaton.from_expression("a(b|c)*d", "abcd").accepts("abcbd")
        True
        >>> Automaton.from_expression("1 2* (3|4)", range(1, 13)).accepts([1, 2, 2, 4])
        True

        Args:
          text: an expression of characters or of tokens, as `Regular` takes it.
          values: of which words are made, for ``.`` and ``[^...]`` too.
          limit: sets of places in the expression that may be reached on the way.

        Raises:
          ValueError: if the text is not an expression, with the position in it; if it names
            something that is not among the values; or if it, or the automaton, is too large.
        """
        from neurosym.problems.constraints.regular.expression import automaton_of_expression

        return automaton_of_expression(text, values, limit=limit)

    def __repr__(self) -> str:
        return f"Automaton({len(self.states)} states)"

    @property
    def deterministic(self) -> bool:
        """Whether there is one start, and each pair of a state and a value leads to one state."""
        return len(self.starts) == 1 and isinstance(self.transitions, dict)

    def accepts(self, word: Iterable[Hashable]) -> bool:
        """Whether the automaton accepts a sequence of values."""
        if self.deterministic:
            state = self.starts[0]
            for value in word:
                if (state, value) not in self.transitions:
                    return False
                state = self.transitions[state, value]
            return state in self.accepting
        reached: Iterable[Hashable] = self.starts
        for value in word:
            reached = {
                target for state in reached for target in self._targets.get((state, value), ())
            }
        return not self.accepting.isdisjoint(reached)  # type: ignore[attr-defined]

    def determinised(
        self,
        values: Iterable[Hashable],
        *,
        length: int | None = None,
        limit: int = MAX_SUBSETS,
    ) -> Automaton:
        """The smallest deterministic automaton that accepts the same words over ``values``.

        >>> automaton = Automaton(
        ...     "abc",
        ...     "a",
        ...     "c",
        ...     [
        ...         ("a", 0, "a"),
        ...         ("a", 1, "a"),
        ...         ("a", 1, "b"),
        ...         ("b", 0, "c"),
        ...         ("b", 1, "c"),
        ...     ],
        ... )
        >>> automaton.determinised([0, 1])
        Automaton(4 states)

        Args:
          values: of which words are made.
          length: where given, words are not longer, and the answer for longer words is not defined;
            an automaton that is otherwise too large may be small enough for short words.
          limit: sets of states that may be reached on the way.

        Returns:
          An automaton whose states are numbers; 0 is the start.

        Raises:
          ValueError: if more than ``limit`` sets of states are reached.
        """
        alphabet = tuple(dict.fromkeys(values))
        number = {state: n for n, state in enumerate(self.states)}
        accepting = _bits(number[state] for state in self.accepting)
        useful = _bits(number[state] for state in self._useful)
        rows: dict[Hashable, list[int]] = {value: [0] * len(number) for value in alphabet}
        for (state, value), targets in self._targets.items():
            if value in rows:
                rows[value][number[state]] = _bits(map(number.__getitem__, targets)) & useful
        places: dict[tuple[int, ...], int] = {}
        column = {value: places.setdefault(tuple(row), len(places)) for value, row in rows.items()}

        def successors(subset: int) -> list[int]:
            found = []
            for row in places:
                united = 0
                for state in members(subset):
                    united |= row[state]
                found.append(united)
            return found

        try:
            machine = determinise(
                _bits(number[state] for state in self.starts) & useful,
                accepting,
                successors,
                columns=len(places),
                length=length,
                limit=limit,
            )
        except TooManySubsets:
            raise ValueError(
                f"the automaton of {len(number)} states has more than {limit} sets of states that "
                "a word can reach, and each would be a state of a deterministic automaton: pass "
                "automaton.determinised(values, limit=...) with a larger limit, or an automaton "
                "that reads the words backwards with the variables in the opposite order"
            ) from None
        return automaton_of_machine(machine, column)

    def complement(self, values: Iterable[Hashable]) -> Automaton:
        """The automaton that accepts the other words over ``values``; its states are numbers.

        Raises:
          ValueError: as `determinised`, if this automaton is not deterministic.
        """
        values = tuple(dict.fromkeys(values))
        if not self.deterministic:
            return self.determinised(values).complement(values)
        number = {state: n for n, state in enumerate(self.states)}
        reject = len(number)
        transitions: dict[Pair, Hashable] = {}
        for value in values:
            transitions[reject, value] = reject
            for state, n in number.items():
                known = (state, value) in self.transitions
                transitions[n, value] = number[self.transitions[state, value]] if known else reject
        return Automaton(
            states=range(reject + 1),
            start=number[self.starts[0]],
            accepting={reject, *(n for state, n in number.items() if state not in self.accepting)},
            transitions=transitions,
        )

    @functools.cached_property
    def _targets(self) -> dict[Pair, tuple[Hashable, ...]]:
        """From pairs (state, value) to the next states."""
        if isinstance(self.transitions, dict):
            return {pair: (target,) for pair, target in self.transitions.items()}
        found: dict[Pair, list[Hashable]] = {}
        for state, value, target in self.transitions:
            found.setdefault((state, value), []).append(target)
        return {pair: tuple(targets) for pair, targets in found.items()}

    @property
    def _useful(self) -> set[Hashable]:
        """The states from which an accepting one can be reached."""
        before: dict[Hashable, list[Hashable]] = {}
        for (state, _), targets in self._targets.items():
            for target in targets:
                before.setdefault(target, []).append(state)
        found = set(self.accepting)
        ahead = list(found)
        while ahead:
            for state in before.get(ahead.pop(), ()):
                if state not in found:
                    found.add(state)
                    ahead.append(state)
        return found


def automaton_of_machine(machine: Machine, column: Mapping[Hashable, int]) -> Automaton:
    """The automaton whose values read the columns of a machine's table."""
    rows = machine.moves.tolist()
    return Automaton(
        states=range(len(rows)),
        start=0,
        accepting=[n for n, accepts in enumerate(machine.accepting.tolist()) if accepts],
        transitions={
            (n, value): row[k]
            for n, row in enumerate(rows)
            for value, k in column.items()
            if row[k] != NOWHERE
        },
    )


def _bits(positions: Iterable[int]) -> int:
    found = 0
    for position in positions:
        found |= 1 << position
    return found
