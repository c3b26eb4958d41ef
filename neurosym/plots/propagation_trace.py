"""How propagation empties domains, round by round: an animated GIF, or one PNG with all rounds.

Cells stand on a grid. An open cell shows the values that it may still have as small marks; the
values that a round removes are drawn faint, and are gone in the next round. A cell with one value
left shows it large: on grey where it was given, on blue in the round that fixed it. A cell that has
lost all of its values is red.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageColor, ImageDraw, ImageFont

from neurosym.plots.style import GRID, INK, QUIET

_NEW, _NEW_GROUND = "#1d4f91", "#d3e3f7"
_GIVEN_GROUND = "#eef0f3"
_REMOVED = "#eeb0aa"
_OPEN = "#a9b3be"
_LINE = "#aab4bf"
_WRONG_GROUND = "#f8dcda"
_PAPER = "#ffffff"

# Pixels.
_MARK = 14  # the least width and height of a mark
_MARK_SIZE = 11
_CELL = 54  # the least side of a cell whose last value fills it
_MARGIN = 18
_TITLE_SIZE, _CAPTION_SIZE, _LEGEND_SIZE = 17, 13, 12
_HEADER = 50
_FOOTER = 30
_WIDEST = 4096

# Milliseconds.
_ROUND, _FIRST, _LAST = 1100, 1600, 3500


def propagation_trace(
    trace: np.ndarray,
    path: str | Path,
    *,
    cells: np.ndarray,
    labels: Sequence[str],
    marks: tuple[int, int] | None = None,
    box: tuple[int, int] | None = None,
    enlarge: bool = True,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    most: int = 12,
) -> Path:
    """Draws the domains of every round.

    Args:
      trace: bool ``[R, V, D]``: the domains at the start and after each round.
      path: the picture to write, its folder made where needed: ``.gif`` is animated, ``.png``
        shows the rounds side by side.
      cells: int ``[rows, columns]``: the variable of each cell; -1 leaves a place empty.
      labels: D texts, one for each value.
      marks: rows and columns of the marks of a cell; about a square if None.
      box: rows and columns of cells between thick lines.
      enlarge: False leaves the last value of a cell where its mark was, as on a chess board.
      titles: R texts; "start", "round 1" and so on if None.
      columns: frames in a row of a PNG.
      most: frames of a PNG; where there are more rounds, it shows the first, the last and some
        between, with their titles.

    Returns:
      The path.

    Raises:
      ValueError: shapes that do not fit each other, another kind of file, or a board that is too
        large to be drawn legibly.
    """
    trace, cells, path = np.asarray(trace, np.bool_), np.asarray(cells), Path(path)
    marks = marks or _square(len(labels))
    _check(trace, cells, labels, marks, titles, path)
    titles = titles or ["start", *(f"round {n}" for n in range(1, len(trace)))]
    shape = _Shape.fit(cells.shape, labels, marks, box, enlarge, titles, trace.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        shown = np.unique(np.linspace(0, len(trace) - 1, min(most, len(trace))).round().astype(int))
        frames = [_frame(shape, trace, round_, cells, labels, titles) for round_ in shown]
        _side_by_side(frames, columns).save(path, format="PNG")
        return path
    frames = [_frame(shape, trace, round_, cells, labels, titles) for round_ in range(len(trace))]
    palette = _palette()
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    drawn[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=drawn[1:],
        duration=[_FIRST, *[_ROUND] * (len(drawn) - 2), _LAST][: len(drawn)],
        loop=0,
    )
    return path


class _Cell(NamedTuple):
    """What a round shows of one variable."""

    values: list[int]  # that it may still have
    removed: list[int]  # in this round
    given: bool  # one value at the start
    new: bool  # one value from this round on

    @property
    def fixed(self) -> bool:
        return len(self.values) == 1

    @property
    def empty(self) -> bool:
        return not self.values

    def colours(self) -> tuple[str, str]:
        """Of the values and of the ground."""
        if self.empty:
            return INK, _WRONG_GROUND
        if not self.fixed:
            return INK, _PAPER
        return (INK, _GIVEN_GROUND) if self.given else (_NEW, _NEW_GROUND if self.new else _PAPER)


class _Shape(NamedTuple):
    """Lengths of a frame in pixels."""

    mark: tuple[int, int]  # width, height of a mark
    cell: tuple[int, int]  # width, height of a cell
    marks: tuple[int, int]
    box: tuple[int, int] | None
    enlarge: bool
    label: int  # the size of the letters of a value that fills its cell
    size: tuple[int, int]  # width, height of a frame
    corner: tuple[int, int]  # where the grid starts

    @classmethod
    def fit(
        cls,
        grid: tuple[int, ...],
        labels: Sequence[str],
        marks: tuple[int, int],
        box: tuple[int, int] | None,
        enlarge: bool,
        titles: Sequence[str],
        trace: tuple[int, ...],
    ) -> "_Shape":
        font = _font(_MARK_SIZE)
        widest = math.ceil(max(font.getlength(label) for label in labels))
        mark = (max(_MARK, widest + 5), _MARK)
        if enlarge:
            cell = (max(marks[1] * mark[0] + 4, _CELL), max(marks[0] * mark[1] + 4, _CELL))
            mark = ((cell[0] - 4) // marks[1], (cell[1] - 4) // marks[0])
        else:
            mark = (max(mark) + 14, max(mark) + 14)
            cell = (marks[1] * mark[0], marks[0] * mark[1])
        label = round(0.56 * min(cell))
        while label > _MARK_SIZE and enlarge:
            if max(_font(label, bold=True).getlength(text) for text in labels) <= 0.8 * cell[0]:
                break
            label -= 1
        board = (grid[1] * cell[0], grid[0] * cell[1])
        texts = [_font(_TITLE_SIZE, bold=True).getlength(title) for title in titles]
        cells, values = trace[1], trace[1] * trace[2]
        texts.append(_font(_CAPTION_SIZE).getlength(_caption(cells, cells, values)))
        texts.append(sum(width for _, _, width in _legend()))
        width = max(board[0], math.ceil(max(texts))) + 2 * _MARGIN
        height = board[1] + _HEADER + _FOOTER + 2 * _MARGIN
        if max(width, height) > _WIDEST:
            raise ValueError(
                f"a board of {grid[0]} x {grid[1]} cells of {len(labels)} values would take "
                f"{width} x {height} pixels; up to {_WIDEST} x {_WIDEST} are drawn"
            )
        corner = ((width - board[0]) // 2, _MARGIN + _HEADER)
        return cls(mark, cell, marks, box, enlarge, label, (width, height), corner)

    def marked(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Width and height of a cell, columns and rows of its marks, width and height of a mark."""
        return self.cell, (self.marks[1], self.marks[0]), self.mark


def _frame(
    shape: _Shape,
    trace: np.ndarray,
    round_: int,
    cells: np.ndarray,
    labels: Sequence[str],
    titles: Sequence[str],
) -> Image.Image:
    """One round."""
    image = Image.new("RGB", shape.size, _PAPER)
    draw = ImageDraw.Draw(image)
    start, now = trace[0], trace[round_]
    before = trace[round_ - 1] if round_ else now
    drawn = np.unique(cells[cells >= 0])
    fixed = int((now[drawn].sum(1) == 1).sum())
    removed = int((before & ~now)[drawn].sum())
    draw.text((_MARGIN, _MARGIN), titles[round_], INK, _font(_TITLE_SIZE, bold=True))
    caption = _caption(fixed, len(drawn), removed if round_ else None)
    draw.text((_MARGIN, _MARGIN + 23), caption, QUIET, _font(_CAPTION_SIZE))
    for (row, column), variable in np.ndenumerate(cells):
        if variable >= 0:
            left = shape.corner[0] + column * shape.cell[0]
            top = shape.corner[1] + row * shape.cell[1]
            cell = _Cell(
                values=np.flatnonzero(now[variable]).tolist(),
                removed=np.flatnonzero(before[variable] & ~now[variable]).tolist(),
                given=start[variable].sum() == 1,
                new=before[variable].sum() > 1,
            )
            _draw_cell(draw, shape, (left, top), cell, labels)
    _draw_lines(draw, shape, cells)
    _draw_legend(draw, shape)
    return image


def _draw_cell(
    draw: ImageDraw.ImageDraw,
    shape: _Shape,
    corner: tuple[int, int],
    cell: _Cell,
    labels: Sequence[str],
) -> None:
    (left, top), (width, height) = corner, shape.cell
    colour, ground = cell.colours()
    if not cell.fixed and not shape.enlarge:
        colour = _OPEN  # or it would look like the mark of a fixed cell
    if shape.enlarge or cell.empty:
        draw.rectangle((left, top, left + width, top + height), ground)
    if cell.fixed and shape.enlarge:
        middle = (left + width / 2, top + height / 2)
        font = _font(shape.label, bold=cell.given or cell.new)
        draw.text(middle, labels[cell.values[0]], colour, font, anchor="mm")
        return
    inset = [(side - n * mark) / 2 for side, n, mark in zip(*shape.marked(), strict=True)]
    font = _font(_MARK_SIZE if shape.enlarge else round(0.7 * shape.mark[1]))
    for value in cell.values + cell.removed:
        row, column = divmod(value, shape.marks[1])
        x = left + inset[0] + (column + 0.5) * shape.mark[0]
        y = top + inset[1] + (row + 0.5) * shape.mark[1]
        if cell.fixed and value in cell.values:
            half = shape.mark[0] / 2 - 1
            draw.rectangle((x - half, y - half, x + half, y + half), ground)
        draw.text((x, y), labels[value], colour if value in cell.values else _REMOVED, font, "mm")


def _draw_lines(draw: ImageDraw.ImageDraw, shape: _Shape, cells: np.ndarray) -> None:
    """Thin lines around cells (and marks, on a chess board), thick ones around boxes and board."""
    (left, top), (width, height) = shape.corner, shape.cell
    rows, columns = cells.shape
    for (row, column), variable in np.ndenumerate(cells):
        if variable >= 0:
            x, y = left + column * width, top + row * height
            draw.rectangle((x, y, x + width, y + height), outline=_LINE, width=1)
            if not shape.enlarge:
                start = x + (width - shape.marks[1] * shape.mark[0]) / 2
                for mark in range(1, shape.marks[1]):
                    at = start + mark * shape.mark[0]
                    draw.line((at, y, at, y + height), GRID, 1)
    if (cells >= 0).all():
        step = shape.box or (rows, columns)
        for row in [*range(0, rows, step[0]), rows]:
            y = top + row * height
            draw.line((left - 1, y, left + columns * width + 1, y), INK, 3)
        for column in [*range(0, columns, step[1]), columns]:
            x = left + column * width
            draw.line((x, top - 1, x, top + rows * height + 1), INK, 3)


def _caption(fixed: int, cells: int, removed: int | None) -> str:
    caption = f"{fixed:,} of {cells:,} fixed"
    if removed is not None:
        caption += f", {removed:,} value{'' if removed == 1 else 's'} removed"
    return caption


def _legend() -> list[tuple[str, str, float]]:
    """Colour of the swatch, text and width of each entry."""
    font = _font(_LEGEND_SIZE)
    entries = [(_GIVEN_GROUND, "given"), (_NEW_GROUND, "fixed now"), (_REMOVED, "removed now")]
    return [(colour, text, 17 + font.getlength(text) + 14) for colour, text in entries]


def _draw_legend(draw: ImageDraw.ImageDraw, shape: _Shape) -> None:
    x, y = float(_MARGIN), shape.size[1] - _MARGIN - 13
    for colour, text, width in _legend():
        draw.rectangle((x, y, x + 12, y + 12), colour, outline=_LINE)
        draw.text((x + 17, y + 6), text, QUIET, _font(_LEGEND_SIZE), anchor="lm")
        x += width


def _side_by_side(frames: Sequence[Image.Image], columns: int) -> Image.Image:
    width, height = frames[0].size
    columns = min(columns, len(frames), max(1, 4 * _WIDEST // width))
    rows = -(-len(frames) // columns)
    image = Image.new("RGB", (columns * width, rows * height), _PAPER)
    for place, frame in enumerate(frames):
        image.paste(frame, (place % columns * width, place // columns * height))
    return image


def _palette() -> Image.Image:
    """Every ground, and what the edge of a letter may be: each ink in steps towards each ground."""
    grounds = [ImageColor.getrgb(c) for c in (_PAPER, _GIVEN_GROUND, _NEW_GROUND, _WRONG_GROUND)]
    inks = [ImageColor.getrgb(c) for c in (INK, QUIET, _NEW, _REMOVED, _OPEN, _LINE, GRID)]
    colours: list[tuple[int, ...]] = list(grounds)
    for ground in grounds:
        for ink in inks:
            for step in range(1, 9):
                blend = tuple(
                    round(a + (b - a) * step / 8) for a, b in zip(ground, ink, strict=True)
                )
                # Pillow looks colours up in steps of 4: nothing may be mistaken for a ground.
                if min(max(abs(a - b) for a, b in zip(blend, g, strict=True)) for g in grounds) > 8:
                    colours.append(blend)
    image = Image.new("P", (1, 1))
    image.putpalette([part for colour in colours for part in colour[:3]])
    return image


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font, which is there on every machine that has matplotlib."""
    name = "DejaVuSans-Bold" if bold else "DejaVuSans"
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}.ttf", size)


def _square(values: int) -> tuple[int, int]:
    columns = math.isqrt(max(values - 1, 0)) + 1
    return -(-values // columns), columns


def _check(
    trace: np.ndarray,
    cells: np.ndarray,
    labels: Sequence[str],
    marks: tuple[int, int],
    titles: Sequence[str] | None,
    path: Path,
) -> None:
    if trace.ndim != 3 or not len(trace):
        raise ValueError(f"a trace is bool[R, V, D] of at least one round, not {trace.shape}")
    if cells.ndim != 2 or not (cells >= 0).any() or cells.max() >= trace.shape[1]:
        raise ValueError(
            f"cells are int[rows, columns] of variables up to {trace.shape[1] - 1}, at least one"
        )
    if len(labels) != trace.shape[2]:
        raise ValueError(f"{len(labels)} labels do not fit {trace.shape[2]} values")
    if marks[0] * marks[1] < len(labels):
        raise ValueError(f"{marks[0]} x {marks[1]} marks do not hold {len(labels)} values")
    if titles is not None and len(titles) != len(trace):
        raise ValueError(f"{len(titles)} titles do not fit {len(trace)} rounds")
    if path.suffix.lower() not in (".gif", ".png"):
        raise ValueError(f"a trace is drawn as .gif or .png, not {path.name!r}")
