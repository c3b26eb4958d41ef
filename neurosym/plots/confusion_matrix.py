"""A confusion matrix: how often each class was taken for each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from neurosym.plots.style import INK, QUIET, new_figure, save

_CELL = 0.46  # Inches, as are the lengths below.
_MARGIN = 0.75
_SEQUENTIAL = "Blues"
_MISTAKES = "Reds"
_LIGHTEST, _DARKEST = 0.12, 0.7  # Of the colour maps: no cell that counts is white, none black.


def confusion_matrix(
    counts: np.ndarray,
    names: Sequence[str],
    path: str | Path,
    *,
    heading: str = "",
) -> Path:
    """Draws how often each class was read as each; mistakes stand out in a colour of their own.

    Both colours are by the share of the class, so that a class with few examples is as legible as
    any other; a cell of something that never happened stays empty.

    Args:
      counts: int[N, N]: rows are the true classes, columns the classes that were read.
      names: of the N classes.
      path: the PNG to write; its folder is made where needed.
      heading: a line above the matrix.

    Returns:
      The path.

    Raises:
      ValueError: counts are not a square matrix of numbers of at least 0, or do not fit the names.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"counts must be a square matrix [N, N], not {list(counts.shape)}")
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise ValueError("counts must be integers of at least 0")
    if len(names) != len(counts):
        raise ValueError(f"there are {len(counts)} classes, but {len(names)} names")
    size = len(counts)
    side = size * _CELL
    width, height = side + _MARGIN + 0.25, side + _MARGIN + (0.5 if heading else 0.2)
    figure = new_figure(width, height)
    axes = figure.add_axes((_MARGIN / width, _MARGIN / height, side / width, side / height))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    off = ~np.eye(size, dtype=bool)
    worst = share[off].max(initial=0.0)
    for row, column in np.argwhere(counts > 0):
        right = row == column
        part = share[row, column] if right else share[row, column] / worst
        colour = colormaps[_SEQUENTIAL if right else _MISTAKES](
            _LIGHTEST + (_DARKEST - _LIGHTEST) * part
        )
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour))
        axes.text(
            column,
            row,
            f"{counts[row, column]:,}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if part > 0.75 else INK,
        )
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_xticks(range(size), names)
    axes.set_yticks(range(size), names)
    axes.tick_params(length=0, colors=INK)
    axes.set_xlabel("read", color=QUIET)
    axes.set_ylabel("true", color=QUIET)
    for spine in axes.spines.values():
        spine.set_color(QUIET)
        spine.set_linewidth(0.5)
    if heading:
        figure.text(0.5, 1 - 0.28 / height, heading, ha="center", va="center", color=INK)
    return save(figure, path)
