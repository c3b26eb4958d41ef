"""Fingerprints: the same under every symmetry, different between boards that are none."""

import numpy as np
import pytest

import neurosym as ns


@pytest.fixture(scope="module")
def boards():
    return ns.puzzles.random_sudokus(100, size=9, givens=60, seed=1)[1]


def shuffled_lines(random, box):
    """A permutation of rows that keeps bands together."""
    bands = random.permutation(box)
    return np.concatenate([band * box + random.permutation(box) for band in bands])


def symmetric(board, random):
    size = round(len(board) ** 0.5)
    box = round(size**0.5)
    grid = board.reshape(size, size)
    grid = grid[shuffled_lines(random, box)][:, shuffled_lines(random, box)]
    grid = random.permutation(np.arange(1, size + 1))[grid - 1]
    return (grid.T if random.random() < 0.5 else grid).ravel()


def test_symmetries_keep_it(boards):
    random = np.random.default_rng(0)
    moved = np.stack([symmetric(board, random) for board in boards])
    assert (moved != boards).any(1).all()
    found = ns.puzzles.sudoku_fingerprints(boards)
    np.testing.assert_array_equal(found, ns.puzzles.sudoku_fingerprints(moved))


def test_other_boards_have_others(boards):
    found = ns.puzzles.sudoku_fingerprints(boards)
    assert found.dtype == np.uint64
    assert len(np.unique(found)) == len(boards)


def test_what_is_no_symmetry_changes_it(boards):
    """Rows of different bands swapped, which the rules do not allow, is noticed."""
    grid = boards.reshape(-1, 9, 9)
    order = [3, 1, 2, 0, 4, 5, 6, 7, 8]
    swapped = grid[:, order].reshape(-1, 81)
    changed = ns.puzzles.sudoku_fingerprints(swapped) != ns.puzzles.sudoku_fingerprints(boards)
    assert changed.mean() > 0.99


def test_bad_input(boards):
    with pytest.raises(ValueError, match="not solved"):
        ns.puzzles.sudoku_fingerprints(np.ones((1, 81), int))
    with pytest.raises(ValueError, match="n a square"):
        ns.puzzles.sudoku_fingerprints(np.ones((1, 25), int))
    with pytest.raises(ValueError, match="n a square"):
        ns.puzzles.sudoku_fingerprints(boards[0])
