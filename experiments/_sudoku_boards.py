"""The boards of visual sudoku: the puzzles of every split, their images and their labels.

make_sudokus ─▶ puzzles, solutions ─▶ show ─▶ Boards (positions, images, labels, solutions)
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ml_collections
import numpy as np

import neurosym as ns

SPLITS = ("train", "validation", "test")

VERSION = 1
"""Of the boards and of what is shown and labelled; raise it with every change of either."""


class Boards(NamedTuple):
    """Boards of one split; G givens, n² cells, digits 1 to n."""

    position: np.ndarray  # int32[N, G]: the cells that are given, in order
    image: np.ndarray  # int32[N, G]: which image of the split's pool shows each
    label: np.ndarray  # int32[N, n²]: the digit of a labelled cell, 0 elsewhere
    solution: np.ndarray  # int32[N, n²]


def make_boards(
    data: ml_collections.ConfigDict, labels: Mapping[str, np.ndarray]
) -> dict[str, Boards]:
    """The boards of every split, from the user's cache or made now.

    Args:
      data: the section of the config.
      labels: int32[M] of each split's images, which show the digits.

    Raises:
      ValueError: there are no images of a digit, or not so many puzzles.
    """
    counts = (data.boards, data.validation_boards, data.test_boards)
    options = {"size": data.size, "givens": data.givens, "counts": counts, "seed": data.seed}
    sudokus = ns.datasets.generated(
        "visual_sudoku",
        lambda: make_sudokus(**options),
        version=VERSION,
        parameters={**options, "boards": ns.puzzles.SUDOKU_VERSION},
    )
    result = {}
    for order, name in enumerate(SPLITS):
        random = np.random.default_rng([VERSION, data.seed, order])
        puzzles, solutions = sudokus[f"{name}_puzzles"], sudokus[f"{name}_solutions"]
        result[name] = _show(puzzles, solutions, labels[name], data.labelled, random)
    return result


def make_sudokus(
    *, size: int, givens: int, counts: Sequence[int], seed: int
) -> dict[str, np.ndarray]:
    """Puzzles with one solution, and the solutions, of every split.

    The solution of a test board is not a symmetry of a training or validation board, and the
    solution of a validation board is not a symmetry of a training board. There are only two 4x4
    boards but for symmetry, so at that size only the puzzles differ.

    Args:
      size: n.
      givens: G.
      counts: boards for training, validation and test.
      seed: everything follows from it.

    Returns:
      ``NAME_puzzles`` and ``NAME_solutions``, each int8[N, n²], for the name of each split.
    """
    result = {}
    seen = np.zeros(0, np.uint64)
    known: set[bytes] = set()
    for order, (name, count) in enumerate(zip(SPLITS, counts, strict=True)):
        options: dict[str, Any] = {
            "size": size,
            "givens": givens,
            "seed": len(SPLITS) * seed + order,
        }
        if size == 4:
            puzzles, solutions = _different(count, known, options)
        else:
            puzzles, solutions = ns.puzzles.random_sudokus(count, avoid=seen, **options)
            seen = np.union1d(seen, ns.puzzles.sudoku_fingerprints(solutions))
        result |= {f"{name}_puzzles": puzzles, f"{name}_solutions": solutions}
    return result


def _different(
    count: int, known: set[bytes], options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Puzzles that are not among those known, which they join."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    seed, barren = options["seed"], 0
    while len(found) < count:
        before = len(found)
        options = {**options, "seed": seed}
        for puzzle, solution in zip(*ns.puzzles.random_sudokus(2 * count, **options), strict=True):
            if len(found) < count and puzzle.tobytes() not in known:
                known.add(puzzle.tobytes())
                found.append((puzzle, solution))
        barren = 0 if len(found) > before else barren + 1
        if barren == 3:
            raise ValueError(f"there are not {count} more puzzles like {options}; ask for fewer")
        seed += 1_000_003
    if not found:
        none = np.zeros((0, options["size"] ** 2), np.int8)
        return none, none
    puzzles, solutions = zip(*found, strict=True)
    return np.stack(puzzles), np.stack(solutions)


def _show(
    puzzles: np.ndarray,
    solutions: np.ndarray,
    labels: np.ndarray,
    labelled: int,
    random: np.random.Generator,
) -> Boards:
    """Puzzles with an image for each given, of its digit, and some of the empty cells labelled."""
    count, cells = puzzles.shape
    given = puzzles > 0
    position = np.argsort(~given, axis=1, kind="stable")[:, : int(given[:1].sum())].astype(np.int32)
    digits = np.take_along_axis(puzzles, position, 1)
    image = np.zeros(digits.shape, np.int32)
    for digit in range(1, int(np.sqrt(cells)) + 1):
        here = digits == digit
        if here.any():
            if not (labels == digit).any():
                raise ValueError(
                    f"there is no image of {digit} to show on boards: too few images are left for "
                    "this split by config.data.validation_images"
                )
            image[here] = random.choice(np.flatnonzero(labels == digit), int(here.sum()))
    empty = random.random(puzzles.shape) + given
    chosen = np.argsort(empty, axis=1)[:, :labelled]
    label = np.zeros((count, cells), np.int32)
    np.put_along_axis(label, chosen, np.take_along_axis(solutions, chosen, 1), 1)
    return Boards(position, image, label, solutions.astype(np.int32))
