"""Boards of images: what was read, what the rules corrected, what is still wrong."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from neurosym.plots.style import CATEGORIES, GRID, INK, QUIET, WRONG, new_figure, save

_SIDE = 3.6  # Inches of a board.
_GAP = 0.35
_CORRECTED = CATEGORIES[2]
_PIXELS = 40  # Of a cell in `board_image`.


def visual_boards(
    images: np.ndarray,
    position: np.ndarray,
    read: np.ndarray,
    solved: np.ndarray,
    solution: np.ndarray,
    path: str | Path,
    *,
    columns: int = 3,
    heading: str = "",
) -> Path:
    """Draws boards with the images of their givens and the digits that were found.

    Each given cell shows its image. Where the solved board says otherwise than the reading, the
    cell also shows, small and beneath the image, the digit that was read and the digit of the
    board, in green where the board is right and in red where it is wrong. Cells that were empty
    show the digit of the solved board, in red where it is wrong.

    Args:
      images: uint8 or float [N, G, H, W], large values are ink.
      position: int[N, G]: the cells of the givens.
      read: int[N, G]: the digits that the encoder reads by themselves.
      solved: int[N, n²]: the boards that were found; less than 1 where there is none.
      solution: int[N, n²].
      path: the PNG to write; its folder is made where needed.
      columns: boards in a row.
      heading: a line above.

    Returns:
      The path.

    Raises:
      ValueError: shapes do not fit each other, or there is no board.
    """
    images, position, read, solved, solution = map(
        np.asarray, (images, position, read, solved, solution)
    )
    boards, cells = solved.shape if solved.ndim == 2 else (0, 0)
    size = math.isqrt(cells)
    if not boards or size**2 != cells or solution.shape != solved.shape:
        raise ValueError(
            f"boards are [N, n²] with N at least 1, not {list(solved.shape)} and "
            f"{list(solution.shape)}"
        )
    if images.ndim != 4 or not images.shape[:2] == position.shape == read.shape:
        raise ValueError(
            f"images, cells and readings are [N, G, ...], not {list(images.shape)}, "
            f"{list(position.shape)} and {list(read.shape)}"
        )
    columns = min(columns, boards)
    rows = -(-boards // columns)
    figure = new_figure(columns * (_SIDE + _GAP) + _GAP, rows * (_SIDE + 2 * _GAP) + 0.9)
    width, height = figure.get_size_inches()
    for n in range(boards):
        row, column = divmod(n, columns)
        left = _GAP + column * (_SIDE + _GAP)
        bottom = height - 0.9 - (row + 1) * (_SIDE + 2 * _GAP) + _GAP
        axes = figure.add_axes((left / width, bottom / height, _SIDE / width, _SIDE / height))
        _draw(axes, size, images[n], position[n], read[n], solved[n], solution[n])
    figure.text(_GAP / width, 1 - 0.35 / height, heading, size=13, color=INK, va="center")
    figure.text(
        _GAP / width,
        1 - 0.65 / height,
        "green: read wrongly, corrected by the rules · red: wrong on the board",
        size=9.5,
        color=QUIET,
        va="center",
    )
    return save(figure, path)


def board_image(images: np.ndarray, position: np.ndarray, size: int, path: str | Path) -> Path:
    """Writes one board as a scanned sheet: dark ink on light ground, lines between the cells.

    Args:
      images: uint8[G, H, W], large values are ink.
      position: int[G]: the cells of the givens.
      size: n.
      path: the PNG to write.

    Returns:
      The path.
    """
    sheet = np.full((size * _PIXELS, size * _PIXELS), 255, np.uint8)
    box = math.isqrt(size)
    for line in range(size + 1):
        thick = 2 if line % box == 0 else 1
        at = min(max(line * _PIXELS - thick // 2, 0), size * _PIXELS - thick)
        sheet[at : at + thick] = sheet[:, at : at + thick] = 120
    inside = _PIXELS - 12
    for image, cell in zip(images, position, strict=True):
        row, column = divmod(int(cell), size)
        scaled = Image.fromarray(image).resize((inside, inside), Image.Resampling.BILINEAR)
        top, left = row * _PIXELS + 6, column * _PIXELS + 6
        sheet[top : top + inside, left : left + inside] = 255 - np.asarray(scaled)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path, format="PNG")
    return path


def _draw(
    axes: Axes,
    size: int,
    images: np.ndarray,
    position: np.ndarray,
    read: np.ndarray,
    solved: np.ndarray,
    solution: np.ndarray,
) -> None:
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.axis("off")
    given = {int(cell): n for n, cell in enumerate(position)}
    points = 72 * _SIDE / size  # of a cell's side
    for cell in range(size**2):
        row, column = divmod(cell, size)
        found, right = int(solved[cell]), solved[cell] == solution[cell]
        shown = str(found) if found > 0 else "–"
        if cell not in given:
            axes.text(
                column + 0.5,
                row + 0.53,
                shown,
                size=0.42 * points,
                color=QUIET if right else WRONG,
                ha="center",
                va="center",
            )
            continue
        n = given[cell]
        changed = found != read[n]
        if changed or not right:
            colour = _CORRECTED if right else WRONG
            axes.add_patch(Rectangle((column, row), 1, 1, color=colour, alpha=0.18, lw=0))
        extent = (column + 0.08, column + 0.92, row + 0.9, row + 0.06)
        axes.imshow(
            _ink(images[n]), extent=extent, zorder=2, aspect="auto", interpolation="bilinear"
        )
        if changed or not right:
            label = f"{read[n]}→{shown}" if changed else shown
            axes.text(
                column + 0.96,
                row + 0.95,
                label,
                size=0.2 * points,
                color=colour,
                weight="bold",
                ha="right",
                va="bottom",
                zorder=3,
            )
    for line in range(size + 1):
        thick = line % math.isqrt(size) == 0
        style: dict[str, Any] = {
            "color": INK if thick else GRID,
            "lw": 1.2 if thick else 0.8,
            "zorder": 4,
        }
        axes.plot([line, line], [0, size], clip_on=False, **style)
        axes.plot([0, size], [line, line], clip_on=False, **style)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)


def _ink(image: np.ndarray) -> np.ndarray:
    """Grey ink on a transparent ground, float[H, W, 4]."""
    strength = np.asarray(image, np.float64)
    strength = strength / max(strength.max(), 1e-9)
    colour = np.array([0x1F, 0x29, 0x33]) / 255
    return np.concatenate([np.broadcast_to(colour, (*image.shape, 3)), strength[..., None]], -1)
