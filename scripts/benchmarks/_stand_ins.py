"""Data for benchmarks where the real data is missing: as large and as much work, and said to be so.

Puzzles are symmetric images of a few published ones: renaming digits, moving rows and columns
within their bands, moving bands, and transposing changes neither the number of solutions nor what
there is to reason (Russell and Jarvis 2006, "Mathematics of Sudoku II"). Images are random pixels,
which cost a training step as much as digits do.
"""

import os
from pathlib import Path

import hard
import numpy as np

import neurosym as ns

FILES = {
    "17_clue": "puzzles2_17_clue",
    "magictour": "puzzles3_magictour_top1465",
    "hardest": "puzzles5_forum_hardest_1905",
}

PUZZLES = {
    # Gordon Royle's collection of puzzles of 17 clues, and others of so few.
    "17_clue": (
        ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6...",
        ".......12....35......6...7.7.....3.....4..8..1...........12.....8.....4..5....6..",
        "52...6.........7.13...........4..8..6......5...........418.........3..2...87.....",
    ),
    "magictour": (
        "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
        "6.....8.3.4.7.................5.4.7.3..2.....1.6.......2.....5.....8.6......1....",
        "48.3............71.2.......7.5....6....2..8.............1.76...3.....4......5....",
    ),
    # AI Escargot and a later one (Arto Inkala), Golden Nugget, Platinum Blonde, Easter Monster.
    "hardest": (
        "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
        "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
        ".......39.....1..5..3.5.8....8.9...6.7...2...1..4.......9.8..5..2....6..4..7.....",
        ".......12........3..23..4....18....5.6..7.8.......9.....85.....9...4.5..47...6...",
        "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1",
    ),
}


def sudokus(name: str, count: int) -> tuple[np.ndarray, str]:
    """Givens ``int32[count, 81]`` of a collection, repeated to so many, and where they are from."""
    folder = os.environ.get("NEUROSYM_DATA_DIR")
    if folder and (Path(folder) / "sudoku" / f"{FILES[name]}.txt.gz").is_file():
        real = hard.puzzles(FILES[name])
        return np.resize(real, (count, 81)), f"{len(real):,} real puzzles, repeated"
    return symmetric_images(name, count), f"symmetric images of {len(PUZZLES[name])} puzzles"


def symmetric_images(name: str, count: int, *, seed: int = 0) -> np.ndarray:
    """Givens ``int32[count, 81]``: random symmetries of the puzzles of that name."""
    random = np.random.default_rng(seed)
    rows = [[0 if c == "." else int(c) for c in puzzle] for puzzle in PUZZLES[name]]
    boards = np.resize(np.asarray(rows, np.int32), (count, 81)).reshape(count, 9, 9)
    digits = np.concatenate(
        [np.zeros((count, 1), np.int32), 1 + _orders(random, count, 9).astype(np.int32)], axis=1
    )
    boards = np.take_along_axis(digits, boards.reshape(count, 81), axis=1).reshape(count, 9, 9)
    for axis in (1, 2):
        bands = _orders(random, count, 3)  # [N, 3]
        within = np.stack([_orders(random, count, 3) for _ in range(3)], axis=1)  # [N, 3, 3]
        order = (3 * bands[:, :, None] + within).reshape(count, 9)
        boards = np.take_along_axis(boards, np.expand_dims(order, 3 - axis), axis=axis)
    turned = random.random(count) < 0.5
    return np.where(turned[:, None, None], boards.swapaxes(1, 2), boards).reshape(count, 81)


def _orders(random: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Random permutations ``[count, size]``."""
    return random.random((count, size)).argsort(axis=1)


def has_chains() -> bool:
    """Whether CLUTRR is there: nothing stands in for its chains of relations."""
    folder = os.environ.get("NEUROSYM_DATA_DIR")
    return bool(folder) and (Path(folder) / "clutrr").is_dir()


def provide_images() -> list[str]:
    """Random pixels for each set of images that is missing; names the sets that were missing."""
    missing = []
    random = np.random.default_rng(0)

    def images(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.resize(np.arange(classes, dtype=np.int32), count)
        return random.integers(0, 256, (count, 28, 28), np.uint8), labels

    try:
        ns.datasets.mnist()
    except ValueError:
        missing.append("mnist")
        mnist = ns.datasets.Mnist(*images(60_000, 10), *images(10_000, 10))
        ns.datasets.mnist = lambda data_dir=None: mnist
    try:
        ns.datasets.symbols()
    except ValueError:
        missing.append("symbols")

        def symbols(data_dir=None, *, validation=100):
            parts = (1200 - validation, validation, 300)
            found = [images(14 * n, 14) for n in parts]
            return ns.datasets.Symbols(*(x for pixels, y in found for x in (pixels, np.sort(y))))

        ns.datasets.symbols = symbols
    return missing
