"""What depends on what, in layers: a name stands above those that it needs.

path/2 ─▶ path/2, edge/2        a component that recurses has a coloured ground
safe/1 ╌▶ path/2                what is needed not to hold has a dashed line
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from neurosym.plots.style import CATEGORIES, INK, QUIET, new_sheet, save, text_width

_SIZE = 10.0  # points
_ROW, _GAP, _BOX, _MARGIN, _HEADER = 0.95, 0.35, 0.36, 0.35, 0.55  # inches
_SWEEPS = 8
_PLAIN, _RECURSIVE = "#eef1f5", "#fde7c8"


def dependency_graph(
    names: Sequence[str],
    edges: Mapping[tuple[int, int], bool],
    components: Sequence[Sequence[int]],
    path: str | Path,
    *,
    heading: str = "",
) -> Path:
    """Draws it.

    Args:
      names: of the nodes.
      edges: from a node to one that it needs; True where it needs it not to hold.
      components: nodes that depend on each other, each after those that it needs.
      path: the PNG to write; its folder is made where needed.
      heading: a line above.

    Returns:
      The path.

    Raises:
      ValueError: if there is no node.
    """
    if not names:
        raise ValueError("there is nothing to draw")
    layers = _layers(len(names), edges, components)
    widths = [text_width(name, size=_SIZE) + 0.3 for name in names]
    places = _places(layers, widths, edges)
    right = max(x + widths[n] / 2 for n, (x, _) in enumerate(places)) + _MARGIN
    width = max(right, text_width(heading, size=13) + 2 * _MARGIN, 3.2)
    height = _HEADER + _ROW * len(layers) + _MARGIN
    figure, axes = new_sheet(width, height)
    axes.text(_MARGIN, 0.3, heading, size=13, color=INK, va="center")
    recursive = {n for own in components for n in own if len(own) > 1 or (own[0], own[0]) in edges}
    for (a, b), negated in edges.items():
        (x, y), (u, v) = places[a], places[b]
        if a == b:
            start, end = (x + widths[a] / 2, y - 0.05), (x + widths[a] / 2, y + 0.05)
            bend = "arc3,rad=-3.2"
        elif y == v:
            side = 1 if u > x else -1
            start, end = (x + side * widths[a] / 2, y), (u - side * widths[b] / 2, v)
            bend = "arc3,rad=-0.35"
        else:
            down = 1 if v > y else -1
            start, end = (x, y + down * _BOX / 2), (u, v - down * _BOX / 2)
            bend = "arc3,rad=0.12" if v > y else "arc3,rad=0.3"
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                connectionstyle=bend,
                arrowstyle="-|>",
                mutation_scale=9,
                color=CATEGORIES[1] if negated else QUIET,
                linestyle=(0, (3, 2)) if negated else "-",
                linewidth=1.0,
                shrinkA=1,
                shrinkB=1,
            )
        )
    for n, (x, y) in enumerate(places):
        axes.add_patch(
            FancyBboxPatch(
                (x - widths[n] / 2, y - _BOX / 2),
                widths[n],
                _BOX,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=_RECURSIVE if n in recursive else _PLAIN,
                edgecolor=QUIET,
                linewidth=0.8,
                zorder=3,
            )
        )
        axes.text(x, y, names[n], size=_SIZE, color=INK, ha="center", va="center", zorder=4)
    return save(figure, path)


def _layers(
    count: int, edges: Mapping[tuple[int, int], bool], components: Sequence[Sequence[int]]
) -> list[list[int]]:
    """The nodes of each layer, what needs others above them."""
    component = {n: k for k, own in enumerate(components) for n in own}
    height: list[int] = []
    for k in range(len(components)):
        below = [component[b] for a, b in edges if component[a] == k and component[b] != k]
        height.append(1 + max((height[other] for other in below), default=-1))
    found: list[list[int]] = [[] for _ in range(max(height) + 1)]
    for n in range(count):
        found[len(found) - 1 - height[component[n]]].append(n)
    return found


def _places(
    layers: list[list[int]], widths: Sequence[float], edges: Mapping[tuple[int, int], bool]
) -> list[tuple[float, float]]:
    """Centres of the nodes; neighbours pull each other along their layers."""
    near: dict[int, list[int]] = {}
    for a, b in edges:
        if a != b:
            near.setdefault(a, []).append(b)
            near.setdefault(b, []).append(a)
    x: dict[int, float] = {}
    for layer in layers:
        x |= _in_line(layer, {n: float(k) for k, n in enumerate(layer)}, widths)
    for _ in range(_SWEEPS):
        for layer in layers:
            wish = {
                n: sum(x[m] for m in near[n]) / len(near[n]) if n in near else x[n] for n in layer
            }
            x |= _in_line(layer, wish, widths)
    left = min(x[n] - widths[n] / 2 for n in x)
    row = {n: k for k, layer in enumerate(layers) for n in layer}
    return [(x[n] - left + _MARGIN, _HEADER + _ROW * (row[n] + 0.5)) for n in range(len(widths))]


def _in_line(
    layer: Sequence[int], wish: Mapping[int, float], widths: Sequence[float]
) -> dict[int, float]:
    """The nodes of a layer beside each other, in the order of their wishes and around them."""
    order = sorted(layer, key=lambda n: wish[n])
    found: dict[int, float] = {}
    at = 0.0
    for n in order:
        found[n] = at + widths[n] / 2
        at += widths[n] + _GAP
    shift = sum(wish[n] - found[n] for n in order) / max(len(order), 1)
    return {n: own + shift for n, own in found.items()}
