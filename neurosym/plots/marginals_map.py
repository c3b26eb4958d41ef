"""Marginals as a heat map: on a board, cell by cell, or as a table of variables and values.

The darker a value, the likelier. A cell of a board shows all its values as small marks, and a value
that is certain large; on a chess board the marks are squares of the board. A row whose marginals
are all zero, as they are where the constraints cannot hold, is red.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from neurosym.plots.style import GRID, INK, QUIET, WRONG, new_figure, save, text_width

MOST_TEXTS = 20_000
"""Values of all cells together that are drawn."""

_HEAT = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#d3e3f7", "#7fa6d6", "#1d4f91"])
_NORM = PowerNorm(0.7, 0, 1)  # small probabilities are told from none
_CERTAIN, _CERTAIN_GROUND, _GIVEN_GROUND = "#1d4f91", "#d3e3f7", "#eef0f3"
_WRONG_GROUND, _OUTSIDE = "#f8dcda", "#f3f4f6"
_LINE = "#aab4bf"

# Inches.
_MARK, _CELL, _SQUARE = 0.17, 0.56, 0.5
_ROW, _COLUMN = 0.3, 0.62
_MARGIN, _HEADER, _FOOTER = 0.2, 0.66, 0.52
_WIDEST = 40.0


def marginals_map(
    marginals: Any,
    path: str | Path,
    *,
    cells: np.ndarray | None = None,
    labels: Sequence[str] | Sequence[Sequence[str]] | None = None,
    marks: tuple[int, int] | None = None,
    box: tuple[int, int] | None = None,
    enlarge: bool = True,
    names: Sequence[str] | None = None,
    given: np.ndarray | None = None,
    certain: float = 0.995,
    title: str = "Marginals",
    caption: str = "",
) -> Path:
    """Draws the probability of each value of each variable.

    Args:
      marginals: float ``[V, D]``; each row sums to 1, or is zero where there is no solution.
      path: the PNG to write, its folder made where needed.
      cells: int ``[rows, columns]``: the variable of each cell of a board; -1 leaves a place empty.
        None draws a table with a row for each variable.
      labels: D texts, one for each value; a table also takes V lists, where domains differ. Numbers
        from 0 on if None.
      marks: rows and columns of the marks of a cell; about a square if None.
      box: rows and columns of cells between thick lines.
      enlarge: False leaves a value where its mark is, as on a chess board.
      names: V texts, of the rows of a table; numbers from 0 on if None.
      given: bool ``[V]``: variables whose value was known, drawn on grey.
      certain: the probability from which on a value is drawn as the only one.
      title: the heading.
      caption: what the marginals are; the picture adds how many variables are certain, and the mean
        entropy of the others.

    Returns:
      The path.

    Raises:
      ValueError: numbers that are not marginals, shapes that do not fit each other, or more cells
        than can be drawn legibly.
    """
    table = _checked(marginals)
    variables, values = table.shape
    texts = _texts(labels, variables, values, shared=cells is not None)
    if names is not None and len(names) != variables:
        raise ValueError(f"{len(names)} names do not fit {variables} variables")
    known = np.zeros(variables, np.bool_) if given is None else np.asarray(given, np.bool_)
    if known.shape != (variables,):
        raise ValueError(f"given is bool[V] = [{variables}], not {list(known.shape)}")
    if not 0.5 < certain <= 1:
        raise ValueError(f"certain is a probability above one half, not {certain}")
    if table.size > MOST_TEXTS:
        raise ValueError(
            f"marginals are drawn up to {MOST_TEXTS:,} values together, not {variables:,} x "
            f"{values:,}"
        )
    sure = table.max(axis=1) >= certain
    words = _Words(title, caption, marginals_caption(table, certain))
    if cells is None:
        rows = [str(n) for n in range(variables)] if names is None else [str(n) for n in names]
        figure = _draw_table(table, texts, rows, known, words)
    else:
        board = _Board.fit(np.asarray(cells), texts[0], marks, box, enlarge, variables)
        figure = _draw_board(board, table, texts[0], sure, known, words)
    return save(figure, path)


def marginals_caption(marginals: np.ndarray, certain: float = 0.995) -> str:
    """How many rows float ``[V, D]`` are certain, and the mean entropy of the others in bits."""
    if not marginals.any():
        return "no assignment satisfies the constraints"
    top = marginals.max(axis=1)
    unsure = (top < certain) & (top > 0)
    logs = np.log2(np.where(marginals > 0, marginals, 1))
    entropy = -(marginals * logs).sum(axis=1)
    parts = [f"{(top >= certain).sum():,} of {len(marginals):,} certain"]
    if unsure.any():
        parts.append(f"{entropy[unsure].mean():.2f} bits on average in the others")
    if (top == 0).any():
        parts.append(f"{(top == 0).sum():,} without a value")
    return ", ".join(parts)


class _Words(NamedTuple):
    """What stands above a picture."""

    title: str
    caption: str
    summary: str

    @property
    def width(self) -> float:
        """In inches."""
        widths = [text_width(text, size=9.5) for text in (self.caption, self.summary)]
        return max(text_width(self.title, size=13) * 1.1, *widths)

    @property
    def height(self) -> float:
        return _HEADER + (0.19 if self.caption else 0)


class _Board(NamedTuple):
    """Lengths of a board in inches, and what is where."""

    cells: np.ndarray
    marks: tuple[int, int]
    mark: tuple[float, float]  # width, height
    cell: tuple[float, float]  # width, height
    box: tuple[int, int] | None
    enlarge: bool

    @classmethod
    def fit(
        cls,
        cells: np.ndarray,
        labels: Sequence[str],
        marks: tuple[int, int] | None,
        box: tuple[int, int] | None,
        enlarge: bool,
        variables: int,
    ) -> "_Board":
        if cells.ndim != 2 or not (cells >= 0).any() or cells.max() >= variables:
            raise ValueError(
                f"cells are int[rows, columns] of variables up to {variables - 1}, at least one"
            )
        columns = math.isqrt(len(labels) - 1) + 1
        marks = marks or (-(-len(labels) // columns), columns)
        if marks[0] * marks[1] < len(labels):
            raise ValueError(f"{marks[0]} x {marks[1]} marks do not hold {len(labels)} values")
        widest = max(text_width(label, size=7.5) for label in labels)
        if enlarge:
            cell = (max(_CELL, marks[1] * max(_MARK, widest + 0.06)), max(_CELL, marks[0] * _MARK))
            mark = (cell[0] / marks[1], cell[1] / marks[0])
        else:
            mark = (max(_SQUARE, widest + 0.2),) * 2
            cell = (marks[1] * mark[0], marks[0] * mark[1])
        board = cls(cells, marks, mark, cell, box, enlarge)
        if max(board.size) > _WIDEST:
            raise ValueError(
                f"a board of {cells.shape[0]} x {cells.shape[1]} cells of {len(labels)} values "
                "is too large to be drawn"
            )
        return board

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self.cells.shape[1] * self.cell[0], self.cells.shape[0] * self.cell[1]

    def middle(self, row: int, column: int, value: int) -> tuple[float, float]:
        """Of the mark of a value."""
        down, across = divmod(value, self.marks[1])
        x = column * self.cell[0] + (across + 0.5) * self.mark[0]
        return x, row * self.cell[1] + (down + 0.5) * self.mark[1]


class _Glyphs:
    """Texts to be drawn at once, which is far faster than one by one."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, float, bool], tuple[list, list]] = {}

    def add(
        self, text: str, at: tuple[float, float], colour: str, size: float, bold: bool = False
    ) -> None:
        places, colours = self._found.setdefault((text, size, bold), ([], []))
        places.append(at)
        colours.append(to_rgba(colour))

    def draw(self, axes: Axes) -> None:
        figure = axes.figure
        for (text, size, bold), (places, colours) in self._found.items():
            font = FontProperties(weight="bold" if bold else "normal")
            outline = TextPath((0, 0), text, size=size, prop=font)
            if not len(outline.vertices):
                continue
            box = outline.get_extents()
            centred = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2)
            collection = PathCollection(
                [outline.transformed(centred)],
                offsets=places,
                offset_transform=axes.transData,
                facecolors=colours,
                linewidths=0,
                zorder=4,
            )
            collection.set_transform(Affine2D().scale(1 / 72) + figure.dpi_scale_trans)
            axes.add_collection(collection, autolim=False)


def _draw_board(
    board: _Board,
    table: np.ndarray,
    labels: Sequence[str],
    sure: np.ndarray,
    known: np.ndarray,
    words: _Words,
) -> Figure:
    """Cells with marks, certain ones with one large value."""
    figure, axes = _sheet(board.size, words)
    glyphs, grounds = _Glyphs(), _Grounds()
    size = min(0.56 * 72 * min(board.cell), 40.0)
    widest = max(text_width(label, size=size) for label in labels)
    size *= min(1.0, 0.8 * board.cell[0] / widest) if widest else 1.0
    for (row, column), variable in np.ndenumerate(board.cells):
        if variable < 0:
            continue
        x, y = column * board.cell[0], row * board.cell[1]
        chances, best = table[variable], int(table[variable].argmax())
        impossible = not chances.any()
        if impossible:
            grounds.add((x, y), board.cell, _WRONG_GROUND)
        elif board.enlarge and sure[variable]:
            given = bool(known[variable])
            grounds.add((x, y), board.cell, _GIVEN_GROUND if given else _CERTAIN_GROUND)
            middle = (x + board.cell[0] / 2, y + board.cell[1] / 2)
            glyphs.add(labels[best], middle, INK if given else _CERTAIN, size, bold=True)
            continue
        for value, chance in enumerate(chances.tolist()):
            centre = board.middle(row, column, value)
            corner = (centre[0] - board.mark[0] / 2, centre[1] - board.mark[1] / 2)
            if not impossible:
                grounds.add(corner, board.mark, _HEAT(_NORM(chance)))
            if board.enlarge:
                glyphs.add(labels[value], centre, _ink(chance), 7.5)
            elif sure[variable] and value == best:
                glyphs.add(labels[value], centre, _ink(chance), 0.6 * 72 * board.mark[0])
            elif chance > 0:
                glyphs.add(_percent(chance), centre, _ink(chance), 8.0)
    grounds.draw(axes)
    glyphs.draw(axes)
    _draw_lines(axes, board)
    return figure


def _draw_lines(axes: Axes, board: _Board) -> None:
    """Thin lines around cells (and marks, on a chess board), thick ones around boxes and board."""
    (rows, columns), (width, height) = board.cells.shape, board.cell
    thin = _Grounds()
    for (row, column), variable in np.ndenumerate(board.cells):
        if variable >= 0:
            thin.add((column * width, row * height), board.cell, "none")
    thin.draw(axes, edge=_LINE, width=0.8)
    if not board.enlarge:
        squares = _Grounds()
        for (row, column), variable in np.ndenumerate(board.cells):
            for value in range(board.marks[0] * board.marks[1] if variable >= 0 else 0):
                x, y = board.middle(row, column, value)
                corner = (x - board.mark[0] / 2, y - board.mark[1] / 2)
                squares.add(corner, board.mark, "none")
        squares.draw(axes, edge=GRID, width=0.8)
    if (board.cells >= 0).all():
        step = board.box or (rows, columns)
        across = [(0.0, row * height) for row in [*range(0, rows, step[0]), rows]]
        down = [(column * width, 0.0) for column in [*range(0, columns, step[1]), columns]]
        lines = [[(x, y), (columns * width, y)] for x, y in across]
        lines += [[(x, y), (x, rows * height)] for x, y in down]
        thick = LineCollection(lines, colors=INK, linewidths=1.8, capstyle="projecting", zorder=5)
        axes.add_collection(thick, autolim=False)


def _draw_table(
    table: np.ndarray,
    texts: Sequence[Sequence[str]],
    names: Sequence[str],
    known: np.ndarray,
    words: _Words,
) -> Figure:
    """A row for each variable, a column for each value."""
    variables, values = table.shape
    if max(variables * _ROW, values * _COLUMN) > _WIDEST:
        raise ValueError(
            f"a table of {variables} variables and {values} values is too large to be drawn"
        )
    alike = all(own == texts[0] for own in texts)
    labels = {label for own in texts for label in own}
    wide = max(text_width(label, size=8) for label in labels)
    column = max(_COLUMN, wide + 0.2 + (0 if alike else 0.4))
    left = min(max(text_width(name, size=9) for name in names) + 0.15, 3.0)
    top = 0.28 if alike else 0.0
    size = (left + values * column, top + variables * _ROW)
    figure, axes = _sheet(size, words)
    glyphs, grounds, frames = _Glyphs(), _Grounds(), _Grounds()
    for value, label in enumerate(texts[0] if alike else ()):
        axes.text(left + (value + 0.5) * column, top - 0.07, label, **_plain(8, QUIET, "center"))
    for row, name in enumerate(names):
        y = top + row * _ROW
        impossible = not table[row].any()
        colour = WRONG if impossible else QUIET if known[row] else INK
        axes.text(left - 0.1, y + 0.68 * _ROW, _short(name), **_plain(9, colour, "right"))
        for value in range(values):
            x, chance = left + value * column, float(table[row, value])
            if value >= len(texts[row]):
                grounds.add((x, y), (column, _ROW), _OUTSIDE)
                continue
            ground = _WRONG_GROUND if impossible else _HEAT(_NORM(chance))
            grounds.add((x, y), (column, _ROW), ground)
            frames.add((x, y), (column, _ROW), "none")
            place = x + (0.5 if alike else 0.7) * column
            if chance > 0:
                glyphs.add(_percent(chance), (place, y + _ROW / 2), _ink(chance), 8.0)
            if not alike:
                style = _plain(8, _ink(chance), "left")
                axes.text(x + 0.08, y + 0.68 * _ROW, texts[row][value], **style)
    grounds.draw(axes)
    frames.draw(axes, edge="white", width=1.5)
    glyphs.draw(axes)
    return figure


class _Grounds:
    """Rectangles to be drawn at once."""

    def __init__(self) -> None:
        self._corners: list[tuple[float, float, float, float]] = []
        self._colours: list[Any] = []

    def add(self, corner: tuple[float, float], size: tuple[float, float], colour: Any) -> None:
        self._corners.append((*corner, corner[0] + size[0], corner[1] + size[1]))
        self._colours.append(to_rgba(colour))

    def draw(self, axes: Axes, edge: str = "none", width: float = 0.0) -> None:
        outlines = [[(a, b), (c, b), (c, d), (a, d)] for a, b, c, d in self._corners]
        rectangles = PolyCollection(
            outlines,
            facecolors=self._colours,
            edgecolors=edge,
            linewidths=width,
            antialiased=edge != "none",
            zorder=2 if edge == "none" else 3,
        )
        axes.add_collection(rectangles, autolim=False)


def _sheet(size: tuple[float, float], words: _Words) -> tuple[Figure, Axes]:
    """A figure with title, caption and scale, and axes in inches from the upper left corner."""
    width = max(size[0], words.width, 3.0) + 2 * _MARGIN
    height = size[1] + words.height + _FOOTER + 0.1
    figure = new_figure(width, height)
    lines = [line for line in (words.caption, words.summary) if line]
    left = _MARGIN / width
    above: dict[str, Any] = {"color": QUIET, "size": 9.5, "va": "top"}
    title: dict[str, Any] = {"color": INK, "size": 13, "weight": "bold", "va": "top"}
    figure.text(left, 1 - 0.14 / height, words.title, **title)
    for n, line in enumerate(lines):
        figure.text(left, 1 - (0.4 + 0.19 * n) / height, line, **above)
    place = ((width - size[0]) / 2, _FOOTER, size[0], size[1])
    fractions = [part / whole for part, whole in zip(place, (width, height) * 2, strict=True)]
    axes = figure.add_axes((fractions[0], fractions[1], fractions[2], fractions[3]))
    axes.set_axis_off()
    axes.set_xlim(0, size[0])
    axes.set_ylim(size[1], 0)
    _draw_scale(figure, width, height)
    return figure, axes


def _draw_scale(figure: Figure, width: float, height: float) -> None:
    """What the shades mean."""
    scale = figure.add_axes((_MARGIN / width, 0.25 / height, 1.8 / width, 0.1 / height))
    scale.imshow(np.linspace(0, 1, 256)[None], cmap=_HEAT, norm=_NORM, aspect="auto")
    scale.set_yticks([])
    scale.set_xticks(np.asarray((0, 0.25, 0.5, 0.75, 1)) * 255, ("0", "¼", "½", "¾", "1"))
    scale.tick_params(colors=QUIET, labelsize=7.5, length=0, pad=2)
    scale.spines[:].set_color(_LINE)
    figure.text(2.1 / width, 0.25 / height, "probability", size=8, color=QUIET, va="bottom")


def _plain(size: float, colour: str, horizontal: str) -> dict[str, Any]:
    return {"size": size, "color": colour, "ha": horizontal, "va": "baseline", "zorder": 4}


def _ink(chance: float) -> str:
    """What is legible on the shade of a probability; fainter where there is none."""
    if chance <= 0:
        return "#c9d0d8"
    return "#ffffff" if _NORM(chance) > 0.62 else INK


def _percent(chance: float) -> str:
    if chance >= 0.9995:
        return "100%"
    if chance > 0.99:
        return f"{100 * chance:.1f}%"
    return f"{100 * chance:.0f}%" if chance >= 0.01 else "<1%"


def _short(text: str, most: int = 36) -> str:
    return text if len(text) <= most else f"{text[: most - 9]}…{text[-8:]}"


def _checked(marginals: Any) -> np.ndarray:
    table = np.asarray(marginals, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"marginals are float[V, D] of one variable at least, not {table.shape}")
    if not np.isfinite(table).all() or table.min() < -1e-6 or table.max() > 1 + 1e-3:
        raise ValueError("marginals are probabilities from 0 to 1; these are logarithms, or NaN")
    total = table.sum(axis=1)
    wrong = np.flatnonzero((np.abs(total - 1) > 1e-2) & (total != 0))
    if len(wrong):
        raise ValueError(
            f"the marginals of a variable sum to 1 (or are all 0), those of row {wrong[0]} to "
            f"{total[wrong[0]]:.3g}"
        )
    return np.clip(table, 0, 1)


def _texts(labels: Any, variables: int, values: int, *, shared: bool) -> list[tuple[str, ...]]:
    """The labels of each variable."""
    if labels is None:
        labels = [str(value) for value in range(values)]
    if all(isinstance(label, str) for label in labels):
        if len(labels) != values:
            raise ValueError(f"{len(labels)} labels do not fit {values} values")
        return [tuple(labels)] * variables
    if shared:
        raise ValueError("on a board all cells have the same labels: give D texts")
    if len(labels) != variables or max(map(len, labels)) > values:
        raise ValueError(
            f"labels are D texts, or a list of up to {values} for each of {variables} variables"
        )
    return [tuple(map(str, own)) for own in labels]
