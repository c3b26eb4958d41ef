"""Lines of words with their places, for formats that are read line by line."""

import re
from typing import NamedTuple

from neurosym.io.text import FormatError, Text

_INTEGER = re.compile(r"-?[0-9]{1,9}")


class Line(NamedTuple):
    """A line that is neither blank nor a comment.

    Attributes:
      text: the text that the line is of.
      number: of the line, from 1.
      words: at least one.
    """

    text: Text
    number: int
    words: tuple[str, ...]

    @property
    def place(self) -> str:
        """ "FILE:LINE", as errors begin."""
        return f"{self.text.name}:{self.number}"

    def error(self, message: str) -> FormatError:
        """An error, to be raised, about this line."""
        return FormatError(f"{self.place}: {message}")

    def integers(self, what: str, start: int = 1) -> list[int]:
        """The words from ``start`` on as integers.

        Raises:
          FormatError: if a word is not an integer, or has more than 9 digits.
        """
        words = self.words[start:]
        for word in words:
            if not _INTEGER.fullmatch(word):
                raise self.error(f"{word[:40]!r} is not an integer of {what}")
        return list(map(int, words))


def lines_of(text: Text, comment: str = "c") -> list[Line]:
    """The lines of a text that are neither blank nor start with the word ``comment``.

    The last line may lack its line feed: programs write such files. The reader of a format says
    whether a file is cut short, by the numbers of words in a line and of lines in a file.
    """
    lines = text.content.decode("utf-8", "replace").split("\n")
    numbered = ((number, tuple(line.split())) for number, line in enumerate(lines, start=1))
    return [Line(text, n, words) for n, words in numbered if words and words[0] != comment]
