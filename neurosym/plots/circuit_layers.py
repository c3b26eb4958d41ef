"""The layers of a circuit: how many rows and terms each has, and for a small one the rows.

A picture starts at the leaves, below, and ends at the root. Bars show sizes; where the rows are few
and their terms are given, the picture shows the rows with the lines that join them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from neurosym.plots.style import INK, QUIET, new_figure, quiet_axes, save, text_width

MAX_DRAWN = 150
"""Rows and leaves of a circuit that is drawn as a graph."""

_LABEL = 9
"""Points of the names of leaves."""

_APART = 0.18
"""Inches from one upright name to the next."""

_WIDEST = 15.0
"""Inches that the graph may take; names that find no room in it are left out, with a note."""

_BARS = 5.2
"""Inches of the bars, and of the graph at least."""

_LYING = 8.0
"""Inches that the graph may take for names side by side."""

_LONGEST = 22
"""Characters of a name that are shown."""

_ROWS, _TERMS, _LEAF = "#1d4f91", "#8aa4c8", "#c05621"

RowTerms = Sequence[Sequence[tuple[int, int]]]


def circuit_layers(
    layers: Sequence[tuple[int, int]],
    path: str | Path,
    *,
    terms: RowTerms | None = None,
    leaves: Sequence[str] = (),
    heading: str = "",
) -> Path:
    """Draws the sizes of the layers, and the graph of a small circuit beside them.

    Args:
      layers: rows and terms of each layer, from the leaves upwards.
      path: the PNG to write; its folder is made where needed.
      terms: of each row the pairs of rows that it joins, as `Circuit.row_terms` has them: 0 and 1
        are constants, then come the leaves, then the rows themselves, the last one being the root.
        Drawn where rows and leaves are at most `MAX_DRAWN`.
      leaves: what to write at each leaf: side by side where there is room, else upright. The
        picture grows with the leaves that are used; where they are too many for their names, it
        says so.
      heading: a line above the picture.

    Returns:
      The path.

    Raises:
      ValueError: if there is no layer, or a term refers to a row that does not come before it.
    """
    if not layers:
        raise ValueError("there is nothing to draw: the circuit is a constant or a single leaf")
    used = _used(terms, len(leaves)) if terms is not None else 0
    graph = terms is not None and len(terms) + used <= MAX_DRAWN
    height = min(8.0, max(3.2, 1.4 + 0.28 * len(layers)))
    if terms is None or not graph:
        figure = new_figure(_BARS, height)
        _bars(figure.add_subplot(), layers)
    else:
        texts = [text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…" for text in leaves]
        upright, room, below = _label_form(texts, used)
        figure = new_figure(_BARS + room, max(height, 4.2) + (below if upright else 0))
        bars, drawn = figure.subplots(1, 2, width_ratios=(_BARS, room))
        _bars(bars, layers)
        _graph(drawn, terms, texts, upright=upright)
    if heading:
        figure.suptitle(heading, color=INK, fontsize=11, x=0.02, ha="left")
    figure.tight_layout()
    return save(figure, path)


def _bars(axes: Axes, layers: Sequence[tuple[int, int]]) -> None:
    sizes = np.asarray(layers)
    height = np.arange(1, len(sizes) + 1)
    axes.barh(height, sizes[:, 1], height=0.82, color=_TERMS, label="terms")
    axes.barh(height, sizes[:, 0], height=0.46, color=_ROWS, label="rows")
    quiet_axes(axes)
    axes.set_ylabel("layer, from the leaves up")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(0.4, len(sizes) + 0.6)
    rows, terms = sizes.sum(axis=0)
    axes.set_title(
        f"{rows:,} rows, {terms:,} terms, {len(sizes):,} layers",
        color=QUIET,
        fontsize=9,
        loc="left",
    )
    axes.legend(frameon=False, fontsize=8, labelcolor=QUIET)


def _label_form(texts: Sequence[str], used: int) -> tuple[bool | None, float, float]:
    """Whether names stand upright, None where none is written; inches of the graph, of a name."""
    longest = max((text_width(text, size=_LABEL) for text in texts), default=0.0)
    lying, standing = used * (longest + 0.12) + 0.4, used * _APART + 0.6
    if lying <= _LYING:
        return False, max(_BARS, lying), longest
    if standing <= _WIDEST:
        return True, max(_BARS, standing), longest
    return None, _WIDEST, 0.0


def _graph(axes: Axes, terms: RowTerms, leaves: Sequence[str], *, upright: bool | None) -> None:
    first = 2 + len(leaves)
    depth = np.zeros(first + len(terms), int)
    for row, own in enumerate(terms, start=first):
        depth[row] = 1 + max(depth[x] for term in own for x in term)
    shown = sorted({x for own in terms for term in own for x in term if x > 1})
    shown = sorted({*shown, *range(first, first + len(terms))})
    place = _places(shown, depth, terms, first)
    lines, products = [], []
    for row, own in enumerate(terms, start=first):
        for pair in own:
            factors = [x for x in pair if x > 1]
            top = place[row]
            if len(factors) == 2 and len(own) > 1:  # a product on the way, just below its sum
                middle = np.mean([place[x] for x in factors], axis=0)
                top = place[row] + np.asarray([0.25 * (middle[0] - place[row][0]), -0.3])
                lines.append((place[row], top))
                products.append(top)
            lines += [(top, place[x]) for x in factors]
    axes.add_collection(LineCollection([np.asarray(line) for line in lines], colors=_TERMS, lw=0.8))
    if products:
        axes.scatter(*_coordinates(products), 7, color=_TERMS, zorder=3)
    size = 26 if len(shown) < 60 else 12
    inner = np.asarray([place[row] for row in shown if row >= first])
    sums = np.asarray([len(terms[row - first]) > 1 for row in shown if row >= first], bool)
    axes.scatter(*_coordinates(inner[sums]), size, color=_ROWS, zorder=4, label="⊕ of products")
    if not sums.all():
        axes.scatter(
            *_coordinates(inner[~sums]),
            size,
            facecolor="white",
            edgecolor=_ROWS,
            zorder=4,
            label="⊗",
        )
    ends = [row for row in shown if row < first]
    if ends:
        points = _coordinates([place[row] for row in ends])
        axes.scatter(*points, size, color=_LEAF, zorder=4, label="leaves")
    for row in ends if upright is not None else ():
        axes.annotate(
            leaves[row - 2],
            place[row],
            xytext=(0, -7),
            textcoords="offset points",
            ha="center",
            va="top",
            rotation=90 if upright else 0,
            fontsize=_LABEL,
            color=QUIET,
        )
    if upright is None:
        axes.annotate(
            f"the names of {len(ends):,} leaves find no room",
            (0.5, 0),
            xycoords="axes fraction",
            ha="center",
            fontsize=_LABEL,
            color=QUIET,
        )
    axes.legend(frameon=False, fontsize=8, labelcolor=QUIET, loc="upper left")
    axes.set_axis_off()
    axes.margins(0.06, 0.12)


def _places(shown: Sequence[int], depth: np.ndarray, terms: RowTerms, first: int) -> dict:
    """Where each row stands: layer by layer, in the order of the mean of what is below it."""
    parents: dict[int, list[int]] = {}
    for row, own in enumerate(terms, start=first):
        for term in own:
            for x in term:
                parents.setdefault(x, []).append(row)
    across = dict.fromkeys(shown, 0.0)
    layers = [[row for row in shown if depth[row] == d] for d in range(int(depth.max()) + 1)]
    for rows in layers:
        across |= dict(zip(rows, _spread(len(rows)), strict=True))
    for _ in range(6):  # the barycentre heuristic of Sugiyama, Tagawa and Toda 1981
        for rows in layers[1:]:
            below = {
                row: np.mean([across[x] for term in terms[row - first] for x in term if x > 1])
                for row in rows
            }
            rows.sort(key=lambda row, below=below: below[row])  # type: ignore[misc]
            across |= dict(zip(rows, _spread(len(rows)), strict=True))
        for rows in layers[-2::-1]:
            above = {
                row: np.mean([across[x] for x in parents[row]]) if row in parents else across[row]
                for row in rows
            }
            rows.sort(key=lambda row, above=above: above[row])  # type: ignore[misc]
            across |= dict(zip(rows, _spread(len(rows)), strict=True))
    return {row: np.asarray([across[row], float(depth[row])]) for row in shown}


def _coordinates(points: Sequence[np.ndarray] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.transpose(points)
    return x, y


def _spread(count: int) -> list[float]:
    return [(n + 0.5) / count for n in range(count)]


def _used(terms: RowTerms, leaves: int) -> int:
    """How many leaves the rows use."""
    first = 2 + leaves
    found = set()
    for row, own in enumerate(terms, start=first):
        for term in own:
            for x in term:
                if not 0 <= x < row:
                    raise ValueError(f"row {row} refers to row {x}, which does not come before it")
                if 1 < x < first:
                    found.add(x)
    return len(found)
