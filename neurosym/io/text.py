"""A text as it was read: its bytes, its name, and errors that name file, line and column."""

import dataclasses
import gzip
import sys
import zlib
from pathlib import Path

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FormatError(ValueError):
    """A file is there, but it is not what its format says; the message names the place."""


@dataclasses.dataclass(frozen=True)
class Text:
    """The uncompressed bytes of a file.

    Attributes:
      name: what errors call it.
      content: its bytes; lines end with a line feed, with or without a carriage return before it.
        The last line need not end so.
    """

    name: str
    content: bytes

    def error(self, message: str, offset: int | None = None) -> FormatError:
        """An error, to be raised, about the byte at an offset.

        Args:
          message: what is wrong.
          offset: where; None is about the whole file.
        """
        if offset is None:
            return FormatError(f"{self.name}: {message}")
        line = self.content.count(b"\n", 0, offset) + 1
        start = self.content.rfind(b"\n", 0, offset) + 1
        before = self.content[start:offset].decode("utf-8", "replace")
        return FormatError(f"{self.name}:{line}:{len(before) + 1}: {message}")

    def line(self, offset: int) -> int:
        """The number, from 1, of the line that the byte at an offset is on."""
        return self.content.count(b"\n", 0, offset) + 1

    def character(self, offset: int) -> str:
        """The character at an offset, however many bytes it has."""
        return self.content[offset : offset + 4].decode("utf-8", "replace")[:1]


def read_text(path: str | Path) -> Text:
    """Reads a file.

    Args:
      path: the file, plain or gzip (its first bytes decide, not its name); `-` is standard input.

    Raises:
      FormatError: it starts as gzip and then is cut short or damaged.
      OSError: it cannot be read at all.
    """
    if str(path) == STANDARD_INPUT:
        name, content = "<stdin>", sys.stdin.buffer.read()
    else:
        name, content = str(path), Path(path).read_bytes()
    if content.startswith(_GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except EOFError:
            raise FormatError(f"{name}: the gzip stream is cut short") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise FormatError(f"{name}: the gzip stream is damaged: {error}") from None
    return Text(name, content.removeprefix(_BYTE_ORDER_MARK))
