"""The factor graph of a network: variables as circles, constraints as boxes.

    (x) ── clause ╌╌ (y)        x | ~y: the edge of a negative literal is dashed

Each constraint stands among its variables, in the colour of its kind, whose name is in the box
where there is room for it. Every variable and every constraint is there, up to `MOST_NODES`;
`network_summary` draws larger networks.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline

from neurosym.plots.constraint_places import on_board, straightened
from neurosym.plots.graph_layout import SMALL, graph_layout
from neurosym.plots.style import CATEGORIES, INK, QUIET, WRONG, new_figure, save, text_width

MOST_NODES = 600
"""Variables and constraints of a graph that is drawn."""

MOST_EDGES = 6000
"""Places in the scopes of its constraints."""

_FEW = SMALL  # nodes that are drawn larger, with the kind of each constraint in its box
_CIRCLE = 0.62  # the diameter of a variable, in edges
_BOX = (0.66, 0.36)  # width and height of a constraint, in edges, where its kind is in it
_SQUARE = 0.34  # its side where it is not
_MARGIN = 0.45  # inches
_HEADER = 0.62
_LEGEND_ROW = 0.26
_DASHES = (0, (3.2, 2.0))
_GIVEN_GROUND, _WRONG_GROUND = "#e3e6ea", "#f8dcda"


class DrawnRelation(Protocol):
    """The part of a relation that is drawn."""

    @property
    def kind(self) -> str: ...

    @property
    def scope(self) -> tuple[int, ...]: ...


class DrawnStructure(Protocol):
    """The part of a network's structure that is drawn."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def domains(self) -> Sequence[Sequence[Hashable]]: ...

    @property
    def relations(self) -> Sequence[DrawnRelation]: ...


class DrawnNetwork(Protocol):
    """A `neurosym.Network`, or an object that looks like one."""

    @property
    def structure(self) -> DrawnStructure: ...


class DrawnConstraint(NamedTuple):
    """A constraint as it is drawn."""

    kind: str
    scope: tuple[int, ...]  # indices of variables
    negative: frozenset[int]  # positions in the scope whose literals are negative


def drawn_constraints(structure: DrawnStructure) -> list[DrawnConstraint]:
    """The constraints of a network, in order.

    A literal is negative where the relation says so (`negative`, positions at which it holds for
    the first of two values) and these values are 0 and 1, or False and True.
    """
    found = []
    for relation in structure.relations:
        scope = tuple(relation.scope)
        negative = {
            k for k in getattr(relation, "negative", ()) if _is_boolean(structure.domains[scope[k]])
        }
        found.append(DrawnConstraint(relation.kind, scope, frozenset(negative)))
    return found


def _is_boolean(domain: Sequence[Hashable]) -> bool:
    return tuple(domain) == (0, 1)


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
      domains: bool ``[V, D]``: the values that are possible. A variable with one value is drawn
        grey with this value, a variable without any value red.
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
    variables, constraints = len(structure.names), drawn_constraints(structure)
    scopes = [constraint.scope for constraint in constraints]
    nodes, places = variables + len(constraints), sum(map(len, scopes))
    if not is_drawable(network):
        raise ValueError(
            f"a factor graph is drawn up to {MOST_NODES:,} variables and constraints and "
            f"{MOST_EDGES:,} places in scopes, not {nodes:,} and {places:,}; network_summary draws "
            "larger networks in numbers"
        )
    values = _values_left(structure, domains)
    edges = [(i, variables + n) for n, scope in enumerate(scopes) for i in scope]
    few = nodes <= _FEW
    if cells is not None:
        positions = on_board(np.asarray(cells), variables, scopes)
    else:
        positions = graph_layout(nodes, np.asarray(edges, int).reshape(-1, 2))
        positions = positions if few else straightened(positions, scopes)
    colours = kind_colours(constraints)
    unit = 0.85 if few else 0.64

    legend = _legend(constraints, colours)
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
    _draw_edges(axes, positions, constraints, colours)
    _draw_constraints(axes, positions[variables:], constraints, colours, unit, named=few)
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
    constraints = drawn_constraints(network.structure)
    places = sum(len(constraint.scope) for constraint in constraints)
    nodes = len(network.structure.names) + len(constraints)
    return nodes <= MOST_NODES and places <= MOST_EDGES


def kind_colours(constraints: Sequence[DrawnConstraint]) -> dict[str, str]:
    """A colour for each kind of constraint, by the order of their names."""
    kinds = sorted({constraint.kind for constraint in constraints})
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


def _draw_edges(
    axes: Axes,
    positions: np.ndarray,
    constraints: Sequence[DrawnConstraint],
    colours: dict[str, str],
) -> None:
    """Lines from variables to constraints, dashed where a literal is negative."""
    variables = len(positions) - len(constraints)
    lines, styles, shades = [], [], []
    for n, constraint in enumerate(constraints):
        colour = colours[constraint.kind]
        for k, i in enumerate(constraint.scope):
            lines.append(positions[[i, variables + n]])
            styles.append(_DASHES if k in constraint.negative else "solid")
            shades.append(to_rgb(colour) if k in constraint.negative else _pale(colour))
    axes.add_collection(
        LineCollection(lines, colors=shades, linestyles=styles, linewidths=1.1, zorder=1)
    )


def _pale(colour: str) -> tuple[float, ...]:
    """Mixed with white, not translucent: edges on one line do not add up."""
    return tuple(0.5 + 0.5 * part for part in to_rgb(colour))


def _draw_constraints(
    axes: Axes,
    positions: np.ndarray,
    constraints: Sequence[DrawnConstraint],
    colours: dict[str, str],
    unit: float,
    *,
    named: bool,
) -> None:
    """Boxes with the kind in them, or, where there is no room for it, squares."""
    width, height = (72 * unit * side for side in (_BOX if named else (_SQUARE, _SQUARE)))
    corners = [(-width, -height), (width, -height), (width, height), (-width, height)]
    axes.scatter(
        positions[:, 0],
        positions[:, 1],
        s=width**2,
        marker=Outline([*corners, corners[0]]),
        c=[colours[constraint.kind] for constraint in constraints],
        edgecolors="white",
        linewidths=1,
        zorder=2,
    )
    for (x, y), constraint in zip(positions, constraints, strict=True):
        if named:
            text = _in_two_lines(constraint.kind.replace("_", " "))
            lines = text.count("\n") + 1
            size = min(8.0, _fitting(text, 0.88 * width), 0.8 * height / (1.1 * lines))
            centred: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.0}
            axes.text(x, y, text, size=max(size, 3.5), color="white", zorder=4, **centred)


def _draw_variables(
    axes: Axes,
    positions: np.ndarray,
    structure: DrawnStructure,
    values: Sequence[str | None],
    unit: float,
) -> None:
    """Circles with the name in them, and the value that is left."""
    diameter = _CIRCLE * unit * 72
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


def _in_two_lines(words: str) -> str:
    """Words in two lines of about the same length, one word in one line."""
    gaps = [n for n, letter in enumerate(words) if letter == " "]
    if not gaps:
        return words
    middle = min(gaps, key=lambda n: abs(2 * n + 1 - len(words)))
    return f"{words[:middle]}\n{words[middle + 1 :]}"


def _short(text: str, most: int = 14) -> str:
    return text if len(text) <= most else f"{text[: most - 5]}…{text[-4:]}"


def _fitting(text: str, points: float) -> float:
    """The font size at which a text is so wide."""
    width = 72 * text_width(text, size=10)
    return 10 * points / width if width else 10.0


def _legend(constraints: Sequence[DrawnConstraint], colours: dict[str, str]) -> list[Line2D]:
    """Colour, kind and number of each kind of constraint, with the arities that occur."""
    counts = Counter(constraint.kind for constraint in constraints)
    entries = []
    for kind in sorted(counts):
        arities = sorted({len(c.scope) for c in constraints if c.kind == kind})
        span = f"{arities[0]}" if len(arities) == 1 else f"{arities[0]} to {arities[-1]}"
        label = f"{counts[kind]:,} {kind.replace('_', ' ')}, arity {span}"
        mark: dict[str, Any] = {"marker": "s", "markersize": 9, "linestyle": ""}
        entries.append(Line2D([], [], color=colours[kind], label=label, **mark))
    if any(constraint.negative for constraint in constraints):
        dashed: dict[str, Any] = {"linestyle": _DASHES, "linewidth": 1.1}
        entries.append(Line2D([], [], color=INK, label="negative literal", **dashed))
    return entries


def _legend_shape(entries: Sequence[Line2D], width: float) -> tuple[int, int]:
    """Columns and rows of the legend within a width in inches."""
    if not entries:
        return 1, 0
    widest = max(text_width(str(entry.get_label()), size=8.5) for entry in entries) + 0.45
    columns = max(1, min(len(entries), int((width - 0.2) / widest)))
    return columns, -(-len(entries) // columns)
