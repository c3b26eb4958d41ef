"""A picture of a grid of symbols, cut into cells: a board of which some cells hold a symbol.

PNG file → grey ink → even cells without their border lines → `uint8[H, W]` each, as `load_image`
makes them; a cell with too little ink is blank.
"""

from pathlib import Path

import numpy as np

from neurosym.datasets.images import MNIST_INK_BOX, centre, crop, fit, read_grey, to_ink

MARGIN = 0.12
"""Of a cell, on each side: where the lines of the grid run."""

_BLANK = 0.35  # Of the ink of the darkest stroke: a cell whose strokes are all fainter is blank.
_CONTRAST = 0.1  # Of the whole range from black to white: less in the whole picture is not ink.
_SMALLEST = 8  # Pixels of a cell's side.


def load_grid(
    path: str | Path,
    cells: tuple[int, int],
    shape: tuple[int, int],
    *,
    levels: int = 255,
    ink_box: float = MNIST_INK_BOX,
) -> tuple[np.ndarray, np.ndarray]:
    """Loads a picture of an even grid of cells, each blank or with one symbol.

    The picture must show the grid alone, upright and without a frame of other things around it.
    A margin of `MARGIN` on each side of a cell leaves out the lines between cells.

    Args:
      path: a PNG (or another format that Pillow reads).
      cells: rows and columns of cells.
      shape: height and width of the image of each cell.
      levels: the value of full ink.
      ink_box: as for `load_image`.

    Returns:
      Images ``uint8[rows, columns, H, W]``, all zero where blank, and bool ``[rows, columns]``:
      the cell holds a symbol.

    Raises:
      ValueError: as for `load_image`; also when the picture is too small for so many cells.
    """
    grey = read_grey(Path(path))
    rows, columns = cells
    if grey.shape[0] < rows * _SMALLEST or grey.shape[1] < columns * _SMALLEST:
        raise ValueError(
            f"{path} has {grey.shape[0]}x{grey.shape[1]} pixels, too few for {rows}x{columns} "
            f"cells; a cell needs at least {_SMALLEST}x{_SMALLEST}"
        )
    inside = [
        [_inside(grey, (row, column), cells) for column in range(columns)] for row in range(rows)
    ]
    ground = float(np.median(np.concatenate([part.ravel() for line in inside for part in line])))
    inks = [
        [np.clip(ground - part if ground > 0.5 else part - ground, 0, None) for part in line]
        for line in inside
    ]
    strongest = max(ink.max() for line in inks for ink in line)
    images = np.zeros((rows, columns, *shape), np.uint8)
    given = np.zeros((rows, columns), bool)
    for row, line in enumerate(inks):
        for column, ink in enumerate(line):
            given[row, column] = strongest >= _CONTRAST and ink.max() > _BLANK * strongest
            if given[row, column]:
                cropped = crop(to_ink(inside[row][column], path, ground=ground))
                small = fit(cropped, (ink_box * shape[0], ink_box * shape[1]), shape)
                images[row, column] = np.rint(centre(small, shape) * levels)
    return images, given


def _inside(grey: np.ndarray, cell: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """What lies within a cell's margins."""
    spans = []
    for place, count, length in zip(cell, cells, grey.shape, strict=True):
        side = length / count
        start, stop = (place + MARGIN) * side, (place + 1 - MARGIN) * side
        spans.append(slice(round(start), max(round(start) + 1, round(stop))))
    return grey[spans[0], spans[1]]
