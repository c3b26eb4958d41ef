"""Constraints half way between two variables, and on boards."""

import numpy as np

from neurosym.plots.constraint_places import on_board, straightened


def test_a_constraint_of_two_variables_goes_half_way_where_nothing_stands():
    variables = [(0.0, 0.0), (2.0, 0.0), (4.0, 0.0)]
    constraints = [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (3.0, -1.0), (2.0, -2.0)]
    places = np.asarray(variables + constraints)
    # Half way between 0 and 2 stands 1; two constraints are between 1 and 2; one has all three.
    found = straightened(places, [(1, 0), (0, 2), (1, 2), (2, 1), (0, 1, 2)])
    np.testing.assert_array_equal(found[3], (1, 0))
    unmoved = [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_array_equal(found[unmoved], places[unmoved])


def test_no_two_constraints_of_a_board_are_at_one_place():
    cells = np.arange(16).reshape(4, 4)
    boxes = [cells[r : r + 2, c : c + 2].ravel() for r in (0, 2) for c in (0, 2)]
    scopes = [*cells, *cells.T, *boxes, cells[0], cells[:2, :2].ravel(), cells[0, :2], [0, 15]]
    places = on_board(cells, 16, scopes)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    assert (apart[~np.eye(len(places), dtype=bool)] > 0.5).all()
    assert places.min() == 0
