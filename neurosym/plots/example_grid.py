"""A grid of examples, mistakes first: the images, and how they were read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from neurosym.plots.style import GRID, INK, QUIET, WRONG, new_figure, save, text_width

_IMAGE_HEIGHT = 0.62  # Inches; lengths below are inches too, sizes are points.
_WIDEST_STRIP = 5.0
_WIDEST_GRID = 13.0
_MARGIN = 0.3
_GAP = 0.34
_TITLE_SIZE = 10.0
_LINE = 1.35 * _TITLE_SIZE / 72
_HEADING_SIZE = 13.0
_CAPTION_SIZE = 9.5


def example_grid(
    images: np.ndarray,
    titles: Sequence[str],
    correct: Sequence[bool] | np.ndarray,
    path: str | Path,
    *,
    columns: int = 6,
    rows: int = 4,
    numbers: int = 1,
    heading: str = "",
    noun: str = "examples",
) -> Path:
    """Draws a choice of examples, mistakes first and in colour, and counts the mistakes of all.

    Mistakes take half of the places at most, as long as there are right ones for the other half.

    Args:
      images: uint8 or float [n, k, H, W]: n examples of k images that stand side by side; large
        values are ink. May hold more examples than are shown: the caption counts all.
      titles: n texts, such as "3 + 5 = 8"; further lines, such as "truth 9", go below it.
      correct: bool[n].
      path: The PNG to write; its folder is made where needed.
      columns: Examples in a row; fewer where their titles are too wide for a legible picture.
      rows: Rows at most; more where there had to be fewer columns.
      numbers: The k images form this many groups of equal size, with a gap between groups.
      heading: A line above the grid.
      noun: What the caption calls the examples, in the plural.

    Returns:
      The path.

    Raises:
      ValueError: Shapes that do not fit each other, no example, no column.
    """
    images = np.asarray(images)
    right = np.asarray(correct, bool)
    _check(images, titles, right, columns, rows, numbers)
    shown = _choose(right, columns * rows)
    strips = [_strip(images[i], numbers) for i in shown]
    texts = [titles[i] for i in shown]
    caption = _caption(right, shown, noun)
    scale = _strip_scale(strips[0].shape)
    strip_height, strip_width = (scale * side for side in strips[0].shape)
    cell = max(strip_width, *(text_width(text, size=_TITLE_SIZE) for text in texts))
    columns = min(columns, len(shown), max(int((_WIDEST_GRID + _GAP) / (cell + _GAP)), 1))
    width = 2 * _MARGIN + max(
        columns * cell + (columns - 1) * _GAP,
        text_width(heading, size=_HEADING_SIZE),
        text_width(caption, size=_CAPTION_SIZE),
    )
    caption_top = _MARGIN + (0.34 if heading else 0.0)
    tops, bottom = _row_tops(caption_top + 0.3, strip_height, texts, columns)
    height = bottom + _MARGIN
    figure = new_figure(width, height)

    def write(text: str, left: float, top: float, size: float, colour: str) -> None:
        place = (left / width, 1 - top / height)
        figure.text(
            *place, text, size=size, color=colour, va="top", linespacing=1.25, parse_math=False
        )

    write(heading, _MARGIN, _MARGIN, _HEADING_SIZE, INK)
    write(caption, _MARGIN, caption_top, _CAPTION_SIZE, QUIET)
    for place, example in enumerate(shown):
        left = _MARGIN + place % columns * (cell + _GAP)
        under = tops[place // columns] + strip_height
        box = (left / width, 1 - under / height, strip_width / width, strip_height / height)
        _draw(figure.add_axes(box), strips[place], bool(right[example]))
        colour = INK if right[example] else WRONG
        write(texts[place], left, under + 0.06, _TITLE_SIZE, colour)
    return save(figure, path)


def _check(
    images: np.ndarray,
    titles: Sequence[str],
    correct: np.ndarray,
    columns: int,
    rows: int,
    numbers: int,
) -> None:
    if images.ndim != 4:
        raise ValueError(f"images must be [n, k, H, W], got {list(images.shape)}")
    if not len(images) == len(titles) == len(correct):
        raise ValueError(
            f"{len(images)} examples, {len(titles)} titles and {len(correct)} marks do not fit"
        )
    if not len(images) or columns < 1 or rows < 1:
        raise ValueError("a grid needs at least one example, one column and one row")
    if numbers < 1 or images.shape[1] % numbers:
        raise ValueError(f"{images.shape[1]} images do not make {numbers} groups of equal size")


def _choose(correct: np.ndarray, places: int) -> np.ndarray:
    """The examples to show, int[m]: mistakes, then right ones, each in the given order."""
    wrong, right = np.flatnonzero(~correct), np.flatnonzero(correct)
    mistakes = min(len(wrong), max(places - places // 2, places - len(right)))
    return np.concatenate([wrong[:mistakes], right[: places - mistakes]])


def _strip(images: np.ndarray, numbers: int) -> np.ndarray:
    """Images [k, H, W] side by side, float[H, *] from 0 to 1, NaN in the gaps between groups."""
    ink = images.astype(np.float64)
    ink /= max(ink.max(), 1e-12)
    count, height, width = ink.shape
    gap = np.full((height, max(width // 6, 1)), np.nan)
    size = count // numbers
    parts: list[np.ndarray] = []
    for first in range(0, count, size):
        parts += [gap] if first else []
        parts += list(ink[first : first + size])
    return np.concatenate(parts, axis=1)


def _strip_scale(shape: tuple[int, ...]) -> float:
    """Inches of a pixel."""
    return min(_IMAGE_HEIGHT / shape[0], _WIDEST_STRIP / shape[1])


def _row_tops(
    first: float, strip_height: float, texts: Sequence[str], columns: int
) -> tuple[list[float], float]:
    """Inches from the top at which each row of the grid starts, and at which the last one ends."""
    tops, end = [], first - 0.6 * _GAP
    for start in range(0, len(texts), columns):
        lines = max(text.count("\n") + 1 for text in texts[start : start + columns])
        tops.append(end + 0.6 * _GAP)
        end = tops[-1] + strip_height + 0.06 + lines * _LINE
    return tops, end


def _caption(correct: np.ndarray, shown: np.ndarray, noun: str) -> str:
    wrong = int((~correct).sum())
    caption = f"{wrong:,} of {len(correct):,} {noun} wrong"
    seen = int((~correct[shown]).sum())
    if seen < wrong:
        caption += f"; {seen} of them shown first"
    elif wrong:
        caption += ", shown first"
    return caption


def _draw(axes: Axes, strip: np.ndarray, right: bool) -> None:
    """Dark ink on white, in a frame: a thick coloured one around a mistake."""
    colours = colormaps["gray_r"].with_extremes(bad=GRID)
    axes.imshow(np.ma.masked_invalid(strip), cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    frame = Rectangle(
        (0, 0),
        1,
        1,
        transform=axes.transAxes,
        fill=False,
        clip_on=False,
        linewidth=0.8 if right else 1.8,
        edgecolor=GRID if right else WRONG,
    )
    axes.add_patch(frame)
