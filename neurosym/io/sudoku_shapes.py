"""Sudokus in the shapes in which people have them, as text with one puzzle on each line.

    quizzes,solutions          53..7|6..195      Grid 01        5;3;;;7;;;;;6;;;1;9;5;…
    004300209…,864371259…      ...               003020600
                                                 900305001

A table with the puzzles in one of its columns, boards with a row of cells on each line, and cells
with something between them. The reader of lines (`neurosym.io.sudoku`) asks here where the first
line is not a puzzle. Whatever has none of these shapes stays as it is, and the reader says what is
wrong with it. A puzzle stays on the line on which it began, so that errors name the right line.
"""

import re
from collections.abc import Mapping, Sequence

from neurosym.io.text import FormatError, Text

SYMBOLS = ".123456789ABCDEFGHIJKLMNOP"
"""The character of each digit; 0 is a blank."""

_CELLS = {16: 4, 81: 9, 256: 16, 625: 25}  # to the number of digits
_SEPARATORS = (",", ";", "\t", "|", " ")
_LEGAL = re.compile(rf"[0{re.escape(SYMBOLS)}]+", re.IGNORECASE)
_RULE = re.compile(r"[-+|=\s]+")
_HEADING = re.compile(r"[A-Za-z]\w*[\s#:]*\d*:?")
_PUZZLES = re.compile(r"quiz|puzzle|problem|sudoku|board|grid|given|unsolved|question", re.I)
_SOLUTIONS = re.compile(r"solution|solved$|answer|target", re.I)


def one_on_each_line(text: Text, size: int | None) -> Text:
    """The same puzzles, one on each line, where they have one of the shapes; else the same text.

    Args:
      text: which may start with blank lines and comments.
      size: the number of digits that the puzzles must have, or None.

    Raises:
      FormatError: the text may be read in two ways, and the size does not decide.
    """
    lines = [_without_comment(line) for line in text.content.decode("utf-8", "replace").split("\n")]
    filled = [number for number, line in enumerate(lines) if line]
    sizes = [n for n in _CELLS.values() if size in (None, n)]
    rows = [_row(lines[number], 16) for number in filled]
    if rows and None not in rows and size in (None, 4, 16):
        rewritten = _sixteens(text, lines, dict(zip(filled, rows, strict=True)), size)
    else:
        rewritten = (
            _boards(lines, filled, sizes)
            or _table(lines, filled, sizes)
            or _separated(lines, filled, sizes)
        )
    return text if rewritten is None else Text(text.name, "\n".join(rewritten).encode())


def _sixteens(
    text: Text, lines: Sequence[str], rows: Mapping[int, str | None], size: int | None
) -> list[str] | None:
    """Lines of sixteen cells: rows of boards of 16x16, or boards of 4x4."""
    found = [row or "" for row in rows.values()]
    large = len(found) % 16 == 0 and size != 4
    if large and size is None and all(set(row) <= set(".01234") for row in found):
        givens = [[c for c in row if c in "1234"] for row in found]
        # No row of a board has a digit twice.
        large = all(len(set(row)) == len(row) for row in givens)
        if large:
            raise FormatError(
                f"{text.name}: 16 lines of 16 characters are sixteen 4x4 sudokus or one of 16x16: "
                "state the size, --size=4 or --size=16 (box=2 or box=4)"
            )
    if large:
        return _boards(lines, list(rows), [16])
    return [rows.get(number) or "" for number in range(len(lines))]


def _boards(lines: Sequence[str], filled: Sequence[int], sizes: Sequence[int]) -> list[str] | None:
    """Boards of as many lines as a line has cells, with rules and headings between them or not."""
    for size in sizes:
        made = [""] * len(lines)
        rows: list[str] = []
        first = 0
        for number in filled:
            line = lines[number]
            row = _row(line, size)
            if row is None:
                if _RULE.fullmatch(line) or (not rows and _HEADING.fullmatch(line)):
                    continue
                break
            first = first if rows else number
            rows.append(row)
            if len(rows) == size:
                made[first], rows = "".join(rows), []
        else:
            if not rows and any(made):
                return made
    return None


def _row(line: str, size: int) -> str | None:
    """The cells of a line that has so many, as characters; None where it has not."""
    plain = re.sub(r"[|\s]", "", line)
    if len(plain) == size and _LEGAL.fullmatch(plain):
        return plain
    for separator in (",", ";", "\t"):
        if line.count(separator) == size - 1:
            return _characters(line.split(separator), size)
    return _characters(re.sub(r"\|", " ", line).split(), size)


def _table(lines: Sequence[str], filled: Sequence[int], sizes: Sequence[int]) -> list[str] | None:
    """The column of the puzzles in a table, whose first line may name the columns."""
    cells = {count for count, size in _CELLS.items() if size in sizes}
    for number in filled[:2]:  # of which the first may be a header
        for separator in _SEPARATORS[:4]:
            fields = _fields(lines[number], separator)
            columns = [
                column
                for column, field in enumerate(fields)
                if len(field) in cells and _LEGAL.fullmatch(field)
            ]
            if len(fields) < 2 or not columns:
                continue
            header = _fields(lines[filled[0]], separator) if number != filled[0] else []
            chosen = _puzzles(fields, columns, header)
            made = [""] * len(lines)
            for row in filled[filled.index(number) :]:
                found = _fields(lines[row], separator)
                made[row] = found[chosen] if chosen < len(found) else lines[row]
            return made
    return None


def _puzzles(fields: Sequence[str], columns: Sequence[int], header: Sequence[str]) -> int:
    """Which of the columns that could be puzzles has them: its name says so, or its blanks do."""
    names = dict(enumerate(header))
    left = [c for c in columns if not _SOLUTIONS.search(names.get(c, ""))] or list(columns)
    named = [c for c in left if _PUZZLES.search(names.get(c, ""))]
    blanks = {c: fields[c].count(".") + fields[c].count("0") for c in columns}
    return max(named or left, key=lambda column: (blanks[column], -column))


def _separated(
    lines: Sequence[str], filled: Sequence[int], sizes: Sequence[int]
) -> list[str] | None:
    """One puzzle on each line, with something between its cells."""
    for size in sizes:
        for separator in _SEPARATORS:
            made = [""] * len(lines)
            for number in filled:
                line = lines[number].rstrip(separator) if separator == " " else lines[number]
                fields = line.split() if separator == " " else line.split(separator)
                row = _characters(fields, size) if len(fields) == size**2 else None
                if row is None:
                    break
                made[number] = row
            else:
                if any(made):
                    return made
    return None


def _characters(fields: Sequence[str], size: int) -> str | None:
    """Cells as words: a number, a letter, or nothing for a blank; None for other words."""
    if len(fields) not in (size, size**2):
        return None
    found = []
    for field in fields:
        word = field.strip().strip('"')
        if word in ("", ".", "0", "-", "_", "x", "X", "*", "?"):
            found.append(".")
        elif word.isascii() and word.isdigit() and int(word) <= size:
            found.append(SYMBOLS[int(word)])
        elif len(word) == 1 and word.upper() in SYMBOLS[1 : size + 1]:
            found.append(word.upper())
        else:
            return None
    return "".join(found)


def _fields(line: str, separator: str) -> list[str]:
    return [field.strip().strip('"').strip() for field in line.split(separator)]


def _without_comment(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip(" \r")
