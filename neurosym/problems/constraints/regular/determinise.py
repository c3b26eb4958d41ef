"""Making automata deterministic, by sets of states, and as small as they can be.

A nondeterministic automaton that reads a word is in a set of states; the sets that some word
reaches are the states of a deterministic automaton for the same words (Rabin and Scott 1959,
"Finite automata and their decision problems", https://doi.org/10.1147/rd.32.0114). Of two states
with the same future one is enough (Hopcroft 1971, "An n log n algorithm for minimizing states in a
finite automaton", https://doi.org/10.1016/B978-0-12-417750-5.50022-1).

An example: states 0, 1, 2, of which 0 is the start and 2 accepts; "a" leads from 0 to 0 and to 1,
"b" from 0 to 0 and from 1 to 2. Words reach the sets {0}, {0, 1} and {0, 2}, which are written as
the integers 0b001, 0b011 and 0b101; the last one accepts.

>>> def successors(states):
...     return [0b011 if states & 1 else 0, (states & 1) | (0b100 if states & 0b010 else 0)]
>>> found = determinise(0b001, 0b100, successors, columns=2, limit=8)
>>> found.moves.tolist(), found.accepting.tolist()
([[1, 0], [1, 2], [1, 0]], [False, False, True])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

NOWHERE = -1
"""The state after a transition that does not exist."""

MAX_SUBSETS = 2**14
"""Sets of states that become states, unless the caller says otherwise."""


class TooManySubsets(Exception):
    """More sets of states were reached than the limit allows."""


class Machine(NamedTuple):
    """A deterministic automaton over numbered states; state 0 is the start."""

    moves: np.ndarray
    """int32[S, A]: the next state for each column of values; `NOWHERE`."""
    accepting: np.ndarray
    """bool[S]."""


def determinise(
    start: int,
    accepting: int,
    successors: Callable[[int], Sequence[int]],
    *,
    columns: int,
    length: int | None = None,
    limit: int = MAX_SUBSETS,
) -> Machine:
    """The smallest deterministic automaton for the words of a nondeterministic one.

    Args:
      start: the states before a word, as the bits of an integer.
      accepting: the states in which a word may end.
      successors: for a set of states the set that follows, for each of ``columns`` columns; values
        that lead from every state to the same states share a column.
      columns: A.
      length: words are not longer, so sets that are reached later need not be found.
      limit: sets that may be reached.

    Returns:
      An automaton whose states can all be reached and lead to an accepted word, but for the start
      where no word is accepted.

    Raises:
      TooManySubsets: if more than ``limit`` sets are reached.
    """
    number = {start: 0}
    rows: list[list[int]] = []
    frontier, depth = [start], 0
    while frontier and depth != length:
        reached: list[int] = []
        for subset in frontier:
            row = []
            for target in successors(subset):
                if target and target not in number:
                    number[target] = len(number)
                    reached.append(target)
                    if len(number) > limit:
                        raise TooManySubsets
                row.append(number[target] if target else NOWHERE)
            rows.append(row)
        frontier, depth = reached, depth + 1
    moves = np.full((len(number), columns), NOWHERE, np.int32)
    if rows and columns:
        moves[: len(rows)] = rows
    return minimise(Machine(moves, np.asarray([subset & accepting != 0 for subset in number])))


def minimise(machine: Machine) -> Machine:
    """One state for all with the same future; states that lead to no accepted word are left out."""
    block = _equivalent(machine)
    dead = block[-1]
    order = {block[0]: 0}
    representatives = [0]
    rows: list[list[int]] = []
    for state in representatives:  # grows while it is read: breadth first
        row = []
        for target in machine.moves[state].tolist():
            b = dead if target == NOWHERE else block[target]
            if b != dead and b not in order:
                order[b] = len(order)
                representatives.append(target)
            row.append(NOWHERE if b == dead else order[b])
        rows.append(row)
    moves = np.asarray(rows, np.int32).reshape(len(rows), machine.moves.shape[1])
    return Machine(moves, machine.accepting[representatives])


def members(subset: int) -> Iterator[int]:
    """The positions of the bits of an integer."""
    while subset:
        lowest = subset & -subset
        yield lowest.bit_length() - 1
        subset ^= lowest


def _equivalent(machine: Machine) -> list[int]:
    """The class of each state, and last that of a state from which nothing is accepted (Hopcroft's
    refinement: of the two halves of a class the smaller one splits others)."""
    count, columns = machine.moves.shape
    moves = np.vstack([machine.moves, np.full((1, columns), NOWHERE, np.int32)])
    moves[moves == NOWHERE] = count
    before = [_preimages(moves[:, column]) for column in range(columns)]
    accepting = set(np.flatnonzero(machine.accepting).tolist())
    classes = [part for part in (accepting, set(range(count + 1)) - accepting) if part]
    block = [0] * (count + 1)
    for b, part in enumerate(classes):
        for state in part:
            block[state] = b
    waiting = {min(range(len(classes)), key=lambda b: len(classes[b]))}
    while waiting:
        splitter = tuple(classes[waiting.pop()])
        for column in range(columns):
            touched: dict[int, set[int]] = {}
            for target in splitter:
                for state in before[column].get(target, ()):
                    touched.setdefault(block[state], set()).add(state)
            for b, part in touched.items():
                rest = classes[b]
                if len(part) == len(rest):
                    continue
                rest -= part
                new = len(classes)
                classes.append(part)
                for state in part:
                    block[state] = new
                waiting.add(new if b in waiting or len(part) <= len(rest) else b)
    return block


def _preimages(targets: np.ndarray) -> dict[int, list[int]]:
    """From each target the states that lead to it."""
    found: dict[int, list[int]] = {}
    for state, target in enumerate(targets.tolist()):
        found.setdefault(target, []).append(state)
    return found
