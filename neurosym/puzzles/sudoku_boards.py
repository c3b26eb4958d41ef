"""Random sudokus: solved boards, and puzzles of them that have no other solution.

Everything follows from the seed. `VERSION` rises whenever the same seed gives other boards.

random boxes on the diagonal ─▶ random values, propagated ─▶ boards ─▶ givens taken away one by one,
as long as the solution stays the only one
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from neurosym.hard.propagate import propagate
from neurosym.hard.search import SearchStatus, count
from neurosym.problems.network import Network
from neurosym.puzzles.sudoku import sudoku_masks, sudoku_problem
from neurosym.puzzles.sudoku_symmetry import sudoku_fingerprints

VERSION = 1
"""Of what a seed gives."""


_CHUNK = 2048


def random_sudokus(
    boards: int,
    *,
    size: int = 9,
    givens: int = 36,
    seed: int = 0,
    avoid: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Random puzzles, each with one solution, and their solutions.

    >>> puzzles, solutions = random_sudokus(3, size=4, givens=6)
    >>> (puzzles > 0).sum(1).tolist(), bool(((puzzles == 0) | (puzzles == solutions)).all())
    ([6, 6, 6], True)

    Args:
      boards: N, how many.
      size: n, a square: 4, 9, ...
      givens: cells that are given, in each puzzle the same number.
      seed: everything follows from it.
      avoid: fingerprints ``uint64[M]`` (`sudoku_fingerprints`): a board with one of them is
        replaced, so that no board is a symmetry of the boards that the fingerprints are of.

    Returns:
      Puzzles, 0 where a cell is blank, and solutions, both ``int8[N, n²]`` with digits 1 to n.

    Raises:
      ValueError: for a size that is not a square, a number of boards or givens out of range, or if
        the search finds no more boards beyond those to avoid or no puzzle with so few givens.
    """
    network = sudoku_problem(size).compile()
    cells = size**2
    if boards < 0:
        raise ValueError(f"a number of boards is at least 0, not {boards}")
    if not 0 <= givens <= cells:
        raise ValueError(f"a board of {cells} cells has 0 to {cells} givens, not {givens}")
    random = np.random.default_rng([VERSION, size, givens, seed])
    puzzles = np.zeros((0, cells), np.int8)
    solutions = np.zeros((0, cells), np.int8)
    # Some boards cannot be laid bare so far, or must be avoided. Always as many at once, so that
    # one program serves.
    chunk = min(_CHUNK, 2 ** (boards + boards // 8 + 8).bit_length())
    barren = 0
    while len(solutions) < boards:
        wanted = boards - len(solutions)
        solved = random_boards(network, chunk, random)
        found = _with_givens(network, solved, givens, random)
        bare = (found > 0).sum(1) == givens
        if avoid is not None:
            bare &= ~np.isin(sudoku_fingerprints(solved), avoid)
        barren = 0 if bare.any() else barren + 1
        if barren == 3:
            raise ValueError(
                f"no {size}x{size} puzzle with {givens} givens and one solution turned up that is "
                "not among those to avoid; ask for more givens, or avoid fewer"
            )
        puzzles = np.concatenate([puzzles, found[bare][:wanted]])
        solutions = np.concatenate([solutions, solved[bare][:wanted]])
    return puzzles, solutions


def random_boards(network: Network, boards: int, random: np.random.Generator) -> np.ndarray:
    """Solved boards, ``int8[N, n²]`` with digits 1 to n.

    The boxes of the diagonal do not constrain each other, so they are shuffled; then the open cell
    with the fewest values (any of several such cells) takes any of its values, until the board is
    full. A board that runs into a contradiction starts again.

    Args:
      network: of `sudoku_problem`.
      boards: how many.
      random: where chance comes from.
    """
    cells, size = network.variables, network.size
    result = np.zeros((boards, cells), np.int8)
    open_boards = np.arange(boards)
    masks = _diagonal(boards, size, random)
    while open_boards.size:
        # Always the same number, so that one program serves.
        padded = np.resize(masks, (boards, cells, size))
        found = np.array(propagate(network, jnp.asarray(padded)).domains.mask)
        found = found[: len(open_boards)]
        sizes = found.sum(-1)
        dead = (sizes == 0).any(-1)
        found[dead] = _diagonal(int(dead.sum()), size, random)
        done = (sizes == 1).all(-1)
        result[open_boards[done]] = found[done].argmax(-1) + 1
        open_boards, found, dead = open_boards[~done], found[~done], dead[~done]
        masks = np.where(dead[:, None, None], found, _with_one_choice(found, random))
    return result


def _with_one_choice(masks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Domains in which one open cell with the fewest values has taken one of them."""
    boards, cells, _ = masks.shape
    sizes = masks.sum(-1)
    urgency = np.where(sizes > 1, sizes + random.random((boards, cells)), np.inf)
    cell = urgency.argmin(-1)
    rows = np.arange(boards)
    value = np.where(masks[rows, cell], random.random(masks.shape[::2]), -1).argmax(-1)
    chosen = masks.copy()
    chosen[rows, cell] = False
    chosen[rows, cell, value] = True
    return chosen


def _diagonal(boards: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Domains ``bool[N, n², n]`` with shuffled boxes on the diagonal, the others open."""
    box = math.isqrt(size)
    givens = np.zeros((boards, size, size), np.int8)
    for start in range(0, size, box):
        digits = np.broadcast_to(np.arange(1, size + 1, dtype=np.int8), (boards, size))
        shuffled = random.permuted(digits, axis=1).reshape(boards, box, box)
        givens[:, start : start + box, start : start + box] = shuffled
    return sudoku_masks(givens.reshape(boards, size * size))


def _with_givens(
    network: Network, solved: np.ndarray, givens: int, random: np.random.Generator
) -> np.ndarray:
    """Puzzles of solved boards: cells are emptied in random order while the solution stays alone.

    Returns:
      ``int8[N, n²]`` with ``givens`` givens; more where every cell was tried in vain.
    """
    puzzles = solved.copy()
    boards, cells = solved.shape
    order = random.permuted(np.broadcast_to(np.arange(cells), (boards, cells)), axis=1)
    rows = np.arange(boards)
    for cell in order.T:
        if not boards or ((puzzles > 0).sum(1) <= givens).all():
            break
        tried = puzzles.copy()
        tried[rows, cell] = 0
        tally = count(network, jnp.asarray(sudoku_masks(tried)), at_most=2)
        alone = (np.asarray(tally.count) == 1) & (np.asarray(tally.status) == SearchStatus.SOLVED)
        wanted = (puzzles > 0).sum(1) > givens
        puzzles = np.where((alone & wanted)[:, None], tried, puzzles)
    return puzzles
