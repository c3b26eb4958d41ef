"""Regular expressions over any values, as text; `Regular` says how they are written.

Where every value is a string of one character, an expression is written as usual, and each
character stands for itself: ``a(b|c)*d``. Where values are numbers, names or anything else, it is
made of tokens, as in MiniZinc: ``1 2* (3|4)``. Both share one grammar and differ in what a value
and a class are.

The tree is read from the inside to the outside into the postfix form of
`neurosym.problems.constraints.regular.positions`. For example ``a{1,3}`` becomes

    {a}, {a}, {a}, OPTION, CONCATENATION, OPTION, CONCATENATION

that is ``a(a(a)?)?``, in which each place is followed by one other; in ``aa?a?`` every place would
be followed by all later ones.
"""

from __future__ import annotations

import functools
import numbers
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.determinise import MAX_SUBSETS, TooManySubsets
from neurosym.problems.constraints.regular.positions import (
    Operation,
    Postfix,
    determinised_positions,
    positions,
)

if TYPE_CHECKING:
    import lark

MAX_PLACES = 2**15
"""Values and operations of an expression whose counted repetitions are written out."""

_SHAPE = r"""
    start: union
    union: sequence ("|" sequence)*
    sequence: factor*
    ?factor: atom
        | atom "*" -> star
        | atom "+" -> plus
        | atom "?" -> option
        | atom "{" COUNT "}" -> exactly
        | atom "{" COUNT "," "}" -> at_least
        | atom "{" "," COUNT "}" -> at_most
        | atom "{" COUNT "," COUNT "}" -> between
    ?atom: value
        | "." -> anything
        | "(" union ")" -> group
        | OPEN item+ "]" -> one_of
        | OPEN "^" item+ "]" -> none_of
    OPEN: "["
    COUNT: /[0-9]+/
"""

_CHARACTERS = r"""
    ?value: CHARACTER -> character
        | ESCAPED -> character
        | CATEGORY -> category
    ?item: end -> character
        | CATEGORY -> category
        | end "-" end -> span
    ?end: MEMBER | ESCAPED
    CHARACTER: /[^\\|*+?(){}\[\].^$]/
    MEMBER: /[^\\\]\-]/
    ESCAPED: /\\[^a-zA-Z0-9]/
    CATEGORY: /\\[dwsDWS]/
"""

_TOKENS = r"""
    ?value: INTEGER -> integer
        | NAME -> name
        | QUOTED -> quoted
    ?item: value
        | RANGE -> range
    RANGE.2: /-?[0-9]+--?[0-9]+(?!\w)/
    INTEGER: /(?<!\w)-?[0-9]+(?!\w|\.[0-9])/
    NAME: /[^\W\d]\w*/
    QUOTED: /'([^'\\]|\\.)*'|"([^"\\]|\\.)*"/s
    %ignore /\s+/
"""


MAX_DIGITS = 1_000
"""Digits of a number in an expression."""

_IN_CLASS = {"MEMBER", "RANGE", "RSQB", "CIRCUMFLEX"}
_IN_COUNT = {"COUNT", "COMMA", "RBRACE"}


def automaton_of_expression(
    text: str,
    values: Iterable[Hashable],
    *,
    length: int | None = None,
    limit: int = MAX_SUBSETS,
) -> Automaton:
    """The smallest deterministic automaton for the words of a regular expression.

    Args:
      text: the expression.
      values: of which words are made, for ``.`` and ``[^...]`` too.
      length: where given, words are not longer, and what is said of longer ones is not defined.
      limit: sets of places in the expression that may be reached.

    Raises:
      ValueError: if the text is not an expression, with the position (counted from 0) in it; if it
        names something that is not among the values; or if it, or its automaton, is too large.
    """
    values = tuple(dict.fromkeys(values))
    try:
        return determinised_positions(
            positions(_postfix(text, values)), values, length=length, limit=limit
        )
    except TooManySubsets:
        raise ValueError(
            f"the automaton of the regular expression {_shorten(text)} has more than {limit} "
            "states before it is minimised: pass Automaton.from_expression(text, values, "
            "limit=...) with a larger limit, or an expression that reads the words backwards with "
            "the variables in the opposite order"
        ) from None


def of_characters(values: Iterable[Hashable]) -> bool:
    """Whether expressions over these values are made of characters, not of tokens."""
    return all(isinstance(value, str) and len(value) == 1 for value in values)


def _postfix(text: str, values: Sequence[Hashable]) -> Postfix:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    characters = of_characters(values)
    try:
        tree = _parser(characters).parse(text)
    except UnexpectedCharacters as error:
        position, expected = int(error.pos_in_stream or 0), error.allowed
    except UnexpectedToken as error:
        ends = error.token.type == "$END"
        position = len(text) if ends else int(error.token.start_pos or 0)
        expected = error.expected
    else:
        return _evaluate(tree, (_Characters if characters else _Tokens)(text, values))
    _refuse(_explain(text, position, set(expected or ()), characters), position, text)


@functools.cache
def _parser(characters: bool) -> lark.Lark:
    import lark  # where an expression is read, and not with the package

    return lark.Lark(_SHAPE + (_CHARACTERS if characters else _TOKENS), parser="lalr")


def _evaluate(tree: lark.Tree, reading: _Reading) -> Postfix:
    """The postfix form of a tree, from the inside to the outside and without recursion."""
    found: dict[int, Postfix] = {}
    for node in tree.iter_subtrees():
        parts = [part if isinstance(part, str) else found[id(part)] for part in node.children]
        found[id(node)] = getattr(reading, node.data)(parts)
    return found[id(tree)]


class _Reading:
    """Postfix forms of the parts of an expression."""

    def __init__(self, text: str, values: Sequence[Hashable]) -> None:
        self.text = text
        self.values = values
        self.known = frozenset(values)

    def start(self, parts: list[Postfix]) -> Postfix:
        return parts[0]

    group = start

    def union(self, parts: list[Postfix]) -> Postfix:
        sets = [part[0] for part in parts if len(part) == 1 and isinstance(part[0], frozenset)]
        others = [part for part in parts if len(part) > 1 or not isinstance(part[0], frozenset)]
        united = [(frozenset().union(*sets),)] if sets else []  # one place for all of them
        return self._joined([*united, *others], Operation.UNION)

    def sequence(self, parts: list[Postfix]) -> Postfix:
        return self._joined(parts, Operation.CONCATENATION) if parts else (Operation.EMPTY,)

    def star(self, parts: list[Postfix]) -> Postfix:
        return (*parts[0], Operation.PLUS, Operation.OPTION)

    def plus(self, parts: list[Postfix]) -> Postfix:
        return (*parts[0], Operation.PLUS)

    def option(self, parts: list[Postfix]) -> Postfix:
        return (*parts[0], Operation.OPTION)

    def exactly(self, parts: list[Any]) -> Postfix:
        return self._repeated(parts[0], parts[1], parts[1])

    def at_least(self, parts: list[Any]) -> Postfix:
        return self._repeated(parts[0], parts[1], None)

    def at_most(self, parts: list[Any]) -> Postfix:
        return self._repeated(parts[0], None, parts[1])

    def between(self, parts: list[Any]) -> Postfix:
        return self._repeated(*parts)

    def anything(self, parts: list[Any]) -> Postfix:
        return (self.known,)

    def one_of(self, parts: list[Any]) -> Postfix:
        return (frozenset().union(*(part[0] for part in parts[1:])),)

    def none_of(self, parts: list[Any]) -> Postfix:
        (excluded,) = self.one_of(parts)
        assert isinstance(excluded, frozenset)
        left = self.known - excluded
        if not left:
            self._refuse("the class leaves no value", parts[0])
        return (left,)

    def _repeated(self, part: Postfix, least: Any, most: Any) -> Postfix:
        """``x{2,4}`` is ``x x (x x?)?``, in which each place is followed by few others."""
        token = most if least is None else least
        low = 0 if least is None else self._number(least)
        high = None if most is None else self._number(most)
        if high is not None and high < low:
            self._refuse(f"a part is to be repeated at least {low} and at most {high} times", token)
        copies = max(1, low if high is None else high)
        if copies * (len(part) + 2) > MAX_PLACES:
            self._refuse(f"written out, the expression has more than {MAX_PLACES} parts", token)
        if high == 0:
            return (Operation.EMPTY,)
        parts = [part] * low
        if high is None:
            parts = [*parts[:-1], (*part, Operation.PLUS)] if low else [self.star([part])]
        elif high > low:
            more = high - low
            nested = (Operation.CONCATENATION, Operation.OPTION) * (more - 1)
            parts.append((*part * more, Operation.OPTION, *nested))
        return self._joined(parts, Operation.CONCATENATION)

    def _joined(self, parts: Sequence[Postfix], operation: Operation) -> Postfix:
        if sum(map(len, parts)) + len(parts) > MAX_PLACES:
            raise ValueError(
                f"written out, the regular expression {_shorten(self.text)} has more than "
                f"{MAX_PLACES} parts"
            )
        found = list(parts[0])
        for part in parts[1:]:
            found += (*part, operation)
        return tuple(found)

    def _some(self, found: Iterable[Hashable], token: Any, shown: str) -> Postfix:
        """A class that Python or a range describes, which must have some value."""
        values = frozenset(found)
        if not values:
            self._refuse(f"{shown} is none of the values {_show_values(self.values)}", token)
        return (values,)

    def _number(self, token: Any) -> int:
        if len(token) > MAX_DIGITS:
            self._refuse(f"a number has more than {MAX_DIGITS} digits", token)
        return int(token)

    def _unknown(self, token: Any, hint: str = "") -> NoReturn:
        known = _show_values(self.values)
        self._refuse(f"{str(token)!r} is not one of the values {known}{hint}", token)

    def _refuse(self, message: str, token: Any) -> NoReturn:
        _refuse(message, token.start_pos, self.text)


class _Characters(_Reading):
    """Each value is a character."""

    def character(self, parts: list[Any]) -> Postfix:
        character = parts[0][-1]  # after a backslash, if there is one
        if character not in self.known:
            space = "; a space is a value, and values of one character stand without spaces"
            self._unknown(parts[0], space if character.isspace() else "")
        return (frozenset((character,)),)

    def span(self, parts: list[Any]) -> Postfix:
        low, high = (part[-1] for part in parts)
        if low > high:
            self._refuse(f"the range {low}-{high} ends before it begins", parts[0])
        found = (value for value in self.values if low <= str(value) <= high)
        return self._some(found, parts[0], f"{low}-{high}")

    def category(self, parts: list[Any]) -> Postfix:
        pattern = str(parts[0])
        found = [value for value in self.values if re.fullmatch(pattern, value)]  # type: ignore[call-overload]
        return self._some(found, parts[0], pattern)


class _Tokens(_Reading):
    """Each value is a number, a name or a text in quotes."""

    def integer(self, parts: list[Any]) -> Postfix:
        number = self._number(parts[0])
        if str(number) == parts[0] and number in self.known:
            return (frozenset((number,)),)
        return self._by_text(str(parts[0]), parts[0])

    def name(self, parts: list[Any]) -> Postfix:
        return self._string(str(parts[0]), parts[0])

    def quoted(self, parts: list[Any]) -> Postfix:
        return self._string(re.sub(r"\\(.)", r"\1", parts[0][1:-1], flags=re.DOTALL), parts[0])

    def range(self, parts: list[Any]) -> Postfix:
        ends = re.fullmatch("(-?[0-9]+)-(-?[0-9]+)", parts[0])
        assert ends is not None
        low, high = map(int, ends.groups())
        if low > high:
            self._refuse(f"the range {parts[0]} ends before it begins", parts[0])
        integers = [value for value in self.values if isinstance(value, numbers.Integral)]
        found = (value for value in integers if low <= value <= high)  # type: ignore[operator]
        return self._some(found, parts[0], parts[0])

    def _string(self, string: str, token: Any) -> Postfix:
        if string in self.known:
            return (frozenset((string,)),)
        return self._by_text(string, token)

    def _by_text(self, text: str, token: Any) -> Postfix:
        """The value that is shown as ``text``."""
        found = [value for value in self.values if str(value) == text]
        if not found:
            apart = set(text) <= {str(value) for value in self.values}
            self._unknown(token, "; values stand apart by spaces" if apart else "")
        if len(found) > 1:
            several = " and ".join(map(repr, found))
            self._refuse(f"{text} may be each of the values {several}", token)
        return (frozenset(found),)


def _explain(text: str, position: int, expected: set[str], characters: bool) -> str:
    """What is wrong with an expression at the position where the parser stopped."""
    in_class, in_count = bool(expected & _IN_CLASS), bool(expected & _IN_COUNT)
    in_class = in_class and "DOT" not in expected
    if position >= len(text):
        opened = "a class [" if in_class else "a count {" if in_count else "a parenthesis ("
        return f"{opened} is not closed"
    character, before = text[position], text[:position].rstrip()[-1:]
    if in_count:
        return f"{character!r} is not part of a count such as {{2}}, {{2,5}}, {{2,}} or {{,5}}"
    if in_class and character == "]":
        return "a class needs a value, and a range two"
    if not in_class and character in "*+?{":
        if before and before in "*+?}":
            return f"{character!r} repeats what is repeated already: put that in parentheses"
        return f"{character!r} has nothing before it to repeat"
    if not in_class and character == ")":
        return "')' closes no parenthesis"
    if characters and character == "\\":
        return f"{text[position : position + 2]!r} has no meaning"
    if characters:
        anchor = "the whole word is matched, without anchors; " if character in "^$" else ""
        return f"{anchor}as a value, {character!r} is written \\{character}"
    return (
        f"{character!r} does not begin a value: a number or a name ends at a space or an operator, "
        "and other values stand in quotes"
    )


def _refuse(message: str, position: int, text: str) -> NoReturn:
    raise ValueError(
        f"{message}, at position {position} of the regular expression {_shorten(text)}"
    )


def _show_values(values: Sequence[Hashable]) -> str:
    from neurosym.problems.variable import describe_domain

    return describe_domain(tuple(values))


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= 80 else f"{text[:60]!r}… ({len(text)} characters)"
