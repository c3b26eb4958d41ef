"""Fingerprints of solved sudokus that their symmetries do not change.

The symmetries of sudoku rename the digits, swap bands and rows within a band, stacks and columns
within a stack, and transpose (Russell and Jarvis 2006, "Mathematics of Sudoku II"). Two rows of a
board make a permutation, from a digit in the first row to the digit in the second row in the same
column. Renaming digits conjugates the permutation and swapping columns leaves it, so its cycle type
stays. A fingerprint hashes which pairs of rows, and of columns, have which cycle type. Boards with
different fingerprints are therefore not symmetries of each other; boards with equal fingerprints
may or may not be.
"""

from __future__ import annotations

import math

import numpy as np


def sudoku_fingerprints(boards: np.ndarray) -> np.ndarray:
    """One number for each solved board; the same for all boards that its symmetries make of it.

    Args:
      boards: integers ``[N, n²]``, the digits 1 to n.

    Returns:
      ``uint64[N]``.

    Raises:
      ValueError: for a shape other than that of square boards with square boxes, or a board in
        which a row or column lacks a digit.
    """
    boards = np.asarray(boards)
    size = math.isqrt(boards.shape[-1]) if boards.ndim == 2 else 0
    box = math.isqrt(size)
    if not size or box**2 != size or size**2 != boards.shape[1]:
        raise ValueError(f"boards are integers [N, n²] with n a square, not {list(boards.shape)}")
    grid = boards.reshape(-1, size, size).astype(np.int64) - 1
    everything = np.arange(size)
    for lines in (grid, grid.swapaxes(1, 2)):
        if not (np.sort(lines, axis=-1) == everything).all():
            raise ValueError("a board is not solved: a row or column does not hold every digit")
    # Transposing swaps the two, and a sum does not mind.
    return _mixed(_of_rows(grid, box)) + _mixed(_of_rows(grid.swapaxes(1, 2), box))


def _of_rows(grid: np.ndarray, box: int) -> np.ndarray:
    """Hash ``uint64[N]`` of the cycle types of pairs of rows, by their bands."""
    boards, size, _ = grid.shape
    types = _mixed(_cycle_types(grid)).reshape(boards, size, box, box)  # [N, row, band, row]
    to_bands = _mixed(types.sum(-1, dtype=np.uint64))  # [N, row, band]
    own = np.arange(size)[:, None] // box == np.arange(box)
    within = np.where(own, to_bands, 0).sum(-1, dtype=np.uint64)
    across = np.where(own, 0, to_bands).sum(-1, dtype=np.uint64)
    rows = _mixed(within * np.uint64(3) + across)
    bands = _mixed(rows.reshape(boards, box, box).sum(-1, dtype=np.uint64))
    return bands.sum(-1, dtype=np.uint64)


def _cycle_types(grid: np.ndarray) -> np.ndarray:
    """``uint64[N, n, n]``: a number for the cycle type of each pair of rows.

    The number of points that return after k steps, for k from 1 to n, tells the cycle type.
    """
    boards, size, _ = grid.shape
    where = grid.argsort(-1)  # [N, row, digit]: its column
    index = np.arange(boards)[:, None, None, None]
    after = grid[index, np.arange(size)[:, None], where[:, :, None, :]]  # [N, row, row, digit]
    digits = np.arange(size)
    reached, code = after, np.zeros((boards, size, size), np.uint64)
    for _ in range(size):
        returned = (reached == digits).sum(-1).astype(np.uint64)
        code = code * np.uint64(size + 1) + returned
        reached = np.take_along_axis(after, reached, axis=-1)
    return code


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
