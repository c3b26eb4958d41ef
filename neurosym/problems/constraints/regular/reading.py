"""Reading the tree of a regular expression, rule by rule, into its postfix form.

A method has the name of a rule of the grammar (`neurosym.problems.constraints.regular.expression`)
and gets its parts, which are postfix forms and tokens. Expressions of characters and of tokens
differ in what a value and a range are. For example ``a{1,3}`` becomes

    {a}, {a}, {a}, OPTION, CONCATENATION, OPTION, CONCATENATION

that is ``a(a(a)?)?``, in which each place is followed by one other; in ``aa?a?`` a place would be
followed by all later ones.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NoReturn

from neurosym.problems.constraints.regular.positions import Operation, Postfix

MAX_PLACES = 2**15
"""Values and operations of an expression whose counted repetitions are written out."""

MAX_DIGITS = 1_000
"""Digits of a number in an expression."""


class Reading:
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
                f"written out, the regular expression {shorten(self.text)} has more than "
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
        refuse(message, token.start_pos, self.text)


class Characters(Reading):
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


class Tokens(Reading):
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


def refuse(message: str, position: int, text: str) -> NoReturn:
    raise ValueError(f"{message}, at position {position} of the regular expression {shorten(text)}")


def _show_values(values: Sequence[Hashable]) -> str:
    from neurosym.problems.variable import describe_domain

    return describe_domain(tuple(values))


def shorten(text: str) -> str:
    return repr(text) if len(text) <= 80 else f"{text[:60]!r}… ({len(text)} characters)"
