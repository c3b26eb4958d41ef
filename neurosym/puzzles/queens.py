"""Queens that do not attack each other, one in each row of a board; the size is the board's side.

The variable of a row is the column of its queen, from 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosym.problems import Problem
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.puzzles.puzzle import Layout, Puzzle, check_size


def queens_problem(size: int) -> Problem:
    """Columns and both kinds of diagonals differ between any two queens.

    Raises:
      ValueError: if the size is not positive, or too large.
    """
    check_size("queens", size, power=2)
    problem = Problem()
    queens = problem.variables("queen", shape=size, domain=range(size))
    problem.add(
        AllDifferent(tuple(queens)),
        AllDifferent(tuple(queen + row for row, queen in enumerate(queens))),
        AllDifferent(tuple(queen - row for row, queen in enumerate(queens))),
    )
    return problem


def _board(size: int, values: Sequence[Any]) -> str:
    rows = [["Q" if column == value else "." for column in range(size)] for value in values]
    return "\n".join(" ".join(row) for row in rows)


def _layout(size: int) -> Layout:
    return Layout(np.arange(size)[:, None], ("♛",) * size, (1, size), enlarge=False)


QUEENS = Puzzle(
    name="queens",
    description="queens that do not attack each other; the size is the side of the board",
    build=queens_problem,
    board=_board,
    layout=_layout,
)
