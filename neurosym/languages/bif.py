"""Bayesian networks in the interchange format, ``.bif`` (Cozman 1998).

    variable Rain { type discrete [ 2 ] { no, yes }; }
    variable Wet { type discrete [ 2 ] { no, yes }; }
    probability ( Rain ) { table 0.8, 0.2; }
    probability ( Wet | Rain ) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }

A row in brackets names the values of the parents; ``table`` lists the whole, the first parent the
slowest among the parents and the child slower than all of them; ``default`` is for the rows that
are not named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurosym.io import Text
from neurosym.languages.graphical_model import Factor, GraphicalModel, graphical_model

_TOKEN = re.compile(
    rb"\s+|//[^\n]*|/\*.*?\*/"
    rb'|(?P<quoted>"[^"\n]*")|(?P<mark>[{}()\[\];,|])|(?P<word>(?:(?!/\*)[^\s{}()\[\];,|"])+)',
    re.DOTALL,
)


def bif_model(text: Text) -> GraphicalModel:
    """The model of a ``.bif`` file; variables and values have the names that it gives them.

    Raises:
      FormatError: for a file that is something else or is cut short, with the line.
    """
    reader = _Reader(text)
    domains: dict[str, list[str]] = {}
    factors: dict[str, Factor] = {}
    while reader.left:
        block = reader.word("network, variable or probability")
        if block == "network":
            reader.word("the name of the network")
            reader.skip_block()
        elif block == "variable":
            name = reader.word("the name of a variable")
            if name in domains:
                raise reader.error(f"variable {name!r} is declared twice")
            domains[name] = _domain(reader, name)
        elif block == "probability":
            child, factor = _probability(reader, domains)
            if child in factors:
                raise reader.error(f"variable {child!r} has two tables")
            factors[child] = factor
        else:
            raise reader.error(f"network, variable or probability was expected, not {block!r}")
    if not domains:
        raise text.error("the file declares no variable")
    for name in domains:
        if name not in factors:
            raise text.error(f"the file is cut short: variable {name!r} has no table")
    return graphical_model(list(domains), list(domains.values()), list(factors.values()))


def _domain(reader: _Reader, name: str) -> list[str]:
    values: list[str] | None = None
    reader.mark("{")
    while not reader.taken("}"):
        word = reader.word(f"the type of variable {name!r}")
        if word != "type":
            reader.skip_statement()
            continue
        kind = reader.word(f"the type of variable {name!r}")
        if kind != "discrete":
            raise reader.error(f"variable {name!r} is {kind}; only discrete ones are read")
        reader.mark("[")
        size = reader.integer(f"how many values variable {name!r} has")
        reader.mark("]")
        values = reader.items("{", "}", f"a value of variable {name!r}")
        reader.taken(";")
        if len(values) != size or len(set(values)) < size:
            raise reader.error(
                f"variable {name!r} is to have {size} distinct values, not {', '.join(values)}"
            )
    if not values:
        raise reader.error(f"variable {name!r} has no type")
    return values


def _probability(reader: _Reader, domains: dict[str, list[str]]) -> tuple[str, Factor]:
    reader.mark("(")
    family = [reader.word("a variable of a table")]
    while not reader.taken(")"):
        reader.taken("|") or reader.taken(",")
        family.append(reader.word("a variable of a table"))
    for name in family:
        if name not in domains:
            raise reader.error(f"the table of {family[0]!r} names {name!r}, which is no variable")
    child, *parents = family
    sizes = [len(domains[name]) for name in family]
    values = np.full((math.prod(sizes[1:]), sizes[0]), np.nan)
    default: list[float] | None = None
    reader.mark("{")
    while not reader.taken("}"):
        if reader.next == "(":
            row = reader.items("(", ")", f"a value of a parent of {child!r}")
            place = _row(reader, child, parents, row, domains)
            values[place] = reader.reals(sizes[0], f"the row {', '.join(row)} of {child!r}")
            continue
        word = reader.word(f"the table of {child!r}")
        if word == "table":
            whole = reader.reals(values.size, f"the table of {child!r}")
            values = np.asarray(whole).reshape(sizes[0], -1).T
        elif word == "default":
            default = reader.reals(sizes[0], f"the default of {child!r}")
        elif word == "property":
            reader.skip_statement()
        else:
            raise reader.error(f"the table of {child!r} has {word!r} where a row was expected")
    if default is not None:
        values = np.where(np.isnan(values), default, values)
    if np.isnan(values).any():
        raise reader.error(f"the table of {child!r} leaves a row out")
    rows = list(domains)
    scope = tuple(rows.index(name) for name in (*parents, child))
    return child, Factor(scope, values.reshape(*sizes[1:], sizes[0]))


def _row(
    reader: _Reader,
    child: str,
    parents: Sequence[str],
    given: Sequence[str],
    domains: dict[str, list[str]],
) -> int:
    if len(given) != len(parents):
        raise reader.error(
            f"a row of {child!r} has {len(given)} values, and there are {len(parents)} parents"
        )
    place = 0
    for parent, value in zip(parents, given, strict=True):
        if value not in domains[parent]:
            raise reader.error(
                f"a row of {child!r} has {value!r}, which is not a value of {parent!r}"
            )
        place = place * len(domains[parent]) + domains[parent].index(value)
    return place


class _Token(NamedTuple):
    text: str
    offset: int
    is_mark: bool


class _Reader:
    """Tokens one after another, and where they stand."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.tokens: list[_Token] = []
        self.position = 0
        at = 0
        while at < len(text.content):
            match = _TOKEN.match(text.content, at)
            if match is None:
                raise text.error(f"{text.character(at)!r} starts nothing that is known", at)
            if match.lastgroup:
                word = match.group().decode("utf-8", "replace").strip('"')
                self.tokens.append(_Token(word, at, match.lastgroup == "mark"))
            at = match.end()

    @property
    def left(self) -> int:
        return len(self.tokens) - self.position

    @property
    def next(self) -> str:
        return self.tokens[self.position].text if self.left else ""

    def take(self, what: str) -> _Token:
        if not self.left:
            end = max(len(self.text.content.rstrip()) - 1, 0)
            raise self.text.error(f"the file is cut short: {what} is missing", end)
        self.position += 1
        return self.tokens[self.position - 1]

    def word(self, what: str) -> str:
        token = self.take(what)
        if token.is_mark:
            raise self.error(f"{what} was expected, not {token.text!r}")
        return token.text

    def mark(self, wanted: str) -> None:
        token = self.take(f"a {wanted!r}")
        if not token.is_mark or token.text != wanted:
            raise self.error(f"{wanted!r} was expected, not {token.text!r}")

    def taken(self, wanted: str) -> bool:
        """Whether that mark is next, which is then taken."""
        if not self.left:
            self.take(f"a {wanted!r}")
        there = self.tokens[self.position].is_mark and self.next == wanted
        self.position += there
        return there

    def items(self, opening: str, closing: str, what: str) -> list[str]:
        self.mark(opening)
        found = [self.word(what)]
        while not self.taken(closing):
            self.taken(",")
            found.append(self.word(what))
        return found

    def integer(self, what: str) -> int:
        word = self.word(what)
        if not re.fullmatch(r"\d+", word, re.ASCII):
            raise self.error(f"{what} is a whole number, not {word!r}")
        return int(word)

    def reals(self, count: int, what: str) -> list[float]:
        found: list[float] = []
        while not self.taken(";"):
            self.taken(",")
            word = self.word(what)
            try:
                found.append(float(word))
            except ValueError:
                raise self.error(f"{what} has {word!r}, which is not a number") from None
        if len(found) != count:
            raise self.error(f"{what} has {len(found)} numbers, not {count}")
        return found

    def skip_statement(self) -> None:
        while not self.taken(";"):
            self.take("the end of a statement")

    def skip_block(self) -> None:
        self.mark("{")
        while not self.taken("}"):
            self.take("the end of a block")

    def error(self, message: str) -> Exception:
        return self.text.error(message, self.tokens[max(self.position - 1, 0)].offset)
