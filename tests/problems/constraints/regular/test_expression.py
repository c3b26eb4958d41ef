"""Regular expressions against Python's `re`, over all words of a few values."""

import itertools
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.problems.constraints.regular.expression import automaton_of_expression

TOKENS = {"a": ("10", 10), "b": ("'light snow'", "light snow"), "c": ("-2", -2)}
"""How a character of Python's expressions is written as a token, and its value."""

LETTERS = st.sampled_from("abc")
SETS = st.sets(LETTERS, min_size=1, max_size=2)


def both(text: str) -> tuple[str, str]:
    return text, text


def values(letter: str) -> tuple[str, str]:
    return letter, f" {TOKENS[letter][0]} "


def classes(negated: bool) -> st.SearchStrategy:
    def write(letters):
        tokens = " ".join(TOKENS[letter][0] for letter in sorted(letters))
        sign = "^" if negated else ""
        return f"[{sign}{''.join(sorted(letters))}]", f"[{sign}{tokens}]"

    return SETS.map(write)


def counted(part) -> st.SearchStrategy:
    counts = st.tuples(st.integers(0, 3), st.integers(0, 2)).flatmap(
        lambda pair: st.sampled_from(
            [
                f"{{{pair[0]}}}",
                f"{{{pair[0]},}}",
                f"{{,{pair[1]}}}",
                f"{{{pair[0]},{pair[0] + pair[1]}}}",
                "*",
                "+",
                "?",
            ]
        )
    )
    return st.tuples(part, counts).map(
        lambda pair: (f"({pair[0][0]}){pair[1]}", f"({pair[0][1]}){pair[1]}")
    )


def joined(separator: str, part) -> st.SearchStrategy:
    return st.lists(part, min_size=0 if separator else 1, max_size=3).map(
        lambda parts: tuple(
            "(" + separator.join(side) + ")" if separator else "".join(side)
            for side in (zip(*parts, strict=True) if parts else ((), ()))
        )
    )


EXPRESSIONS = st.recursive(
    st.one_of(
        LETTERS.map(values), LETTERS.map(values), classes(False), classes(True), st.just(both("."))
    ),
    lambda part: st.one_of(counted(part), joined("", part), joined("|", part)),
    max_leaves=8,
)
"""Pairs: an expression of characters, and the same of tokens."""


def words(length: int):
    for n in range(length + 1):
        yield from itertools.product("abc", repeat=n)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(EXPRESSIONS)
def test_the_words_are_those_of_python(pair):
    characters, tokens = pair
    pattern = re.compile(characters)
    of_characters = ns.Automaton.from_expression(characters, "abc")
    of_tokens = ns.Automaton.from_expression(tokens, [value for _, value in TOKENS.values()])
    short = automaton_of_expression(characters, "abc", length=2)
    for word in words(4):
        wanted = pattern.fullmatch("".join(word)) is not None
        assert of_characters.accepts(word) == wanted, (characters, word)
        assert of_tokens.accepts([TOKENS[letter][1] for letter in word]) == wanted, tokens
        if len(word) <= 2:
            assert short.accepts(word) == wanted
    # As small as can be, and the same machine whichever way it is written.
    assert len(of_characters.determinised("abc").states) == len(of_characters.states)
    assert len(of_tokens.states) == len(of_characters.states)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(EXPRESSIONS)
def test_the_constraint(pair):
    """Over variables with domains of their own; its negation holds elsewhere."""
    characters, _ = pair
    problem = ns.Problem()
    x = [problem.variable(f"x{k}", domain=domain) for k, domain in enumerate(["abc", "ca", "bac"])]
    constraint = ns.Regular(x, characters)
    for index in np.ndindex(3, 2, 3):
        word = "".join(v.domain[k] for v, k in zip(x, index, strict=True))
        wanted = re.fullmatch(characters, word) is not None
        assert constraint.check(word) == wanted
        assert (~constraint).check(word) != wanted


def test_words_are_counted():
    for expression in ("(.[^d])*", r"(a|b.)+|d{2,3}c?", "[b-d]*a.*", "a(b|c)*d"):
        problem = ns.Problem()
        problem.add(ns.Regular(problem.variables("x", shape=4, domain="abcd"), expression))
        wanted = sum(
            re.fullmatch(expression, "".join(word)) is not None
            for word in itertools.product("abcd", repeat=4)
        )
        total = ns.total(problem.compile(), np.ones((4, 4), np.int32), semiring=ns.COUNTING)
        assert int(total) == wanted > 0


def test_laws():
    x = ns.Problem().variables("x", shape=4, domain="abcd")
    ns.testing.check_constraint(ns.Regular(x, "(a|b.)+|d{2,3}c?"), samples=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a(b", r"a parenthesis \( is not closed, at position 3 of the regular expression 'a\(b'"),
        ("[a", r"a class \[ is not closed, at position 2"),
        ("a{2", r"a count \{ is not closed, at position 3"),
        ("a)", r"'\)' closes no parenthesis, at position 1"),
        ("b|*a", r"'\*' has nothing before it to repeat, at position 2"),
        ("a+?", r"'\?' repeats what is repeated already: put that in parentheses, at position 2"),
        ("a{2}{3}", r"'\{' repeats what is repeated already.* at position 4"),
        ("a{x}", r"'x' is not part of a count .* at position 2"),
        ("a{3,2}", r"at least 3 and at most 2 times, at position 2"),
        ("a{99999}", r"more than 32768 parts, at position 2"),
        ("a{" + "9" * 5000 + "}", r"a number has more than 1000 digits, at position 2"),
        ("((a{99}){99}){99}", r"more than 32768 parts, at position 14"),
        ("^a$", r"without anchors; as a value, '\^' is written \\\^, at position 0"),
        ("a]", r"as a value, '\]' is written \\\], at position 1"),
        (r"a\q", r"'\\\\q' has no meaning, at position 1"),
        ("a\\", r"has no meaning, at position 1"),
        ("[]", "a class needs a value, and a range two, at position 1"),
        ("[a-]", "a class needs a value, and a range two, at position 3"),
        ("[c-a]", "the range c-a ends before it begins, at position 1"),
        ("ba[x-z]", r"x-z is none of the values \{'a', 'b', 'c'\}, at position 3"),
        (r"\d", r"\\d is none of the values"),
        ("[^a-c]", r"the class leaves no value, at position 0"),
        ("abz", r"'z' is not one of the values \{'a', 'b', 'c'\}, at position 2"),
        ("a b", r"values of one character stand without spaces, at position 1"),
        ("abc" * 100 + "z", r"at position 300 of the regular expression 'abc.*… \(301 characters"),
    ],
)
def test_errors_of_characters(text, message):
    x = ns.Problem().variables("x", shape=2, domain="abc")
    with pytest.raises(ValueError, match=message):
        ns.Regular(x, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 (2", r"a parenthesis \( is not closed, at position 4"),
        ("12", r"'12' is not one of the values \{1, 2, 'sun'\}; values stand apart by spaces"),
        ("1 01", r"'01' is not one of the values \{1, 2, 'sun'\}, at position 2"),
        ("rain", r"'rain' is not one of the values"),
        ("1.2", r"'1' does not begin a value: a number or a name ends at a space.*position 0"),
        ("1 2x", r"'2' does not begin a value.*position 2"),
        ("1-2", r"'-' does not begin a value.*position 1"),
        ("'sun", r"does not begin a value.*stand in quotes, at position 0"),
        ("[2-1]", r"the range 2-1 ends before it begins, at position 1"),
        ("[5-9]", r"5-9 is none of the values"),
        ("9" * 5000, r"a number has more than 1000 digits, at position 0"),
        (r"\1", r"does not begin a value"),
    ],
)
def test_errors_of_tokens(text, message):
    x = ns.Problem().variables("x", shape=2, domain=(1, 2, "sun"))
    with pytest.raises(ValueError, match=message):
        ns.Regular(x, text)


def test_large_expressions():
    problem = ns.Problem()
    x = problem.variables("x", shape=30, domain="ab")
    with pytest.raises(
        ValueError, match=r"'\.\*a\.\{20\}' has more than 16384 states .* backwards"
    ):
        ns.Regular(x, ".*a.{20}")
    assert ns.Regular(x[:10], ".*a.{8}").check("ba" + "b" * 8)
    assert ns.Regular(x[::-1], ".{20}a.*").check("b" * 20 + "a" + "b" * 9)
    with pytest.raises(ValueError, match="more than 100 states"):
        ns.Automaton.from_expression(".*a.{8}", "ab", limit=100)
    many = ns.Automaton.from_expression("(ab?){0,1000}", "ab")
    assert many.accepts("ab" * 1000)
    assert not many.accepts("a" * 1001)
    deep = "(" * 3000 + "a" + ")*" * 3000
    assert ns.Automaton.from_expression(deep, "ab").accepts("aaa")
    words = ["".join("ab"[n >> k & 1] for k in range(9)) for n in range(512)]
    assert len(ns.Automaton.from_expression("|".join(words), "ab").states) == 10
    numbers = ns.Automaton.from_expression("|".join(map(str, range(2000))), range(2000))
    assert len(numbers.states) == 2


def test_shown():
    x = ns.Problem().variables("x", shape=2, domain="ab")
    assert repr(ns.Regular(x, "a*")) == "Regular((x[0], x[1]), 'a*')"
    with pytest.raises(ValueError, match=r"not \d, or the text of a regular expression"):
        ns.Regular(x, 7)


def read(text, alphabet):
    """The automaton, or what the error says."""
    try:
        return ns.Automaton.from_expression(text, alphabet)
    except ValueError as error:
        return str(error)


@settings(max_examples=800, deadline=None, derandomize=True)
@given(st.text(alphabet="aab|*+?()(){}[][].^$-\\ 12,'\"", max_size=9))
def test_any_text_is_refused_in_words_or_read_as_python_does(text):
    said = "at position [0-9]+ of the regular expression "
    of_tokens = read(text, (1, 2, "ab", "a"))
    assert isinstance(of_tokens, ns.Automaton) or re.search(said, of_tokens)
    of_characters = read(text, "ab-")
    if isinstance(of_characters, str):
        assert re.search(said, of_characters)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of sets in classes, which may come
        pattern = re.compile(text)
    for length in range(4):
        for word in itertools.product("ab-", repeat=length):
            wanted = pattern.fullmatch("".join(word)) is not None
            assert of_characters.accepts(word) == wanted, word
