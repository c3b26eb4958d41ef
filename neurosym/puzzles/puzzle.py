"""`Puzzle`: a family of problems with a name, and how its instances are read, written and drawn."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurosym.io.text import Text
from neurosym.problems import Problem

MOST_VALUES = 4_000_000
"""Of all variables of a puzzle together, as many as a formula's; declaring them takes seconds."""


class Layout(NamedTuple):
    """Where the variables of a puzzle stand in a picture; what `plots.propagation_trace` takes."""

    cells: np.ndarray  # int[rows, columns]: the variable of each cell, -1 where there is none
    labels: tuple[str, ...]  # of the values, in the order of the domain
    marks: tuple[int, int]  # rows and columns in which a cell shows the values it may still have
    box: tuple[int, int] | None = None  # rows and columns of cells between thick lines
    enlarge: bool = True  # a cell's last value fills the cell, rather than standing in its place


@dataclasses.dataclass(frozen=True)
class Instances:
    """Instances that share a problem and differ in what is given.

    Attributes:
      size: of the problem.
      givens: ``[N, ...]``, as compact as they were read.
      masks: turns some of them, ``givens[i:j]``, into domains bool ``[j - i, V, D]``; it is called
        whenever instances are needed.
    """

    size: int
    givens: np.ndarray
    masks: Callable[[np.ndarray], np.ndarray]

    def __len__(self) -> int:
        return len(self.givens)


def _plain(size: int, values: Sequence[Any]) -> str:
    return " ".join(str(value) for value in values)


@dataclasses.dataclass(frozen=True)
class Puzzle:
    """A family of problems, one for each size.

    A `Puzzle` in a user's own module serves the command line: ``--problem=module:NAME``. The
    command calls the functions when it needs them and knows the size, not when the object is made:
    whatever they read besides their arguments, they read then.

    >>> def pigeons(size):
    ...     problem = Problem()
    ...     holes = problem.variables("hole", shape=size, domain=range(size - 1))
    ...     problem.add(*(a != b for i, a in enumerate(holes) for b in holes[:i]))
    ...     return problem
    >>> puzzle = Puzzle("pigeons", "size pigeons in size - 1 holes", pigeons)
    >>> puzzle.build(4).compile().mask.shape
    (4, 3)

    Attributes:
      name: what the user types.
      description: what it is and what its size counts, in a line.
      build: from a size to the problem; raises `ValueError` for a size that has no problem.
      text: from a size and the values of a solution, in the order of the variables, to one line.
      board: from the same to a picture in characters; None where the line is enough.
      layout: from a size to where the variables stand in a picture; None where there is no picture.
      read: from a text, and the size that its instances must have or None, to instances; None where
        each size has one instance only.
    """

    name: str
    description: str
    build: Callable[[int], Problem]
    text: Callable[[int, Sequence[Any]], str] = _plain
    board: Callable[[int, Sequence[Any]], str] | None = None
    layout: Callable[[int], Layout] | None = None
    read: Callable[[Text, int | None], Instances] | None = None


def square_marks(size: int) -> tuple[int, int]:
    """Rows and columns of about equal number that hold so many values."""
    columns = 1
    while columns**2 < size:
        columns += 1
    return -(-size // columns), columns


def aligned_rows(size: int, values: Sequence[Any]) -> str:
    """A square of values, their columns aligned to the right.

    >>> print(aligned_rows(2, [1, 10, 100, 2]))
      1  10
    100   2
    """
    words = [str(value) for value in values]
    width = max(map(len, words))
    rows = [words[i : i + size] for i in range(0, len(words), size)]
    return "\n".join(" ".join(f"{word:>{width}}" for word in row) for row in rows)


def check_size(puzzle: str, size: int, *, power: int, least: int = 1) -> None:
    """Raises `ValueError` for a size that is too small, or too large for a search.

    Args:
      puzzle: its name.
      size: asked for.
      power: the domains of all variables together have ``size**power`` values.
      least: the smallest size.
    """
    if size < least:
        raise ValueError(f"the size of a {puzzle} problem is at least {least}, not {size}")
    if size**power > MOST_VALUES:
        largest = math.floor(MOST_VALUES ** (1 / power) + 1e-9)
        raise ValueError(
            f"a {puzzle} problem of size {size:,} is too large for this search: its variables "
            f"would have more than {MOST_VALUES:,} values together; the largest size is {largest:,}"
        )
