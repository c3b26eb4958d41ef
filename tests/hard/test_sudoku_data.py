"""Every puzzle of two well known collections: solved, shown unique, and checked by NumPy."""

import gzip
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.io import read_sudoku
from neurosym.puzzles import sudoku_masks, sudoku_problem

DIRECTORY = Path(os.environ.get("NEUROSYM_DATA_DIR", ""), "sudoku")

COLLECTIONS = {
    "puzzles2_17_clue.txt.gz": 49158,  # Gordon Royle's list of puzzles with 17 givens
    "puzzles3_magictour_top1465.txt.gz": 1465,
}


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("puzzles2_17_clue.txt.gz", 2048),
        pytest.param("puzzles2_17_clue.txt.gz", None, marks=pytest.mark.slow),
        pytest.param("puzzles3_magictour_top1465.txt.gz", None, marks=pytest.mark.slow),
    ],
)
def test_every_puzzle_has_exactly_one_solution(name, most):
    path = DIRECTORY / name
    if not os.environ.get("NEUROSYM_DATA_DIR") or not path.is_file():
        pytest.skip(f"needs sudoku/{name} in the folder that NEUROSYM_DATA_DIR names")
    givens = read_sudoku(path).astype(np.int32)
    with gzip.open(path, "rt") as file:
        lines = [line for line in map(str.strip, file) if line and not line.startswith("#")]
    assert len(givens) == len(lines) == COLLECTIONS[name]
    assert lines[0].replace(".", "0") == "".join(map(str, givens[0]))
    if "17" in name:
        assert ((givens > 0).sum(axis=1) == 17).all()
    givens = givens[:most]
    network = sudoku_problem(9).compile()

    @jax.jit
    def search(masks):
        return ns.solve(network, masks, solutions=2)

    result = jax.tree.map(np.asarray, search(jnp.asarray(sudoku_masks(givens))))
    np.testing.assert_array_equal(result.status, ns.SearchStatus.SOLVED)
    np.testing.assert_array_equal(result.count, 1)
    np.testing.assert_array_equal(result.assignment[:, 1], -1)
    solutions = result.assignment[:, 0] + 1
    given = givens > 0
    np.testing.assert_array_equal(solutions[given], givens[given])
    grids = solutions.reshape(-1, 9, 9)
    boxes = grids.reshape(-1, 3, 3, 3, 3).swapaxes(2, 3).reshape(-1, 9, 9)
    for lines_of in (grids, grids.swapaxes(1, 2), boxes):
        assert (np.sort(lines_of, axis=2) == np.arange(1, 10)).all()
