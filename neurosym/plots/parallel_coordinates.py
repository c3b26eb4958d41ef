"""All trials of a sweep at once: an axis for each field, a coloured line for each trial.

The colours go from dark to bright as the values of trials go up, in steps that the eye sees as
equal. The best trial has an outline and lies on top.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from neurosym.plots.style import INK, QUIET, new_figure, save

_TICKS = 5
_MARGIN = 0.04
_ABSENT = -0.12  # where a field lies that a trial does not have
_LEAST_GAP = 0.05  # between two labels of an axis


class _Axis(NamedTuple):
    """One upright axis: where a value lies on it, from 0 to 1, and what stands beside it."""

    name: str
    places: dict[int, float]  # by the number of the trial; absent where the field was not varied
    ticks: list[tuple[float, str]]


def parallel_coordinates(
    trials: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    metric: str,
    logarithmic: Sequence[str] = (),
    heading: str = "",
) -> Path:
    """Draws the varied fields of every trial and its value as lines from axis to axis.

    Args:
      trials: Dicts as in `sweep.json`: "number", "state", "value" and "params". Trials without a
        finite value are left out; pruned trials are drawn dashed, and their last value counts.
      path: The PNG to write; its folder is made where needed.
      metric: The name of the value, higher is better. An accuracy (a name that ends so) is shown in
        percent.
      logarithmic: Fields whose axis is logarithmic where all values are positive.
      heading: A line above the picture.

    Returns:
      The path. A field that a trial does not have is below its axis. The best trial is the complete
      one with the highest value, or, where all were pruned, the pruned one.

    Raises:
      ValueError: No trial has a finite value.
    """
    shown = [
        t
        for t in trials
        if t["state"] in ("COMPLETE", "PRUNED")
        and t["value"] is not None
        and math.isfinite(t["value"])
    ]
    if not shown:
        raise ValueError(f"there is nothing to draw: no trial has a finite {metric!r}")
    percent = metric.endswith("accuracy")
    scale = 100.0 if percent else 1.0
    names = list(dict.fromkeys(name for t in shown for name in t["params"]))
    columns = []
    for name in names:
        values = {int(t["number"]): t["params"][name] for t in shown if name in t["params"]}
        columns.append(_axis(name, values, log=name in logarithmic))
    reached = {int(t["number"]): scale * float(t["value"]) for t in shown}
    title = metric.replace("_", " ") + (" (%)" if percent else "")
    columns.append(_axis(title, dict(reached), log=False))

    figure = new_figure(max(1.9 * len(columns), 5.0), 4.0)
    axes = figure.add_subplot()
    norm, colours = _scale(list(reached.values())), _colours()
    best = max(shown, key=lambda t: (t["state"] == "COMPLETE", float(t["value"])))
    for trial in sorted(shown, key=lambda t: float(t["value"])):
        number = int(trial["number"])
        heights = [column.places.get(number, _ABSENT) for column in columns]
        pruned = trial["state"] == "PRUNED"
        look: dict[str, Any] = {
            "linewidth": 1.0 if pruned else 1.7,
            "alpha": 0.6 if pruned else 0.9,
        }
        if trial is best:
            outline = [withStroke(linewidth=4.4, foreground=INK)]
            look = {"linewidth": 2.6, "zorder": 3, "path_effects": outline}
        axes.plot(
            range(len(columns)),
            heights,
            color=colours(float(norm(reached[number]))),
            linestyle=(0, (3, 2)) if pruned else "-",
            **look,
        )
    _draw_axes(axes, columns, len(shown))
    said = f"outlined: the best, trial {int(best['number'])}"
    said += "; dashed: pruned" if any(t["state"] == "PRUNED" for t in shown) else ""
    axes.text(0.0, -0.02, said, transform=axes.transAxes, va="top", fontsize=9, color=QUIET)
    _draw_colour_bar(figure, axes, ScalarMappable(norm, colours), title)
    if heading:
        figure.suptitle(heading, fontsize=11, color=INK)
    figure.tight_layout()
    return save(figure, path)


def _colours() -> Colormap:
    """Dark to bright, without the brightest, which would not show on white."""
    return ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.82, 256)))


def _scale(values: Sequence[float]) -> Normalize:
    low, high = min(values), max(values)
    return Normalize(low, high) if low < high else Normalize(low - 0.5, high + 0.5)


def _draw_colour_bar(figure: Figure, axes: Axes, shades: ScalarMappable, title: str) -> None:
    bar = figure.colorbar(shades, ax=axes, fraction=0.03, pad=0.02, aspect=28)
    bar.set_label(title, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=7.5, colors=INK, length=2)
    bar.outline.set_visible(False)


def _axis(name: str, values: dict[int, Any], *, log: bool) -> _Axis:
    if all(_is_number(value) for value in values.values()):
        numbers = {trial: float(value) for trial, value in values.items()}
        return _number_axis(name, numbers, log=log and min(numbers.values()) > 0)
    labels = sorted({str(value) for value in values.values()})
    place = {label: (at + 0.5) / len(labels) for at, label in enumerate(labels)}
    places = {trial: place[str(value)] for trial, value in values.items()}
    return _Axis(name, places, [(at, label) for label, at in place.items()])


def _number_axis(name: str, values: dict[int, float], *, log: bool) -> _Axis:
    low, high = min(values.values()), max(values.values())
    if low == high:
        return _Axis(name, dict.fromkeys(values, 0.5), [(0.5, f"{low:.4g}")])
    forward = math.log if log else float

    def place(value: float) -> float:
        return (forward(value) - forward(low)) / (forward(high) - forward(low))

    distinct = sorted(set(values.values()))
    if len(distinct) <= _TICKS:
        ticks = distinct
    elif log:
        ticks = [float(tick) for tick in np.geomspace(low, high, _TICKS)]
    else:
        ticks = [float(tick) for tick in np.linspace(low, high, _TICKS)]
    labelled: list[tuple[float, str]] = []
    for tick in ticks:
        if not labelled or place(tick) - labelled[-1][0] >= _LEAST_GAP:
            labelled.append((place(tick), f"{tick:.3g}"))
    return _Axis(name, {trial: place(value) for trial, value in values.items()}, labelled)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _draw_axes(axes: Axes, columns: Sequence[_Axis], trials: int) -> None:
    absent = [at for at, column in enumerate(columns) if len(column.places) < trials]
    axes.set_axis_off()
    axes.set_xlim(-0.25, len(columns) - 0.55)
    axes.set_ylim((_ABSENT if absent else 0.0) - _MARGIN, 1 + _MARGIN)
    for at in absent:
        axes.text(at + 0.04, _ABSENT, "absent", va="center", fontsize=7.5, color=QUIET)
    for at, column in enumerate(columns):
        axes.plot([at, at], [0, 1], color=QUIET, linewidth=1.0, zorder=0.5)
        # A section's name above its field's: whole names do not fit beside one another.
        axes.text(
            at, 1.06, column.name.replace(".", "\n"), ha="center", va="bottom", fontsize=8,
            color=INK,
        )  # fmt: skip
        for height, label in column.ticks:
            axes.plot([at - 0.02, at + 0.02], [height, height], color=QUIET, linewidth=1.0)
            axes.text(
                at + 0.04,
                height,
                label,
                va="center",
                fontsize=7.5,
                color=INK,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
                zorder=4,
            )
