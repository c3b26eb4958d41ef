"""The factor graph of a network: variables as circles, constraints as squares.

Each constraint stands among its variables, in the colour of its kind, with its arity in it. Every
variable and every constraint is there, up to `MOST_NODES`; `network_summary` draws what is larger.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from neurosym.plots.graph_layout import graph_layout
from neurosym.plots.style import CATEGORIES, INK, QUIET, WRONG, new_figure, save, text_width

MOST_NODES = 600
"""Variables and constraints of a graph that is drawn."""

MOST_EDGES = 6000
"""Places in the scopes of its constraints."""

_FEW = 60  # nodes that are drawn larger, with the kind of each constraint
_CLEAR = 0.55  # the least distance of a constraint from what stands at its place, in edges
_CELL = 1.4  # the distance of two cells, in edges
_MARGIN = 0.45  # inches
_HEADER = 0.62
_LEGEND_ROW = 0.26
_GIVEN_GROUND, _WRONG_GROUND = "#e3e6ea", "#f8dcda"


class DrawnRelation(Protocol):
    """What is drawn of a constraint."""

    kind: ClassVar[str]

    @property
    def scope(self) -> tuple[int, ...]: ...


class DrawnStructure(Protocol):
    """What is drawn of a network's structure."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def domains(self) -> Sequence[Sequence[Hashable]]: ...

    @property
    def relations(self) -> Sequence[DrawnRelation]: ...


class DrawnNetwork(Protocol):
    """A `neurosym.Network`, or what looks like one."""

    @property
    def structure(self) -> DrawnStructure: ...


def factor_graph(
    network: DrawnNetwork,
    path: str | Path,
    *,
    domains: np.ndarray | None = None,
    cells: np.ndarray | None = None,
    title: str = "Factor graph",
) -> Path:
    """Draws the variables and constraints of a network.

    Args:
      network: the compiled problem.
      path: the PNG to write, its folder made where needed.
      domains: bool ``[V, D]``: the values that are possible. A variable with one is drawn grey with
        its value, one without any red.
      cells: int ``[rows, columns]``: where every variable stands on a board; -1 leaves a place
        empty. None finds places by the structure alone.
      title: the heading.

    Returns:
      The path.

    Raises:
      ValueError: domains of another shape, cells that do not hold every variable once, or a network
        of more than `MOST_NODES` variables and constraints or `MOST_EDGES` places in scopes, which
        would be illegible.
    """
    structure = network.structure
    variables, relations = len(structure.names), structure.relations
    scopes = [relation.scope for relation in relations]
    nodes, places = variables + len(relations), sum(map(len, scopes))
    if not is_drawable(network):
        raise ValueError(
            f"a factor graph is drawn up to {MOST_NODES:,} variables and constraints and "
            f"{MOST_EDGES:,} places in scopes, not {nodes:,} and {places:,}; network_summary draws "
            "larger networks in numbers"
        )
    values = _values_left(structure, domains)
    edges = [(i, variables + n) for n, scope in enumerate(scopes) for i in scope]
    if cells is None:
        positions = graph_layout(nodes, np.asarray(edges, int).reshape(-1, 2))
        positions = _straightened(positions, scopes)
    else:
        positions = _on_board(np.asarray(cells), variables, scopes)
    colours = kind_colours(relations)
    unit = 0.85 if nodes <= _FEW else 0.64

    legend = _legend(relations, colours)
    caption = network_caption(structure, values)
    words = max(text_width(title, size=13), text_width(caption, size=9.5), 2.5)
    extent = positions.max(axis=0, initial=0) * unit
    width = max(extent[0] + 2 * _MARGIN, words + 0.6)
    columns, rows = _legend_shape(legend, width)
    footer = rows * _LEGEND_ROW + 0.12
    height = extent[1] + 2 * _MARGIN + _HEADER + footer
    figure = new_figure(width, height)
    figure.text(0.2 / width, 1 - 0.22 / height, title, size=13, weight="bold", color=INK, va="top")
    figure.text(0.2 / width, 1 - 0.48 / height, caption, size=9.5, color=QUIET, va="top")

    axes = figure.add_axes((0, footer / height, 1, 1 - (footer + _HEADER) / height))
    axes.set_axis_off()
    room = (width - extent[0]) / 2 / unit
    axes.set_xlim(-room, extent[0] / unit + room)
    axes.set_ylim((extent[1] + _MARGIN) / unit, -_MARGIN / unit)
    _draw_edges(axes, positions, edges, [colours[r.kind] for r in relations], variables)
    _draw_constraints(axes, positions[variables:], relations, colours, unit, nodes <= _FEW)
    _draw_variables(axes, positions[:variables], structure, values, unit)
    if legend:
        figure.legend(
            handles=legend,
            loc="lower left",
            bbox_to_anchor=(0.1 / width, 0.05 / height),
            ncols=columns,
            frameon=False,
            fontsize=8.5,
            labelcolor=INK,
            handletextpad=0.2,
            columnspacing=1.2,
            borderaxespad=0,
        )
    return save(figure, path)


def is_drawable(network: DrawnNetwork) -> bool:
    """Whether a network is small enough for `factor_graph`."""
    relations = network.structure.relations
    places = sum(len(relation.scope) for relation in relations)
    nodes = len(network.structure.names) + len(relations)
    return nodes <= MOST_NODES and places <= MOST_EDGES


def kind_colours(relations: Sequence[DrawnRelation]) -> dict[str, str]:
    """A colour for each kind of constraint, by the order of their names."""
    kinds = sorted({relation.kind for relation in relations})
    return {kind: CATEGORIES[n] if n < len(CATEGORIES) else QUIET for n, kind in enumerate(kinds)}


def network_caption(structure: DrawnStructure, values: Sequence[str | None]) -> str:
    """How many variables, values and constraints there are, and how many variables have one value.

    Args:
      structure: of the network.
      values: of each variable the value that is left, "" if none is, None if several are.
    """
    sizes = sorted({len(domain) for domain in structure.domains})
    span = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    parts = [
        f"{_number(len(structure.names), 'variable')} of {span} value{'s' * (sizes[-1] > 1)}",
        _number(len(structure.relations), "constraint"),
    ]
    given = sum(value is not None and value != "" for value in values)
    empty = sum(value == "" for value in values)
    parts += [f"{given:,} given"] * (given > 0) + [f"{empty:,} without a value"] * (empty > 0)
    return ", ".join(parts)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _values_left(structure: DrawnStructure, domains: np.ndarray | None) -> list[str | None]:
    """Of each variable the only value that it may have, "" if it has none, None if several."""
    if domains is None:
        return [None] * len(structure.names)
    domains = np.asarray(domains, np.bool_)
    shape = (len(structure.names), max(map(len, structure.domains)))
    if domains.shape != shape:
        raise ValueError(f"domains are bool[V, D] = {list(shape)}, not {list(domains.shape)}")
    found: list[str | None] = []
    for row, domain in zip(domains, structure.domains, strict=True):
        left = np.flatnonzero(row[: len(domain)])
        found.append(None if len(left) > 1 else str(domain[left[0]]) if len(left) else "")
    return found


def _straightened(positions: np.ndarray, scopes: Sequence[Sequence[int]]) -> np.ndarray:
    """Every constraint between two variables that no other one is between, half way."""
    positions = positions.copy()
    variables = len(positions) - len(scopes)
    between = Counter(tuple(sorted(scope)) for scope in scopes)
    for n, scope in enumerate(scopes):
        if len(scope) != 2 or between[tuple(sorted(scope))] > 1:
            continue
        middle = positions[list(scope)].mean(axis=0)
        far = np.linalg.norm(positions - middle, axis=1)
        far[variables + n] = np.inf
        if far.min() > _CLEAR:
            positions[variables + n] = middle
    return positions


def _on_board(cells: np.ndarray, variables: int, scopes: Sequence[Sequence[int]]) -> np.ndarray:
    """Variables at their cells, constraints where their edges run through no other cell's middle:
    those on a line at its end outside of the board, those of two neighbours between them, all
    others among their cells.
    """
    placed = np.sort(cells[cells >= 0]) if cells.ndim == 2 else np.zeros(0, int)
    if not np.array_equal(placed, np.arange(variables)):
        raise ValueError(
            f"cells are int[rows, columns] that hold each variable below {variables} once"
        )
    positions = np.zeros((variables + len(scopes), 2))
    rows, columns = np.nonzero(cells >= 0)
    positions[cells[rows, columns]] = np.stack([columns, rows], axis=1) * _CELL
    for n, scope in enumerate(scopes):
        own = positions[list(scope)]
        end = _end_of_line(cells, scope)
        middle = own.mean(axis=0)
        if end is not None:
            wanted, step = end
        elif len(scope) == 2 and np.ptp(own, axis=0).sum() < 1.5 * _CELL:
            wanted, step = middle, np.zeros(2)
        else:
            wanted = np.floor(middle / _CELL + 1e-6) * _CELL + _CELL / 2
            step = np.full(2, _CELL / 2)
        positions[variables + n] = _free(positions[: variables + n], wanted, step)
    return positions - positions.min(axis=0)


def _end_of_line(cells: np.ndarray, scope: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Where a row, column or diagonal of cells leaves the board, and a step further; else None."""
    places = np.asarray([np.argwhere(cells == i)[0] for i in scope])
    places = places[np.lexsort((places[:, 1], places[:, 0]))]
    steps = np.diff(places, axis=0)
    if len(scope) < 3 or np.abs(steps).max() != 1 or (steps != steps[0]).any():
        return None
    for last, step in ((places[-1], steps[0]), (places[0], -steps[0])):
        row, column = last + step
        inside = 0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]
        if not inside or cells[row, column] < 0:
            return np.asarray((column, row)) * _CELL, step[::-1] * _CELL / 2
    return None


def _free(taken: np.ndarray, place: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The first place from the given one on, by steps, at which nothing stands."""
    while step.any() and np.linalg.norm(taken - place, axis=1).min(initial=np.inf) < _CLEAR:
        place = place + step
    return place


def _draw_edges(
    axes: Axes,
    positions: np.ndarray,
    edges: Sequence[tuple[int, int]],
    colours: Sequence[str],
    variables: int,
) -> None:
    lines = LineCollection(
        [positions[list(edge)] for edge in edges],
        colors=[_pale(colours[constraint - variables]) for _, constraint in edges],
        linewidths=1.1,
        zorder=1,
    )
    axes.add_collection(lines)


def _pale(colour: str) -> tuple[float, ...]:
    """Mixed with white, not translucent: edges on one line do not add up."""
    return tuple(0.5 + 0.5 * part for part in to_rgb(colour))


def _draw_constraints(
    axes: Axes,
    positions: np.ndarray,
    relations: Sequence[DrawnRelation],
    colours: dict[str, str],
    unit: float,
    named: bool,
) -> None:
    """Squares with the arity in them, and the kind below where there is room for it."""
    side = 0.34 * unit * 72
    axes.scatter(
        positions[:, 0],
        positions[:, 1],
        s=side**2,
        marker="s",
        c=[colours[relation.kind] for relation in relations],
        edgecolors="white",
        linewidths=1,
        zorder=2,
    )
    for (x, y), relation in zip(positions, relations, strict=True):
        arity = str(len(relation.scope))
        size = min(0.62 * side, _fitting(arity, 0.8 * side))
        centred: dict[str, Any] = {"ha": "center", "va": "center_baseline", "zorder": 4}
        axes.text(x, y, arity, size=size, color="white", weight="bold", **centred)
        if named:
            halo = [withStroke(linewidth=2, foreground="white")]
            below: dict[str, Any] = {"ha": "center", "va": "top", "zorder": 5, "path_effects": halo}
            kind = relation.kind.replace("_", " ")
            axes.text(x, y + 0.22, kind, size=6.5, color=colours[relation.kind], **below)


def _draw_variables(
    axes: Axes,
    positions: np.ndarray,
    structure: DrawnStructure,
    values: Sequence[str | None],
    unit: float,
) -> None:
    """Circles with the name in them, and the value that is left."""
    diameter = 0.62 * unit * 72
    grounds = {None: "white", "": _WRONG_GROUND}
    axes.scatter(
        positions[:, 0],
        positions[:, 1],
        s=diameter**2,
        c=[grounds.get(value, _GIVEN_GROUND) for value in values],
        edgecolors=[WRONG if value == "" else INK for value in values],
        linewidths=1.1,
        zorder=3,
    )
    for (x, y), name, value in zip(positions, structure.names, values, strict=True):
        text = _in_lines(name) + (f"\n= {_short(value)}" if value else "")
        lines = text.count("\n") + 1
        size = min(9.0, _fitting(text, 0.86 * diameter), 0.82 * diameter / (1.1 * lines))
        size = max(size, 3.5)
        centred: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 6, "linespacing": 1.0}
        axes.text(x, y, text, size=size, color=INK, **centred)


def _in_lines(name: str) -> str:
    """A name like ``cell[1, 2]`` in two lines."""
    start, bracket, rest = name.partition("[")
    return f"{_short(start)}\n[{_short(rest)}" if start and bracket else _short(name)


def _short(text: str, most: int = 14) -> str:
    return text if len(text) <= most else f"{text[: most - 5]}…{text[-4:]}"


def _fitting(text: str, points: float) -> float:
    """The font size at which a text is so wide."""
    width = 72 * text_width(text, size=10)
    return 10 * points / width if width else 10.0


def _legend(relations: Sequence[DrawnRelation], colours: dict[str, str]) -> list[Line2D]:
    """Colour, kind and number of each kind of constraint, with the arities that occur."""
    counts = Counter(relation.kind for relation in relations)
    entries = []
    for kind in sorted(counts):
        arities = sorted({len(r.scope) for r in relations if r.kind == kind})
        span = f"{arities[0]}" if len(arities) == 1 else f"{arities[0]} to {arities[-1]}"
        label = f"{counts[kind]:,} {kind.replace('_', ' ')}, arity {span}"
        mark: dict[str, Any] = {"marker": "s", "markersize": 9, "linestyle": ""}
        entries.append(Line2D([], [], color=colours[kind], label=label, **mark))
    return entries


def _legend_shape(entries: Sequence[Line2D], width: float) -> tuple[int, int]:
    """Columns and rows of the legend within a width in inches."""
    if not entries:
        return 1, 0
    widest = max(text_width(str(entry.get_label()), size=8.5) for entry in entries) + 0.45
    columns = max(1, min(len(entries), int((width - 0.2) / widest)))
    return columns, -(-len(entries) // columns)
