"""What characters and tokens of an expression stand for."""

import itertools
import re

import pytest

import neurosym as ns


def accepted(expression, values, length):
    automaton = ns.Automaton.from_expression(expression, values)
    return [word for word in itertools.product(values, repeat=length) if automaton.accepts(word)]


def test_characters():
    for text, alphabet in (
        (r"\(a\.\*\)|\[b|\\.", "(a.*)\\[b"),
        (r"[\]\-\\^]+", "]-\\^ab"),
        (r"[^^a]*", "^ab"),
        (r"[a^]b", "^ab"),
        (r"[a-c\d]\D|\s[\wz]", "abcz19 -"),
        (r"\.[.*+?(){}|$]", ".*+?(){}|$a"),
        (r"[é-ü]ß|.a", "éüßa\n"),
        ("a ", "ab "),
        ("01*", "01"),
        ('"?.', "\"'"),
    ):
        wanted = [
            word
            for word in itertools.product(alphabet, repeat=2)
            if re.fullmatch(text, "".join(word), re.DOTALL)
        ]
        assert accepted(text, alphabet, 2) == wanted, text
        assert 0 < len(wanted) < len(alphabet) ** 2
    assert accepted(r"\d\w\s", "1a ", 3) == [("1", "1", " "), ("1", "a", " ")]


def test_tokens():
    numbers = range(-2, 13)
    assert accepted("1 2* (3|4)", numbers, 3) == [(1, 2, 3), (1, 2, 4)]
    assert accepted("12", numbers, 1) == [(12,)]
    assert accepted("1(2)", numbers, 2) == [(1, 2)]
    assert accepted("[-2--1 3-5 12]", numbers, 1) == [(-2,), (-1,), (3,), (4,), (5,), (12,)]
    assert accepted("[^ 0-99]", numbers, 1) == [(-2,), (-1,)]
    assert accepted("[3 -1]", numbers, 1) == [(-1,), (3,)]
    assert accepted("  . \n 1  ", range(2), 2) == [(0, 1), (1, 1)]
    assert accepted("7{2}5{,1}", numbers, 3) == [(7, 7, 5)]
    assert accepted("x_1 été|'it\\'s' \"a \\\\\"", ("x_1", "été", "it's", "a \\"), 2) == [
        ("x_1", "été"),
        ("it's", "a \\"),
    ]
    # Any value, by what it is shown as.
    assert accepted("True '2.5' '(0, 1)' None", (True, 2.5, (0, 1), None), 4) == [
        (True, 2.5, (0, 1), None)
    ]
    assert accepted("0 1", (False, True), 2) == [(False, True)]
    assert accepted("1 '1'", (1, "1"), 2) == [(1, "1")]
    assert accepted("1 01", ("1", "01"), 2) == [("1", "01")]


def test_a_text_that_may_be_several_values():
    with pytest.raises(ValueError, match=r"None may be each of the values None and None"):
        accepted("None", (None, type("N", (), {"__repr__": lambda self: "None"})(), 1), 1)
