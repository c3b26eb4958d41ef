"""Subsets and minimisation, against merging of equal futures word by word."""

import itertools

import numpy as np
import pytest

from neurosym.problems.constraints.regular.determinise import (
    NOWHERE,
    Machine,
    TooManySubsets,
    determinise,
    members,
    minimise,
)


def futures(machine: Machine, length: int) -> list[tuple[bool, ...]]:
    """For each state which words, up to a length, it accepts."""
    found = []
    for start in range(len(machine.accepting)):
        accepts = []
        for n in range(length + 1):
            for word in itertools.product(range(machine.moves.shape[1]), repeat=n):
                state = start
                for column in word:
                    state = machine.moves[state, column] if state != NOWHERE else NOWHERE
                accepts.append(state != NOWHERE and bool(machine.accepting[state]))
        found.append(tuple(accepts))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_minimise(seed):
    rng = np.random.default_rng(seed)
    states = int(rng.integers(1, 8))
    moves = rng.integers(-1, states, size=(states, 2)).astype(np.int32)
    machine = Machine(moves, rng.random(states) < 0.4)
    small = minimise(machine)
    # Two states of n are told apart by a word of less than n values.
    before, after = futures(machine, states), futures(small, states)
    assert after[0] == before[0]
    reached = {0}
    for _ in range(states):
        reached |= {t for s in reached for t in moves[s].tolist() if t != NOWHERE}
    assert set(after) == {before[s] for s in reached if any(before[s])} | {before[0]}
    assert len(set(after)) == len(after)


def test_a_long_chain_is_minimised_fast():
    count = 20_000
    moves = np.arange(1, count + 1, dtype=np.int32)[:, None]
    moves[-1] = NOWHERE
    small = minimise(Machine(moves, np.arange(count) == count - 1))
    np.testing.assert_array_equal(small.moves, moves)


def test_length_and_limit():
    def successors(states):  # a counter that never comes back
        return [states << 1]

    with pytest.raises(TooManySubsets):
        determinise(1, 1 << 50, successors, columns=1, limit=40)
    found = determinise(1, 1 << 3, successors, columns=1, length=10, limit=40)
    assert found.moves.ravel().tolist() == [1, 2, 3, NOWHERE]
    assert found.accepting.tolist() == [False, False, False, True]
    assert determinise(1, 1, successors, columns=1, length=0, limit=1).accepting.tolist() == [True]


def test_members():
    assert list(members(0)) == []
    assert list(members(0b1001_0110)) == [1, 2, 4, 7]
