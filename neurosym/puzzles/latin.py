"""Latin squares: every row and every column of an n x n square holds 1 to n once; the size is n."""

import numpy as np

from neurosym.problems import Problem
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.puzzles.puzzle import Layout, Puzzle, aligned_rows, check_size, square_marks


def latin_problem(size: int) -> Problem:
    """All squares count, also turned and renamed ones.

    Raises:
      ValueError: if the size is not positive, or too large.
    """
    check_size("latin", size, power=3)
    problem = Problem()
    cells = problem.variables("cell", shape=(size, size), domain=range(1, size + 1))
    for rows in (cells, cells.T):
        problem.add(*(AllDifferent(tuple(row)) for row in rows))
    return problem


def _layout(size: int) -> Layout:
    labels = tuple(str(value) for value in range(1, size + 1))
    return Layout(np.arange(size**2).reshape(size, size), labels, square_marks(size))


LATIN = Puzzle(
    name="latin",
    description="Latin squares; the size is the number of rows",
    build=latin_problem,
    board=aligned_rows,
    layout=_layout,
)
