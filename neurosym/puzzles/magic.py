"""Magic squares: 1 to n² in an n x n square, with rows, columns and both diagonals of equal sum.

The size is n; the sum is n (n² + 1) / 2.
"""

import numpy as np

from neurosym.problems import Problem
from neurosym.problems.constraints.all_different.all_different import AllDifferent
from neurosym.puzzles.puzzle import Layout, Puzzle, aligned_rows, check_size, square_marks


def magic_problem(size: int) -> Problem:
    """All squares count, also turned and mirrored ones.

    Raises:
      ValueError: if the size is not positive, or too large.
    """
    check_size("magic", size, power=4)
    problem = Problem()
    cells = problem.variables("cell", shape=(size, size), domain=range(1, size**2 + 1))
    problem.add(AllDifferent(tuple(cells.ravel())))
    lines = [*cells, *cells.T, cells.diagonal(), cells[::-1].diagonal()]
    problem.add(*(line.sum() == size * (size**2 + 1) // 2 for line in lines))
    return problem


def _layout(size: int) -> Layout:
    labels = tuple(str(value) for value in range(1, size**2 + 1))
    return Layout(np.arange(size**2).reshape(size, size), labels, square_marks(size**2))


MAGIC = Puzzle(
    name="magic",
    description="magic squares; the size is the number of rows",
    build=magic_problem,
    board=aligned_rows,
    layout=_layout,
)
