"""`Words`: a text of words and numbers that is read from left to right, with places for errors."""

from __future__ import annotations

import re
from typing import NoReturn

import numpy as np

from neurosym.io import Text


class Words:
    """The words of a text, one after another.

    Attributes:
      found: every word, and the offset of its first byte.
    """

    def __init__(self, text: Text) -> None:
        self.found = [
            (match.group().decode("utf-8", "replace"), match.start())
            for match in re.finditer(rb"\S+", text.content)
        ]
        self._text = text
        self._position = 0

    def word(self, what: str) -> str:
        """The next word; an error that ``what`` is missing if there is none."""
        if self._position == len(self.found):
            raise self._text.error(f"the file is cut short: {what} is missing", self._last())
        self._position += 1
        return self.found[self._position - 1][0]

    def number(self, what: str, *, least: int) -> int:
        """The next word, which is a whole number from ``least`` up."""
        word = self.word(what)
        if not re.fullmatch(r"\d+", word, re.ASCII) or int(word) < least:
            self.refuse(f"{what} is a whole number from {least} up, not {word!r}")
        return int(word)

    def reals(self, count: int, what: str) -> np.ndarray:
        """The next words as ``float64[count]``."""
        left = len(self.found) - self._position
        if left < count:
            raise self._text.error(
                f"the file is cut short: {what} has {count} entries, and {left} are there",
                self._last(),
            )
        values = np.empty(count)
        for n in range(count):
            word = self.word(what)
            try:
                values[n] = float(word)
            except ValueError:
                self.refuse(f"{what} has the entry {word!r}, which is not a number")
        return values

    def step_back(self) -> None:
        """Makes the last word the next one again."""
        self._position -= 1

    def refuse(self, message: str) -> NoReturn:
        """Raises an error about the last word."""
        raise self._text.error(message, self.found[self._position - 1][1])

    def end(self) -> None:
        """Raises where there is a further word."""
        if self._position < len(self.found):
            word, offset = self.found[self._position]
            raise self._text.error(f"{word!r} after the end", offset)

    def _last(self) -> int:
        return max(len(self._text.content.rstrip()) - 1, 0)
