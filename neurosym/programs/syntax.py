"""From text to sentences: terms with the place at which they were written.

    0.4::crash :- o(l), act(l).      Sentence("rule", head, body, line 1, column 1)

`grammar.lark` has the syntax. What a sentence means is decided in `clauses`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosym.programs.terms import NIL, Float, Term, Text, Variable, to_list

if TYPE_CHECKING:
    import lark

LARGE = 20_000
"""Characters from which on plain facts are read by a pattern, which is twenty times as fast."""

MAX_RANGE = 1_000_000
"""Integers that one range of a list may have."""


class ProgramError(ValueError):
    """A program is wrong; the message says where and why."""


class ProgramWarning(UserWarning):
    """A program can be answered, and may not mean what its author means."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something is written: lines and columns from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def error(self, message: str) -> ProgramError:
        """An error, to be raised, about what is written here."""
        return ProgramError(f"{self}: {message}")


@dataclasses.dataclass(frozen=True)
class Sentence:
    """One sentence of a program.

    Attributes:
      kind: "fact" (``head.``), "rule" (``head :- body.``) or "directive" (``:- body.``).
      head: a term; of a directive None.
      body: a term; of a fact None.
      place: where it starts.
    """

    kind: str
    head: Term | None
    body: Term | None
    place: Place


def parse_sentences(text: str, file: str = "<program>") -> list[Sentence]:
    """The sentences of a text.

    >>> [sentence.head for sentence in parse_sentences("0.3::a(X). 'B' :- \\\\+ c.")]
    [('::', Float(value=0.3), ('a', X)), 'B']

    Args:
      text: a program.
      file: what errors call it.

    Raises:
      ProgramError: with line and column, and what was expected there.
    """
    from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedToken, VisitError

    builder = _Builder(file)
    facts: list[Sentence] = []
    if len(text) >= LARGE and "0'" not in text:
        facts, text = _plain_facts(text, file)
    try:
        found: list[Sentence] = builder.transform(_parser(), text)
    except UnexpectedToken as error:
        raise _unexpected(error, text, file) from None
    except UnexpectedCharacters as error:
        place = Place(file, error.line, error.column)
        raise place.error(_unreadable(error.char, text[error.pos_in_stream :])) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ProgramError):
            raise error.orig_exc from None
        raise
    except LarkError as error:  # what lark may raise besides
        raise ProgramError(f"{file}: {error}") from None
    if facts:
        found = sorted([*facts, *found], key=lambda own: (own.place.line, own.place.column))
    return found


def parse_term(text: str, file: str = "<query>") -> Term:
    """One term, such as a query: ``addition(a, b, Z)``; a full stop may be left out.

    Raises:
      ProgramError: if it is not one term.
    """
    text = text.strip()
    sentences = parse_sentences(text if text.endswith(".") else text + " .", file)
    if len(sentences) != 1 or sentences[0].kind != "fact":
        raise ProgramError(f"{file}: {text!r} is not one term")
    return sentences[0].head


@functools.cache
def _parser() -> lark.Lark:
    import lark

    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return lark.Lark(grammar, parser="lalr", maybe_placeholders=False, propagate_positions=False)


class _Builder:
    """Makes sentences of the parser's tree, clause by clause."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.scope: dict[str, Variable] = {}

    def transform(self, parser: lark.Lark, text: str) -> list[Sentence]:
        tree = parser.parse(text)
        return [self.sentence(x) for x in tree.children if getattr(x, "data", None) is not None]

    def sentence(self, tree: Any) -> Sentence:
        self.scope = {}
        place = self.place_of(tree)
        kind = str(tree.data)
        if kind == "question":
            raise place.error("?- is not a part of a program: ask by query(...)")
        terms = [self.term(x) for x in tree.children]
        if kind == "rule":
            return Sentence("rule", terms[0], terms[1], place)
        if kind == "directive":
            return Sentence("directive", None, terms[0], place)
        return Sentence("fact", terms[0], None, place)

    def place_of(self, tree: Any) -> Place:
        token = _first_token(tree)
        return Place(self.file, token.line, token.column) if token else Place(self.file, 1, 1)

    def term(self, tree: Any) -> Term:
        kind, own = str(tree.data), tree.children
        if kind == "number":
            return _number(str(own[0]))
        if kind == "name":
            return str(own[0])
        if kind == "variable":
            name = str(own[0])
            if name == "_":
                return Variable("_")
            return self.scope.setdefault(name, Variable(name))
        if kind == "compound":
            return (str(own[0]), *[self.term(x) for x in own[1].children])
        if kind == "infix":
            return (str(own[1]), self.term(own[0]), self.term(own[2]))
        if kind in ("conjunction", "disjunction", "implication", "labelled"):
            return self.chain(tree)
        if kind == "negation":
            return ("\\+", self.term(own[1]))
        if kind == "parentheses":
            return self.term(own[0])
        if kind in ("minus", "plus"):
            return self.signed(kind, self.term(own[1]))
        if kind == "range":
            return ("..", self.term(own[0]), self.term(own[1]))
        if kind == "empty_list":
            return NIL
        if kind == "list":
            return to_list(self.items(own[0]))
        if kind == "open_list":
            return to_list(self.items(own[0]), self.term(own[1]))
        if kind == "quoted":
            return _unquoted(str(own[0]))
        if kind == "quoted_compound":
            return (_unquoted(str(own[0])), *[self.term(x) for x in own[1].children])
        assert kind == "text", kind
        return Text(_unquoted(str(own[0])))

    def chain(self, tree: Any) -> Term:
        """What is right-associative may be long: no recursion to the right."""
        functor = {"conjunction": ",", "disjunction": ";", "implication": "->", "labelled": "::"}
        kind, parts = str(tree.data), []
        while getattr(tree, "data", None) == kind:
            parts.append(self.term(tree.children[0]))
            tree = tree.children[1]
        found = self.term(tree)
        for part in reversed(parts):
            found = (functor[kind], part, found)
        return found

    def signed(self, kind: str, term: Term) -> Term:
        if isinstance(term, int):
            return -term if kind == "minus" else term
        if isinstance(term, Float):
            return Float(-term.value) if kind == "minus" else term
        return ("-" if kind == "minus" else "+", term)

    def items(self, tree: Any) -> list[Term]:
        """The items of a list; a range stands for its integers."""
        found: list[Term] = []
        for child in tree.children:
            term = self.term(child)
            if isinstance(term, tuple) and term[0] == "..":
                found += expanded(term, self.place_of(child))
            else:
                found.append(term)
        return found


_ARGUMENT = r"(?:-?\d+(?:\.\d+)?|[a-z][A-Za-z0-9_]*)"
_PLAIN_FACT = re.compile(
    r"(?:(\d\.\d+)::)?([a-z][A-Za-z0-9_]*)"
    rf"\(({_ARGUMENT}(?:,[ ]*{_ARGUMENT})*)\)\.(?=\s|%|$)"
)
_BETWEEN = re.compile(r"(?:\s+|%[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)+")
_ANY_SENTENCE = re.compile(
    r"(?:[^.%'\"/]|'(?:\\[\s\S]|''|[^'\\])*'|\"(?:\\[\s\S]|\"\"|[^\"\\])*\"|%[^\n]*"
    r"|/\*(?:[^*]|\*(?!/))*\*/|/(?!\*)|\.(?!\s|%|$))*\.(?=\s|%|$)"
)
_KEYWORDS = frozenset({"query", "evidence", "not", "is", "mod", "rem", "div", "xor"})


def _plain_facts(text: str, file: str) -> tuple[list[Sentence], str]:
    """Facts of names and numbers, and the text with blanks in their place.

    Sentences are told apart from the start; where that fails the rest is left to the grammar.
    """
    found = []
    kept: list[str] = []
    line, line_start, at = 1, 0, 0
    while at < len(text):
        space = _BETWEEN.match(text, at)
        if space is not None:
            kept.append(space[0])
            count = space[0].count("\n")
            if count:
                line, line_start = line + count, at + space[0].rindex("\n") + 1
            at = space.end()
        fact = _PLAIN_FACT.match(text, at)
        if fact is not None and fact[2] not in _KEYWORDS:
            place = Place(file, line, at - line_start + 1)
            arguments = [_constant(x) for x in fact[3].split(",")]
            head: Term = (fact[2], *arguments)
            if fact[1] is not None:
                head = ("::", Float(float(fact[1])), head)
            found.append(Sentence("fact", head, None, place))
            kept.append(" " * (fact.end() - at))
            at = fact.end()
            continue
        sentence = _ANY_SENTENCE.match(text, at)
        if sentence is None:
            kept.append(text[at:])
            break
        kept.append(sentence[0])
        count = sentence[0].count("\n")
        if count:
            line, line_start = line + count, at + sentence[0].rindex("\n") + 1
        at = sentence.end()
    return found, "".join(kept)


def _constant(text: str) -> Term:
    text = text.strip(" ")
    if text[0].isalpha():
        return text
    return Float(float(text)) if "." in text else int(text)


def expanded(term: Term, place: Place) -> range:
    """The integers of a range ``L..H``, both ends in it."""
    low, high = term[1], term[2]
    if not isinstance(low, int) or not isinstance(high, int):
        raise place.error("a range has integers at both ends, as in 1..5")
    if high - low >= MAX_RANGE:
        raise place.error(f"the range {low}..{high} has more than {MAX_RANGE:,} integers")
    return range(low, high + 1)


def _first_token(tree: Any) -> Any:
    while hasattr(tree, "children"):
        for child in tree.children:
            found = _first_token(child)
            if found is not None:
                return found
        return None
    return tree


def _number(text: str) -> Term:
    if text.startswith("0'"):
        return ord(_unescaped(text[2:]))
    return int(text) if text.isdigit() else Float(float(text))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\n": ""}


def _unquoted(text: str) -> str:
    quote, inner = text[0], text[1:-1]
    return _unescaped(inner.replace(quote * 2, quote))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\s\S])", lambda found: _ESCAPES.get(found[1], found[1]), text)


_NAMES = {
    "END": "'.' at the end of the clause",
    "COMPARE": "a comparison such as =:= or is",
    "MULTIPLY": "* or /",
    "ADD": "+",
    "MINUS": "-",
    "POWER": "**",
    "NUMBER": "a number",
    "STRING": "a text",
    "VARIABLE": "a variable",
    "NAME": "a name",
    "QUOTED": "a quoted name",
    "NEGATE": "\\+",
}
_OPERAND = {"NUMBER", "VARIABLE", "NAME"}


def _unexpected(error: Any, text: str, file: str) -> ProgramError:
    token = error.token
    accepts = set(getattr(error, "accepts", None) or error.expected or ())
    literal = {
        "LPAR": "'('",
        "RPAR": "')'",
        "RSQB": "']'",
        "VBAR": "'|'",
        "COMMA": "','",
        "SEMICOLON": "';'",
    }
    wanted: list[str] = []
    if accepts >= _OPERAND:
        wanted.append("a term")
    else:
        order = ["END", "COMMA", "RPAR", "RSQB", "VBAR", "SEMICOLON"]
        wanted = [literal.get(n, _NAMES.get(n, n)) for n in order if n in accepts]
        if not wanted:
            wanted = [literal.get(n, _NAMES.get(n, n)) for n in sorted(accepts)][:4]
    said = f"expected {' or '.join(wanted)}" if wanted else "this is not a program"
    if token.type == "$END":
        lines = text.split("\n")
        line = len(text.rstrip().split("\n")) if text.strip() else 1
        place = Place(file, line, len(lines[line - 1].rstrip()) + 1)
        return place.error(f"{said}, but the text ends")
    return Place(file, token.line, token.column).error(f"{said}, not {str(token)!r}")


def _unreadable(character: str, rest: str) -> str:
    if character in "'\"":
        return f"a text that starts with {character} does not end"
    if rest.startswith("/*"):
        return "a comment that starts with /* does not end"
    if character in "{}":
        return "terms in braces are not supported"
    return f"{character!r} does not belong here"
