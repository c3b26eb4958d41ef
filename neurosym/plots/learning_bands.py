"""Learning curves of several configs at once, each with a band over its seeds."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from neurosym.plots.style import CATEGORIES, INK, new_figure, quiet_axes, save, text_width

# {"train": {"epoch": [...], "loss": [...]}, "validation": {...}} of one seed.
SeedCurves = Mapping[str, Mapping[str, Sequence[float | None]]]
_Points = dict[float, float]

_LOG_SCALE_FROM = 30.0  # A larger ratio of the losses than this hides the end of the curves.
_LEGEND_SIZE = 8.5
_LEGEND_MARGIN = 0.75  # inches for the line beside a name, and around both
_STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)))


def learning_bands(
    groups: Mapping[str, Sequence[SeedCurves]],
    path: str | Path,
    *,
    metric: str,
    heading: str = "",
) -> Path:
    """Draws the training loss, and a metric on validation, of each group over the epochs.

    Args:
      groups: by name, the curves of each seed: columns of equal length for each split, "epoch" or
        "step" among them. None in a column is left out. A point is drawn where all seeds of the
        group that have the curve have a number: their mean as a line, the range from the least to
        the most as a band.
      path: the PNG to write; its folder is made where needed.
      metric: the name of the metric; an accuracy is shown in percent. Its panel is left out where
        no group was validated.
      heading: a line above the picture.

    Returns:
      The path.

    Raises:
      ValueError: there is nothing to draw.
    """
    position = "epoch" if all(_has_epochs(seed) for g in groups.values() for seed in g) else "step"
    percent = "accuracy" in metric
    unit = " (%)" if percent else ""
    panels = []
    for split, name, label, factor in (
        ("train", "loss", "training loss", 1.0),
        (
            "validation",
            metric,
            f"validation {metric.replace('_', ' ')}{unit}",
            100.0 if percent else 1.0,
        ),
    ):
        curves = {
            group: [_points(seed.get(split, {}), position, name, factor) for seed in seeds]
            for group, seeds in groups.items()
        }
        found = {group: [p for p in seeds if p] for group, seeds in curves.items()}
        if any(found.values()):
            panels.append((label, found))
    if not panels:
        raise ValueError(f"there is nothing to draw: no seed has a loss or {metric!r} that is kept")
    colours = {group: number for number, group in enumerate(groups)}
    shown = {group: len(seeds) for group, seeds in groups.items() if seeds}
    labels = [_label(group, count) for group, count in shown.items()]
    legend = _LEGEND_MARGIN + max(text_width(label, size=_LEGEND_SIZE) for label in labels)
    panel = 4.9
    width = max(panel * len(panels) + legend, 7.0)
    figure = new_figure(width, max(3.9, 0.9 + 0.22 * len(labels)))
    for place, (label, found) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        quiet_axes(axes)
        for group, seeds in found.items():
            if seeds:
                _draw(axes, group, seeds, colours[group])
        axes.set_xlabel(position, color=INK)
        axes.set_ylabel(label, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
        if label == "training loss":
            _choose_scale(axes, [y for seeds in found.values() for p in seeds for y in p.values()])
    handles = {label: h for a in figure.axes for h, label in zip(*_legend(a), strict=True)}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="center left",
        bbox_to_anchor=(1 - legend / width, 0.5),
        frameon=False,
        fontsize=_LEGEND_SIZE,
        labelcolor=INK,
    )
    if heading:
        lines = math.ceil(text_width(heading, size=11) / (0.9 * width))
        wrapped = textwrap.fill(heading, math.ceil(1.1 * len(heading) / lines))
        figure.suptitle(wrapped, fontsize=11, color=INK)
    figure.tight_layout(w_pad=2.5, rect=(0, 0, 1 - legend / width, 1))
    return save(figure, path)


def _legend(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return handles, labels


def _label(group: str, seeds: int) -> str:
    return group if seeds == 1 else f"{group} ({seeds} seeds)"


def _has_epochs(seed: SeedCurves) -> bool:
    """Whether the epoch tells the points of each split apart."""
    return all(
        "epoch" in columns and len(set(columns["epoch"])) == len(columns["epoch"])
        for columns in seed.values()
    )


def _points(
    columns: Mapping[str, Sequence[float | None]], position: str, name: str, factor: float
) -> _Points:
    xs, ys = columns.get(position, ()), columns.get(name, ())
    return {
        float(x): factor * y
        for x, y in zip(xs, ys, strict=False)
        if x is not None and y is not None and math.isfinite(y)
    }


def _draw(axes: Axes, group: str, seeds: list[_Points], number: int) -> None:
    shared = sorted(set.intersection(*(set(seed) for seed in seeds)))
    columns = [[seed[x] for seed in seeds] for x in shared]
    colour = CATEGORIES[number % len(CATEGORIES)]
    if len(seeds) > 1:
        least, most = [min(ys) for ys in columns], [max(ys) for ys in columns]
        axes.fill_between(shared, least, most, color=colour, alpha=0.18, linewidth=0)
    axes.plot(
        shared,
        [math.fsum(ys) / len(ys) for ys in columns],
        color=colour,
        linestyle=_STYLES[number // len(CATEGORIES) % len(_STYLES)],
        linewidth=1.7,
        marker="o" if len(shared) <= 10 else None,
        markersize=3,
        label=_label(group, len(seeds)),
    )


def _choose_scale(axes: Axes, values: list[float]) -> None:
    if min(values) > 0 and max(values) / min(values) > _LOG_SCALE_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
