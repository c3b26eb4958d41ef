"""Rows of images that were read one by one: the readings below, the conclusion beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosym.plots.style import GRID, INK, QUIET, WRONG, new_figure, save, text_width

_IMAGE = 0.5  # Inches, as all lengths below; sizes are points.
_GAP = 0.06
_UNDER = 0.24
_ROW = _IMAGE + _UNDER + 0.2
_MARGIN = 0.3
_HEADING_SIZE = 13.0
_CAPTION_SIZE = 9.5
_READ_SIZE = 10.5
_NOTE_SIZE = 10.5


def reading_rows(
    images: Sequence[np.ndarray],
    read: Sequence[Sequence[str]],
    truth: Sequence[Sequence[str]],
    notes: Sequence[str],
    correct: Sequence[bool] | np.ndarray,
    path: str | Path,
    *,
    rows: int = 14,
    heading: str = "",
    noun: str = "examples",
) -> Path:
    """Draws a choice of examples, mistakes first, and counts the mistakes of all.

    Mistakes take half of the rows at most, as long as there are right ones for the other half. A
    reading that is wrong is in colour, with the truth.

    Args:
      images: for each of n examples uint8 or float [k, H, W], large values are ink; k may differ.
      read: the reading of each image.
      truth: what each image is.
      notes: a text for each example, of one or two lines, such as the value.
      correct: bool[n], whether what follows from the reading is right.
      path: the PNG to write; its folder is made where needed.
      rows: examples at most.
      heading: a line above.
      noun: what the caption calls the examples, in the plural.

    Returns:
      The path.

    Raises:
      ValueError: numbers that do not fit each other, or no example.
    """
    right = np.asarray(correct, bool)
    _check(images, read, truth, notes, right, rows)
    shown = _choose(right, rows)
    widest = max(len(images[i]) for i in shown)
    strip = widest * (_IMAGE + _GAP)
    caption = f"{int((~right).sum()):,} of {len(right):,} {noun} wrong"
    beside = max(text_width(notes[i], size=_NOTE_SIZE) for i in shown)
    width = 2 * _MARGIN + max(
        strip + 0.25 + beside,
        text_width(heading, size=_HEADING_SIZE),
        text_width(caption, size=_CAPTION_SIZE),
    )
    top = _MARGIN + (0.3 if heading else 0.0) + 0.36
    height = top + len(shown) * _ROW + _MARGIN - 0.15
    figure = new_figure(width, height)

    def write(text: str, left: float, down: float, size: float, colour: str, **how: Any) -> None:
        figure.text(
            left / width, 1 - down / height, text, size=size, color=colour, parse_math=False, **how
        )

    write(heading, _MARGIN, _MARGIN, _HEADING_SIZE, INK, va="top")
    write(caption, _MARGIN, top - 0.36, _CAPTION_SIZE, QUIET, va="top")
    for place, example in enumerate(shown):
        down = top + place * _ROW
        for n, image in enumerate(images[example]):
            left = _MARGIN + n * (_IMAGE + _GAP)
            box = (left / width, 1 - (down + _IMAGE) / height, _IMAGE / width, _IMAGE / height)
            axes = figure.add_axes(box)
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=max(float(image.max()), 1e-12))
            axes.set_xticks([])
            axes.set_yticks([])
            wrong = read[example][n] != truth[example][n]
            axes.spines[:].set_color(WRONG if wrong else GRID)
            axes.spines[:].set_linewidth(1.8 if wrong else 0.8)
            text = read[example][n] + (f" ({truth[example][n]})" if wrong else "")
            middle = left + _IMAGE / 2
            colour = WRONG if wrong else INK
            write(text, middle, down + _IMAGE + 0.05, _READ_SIZE, colour, va="top", ha="center")
        colour = INK if right[example] else WRONG
        write(
            notes[example],
            _MARGIN + strip + 0.2,
            down + _IMAGE / 2,
            _NOTE_SIZE,
            colour,
            va="center",
        )
    return save(figure, path)


def _check(
    images: Sequence[np.ndarray],
    read: Sequence[Sequence[str]],
    truth: Sequence[Sequence[str]],
    notes: Sequence[str],
    right: np.ndarray,
    rows: int,
) -> None:
    if not len(images) == len(read) == len(truth) == len(notes) == len(right):
        raise ValueError("images, read, truth, notes and correct must be as many as each other")
    if not len(images) or rows < 1:
        raise ValueError("there must be at least one example and one row")
    for n, own in enumerate(images):
        if np.ndim(own) != 3 or not len(own) == len(read[n]) == len(truth[n]):
            raise ValueError(
                f"example {n} has images {list(np.shape(own))}, {len(read[n])} readings and "
                f"{len(truth[n])} truths; these must be [k, H, W], k and k"
            )


def _choose(right: np.ndarray, places: int) -> np.ndarray:
    """The examples to show: mistakes, then right ones, each in the given order."""
    wrong, others = np.flatnonzero(~right), np.flatnonzero(right)
    mistakes = min(len(wrong), max(places - places // 2, places - len(others)))
    return np.concatenate([wrong[:mistakes], others[: places - mistakes]])
