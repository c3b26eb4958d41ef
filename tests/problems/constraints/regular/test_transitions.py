"""The forms in which transitions are given, and what is refused."""

import pytest

import neurosym as ns

ENDS = [("a", 0, "a"), ("a", 1, "a"), ("a", 1, "b"), ("b", 0, "c"), ("b", 1, "c")]
"""Words over 0 and 1 whose last but one value is 1."""


def test_forms_of_transitions():
    moves = {("even", 1): "odd", ("odd", 1): "even", ("even", 0): "even", ("odd", 0): "odd"}
    forms = [
        moves,
        moves.items(),
        [(*pair, target) for pair, target in moves.items()],
        [[*pair, target] for pair, target in moves.items()] * 2,
        [[list(pair), target] for pair, target in moves.items()],
    ]
    for transitions in forms:
        automaton = ns.Automaton(("even", "odd"), "even", ["even"], transitions)
        assert automaton.deterministic
        assert automaton.transitions == moves
        assert [automaton.accepts(w) for w in ((1, 0, 1), (1, 0), ())] == [True, False, True]
    automaton = ns.Automaton("abc", "a", "c", [*ENDS, *ENDS])
    assert not automaton.deterministic
    assert automaton.transitions == tuple(ENDS)


def test_names_that_are_tuples():
    """An item of three is a triple, one of two a pair, whatever the states are."""
    p, q = ("a", 0), ("a", 1)
    for transitions in ([(p, "x", q), (p, "x", p)], [((p, "x"), q), ((p, "x"), p)]):
        automaton = ns.Automaton((p, q), p, [q], transitions)
        assert automaton.starts == (p,)
        assert automaton.accepts("xx")
        assert not automaton.accepts("")
    assert ns.Automaton((p, q), [p, q], [q], {}).accepts("")
    state = frozenset({1, 2})
    assert ns.Automaton((state, 1, 2), state, [state], {}).starts == (state,)
    assert set(ns.Automaton((state, 1, 2), {1, 2}, [state], {}).starts) == {1, 2}


def test_what_is_refused():
    for transitions, message in (
        (["aab"], r"or triples \(state, value, next state\), not 'aab'"),
        ([("a", 0)], r"from a pair \(state, value\) to a state, not from 'a'"),
        ([("a", 0, "b", 1)], "not \\('a', 0, 'b', 1\\)"),
        ([("a", 0, "z")], r"the transition from \('a', 0\) leads to 'z', which is not a state$"),
        ([("z", 0, "a")], r"not from \('z', 0\)"),
        ([("a", 0, {"a", "b"})], "which is not a state$"),
        ([("a", [0], "b")], "reads a value that cannot be hashed"),
        ([("a", ([0],), "b")], "reads a value that cannot be hashed"),
        ([(["a"], 0, "b")], "not from"),
        (None, "not None"),
        ({("a", 0): ["b"]}, r"a mapping is deterministic, .* triples .* may lead to several"),
    ):
        with pytest.raises(ValueError, match=message):
            ns.Automaton("ab", "a", "b", transitions)
