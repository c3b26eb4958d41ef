"""`from_state_machine`: the answers of a machine that has read a word, as a circuit.

The machine reads one value for each position. States are any hashables and are merged in two ways:
equal states as they are met, going forward, then states with the same future, going backward, which
leaves the smallest layered decision diagram (Andersen, Hadzic, Hooker and Tiedemann 2007, "A
constraint store based on multivalued decision diagrams",
https://doi.org/10.1007/978-3-540-74970-7_11; Revuz 1992, "Minimisation of acyclic deterministic
automata in linear time", https://doi.org/10.1016/0304-3975(92)90142-3).

A word may also be cut in two. A second half is a function from the states at the cut to answers;
halves that are the same function are merged, as in the syntactic monoid of a language. An answer is
then a sum of products "state at the cut ⊗ what the second half does". Where there are many answers,
the cut keeps the parts that all of them share small, and each answer pays for its own products
only, so one answer costs far less than all answers. For every length of words the cut is chosen at
which reading one answer costs least.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurosym.circuits.building import circuit_of
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.graph import GraphBuilder

MAX_MOVES = 2**22
"""Moves of a machine that are followed unless the caller says otherwise."""

NONE = -1
"""No state, or no answer."""


def from_state_machine(
    domains: Sequence[Sequence[Hashable]],
    start: Hashable,
    step: Callable[[Any, int, Any], Hashable | None],
    answer: Callable[[Any, int], Hashable | None],
    *,
    max_moves: int = MAX_MOVES,
) -> Circuit:
    """The circuit of a deterministic machine: one root for each answer.

    The total of a root is the ⊕, over the words that lead to its answer, of the ⊗ of the weights of
    their values. A word may end at any position at which the machine answers. Both functions are
    called before the circuit is returned, and never later.

    >>> import jax.numpy as jnp
    >>> import neurosym as ns
    >>> dice = from_state_machine(
    ...     domains=[range(1, 7)] * 2,
    ...     start=0,
    ...     step=lambda total, position, pips: total + pips,
    ...     answer=lambda total, position: total if position == 2 else None,
    ... )
    >>> counts = dice.totals(jnp.ones((2, 6), int), semiring=ns.COUNTING)
    >>> dice.answers[0], int(counts[dice.answers.index(7)])
    (2, 6)

    Args:
      domains: the values of each position.
      start: the state before the first position.
      step: ``step(state, position, value)`` is the next state, None where there is none. States are
        hashable, and equal ones are the same.
      answer: ``answer(state, position)``, after so many values, is what a word that ends there
        stands for, None if none may end there. Hashable; words of different lengths must not share
        an answer, since they do not speak of the same positions.
      max_moves: moves that are followed.

    Returns:
      A deterministic circuit over weights ``[V, D]``, V positions of at most D values, with
      the answers in the order in which they are first met, shorter words first.

    Raises:
      ValueError: if a domain is empty or repeats a value, there is no answer, words of different
        lengths share one, or the machine has more than ``max_moves`` moves.
    """
    machine, answers = _explore(domains, start, step, answer, max_moves)
    machine = _minimise(machine)
    sizes = [moves.shape[1] for moves in machine.moves]
    width = max(sizes, default=1)
    places = [p * width + v for p, size in enumerate(sizes) for v in range(size)]
    graph = GraphBuilder(len(places))
    literals = iter([graph.literal(n) for n in range(1, len(places) + 1)])
    leaves = [[next(literals) for _ in range(size)] for size in sizes]
    cuts = [_best_cut(machine, length) for length in _lengths(machine)]
    forward = _forward_nodes(graph, machine, leaves, max((cut.position for cut in cuts), default=0))
    branches: list[list[int]] = [[] for _ in answers]
    for cut in cuts:
        backward = _backward_nodes(graph, cut, leaves)
        left = [
            graph.disjoin([forward[cut.position][state] for state in group]) for group in cut.groups
        ]
        for (second, group), root in np.ndenumerate(cut.answers):
            if root != NONE:
                branches[root].append(graph.conjoin([left[group], backward[second]]))
    roots = [graph.disjoin(own) for own in branches]
    return circuit_of(
        graph.finish(*roots, answers=answers, smooth=True),
        dict(enumerate(places, start=1)),
        (len(sizes), width),
    )


class Machine(NamedTuple):
    """A machine over numbered states, layer by layer."""

    moves: list[np.ndarray]
    """int[states, values] for each position: the state in the next layer, `NONE`."""
    ends: list[np.ndarray]
    """int[states] for each position and the end: the root of a word that ends there, `NONE`."""

    def before(self, position: int) -> int:
        """Moves up to a position."""
        return sum(int((moves != NONE).sum()) for moves in self.moves[:position])


class Cut(NamedTuple):
    """Words of one length, cut in two."""

    position: int
    groups: list[np.ndarray]
    """States at the cut that lead to the same answers."""
    answers: np.ndarray
    """int[second halves, groups]: the root, `NONE`."""
    steps: list[list[list[tuple[int, int]]]]
    """How second halves are made, from the end of the word: for each position, for each second half
    that starts there, the pairs of its first value and the second half that follows."""


def _explore(
    domains: Sequence[Sequence[Hashable]],
    start: Hashable,
    step: Callable[[Any, int, Any], Hashable | None],
    answer: Callable[[Any, int], Hashable | None],
    max_moves: int,
) -> tuple[Machine, list[Hashable]]:
    """Follows the machine from its start; equal states are one."""
    layer: dict[Hashable, int] = {start: 0}
    machine = Machine([], [])
    numbers: dict[Hashable, int] = {}
    lengths: dict[Hashable, int] = {}
    followed = 0
    for position in range(len(domains) + 1):
        ends = []
        for state in layer:
            found = answer(state, position)
            if found is None:
                ends.append(NONE)
                continue
            if lengths.setdefault(found, position) != position:
                raise ValueError(
                    f"words of length {lengths[found]} and of length {position} share the answer "
                    f"{found!r}; make the length a part of it"
                )
            ends.append(numbers.setdefault(found, len(numbers)))
        machine.ends.append(np.asarray(ends, np.int64))
        if position == len(domains):
            break
        values = list(domains[position])
        if not values or len(set(values)) < len(values):
            raise ValueError(f"the domain of position {position} is empty or repeats a value")
        following: dict[Hashable, int] = {}
        moves = np.full((len(layer), len(values)), NONE, np.int64)
        for state, number in layer.items():
            for column, value in enumerate(values):
                after = step(state, position, value)
                if after is not None:
                    moves[number, column] = following.setdefault(after, len(following))
            followed += len(values)
            if followed > max_moves:
                raise ValueError(
                    f"the machine has more than {max_moves:,} moves by position {position}: let "
                    "states hold less, or give a larger max_moves"
                )
        machine.moves.append(moves)
        layer = following
    if not numbers:
        raise ValueError("the machine never answers")
    return machine, list(numbers)


def _minimise(machine: Machine) -> Machine:
    """Merges the states of a layer that have the same future; drops those that have none."""
    small = Machine([], [])
    merged = np.zeros(0, np.int64)  # of each state of the layer after this one
    for position in reversed(range(len(machine.ends))):
        future = machine.ends[position][:, None]
        if position < len(machine.moves):
            moves = machine.moves[position]
            future = np.concatenate([future, _follow(merged, moves)], axis=1)
        kinds, merged = np.unique(future, axis=0, return_inverse=True)
        merged = merged.reshape(-1)
        alive = (kinds != NONE).any(1)
        if position == 0:
            alive[:] = True  # the start stays, whatever becomes of it
        numbers = np.where(alive, np.cumsum(alive) - 1, NONE)
        merged, kinds = numbers[merged], kinds[alive]
        small.ends.insert(0, kinds[:, 0])
        if position < len(machine.moves):
            small.moves.insert(0, kinds[:, 1:])
    return small


def _lengths(machine: Machine) -> Iterator[int]:
    """Those of the words that have an answer."""
    return (length for length, ends in enumerate(machine.ends) if (ends != NONE).any())


def _best_cut(machine: Machine, length: int) -> Cut:
    """The cut at which one answer costs least: the parts of all, and the longest answer.

    It moves from the end of the words towards their start, as long as the second halves alone cost
    less than the best cut.
    """
    functions = machine.ends[length][None, :]  # of each second half: from states to answers
    steps: list[list[list[tuple[int, int]]]] = []
    best: Cut | None = None
    least, behind = 0, 0
    for position in reversed(range(length + 1)):
        if position < length:
            moves = machine.moves[position]
            behind += len(functions) * moves.shape[1]
            if best is not None and behind >= least:
                break
            functions, own = _prepend(functions, moves)
            steps.append(own)
        columns, group = np.unique(functions, axis=1, return_inverse=True)
        products = np.bincount(columns[columns != NONE])
        cost = machine.before(position) + behind + int(products.max())
        if best is None or cost < least:
            members = [np.flatnonzero(group.reshape(-1) == n) for n in range(columns.shape[1])]
            best, least = Cut(position, members, columns, list(steps)), cost
    assert best is not None
    return best


def _prepend(
    functions: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, list[list[tuple[int, int]]]]:
    """Second halves that are longer by one value, as functions and as the pairs they come from."""
    longer = [
        _follow(function, moves[:, value])
        for function in functions
        for value in range(moves.shape[1])
    ]
    pairs = [(value, n) for n in range(len(functions)) for value in range(moves.shape[1])]
    kinds, kind = np.unique(np.asarray(longer), axis=0, return_inverse=True)
    possible = (kinds != NONE).any(1)
    steps: list[list[tuple[int, int]]] = [[] for _ in kinds]
    for pair, own in zip(pairs, kind.reshape(-1).tolist(), strict=True):
        steps[own].append(pair)
    return kinds[possible], [own for own, kept in zip(steps, possible, strict=True) if kept]


def _follow(values: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The value of the state that each move leads to, `NONE` where it leads nowhere."""
    return np.append(values, NONE)[moves]  # NONE is the last index


def _forward_nodes(
    graph: GraphBuilder, machine: Machine, leaves: Sequence[Sequence[int]], last: int
) -> list[list[int]]:
    """For each position up to the last the node of each state: the words that lead there."""
    found = [[graph.true()] * len(machine.ends[0])]
    for position in range(last):
        words: list[list[int]] = [[] for _ in machine.ends[position + 1]]
        for (state, value), target in np.ndenumerate(machine.moves[position]):
            if target != NONE:
                words[target].append(graph.conjoin([found[-1][state], leaves[position][value]]))
        found.append([graph.disjoin(own) for own in words])
    return found


def _backward_nodes(graph: GraphBuilder, cut: Cut, leaves: Sequence[Sequence[int]]) -> list[int]:
    """The node of each second half that starts at the cut."""
    found = [graph.true()]
    position = cut.position + len(cut.steps)
    for steps in cut.steps:
        position -= 1
        found = [
            graph.disjoin(
                [graph.conjoin([leaves[position][value], found[after]]) for value, after in own]
            )
            for own in steps
        ]
    return found
