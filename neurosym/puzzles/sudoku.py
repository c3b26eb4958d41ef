"""Sudoku of any box size: every row, column and box of an n x n grid holds the digits 1 to n once.

The size is n, the square of the size of a box: 4, 9, 16, 25 and so on.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosym.io.sudoku import SUDOKU_SYMBOLS, format_board, parse_sudoku
from neurosym.io.text import Text
from neurosym.problems import Problem
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.puzzles.puzzle import Instances, Layout, Puzzle, aligned_rows, check_size


def sudoku_problem(size: int) -> Problem:
    """The rules alone; the digits that a puzzle gives are domains of one value.

    Raises:
      ValueError: if the size is not a square, or too large.
    """
    box = _box(size)
    check_size("sudoku", size, power=3)
    problem = Problem()
    cells = problem.variables("cell", shape=(size, size), domain=range(1, size + 1))
    boxes = cells.reshape(box, box, box, box).swapaxes(1, 2).reshape(size, size)
    for rows in (cells, cells.T, boxes):
        problem.add(*(AllDifferent(tuple(row)) for row in rows))
    return problem


def sudoku_masks(givens: np.ndarray) -> np.ndarray:
    """The domains of puzzles.

    Args:
      givens: int ``[N, n²]``, 0 where a cell is blank, as `neurosym.io.read_sudoku` returns them.

    Returns:
      bool ``[N, n², n]``.
    """
    size = math.isqrt(givens.shape[-1])
    given = givens[..., None]
    return (given == 0) | (given == np.arange(1, size + 1))


def _read(text: Text, size: int | None) -> Instances:
    givens = parse_sudoku(text, box=None if size is None else _box(size))
    return Instances(math.isqrt(givens.shape[1]), givens, sudoku_masks)


def _text(size: int, values: Sequence[Any]) -> str:
    if size < len(SUDOKU_SYMBOLS):
        return "".join([SUDOKU_SYMBOLS[value] for value in values])
    return " ".join(map(str, values))


def _board(size: int, values: Sequence[Any]) -> str:
    if size < len(SUDOKU_SYMBOLS):
        return format_board(np.asarray(values))
    return aligned_rows(size, values)


def _layout(size: int) -> Layout:
    box = _box(size)
    labels = tuple(SUDOKU_SYMBOLS[1 : size + 1])
    if size >= len(SUDOKU_SYMBOLS):
        labels = tuple(str(digit) for digit in range(1, size + 1))
    return Layout(np.arange(size**2).reshape(size, size), labels, (box, box), (box, box))


def _box(size: int) -> int:
    box = math.isqrt(max(size, 0))
    if size < 1 or box**2 != size:
        raise ValueError(f"the size of a sudoku is a square: 4, 9, 16, 25 and so on, not {size}")
    return box


SUDOKU = Puzzle(
    name="sudoku",
    description="one puzzle on each line; the size is the number of digits: 4, 9, 16 or 25",
    build=sudoku_problem,
    text=_text,
    board=_board,
    layout=_layout,
    read=_read,
)
