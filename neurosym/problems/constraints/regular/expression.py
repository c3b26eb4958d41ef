"""Regular expressions over any values, as text; `Regular` says how they are written.

Where every value is a string of one character, an expression is written as usual, and each
character stands for itself: ``a(b|c)*d``. Where values are numbers, names or anything else, it is
made of tokens, as in MiniZinc: ``1 2* (3|4)``. Both share one grammar and differ in what a value
and a class are.

    text          "a(b|c)*"
    tree          Lark, by the grammar of this file
    postfix form  {a}, {b, c}, PLUS, OPTION, CONCATENATION             `reading.py`
    places        1 -> 2, 2 -> 2; words begin at 1 and end at 1 and 2  `positions.py`
    automaton     two states, deterministic and as small as can be     `determinise.py`
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from neurosym.problems.constraints.regular.automaton import Automaton
from neurosym.problems.constraints.regular.determinise import MAX_SUBSETS, TooManySubsets
from neurosym.problems.constraints.regular.positions import (
    Postfix,
    determinised_positions,
    positions,
)
from neurosym.problems.constraints.regular.reading import (
    Characters,
    Reading,
    Tokens,
    refuse,
    shorten,
)

if TYPE_CHECKING:
    import lark

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
      length: where given, words are not longer, and the answer for longer words is not defined.
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
            f"the automaton of the regular expression {shorten(text)} has more than {limit} "
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
        return _evaluate(tree, (Characters if characters else Tokens)(text, values))
    refuse(_explain(text, position, set(expected or ()), characters), position, text)


@functools.cache
def _parser(characters: bool) -> lark.Lark:
    import lark  # where an expression is read, and not with the package

    return lark.Lark(_SHAPE + (_CHARACTERS if characters else _TOKENS), parser="lalr")


def _evaluate(tree: lark.Tree, reading: Reading) -> Postfix:
    """The postfix form of a tree, from the inside to the outside and without recursion."""
    found: dict[int, Postfix] = {}
    for node in tree.iter_subtrees():
        parts = [part if isinstance(part, str) else found[id(part)] for part in node.children]
        found[id(node)] = getattr(reading, node.data)(parts)
    return found[id(tree)]


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
