"""Sudoku puzzles as text: one puzzle on each line, row after row.

A sudoku of box size ``k`` has ``n = k²`` digits and ``n²`` cells, so a line has 16, 81, 256 or 625
characters. A blank cell is ``.`` or ``0``; the digits are ``1`` to ``9`` and then letters of either
case: ``A`` to ``G`` for 16x16 (``A`` is 10), ``A`` to ``P`` for 25x25. A file that counts a 16x16
sudoku from 0 to F has no sign for zero here, since ``0`` is a blank, and is refused. Blank lines
are skipped. ``#`` starts a comment, on a line of its own or after white space. Tables, boards of
several lines, and cells with something between them are read too (`neurosym.io.sudoku_shapes`).
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurosym.io.sudoku_shapes import SYMBOLS, one_on_each_line
from neurosym.io.text import FormatError, Text, read_text

SUDOKU_SYMBOLS = SYMBOLS
"""The character of each digit; 0 is a blank."""

BOX_SIZES = (1, 2, 3, 4, 5)
"""The sizes of a box whose digits have a character each."""

_ILLEGAL = 255
_LINES_AT_ONCE = 1 << 14


def read_sudoku(path: str | Path, *, box: int | None = None) -> np.ndarray:
    """Reads the puzzles of a file.

    Args:
      path: the file, plain or gzip; `-` is standard input.
      box: the box size that the puzzles must have; None takes it from the first one.

    Returns:
      int8 ``[N, n²]``, row after row: 0 where a cell is blank, else its digit from 1 to n.

    Raises:
      FormatError: a line is not a puzzle or has another size than the first puzzle, or there is no
        puzzle.
      OSError: the file cannot be read.
    """
    return parse_sudoku(read_text(path), box=box)


def parse_sudoku(text: Text | str, *, box: int | None = None) -> np.ndarray:
    """The puzzles of a text; see `read_sudoku`.

    >>> parse_sudoku("1...|..3.|.4..|...2".replace("|", "")).tolist()
    [[1, 0, 0, 0, 0, 0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 2]]
    """
    if isinstance(text, str):
        text = Text("<text>", text.encode())
    if box is not None and box not in BOX_SIZES:
        raise ValueError(f"the box size of a sudoku in text is one of {BOX_SIZES}, not {box}")
    characters = np.frombuffer(text.content, np.uint8)
    starts, ends = _puzzle_spans(characters)
    if not len(starts):
        raise text.error("there is no puzzle in it")
    if not _is_plain(characters[starts[0] : ends[0]], box):
        text = one_on_each_line(text, None if box is None else box**2)
        characters = np.frombuffer(text.content, np.uint8)
        starts, ends = _puzzle_spans(characters)
    if box is None:
        box = _infer_box(text, int(starts[0]), int(ends[0]))
    return _digits(text, characters, starts, ends, box)


def format_sudoku(values: np.ndarray | Sequence[Sequence[int]]) -> list[str]:
    """One line for each puzzle or solution.

    Args:
      values: int ``[N, n²]``, 0 where a cell is blank.

    Raises:
      ValueError: for another shape, or values that are not digits.
    """
    array = np.asarray(values)
    box = _box_of(array.shape[-1]) if array.ndim == 2 else None
    if box is None:
        raise ValueError(
            f"sudokus are [N, cells] with 1, 16, 81, 256 or 625 cells, not {array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() > box**2):
        raise ValueError(f"the digits of a {_named(box)} sudoku go from 0 (blank) to {box**2}")
    symbols = np.frombuffer(SUDOKU_SYMBOLS.encode(), np.uint8)
    lines = symbols[array]
    return [line.tobytes().decode() for line in lines]


def format_board(values: np.ndarray | Sequence[int]) -> str:
    """One puzzle or solution as a board with lines between the boxes.

    >>> print(format_board([1, 0, 0, 0, 0, 0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 2]))
    1 . | . .
    . . | 3 .
    ----+----
    . 4 | . .
    . . | . 2

    Args:
      values: int ``[n²]``, 0 where a cell is blank.
    """
    (line,) = format_sudoku(np.asarray(values)[None])
    box = _box_of(len(line))
    assert box is not None
    side = box**2
    rule = "-+-".join(["-" * (2 * box - 1)] * box)
    rows = []
    for start in range(0, len(line), side):
        row = line[start : start + side]
        groups = [" ".join(row[i : i + box]) for i in range(0, side, box)]
        if start and start // side % box == 0:
            rows.append(rule)
        rows.append(" | ".join(groups))
    return "\n".join(rows)


def _puzzle_spans(characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each puzzle starts and ends, int ``[N]`` each; lines without one are left out."""
    length = len(characters)
    breaks = np.flatnonzero(characters == ord("\n"))
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [length]])
    white = (characters == ord(" ")) | (characters == ord("\t")) | (characters == ord("\r"))
    white |= characters == ord("\n")
    # The first comment of a line ends its puzzle.
    after_white = np.concatenate([[True], white])[:length]
    comments = np.flatnonzero((characters == ord("#")) & after_white)
    if len(comments):
        first = np.searchsorted(comments, starts)
        found = np.append(comments, length)[first]
        ends = np.minimum(ends, found)
    # The first and the last character within [start, end) that is not white.
    places = np.flatnonzero(~white)
    if not len(places):
        return starts[:0], ends[:0]
    left, right = np.searchsorted(places, starts), np.searchsorted(places, ends)
    full = left < right
    return places[left[full]], places[right[full] - 1] + 1


def _is_plain(line: np.ndarray, box: int | None) -> bool:
    """Whether a line is a puzzle, and can be nothing else: 16 cells may be the row of a board."""
    box_of_line = _box_of(len(line))
    if box_of_line in (None, 2) or box not in (None, box_of_line):
        return box_of_line == box == 2
    return bool((_value_of_character(5)[line] != _ILLEGAL).all())


def _infer_box(text: Text, start: int, end: int) -> int:
    box = _box_of(end - start)
    if box is None:
        lengths = ", ".join(f"{k**4} ({_named(k)})" for k in BOX_SIZES[1:])
        raise _wrong_length(text, start, end, f"a line of a sudoku has one of {lengths}")
    return box


def _digits(
    text: Text, characters: np.ndarray, starts: np.ndarray, ends: np.ndarray, box: int
) -> np.ndarray:
    """int8 ``[N, n²]``: what stands between ``starts`` and ``ends``; raises at the first error."""
    cells = box**4
    values = _value_of_character(box)
    wrong_length = np.flatnonzero(ends - starts != cells)
    good = int(wrong_length[0]) if len(wrong_length) else len(starts)
    digits = np.empty((good, cells), np.int8)
    within = np.arange(cells)
    for first in range(0, good, _LINES_AT_ONCE):
        chunk = slice(first, min(first + _LINES_AT_ONCE, good))
        read = values[characters[starts[chunk, None] + within]]
        illegal = read == _ILLEGAL
        if illegal.any():
            line, cell = np.argwhere(illegal)[0]
            raise _illegal(text, int(starts[first + line]) + int(cell), box)
        digits[chunk] = read
    _check_zeros(text, characters, starts[:good], box, digits)
    if good < len(starts):
        expected = f"a {_named(box)} sudoku has {cells}"
        raise _wrong_length(text, int(starts[good]), int(ends[good]), expected)
    return digits


def _check_zeros(
    text: Text, characters: np.ndarray, starts: np.ndarray, box: int, digits: np.ndarray
) -> None:
    """Raises where 0 seems to be a digit: a file that counts 16 digits from 0 to F.

    Then the last digit is nowhere, and 0 is not the sign for a blank: another sign is, or no row,
    column or box has two of them.
    """
    side = box**2
    if side < 10 or not len(starts) or (digits == side).any():
        return
    blank = digits == 0
    zero = blank & (characters[starts[:, None] + np.arange(side**2)] == ord("0"))
    if not zero.any():
        return
    boards = zero.reshape(-1, box, box, box, box)
    twice = [boards.sum(axes) > 1 for axes in ((3, 4), (1, 2), (2, 4))]
    if (blank & ~zero).any() or not any(found.any() for found in twice):
        last, before = SUDOKU_SYMBOLS[side], SUDOKU_SYMBOLS[side - 1]
        raise text.error(
            f"the digits of a {_named(box)} sudoku are 1-9 and A-{last} here, and 0 is a blank; "
            f"this file has no {last} and seems to count from 0 to {before}. It is readable after "
            f"tr 0-9A-{before} 1-9A-{last}; where 0 is a blank, write . for it",
            int(starts[int(np.argmax(zero.any(axis=1)))]),
        )


def _value_of_character(box: int) -> np.ndarray:
    """uint8[256]: the digit of each character."""
    values = np.full(256, _ILLEGAL, np.uint8)
    values[ord("0")] = 0
    for digit, symbol in enumerate(SUDOKU_SYMBOLS[: box**2 + 1]):
        values[ord(symbol)] = values[ord(symbol.lower())] = digit
    return values


def _illegal(text: Text, offset: int, box: int) -> FormatError:
    side = box**2
    allowed = f"1-{min(side, 9)}"
    if side > 9:
        allowed += f", A-{SUDOKU_SYMBOLS[side]}"
    message = (
        f"{text.character(offset)!r} is not a digit of a {_named(box)} sudoku "
        f"({allowed}, or . or 0 for blank)"
    )
    return text.error(message, offset)


def _wrong_length(text: Text, start: int, end: int, expected: str) -> FormatError:
    """The error of a line with a puzzle of another length than expected."""
    line = text.content[start:end].decode("utf-8", "replace")
    words = line.split()
    if len(words) > 1 and _box_of(len(words[0])) is not None:
        rest = start + len(words[0].encode()) + 1
        return text.error("text after the puzzle; a comment starts with #", rest)
    box = _box_of(len(line))
    if box is not None and not line.isascii():  # The length is right in characters, not in bytes.
        strange = next(i for i, c in enumerate(line) if not c.isascii())
        return _illegal(text, start + len(line[:strange].encode()), box)
    count = f"{len(line):,} character" + ("s" if len(line) != 1 else "")
    return text.error(f"{count}; {expected}", start + len(line.encode()))


def _box_of(cells: int) -> int | None:
    """The box size of a sudoku with so many cells, or None."""
    box = math.isqrt(math.isqrt(cells))
    return box if box in BOX_SIZES and box**4 == cells else None


def _named(box: int) -> str:
    return f"{box**2}x{box**2}"
