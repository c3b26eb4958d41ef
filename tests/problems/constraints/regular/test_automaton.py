"""Automata, deterministic or not, against a search for a run in plain Python."""

import itertools

import numpy as np
import pytest

import neurosym as ns
from neurosym.problems.constraints.regular.regular import RegularRelation

ENDS = [("a", 0, "a"), ("a", 1, "a"), ("a", 1, "b"), ("b", 0, "c"), ("b", 1, "c")]
"""Words over 0 and 1 whose last but one value is 1."""


def has_run(starts, accepting, triples, word) -> bool:
    """Whether some run over the word ends well, run by run."""
    if not word:
        return any(state in accepting for state in starts)
    return any(
        has_run([target], accepting, triples, word[1:])
        for state, value, target in triples
        if value == word[0] and state in starts
    )


def random_parts(rng: np.random.Generator, states: int, values):
    names = [f"s{n}" for n in range(states)]
    triples = [
        triple for triple in itertools.product(names, values, names) if rng.random() < 1.4 / states
    ]
    starts = [name for name in names if rng.random() < 0.4] or names[:1]
    return names, starts, [name for name in names if rng.random() < 0.4], triples


def test_the_example_of_the_issue():
    """8 words of four bits; the last of two transitions used to win, which left 2."""
    pairs = [((state, value), target) for state, value, target in ENDS]
    for transitions in (pairs, ENDS, [list(triple) for triple in ENDS], iter(ENDS)):
        problem = ns.Problem()
        x = problem.variables("x", shape=4, domain=range(2))
        problem.add(ns.Regular(x, ns.Automaton("abc", "a", {"c"}, transitions)))
        network = problem.compile()
        assert isinstance(network.structure.relations[0].relation, RegularRelation)
        accepted = [word for word in np.ndindex(2, 2, 2, 2) if network.allows(word)]
        assert accepted == [word for word in np.ndindex(2, 2, 2, 2) if word[2] == 1]
        assert int(ns.count(network).count) == 8
        total = ns.total(network, np.ones((4, 2), np.int32), semiring=ns.COUNTING)
        assert int(total) == 8


def test_words_are_counted_and_not_runs():
    """Every word over 0 and 1 has as many runs as subsets of its positions."""
    both = [(state, value, target) for state in "ab" for value in (0, 1) for target in "ab"]
    problem = ns.Problem()
    x = problem.variables("x", shape=5, domain=range(2))
    problem.add(ns.Regular(x, ns.Automaton("ab", {"a", "b"}, {"a", "b"}, both)))
    network = problem.compile()
    assert len(network.structure.relations[0].relation.accepting) == 1
    total = ns.total(network, np.ones((5, 2), np.int32), semiring=ns.COUNTING)
    assert int(total) == 2**5


@pytest.mark.parametrize("seed", range(12))
def test_against_runs(seed):
    rng = np.random.default_rng(seed)
    names, starts, accepting, triples = random_parts(rng, int(rng.integers(1, 6)), "abc")
    automaton = ns.Automaton(names, starts, accepting, triples)
    small = automaton.determinised("abc")
    short = automaton.determinised("abc", length=3)
    two = automaton.determinised("ab")
    other = automaton.complement("abc")
    assert small.deterministic
    assert other.deterministic
    for length in range(5):
        for word in itertools.product("abc", repeat=length):
            wanted = has_run(starts, accepting, triples, word)
            assert automaton.accepts(word) == wanted
            assert small.accepts(word) == wanted
            assert other.accepts(word) != wanted
            if length <= 3:
                assert short.accepts(word) == wanted
            assert two.accepts(word) == (wanted and "c" not in word)
    assert len(small.states) <= 2 ** len(names)
    assert len(small.determinised("abc").states) == len(small.states)


@pytest.mark.parametrize("seed", range(4))
def test_laws_of_a_nondeterministic_one(seed):
    rng = np.random.default_rng(100 + seed)
    problem = ns.Problem()
    x = [
        problem.variable(f"x{k}", domain=domain)
        for k, domain in enumerate(["abc", "ca", "bac", "dab"])
    ]
    names, starts, accepting, triples = random_parts(rng, 5, "abc")
    constraint = ns.Regular(x, ns.Automaton(names, starts, accepting or names[:2], triples))
    ns.testing.check_constraint(constraint, samples=4)
    words = list(itertools.product(*(v.domain for v in x)))
    wanted = [has_run(starts, accepting or names[:2], triples, word) for word in words]
    assert [constraint.check(word) for word in words] == wanted
    assert [(~constraint).check(word) for word in words] == [not held for held in wanted]


def test_a_repeated_variable():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(2))
    problem.add(ns.Regular((x, y, x, y), ns.Automaton("abc", "a", "c", ENDS)))
    assert [index for index in np.ndindex(2, 2) if problem.compile().allows(index)] == [
        (1, 0),
        (1, 1),
    ]


def last_but(count: int) -> ns.Automaton:
    """Words over 0 and 1 with a one so many places before the end."""
    triples = [(n, value, n + 1) for n in range(1, count + 1) for value in (0, 1)]
    triples += [(0, 0, 0), (0, 1, 0), (0, 1, 1)]
    return ns.Automaton(range(count + 2), 0, [count + 1], triples)


def test_as_small_as_can_be():
    """A deterministic one must remember the values since, no more."""
    for count in range(5):
        assert len(last_but(count).determinised((0, 1)).states) == 2 ** (count + 1)
    # Of many subsets that are equal in what they accept one is left.
    every = [(p, v, q) for p in range(5) for v in "ab" for q in range(5) if p <= q]
    assert len(ns.Automaton(range(5), 0, range(5), every).determinised("ab").states) == 1
    # Ways that lead nowhere leave no state.
    dead = [(0, "a", 0), *((0, "a", n) for n in range(1, 5)), *((n, "b", n) for n in range(1, 5))]
    assert len(ns.Automaton(range(5), 0, [0], dead).determinised("ab").states) == 1
    nothing = ns.Automaton(range(5), 0, [], dead).determinised("ab")
    assert (len(nothing.states), nothing.transitions) == (1, {})


def test_too_many_sets_of_states():
    problem = ns.Problem()
    x = problem.variables("x", shape=24, domain=range(2))
    with pytest.raises(
        ValueError, match=r"of 22 states has more than 16384 sets of states .*limit"
    ):
        ns.Regular(x, last_but(20))
    with pytest.raises(ValueError, match="more than 100 sets"):
        last_but(8).determinised((0, 1), limit=100)
    assert len(last_but(8).determinised((0, 1), limit=600).states) == 2**9
    # Short words do not reach them.
    short = ns.Regular(x[:5], last_but(4))
    assert [word for word in np.ndindex(2, 2, 2, 2, 2) if short.check(word)] == [
        word for word in np.ndindex(2, 2, 2, 2, 2) if word[0]
    ]
    assert not ns.Regular(x[:10], last_but(20)).check([1] * 10)
    # What the message says: backwards it is small.
    moves = [(n, v, n + 1) for n in range(20) for v in (0, 1)]
    moves += [(20, 1, 21), (21, 0, 21), (21, 1, 21)]
    problem.add(ns.Regular(x[::-1], ns.Automaton(range(22), 0, [21], moves)))
    assert ns.propagate(problem.compile()).domains.mask[2:5].tolist() == [
        [True, True],
        [False, True],
        [True, True],
    ]


def test_what_is_refused():
    for start, message in (
        (set(), "at least one start"),
        ({"a", "z"}, "start 'z' is not a state"),
        (("a", "b"), r"start \('a', 'b'\) is not a state .*; several starts are given as a set"),
        ({"a": 1}, "is not a state"),
    ):
        with pytest.raises(ValueError, match=message):
            ns.Automaton("ab", start, "a", {})
    with pytest.raises(ValueError, match=r"state \['b'\] of an automaton cannot be hashed"):
        ns.Automaton(["a", ["b"]], "a", "a", {})
