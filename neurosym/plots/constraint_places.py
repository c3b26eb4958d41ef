"""Places for constraints where the variables have places: on a board, or half way between them.

An edge is about 1 long, as in `graph_layout`.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

_CLEAR = 0.55  # the least distance of a constraint from what stands at its place
_CELL = 1.4  # the distance of two cells


def straightened(positions: np.ndarray, scopes: Sequence[Sequence[int]]) -> np.ndarray:
    """Moves each constraint that alone joins two variables half way between them, if it has room.

    Args:
      positions: float ``[variables + constraints, 2]``.
      scopes: of each constraint, indices of variables.

    Returns:
      Positions of the same form.
    """
    positions = positions.copy()
    variables = len(positions) - len(scopes)
    between = Counter(tuple(sorted(scope)) for scope in scopes)
    for n, scope in enumerate(scopes):
        if len(scope) != 2 or between[tuple(sorted(scope))] > 1:
            continue
        middle = positions[list(scope)].mean(axis=0)
        far = np.linalg.norm(positions - middle, axis=1)
        far[variables + n] = np.inf
        if far.min() > _CLEAR:
            positions[variables + n] = middle
    return positions


def on_board(cells: np.ndarray, variables: int, scopes: Sequence[Sequence[int]]) -> np.ndarray:
    """Variables at their cells, constraints where their edges run through no other cell's middle.

    A constraint on a line of cells stands at the line's end, outside of the board; a constraint on
    two neighbours stands between them; every other constraint stands among its cells.

    Args:
      cells: int ``[rows, columns]``, a variable each; -1 leaves a place empty.
      variables: their number.
      scopes: of each constraint, indices of variables.

    Returns:
      float ``[variables + constraints, 2]``: x to the right and y downwards, from 0 on.

    Raises:
      ValueError: the cells do not hold every variable once.
    """
    placed = np.sort(cells[cells >= 0]) if cells.ndim == 2 else np.zeros(0, int)
    if not np.array_equal(placed, np.arange(variables)):
        raise ValueError(
            f"cells are int[rows, columns] that hold each variable below {variables} once"
        )
    positions = np.zeros((variables + len(scopes), 2))
    rows, columns = np.nonzero(cells >= 0)
    positions[cells[rows, columns]] = np.stack([columns, rows], axis=1) * _CELL
    for n, scope in enumerate(scopes):
        own = positions[list(scope)]
        end = _end_of_line(cells, scope)
        middle = own.mean(axis=0)
        if end is not None:
            wanted, step = end
        elif len(scope) == 2 and np.ptp(own, axis=0).sum() < 1.5 * _CELL:
            wanted, step = middle, np.zeros(2)
        else:
            wanted = np.floor(middle / _CELL + 1e-6) * _CELL + _CELL / 2
            step = np.full(2, _CELL / 2)
        positions[variables + n] = _free(positions[: variables + n], wanted, step)
    return positions - positions.min(axis=0)


def _end_of_line(cells: np.ndarray, scope: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Where a row, column or diagonal of cells leaves the board, and a step further; else None."""
    places = np.asarray([np.argwhere(cells == i)[0] for i in scope])
    places = places[np.lexsort((places[:, 1], places[:, 0]))]
    steps = np.diff(places, axis=0)
    if len(scope) < 3 or np.abs(steps).max() != 1 or (steps != steps[0]).any():
        return None
    for last, step in ((places[-1], steps[0]), (places[0], -steps[0])):
        row, column = last + step
        inside = 0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]
        if not inside or cells[row, column] < 0:
            return np.asarray((column, row)) * _CELL, step[::-1] * _CELL / 2
    return None


def _free(taken: np.ndarray, place: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The first place from the given one on, by steps, at which nothing stands."""
    while step.any() and np.linalg.norm(taken - place, axis=1).min(initial=np.inf) < _CLEAR:
        place = place + step
    return place
