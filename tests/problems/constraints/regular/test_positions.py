"""What follows what in an expression, against the definition on words."""

import itertools
import re

import numpy as np
import pytest

from neurosym.problems.constraints.regular.positions import (
    Operation,
    Postfix,
    determinised_positions,
    positions,
)

A, B, C = (frozenset(letter) for letter in "abc")


def test_the_example():
    """a(b|c)*: the places 2 and 3 follow each of them, and each may end a word."""
    postfix = (
        *(A, B, C, Operation.UNION),
        *(Operation.PLUS, Operation.OPTION, Operation.CONCATENATION),
    )
    found = positions(postfix)
    assert found.values == [A, B, C]
    assert found.follow == [0b0010, 0b1100, 0b1100, 0b1100]
    assert found.accepting == 0b1110
    automaton = determinised_positions(found, "abc", length=None, limit=10)
    assert len(automaton.states) == 2
    assert positions((Operation.EMPTY,)).accepting == 1


def random_expression(rng: np.random.Generator, leaves: int) -> tuple[Postfix, str]:
    """A postfix form, and the same for Python."""
    if leaves == 0:
        return (Operation.EMPTY,), ""
    if leaves == 1:
        letters = "".join(rng.permutation(list("abc"))[: rng.integers(1, 3)])
        postfix, text = (frozenset(letters),), f"[{letters}]"
    else:
        split = int(rng.integers(0, leaves))
        one, other = random_expression(rng, split), random_expression(rng, leaves - split)
        if split == 0 or rng.random() < 0.6:
            postfix, text = (*one[0], *other[0], Operation.CONCATENATION), one[1] + other[1]
        else:
            postfix, text = (*one[0], *other[0], Operation.UNION), f"{one[1]}|{other[1]}"
    for operation, sign in ((Operation.PLUS, "+"), (Operation.OPTION, "?")):
        if rng.random() < 0.3:
            postfix, text = (*postfix, operation), f"(?:{text}){sign}"
    return postfix, f"(?:{text})"


@pytest.mark.parametrize("seed", range(30))
def test_against_python(seed):
    rng = np.random.default_rng(seed)
    postfix, text = random_expression(rng, int(rng.integers(1, 6)))
    found = positions(postfix)
    automaton = determinised_positions(found, "abc", length=None, limit=2**10)
    for length in range(5):
        for word in itertools.product("abc", repeat=length):
            states = {0}
            for letter in word:
                ahead = [s for s in range(1, len(found.follow)) if letter in found.values[s - 1]]
                states = {t for t in ahead if any(found.follow[s] >> t & 1 for s in states)}
            wanted = re.fullmatch(text, "".join(word)) is not None
            assert any(found.accepting >> s & 1 for s in states) == wanted, text
            assert automaton.accepts(word) == wanted
