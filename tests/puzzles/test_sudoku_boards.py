"""Random sudokus: valid, with one solution, the same for the same seed, of even digits."""

import hashlib
import itertools

import numpy as np
import pytest

import neurosym as ns
from neurosym.puzzles.sudoku_boards import random_boards


def solutions_of(puzzle: np.ndarray, size: int) -> int:
    """The number of solutions, by plain backtracking; stops at two."""
    box = round(size**0.5)
    grid = puzzle.reshape(size, size).copy()

    def search() -> int:
        blank = np.argwhere(grid == 0)
        if not len(blank):
            return 1
        row, column = blank[0]
        top, left = row // box * box, column // box * box
        used = {*grid[row], *grid[:, column], *grid[top : top + box, left : left + box].ravel()}
        found = 0
        for digit in set(range(1, size + 1)) - used:
            grid[row, column] = digit
            found += search()
            grid[row, column] = 0
            if found > 1:
                break
        return found

    return search()


def is_solved(board: np.ndarray, size: int) -> bool:
    box = round(size**0.5)
    grid = board.reshape(size, size)
    boxes = grid.reshape(box, box, box, box).swapaxes(1, 2).reshape(size, size)
    digits = set(range(1, size + 1))
    return all(set(line) == digits for line in (*grid, *grid.T, *boxes))


@pytest.mark.parametrize(("size", "givens"), [(4, 6), (9, 36)])
def test_puzzles_have_one_solution(size, givens):
    puzzles, solutions = ns.puzzles.random_sudokus(20, size=size, givens=givens, seed=3)
    assert puzzles.shape == solutions.shape == (20, size**2)
    assert ((puzzles > 0).sum(1) == givens).all()
    assert ((puzzles == 0) | (puzzles == solutions)).all()
    assert all(is_solved(board, size) for board in solutions)
    assert [solutions_of(puzzle, size) for puzzle in puzzles] == [1] * 20
    assert len(np.unique(puzzles, axis=0)) == 20


def test_the_oracle_sees_a_second_solution():
    puzzle, solution = (x[0] for x in ns.puzzles.random_sudokus(1, size=4, givens=6))
    assert solutions_of(np.zeros(16, int), 4) > 1
    changed = solution.copy()
    changed[[0, 1]] = changed[[1, 0]]
    assert is_solved(solution, 4)
    assert not is_solved(changed, 4)
    assert not is_solved(puzzle, 4)


def test_everything_follows_from_the_seed():
    first, again, other = (
        ns.puzzles.random_sudokus(30, size=4, givens=6, seed=seed) for seed in (5, 5, 6)
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()
    # If this changes, so does every result: raise VERSION.
    digest = hashlib.sha256(first[0].tobytes()).hexdigest()[:16]
    assert digest == "8a2b168fec41b203"


def test_digits_and_places_are_even():
    puzzles, solutions = ns.puzzles.random_sudokus(400, size=4, givens=6, seed=0)
    given = (puzzles > 0).mean(0)
    np.testing.assert_allclose(given, 6 / 16, atol=5 * np.sqrt(6 / 16 * 10 / 16 / 400))
    for cell in range(16):
        shares = np.bincount(solutions[:, cell], minlength=5)[1:] / 400
        np.testing.assert_allclose(shares, 0.25, atol=5 * np.sqrt(0.25 * 0.75 / 400))


def test_boards_to_avoid_do_not_turn_up():
    # There are two 4x4 boards but for symmetry.
    _, solutions = ns.puzzles.random_sudokus(50, size=4, givens=6)
    kinds = np.unique(ns.puzzles.sudoku_fingerprints(solutions))
    assert len(kinds) == 2
    _, others = ns.puzzles.random_sudokus(20, size=4, givens=6, avoid=kinds[:1])
    assert set(ns.puzzles.sudoku_fingerprints(others)) == {kinds[1]}
    with pytest.raises(ValueError, match="to avoid"):
        ns.puzzles.random_sudokus(1, size=4, givens=6, avoid=kinds)


def test_random_boards_reach_every_board_of_size_4():
    network = ns.puzzles.sudoku_problem(4).compile()
    boards = random_boards(network, 4096, np.random.default_rng(0))
    brute = sum(
        is_solved(np.array(rows).reshape(-1), 4)
        for rows in itertools.product(itertools.permutations(range(1, 5)), repeat=4)
        if len(set(next(zip(*rows, strict=True)))) == 4
    )
    assert len(np.unique(boards, axis=0)) == brute == 288


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 5}, "square"),
        ({"givens": 82}, "0 to 81"),
        ({"boards": -1}, "at least 0"),
        ({"size": 4, "givens": 3}, "so few givens|givens and one solution"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        ns.puzzles.random_sudokus(**{"boards": 1, **options})


def test_none_are_none():
    puzzles, solutions = ns.puzzles.random_sudokus(0, size=4, givens=6)
    assert puzzles.shape == solutions.shape == (0, 16)
