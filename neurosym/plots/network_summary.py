"""A network too large for its factor graph, in numbers: its constraints and its variables."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from neurosym.plots.factor_graph import (
    DrawnNetwork,
    drawn_constraints,
    kind_colours,
    network_caption,
)
from neurosym.plots.style import INK, QUIET, new_figure, quiet_axes, save

_MOST_BARS = 24
_BINS = 40


def network_summary(network: DrawnNetwork, path: str | Path, *, title: str = "Network") -> Path:
    """Draws how many constraints of each kind and arity there are, and how many a variable has.

    Args:
      network: the compiled problem, of any size.
      path: the PNG to write, its folder made where needed.
      title: the heading.

    Returns:
      The path.
    """
    structure = network.structure
    constraints = drawn_constraints(structure)
    counts = Counter((constraint.kind, len(constraint.scope)) for constraint in constraints)
    rows = counts.most_common(_MOST_BARS)
    figure = new_figure(9.6, max(3.6, 1.7 + 0.24 * len(rows)))
    bars, histogram = figure.subplots(1, 2)
    colours = kind_colours(constraints)
    labels = [f"{kind.replace('_', ' ')}, arity {arity:,}" for (kind, arity), _ in rows]
    sizes = [count for _, count in rows]
    bars.barh(labels, sizes, color=[colours[kind] for (kind, _), _ in rows], height=0.7)
    for row, count in enumerate(sizes):
        place: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        bars.annotate(f"{count:,}", (count, row), **place, fontsize=9, color=QUIET)
    bars.set_ylim(max(len(rows), 4) - 0.5, -0.5)
    hidden = len(counts) - len(rows)
    _dress(bars, "constraints" + (f" (and {hidden:,} rarer kinds and arities)" if hidden else ""))
    bars.margins(x=0.18)

    scopes = [i for constraint in constraints for i in constraint.scope]
    degrees = np.bincount(np.asarray(scopes, int), minlength=len(structure.names))
    width = max(1, -(-int(degrees.max() + 1) // _BINS))
    edges = np.arange(0, degrees.max() + 1 + width, width) - 0.5
    histogram.hist(degrees, bins=edges.tolist(), color="#8aa4c8", edgecolor="white", linewidth=0.5)
    _dress(histogram, "variables by the constraints on them")
    histogram.yaxis.set_major_formatter(FuncFormatter(_thousands))
    histogram.xaxis.set_major_locator(MaxNLocator(integer=True))
    caption = network_caption(structure, [None] * len(structure.names))
    figure.suptitle(title, x=0.02, ha="left", size=13, weight="bold", color=INK)
    figure.text(0.02, 0.02, caption, size=9.5, color=QUIET)
    figure.tight_layout(rect=(0, 0.06, 1, 0.98))
    return save(figure, path)


def _dress(axes: Axes, title: str) -> None:
    quiet_axes(axes)
    axes.set_title(title, loc="left", fontsize=9.5, color=QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def _thousands(value: float, _: int) -> str:
    return f"{value:,.0f}"
