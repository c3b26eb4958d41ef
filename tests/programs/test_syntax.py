"""Syntax: errors with line and column, and large texts read by a pattern."""

import pytest

from neurosym.programs import syntax
from neurosym.programs.syntax import ProgramError, parse_sentences, parse_term
from neurosym.programs.terms import Float, Text, from_list, show

WRONG = [
    ("a :- b", "1:7: expected '.' at the end of the clause"),
    ("a :- .", "1:6: expected a term, not '.'"),
    ("a.\n b c.", "2:4: expected '.' at the end of the clause"),
    ("a :- b,\n  c(d.\n", "2:6: expected ',' or ')', not '.'"),
    ("p :- 'abc.", "1:6: a text that starts with ' does not end"),
    ("a :- {x}.", "1:6: terms in braces are not supported"),
    ("/* x", "1:1: a comment that starts with /* does not end"),
    ("?- a.", "1:4: ?- is not a part of a program"),
    ("a([1, 2).", "1:8: expected ']' or '|', not ')'"),
    ("a(1..b, [1..b]).", "1:10: a range has integers at both ends"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_errors_have_line_and_column(text, message):
    with pytest.raises(ProgramError) as caught:
        parse_sentences(text)
    assert str(caught.value).startswith(f"<program>:{message}")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("1 - 2 - 3", ("-", ("-", 1, 2), 3)),
        ("1 + 2 * 3 ** 2", ("+", 1, ("*", 2, ("**", 3, 2)))),
        ("-2", -2),
        ("- X", None),
        ("a :: b", ("::", "a", "b")),
        ("(a, b ; c)", (";", (",", "a", "b"), "c")),
        ("\\+ a, b", (",", ("\\+", "a"), "b")),
        ("not_a(x)", ("not_a", "x")),
        ("not a", ("\\+", "a")),
        ("0'a", 97),
        ("1.5e-3", Float(0.0015)),
        ('"a \\"b\\""', Text('a "b"')),
        ("'it''s'", "it's"),
        ("7 mod 2", ("mod", 7, 2)),
        ("modest", "modest"),
        ("isle", "isle"),
        ("x is 3 // 2", ("is", "x", ("//", 3, 2))),
        ("a @=< b", ("@=<", "a", "b")),
    ],
)
def test_terms(text, term):
    found = parse_term(text)
    if term is not None:
        assert found == term
    again = parse_term(show(found))
    assert show(again) == show(found)


def test_lists():
    assert from_list(parse_term("[1, [a], 2..4]")) == [1, (".", "a", "[]"), 2, 3, 4]
    assert show(parse_term("[a, b | T]")) == "[a, b|T]"
    assert show(parse_term("f('A', [], 1.0, x-1)")) == "f('A', [], 1.0, x - 1)"


def test_large_texts_are_read_alike(monkeypatch):
    text = "".join(
        f"edge({n},n{n}, -0.5). % x. y\n0.25::f(a{n}). /* z.\n */ r(X) :- edge(X, 'a. b').\n"
        f'q("x. y",-3).\n 0.5::g({n}); 0.25::g(b).\nquery(f(a{n})).\n'
        for n in range(20)
    )
    monkeypatch.setattr(syntax, "LARGE", 0)
    fast = parse_sentences(text)
    monkeypatch.setattr(syntax, "LARGE", 10**9)
    slow = parse_sentences(text)
    assert [(own.kind, own.place, show(own.head)) for own in fast] == [
        (own.kind, own.place, show(own.head)) for own in slow
    ]
    monkeypatch.setattr(syntax, "LARGE", 0)
    with pytest.raises(ProgramError, match="3:6: expected"):
        parse_sentences("a(1).\nb(2).\nc(3) d(4).\n")
