"""DIMACS CNF: propositional formulas as clauses of integers, and the output of SAT competitions.

    c a comment
    p cnf 3 2
    1 -3 0
    2 3 -1 0

The header states the numbers of variables and clauses. A clause is a list of literals that ends
with 0 and may span lines; ``-3`` says that variable 3 is false. A line that starts with ``c`` is a
comment wherever it stands. A line that starts with ``%`` ends the file, as in old SATLIB files.
Counting formulas say in comments what is counted: the models as far as some variables tell them
apart (``c p show 1 4 0``, ``c ind 1 4 0``), which `Cnf.projection` has, or models with weights
(``c p weight 1 0.3 0``), of which `Cnf.weighted` has the first line. Neither changes the clauses.

Text becomes arrays in a few vectorised passes, so a formula of 10⁵ clauses takes a fraction of a
second. The format: http://www.satcompetition.org/2009/format-benchmarks2009.html
"""

import dataclasses
import io
import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from neurosym.io.text import Text, read_text

RESULT_WIDTH = 78
"""Columns of the lines of a model."""

# Of model counting competitions, of Ganak and ApproxMC, of miniC2D, and of projected counters.
_PROJECTION = re.compile(
    rb"^[ \t]*(?:c[ \t]+(?:p[ \t]+show|ind)|cr)((?:[ \t]+[0-9]{1,9})*)[ \t\r]*$", re.MULTILINE
)
_WEIGHTED = re.compile(rb"^[ \t]*c[ \t]+(?:p[ \t]+weight|weights)\b[^\n]*", re.MULTILINE)
_MAX_DIGITS = 18  # of an integer that int64 holds


@dataclasses.dataclass(frozen=True, eq=False)
class Cnf:
    """A formula in conjunctive normal form.

    Attributes:
      variables: how many there are; they are numbered from 1.
      literals: int32 ``[L]``: the literals of all clauses, one clause after the other; ``v`` says
        that variable v is true, ``-v`` that it is false.
      offsets: int64 ``[C + 1]``: clause c is ``literals[offsets[c]:offsets[c + 1]]``.
      projection: int32 ``[P]``: the variables by which models are told apart when they are counted,
        in order; None where all are.
      weighted: the first line that gives models weights, with its place; "" without one.
    """

    variables: int
    literals: np.ndarray
    offsets: np.ndarray
    projection: np.ndarray | None = None
    weighted: str = ""

    @property
    def clauses(self) -> int:
        """C."""
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """The clauses, as tuples of literals."""
        literals = self.literals.tolist()
        bounds = self.offsets.tolist()
        return (tuple(literals[start:end]) for start, end in itertools.pairwise(bounds))

    def satisfied(self, model: np.ndarray | Sequence[bool]) -> bool:
        """Whether a model, bool ``[V]``, makes every clause true."""
        values = np.asarray(model, np.bool_)
        if values.shape != (self.variables,):
            raise ValueError(f"a model is bool[{self.variables}], not {list(values.shape)}")
        true = values[np.abs(self.literals) - 1] == (self.literals > 0)
        counted = np.concatenate([[0], np.cumsum(true)])
        return bool(np.all(np.diff(counted[self.offsets]) > 0))


def read_dimacs(path: str | Path) -> Cnf:
    """Reads a formula.

    Args:
      path: the file, plain or gzip; `-` is standard input.

    Raises:
      FormatError: the header is missing, repeated or states other numbers than the file has; a word
        is not an integer; the last clause has no end.
      OSError: the file cannot be read.
    """
    return parse_dimacs(read_text(path))


def parse_dimacs(text: Text | str) -> Cnf:
    """The formula of a text; see `read_dimacs`.

    >>> formula = parse_dimacs("p cnf 3 2  \\n1 -3 0 2 3\\n-1 0")
    >>> formula.variables, list(formula)
    (3, [(1, -3), (2, 3, -1)])
    """
    if isinstance(text, str):
        text = Text("<text>", text.encode())
    characters, headers = _without_lines(text)
    starts, ends = _words(characters)
    if not headers:
        where = int(starts[0]) if len(starts) else None
        raise text.error("the header 'p cnf VARIABLES CLAUSES' is missing", where)
    if len(headers) > 1:
        first = text.line(headers[0])
        raise text.error(f"a second header; the first is on line {first}", headers[1])
    (header,) = headers
    if len(starts) and starts[0] < header:
        raise text.error("a clause before the header", int(starts[0]))
    variables, clauses = _header(text, header)
    values = _integers(text, characters, starts, ends)
    beyond = np.flatnonzero(np.abs(values) > variables)
    if len(beyond):
        first = int(beyond[0])
        message = f"the header states {variables:,} variables; this is {abs(values[first])}"
        raise text.error(message, int(starts[first]))
    closing = np.flatnonzero(values == 0)
    last = int(closing[-1]) + 1 if len(closing) else 0
    if last < len(values):
        raise text.error(
            "the last clause, which starts here, does not end with 0", int(starts[last])
        )
    if len(closing) != clauses:
        message = f"the header states {clauses:,} clauses, the file has {len(closing):,}"
        raise text.error(message, header)
    offsets = np.concatenate([[0], closing - np.arange(len(closing))])
    literals = values[values != 0].astype(np.int32)
    projection = _projection(text, variables)
    return Cnf(variables, literals, offsets.astype(np.int64), projection, _weighted(text))


def looks_like_dimacs(text: Text) -> bool:
    """Whether the first line that is neither blank nor a comment is a DIMACS header."""
    for line in io.BytesIO(text.content):
        words = line.split(maxsplit=2)
        if words and not words[0].startswith(b"c"):
            return words[0] == b"p" and len(words) > 1
    return False


def format_result(status: str, model: np.ndarray | Sequence[bool] | None = None) -> list[str]:
    """The lines that SAT competitions want of a solver.

    >>> format_result("SATISFIABLE", [True, False])
    ['s SATISFIABLE', 'v 1 -2 0']

    Args:
      status: "SATISFIABLE", "UNSATISFIABLE" or "UNKNOWN".
      model: bool ``[V]``, where there is one.
    """
    if status not in ("SATISFIABLE", "UNSATISFIABLE", "UNKNOWN"):
        raise ValueError(f"a result is SATISFIABLE, UNSATISFIABLE or UNKNOWN, not {status!r}")
    lines = [f"s {status}"]
    if model is not None:
        literals = [str(v if true else -v) for v, true in enumerate(model, start=1)]
        lines += textwrap.wrap(
            " ".join([*literals, "0"]),
            RESULT_WIDTH,
            initial_indent="v ",
            subsequent_indent="v ",
            break_on_hyphens=False,
        )
    return lines


def _projection(text: Text, variables: int) -> np.ndarray | None:
    """The variables of all lines that name some to count by; None without such a line.

    Raises:
      FormatError: a line names a variable that the formula has not.
    """
    named: set[int] | None = None
    for found in _PROJECTION.finditer(text.content):
        numbers = {int(word) for word in found[1].split()}
        if numbers and max(numbers) > variables:
            message = f"the header states {variables:,} variables; this counts by {max(numbers)}"
            raise text.error(message, found.start())
        named = (named or set()) | numbers - {0}  # which ends the line
    return None if named is None else np.array(sorted(named), np.int32)


def _weighted(text: Text) -> str:
    """The first line that gives models weights, with its place; "" without one."""
    found = _WEIGHTED.search(text.content)
    if found is None:
        return ""
    shown = " ".join(found[0].decode("utf-8", "replace").split())
    shown = shown if len(shown) <= 40 else shown[:40] + "…"
    return f"{text.name}:{text.line(found.start())}: {shown}"


def _without_lines(text: Text) -> tuple[np.ndarray, list[int]]:
    """The characters, uint8, with spaces for headers and comments, and where the headers start."""
    characters = np.frombuffer(text.content, np.uint8).copy()
    breaks = np.flatnonzero(characters == ord("\n"))
    line_starts = np.concatenate([[0], breaks + 1])
    visible = np.flatnonzero(~_white(characters))
    at = np.searchsorted(visible, line_starts)
    firsts = visible[np.unique(at[at < len(visible)])]  # of each line that is not blank
    signs = characters[firsts]
    ending = firsts[signs == ord("%")]
    if len(ending):
        characters[ending[0] :] = ord(" ")
        firsts, signs = firsts[firsts < ending[0]], signs[firsts < ending[0]]
    line_ends = np.append(breaks, len(characters))
    special = firsts[(signs == ord("c")) | (signs == ord("p"))]
    for start, end in zip(special, line_ends[np.searchsorted(line_ends, special)], strict=True):
        characters[start:end] = ord(" ")
    return characters, firsts[signs == ord("p")].tolist()


def _words(characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each word starts and ends, int ``[N]`` each."""
    inside = np.concatenate([[False], ~_white(characters), [False]])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[::2], edges[1::2]


def _white(characters: np.ndarray) -> np.ndarray:
    return (characters == ord(" ")) | ((characters >= ord("\t")) & (characters <= ord("\r")))


def _header(text: Text, offset: int) -> tuple[int, int]:
    """The numbers of variables and clauses that the header at an offset states."""
    line = text.content[offset:].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    words = line.split()
    stated = words[2:]
    if words[:2] != ["p", "cnf"] or len(stated) != 2 or not all(map(_is_count, stated)):
        message = f"the header is {line!r}, not 'p cnf VARIABLES CLAUSES'"
        raise text.error(message, offset)
    variables, clauses = map(int, stated)
    if variables > np.iinfo(np.int32).max:
        raise text.error(f"{variables:,} variables are too many", offset)
    return variables, clauses


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= _MAX_DIGITS


def _integers(
    text: Text, characters: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """The words as integers, int64; raises at the first that is not an integer."""
    if not len(starts):
        return np.zeros(0, np.int64)
    negative = characters[starts] == ord("-")
    begins = starts + negative
    lengths = ends - begins
    bad = (lengths < 1) | (lengths > _MAX_DIGITS)
    values = np.zeros(len(starts), np.int64)
    for place in range(min(int(lengths.max()), _MAX_DIGITS)):
        within = place < lengths
        digits = characters[np.where(within, begins + place, 0)].astype(np.int64) - ord("0")
        bad |= within & ((digits < 0) | (digits > 9))
        values = np.where(within, 10 * values + digits, values)
    if bad.any():
        first = int(np.argmax(bad))
        word = text.content[starts[first] : ends[first]].decode("utf-8", "replace")
        shown = word if len(word) <= 40 else word[:40] + "…"
        raise text.error(
            f"{shown!r} is not a literal: an integer, 0 ends a clause", int(starts[first])
        )
    return np.where(negative, -values, values)
