"""Learning curves of a run: loss and metric of every split, from records of `metrics.jsonl`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    ScalarFormatter,
)

from neurosym.plots.style import INK, QUIET, SPLIT_COLOURS, new_figure, quiet_axes, save

_SPLITS = ("train", "validation", "test")
_LOG_SCALE_FROM = 30.0  # A larger ratio of the losses than this hides the end of the curve.


def learning_curves(
    records: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    metric: str,
    loss_unit: str = "nats",
    heading: str = "",
) -> Path:
    """Draws the loss and a metric of every split side by side.

    Args:
      records: Dicts with "split" ("train", "validation", "test"), "step" or "epoch" or both, and
        any of "loss" and the metric. Where a resumed run has written a step twice, the later
        record counts. Values that are not finite are left out.
      path: The PNG to write; its folder is made where needed.
      metric: The name of the metric. An accuracy (a name that ends so) is shown in percent.
      loss_unit: The unit of the loss, "" for none.
      heading: A line above the picture.

    Returns:
      The path. A panel without data (a run without validation may have no metric) is left out.

    Raises:
      ValueError: No record has a finite loss or metric.
    """
    position = "epoch" if _has_distinct_epochs(records) else "step"
    percent = metric.endswith("accuracy")
    panels = [
        ("loss", f"loss ({loss_unit})" if loss_unit else "loss", 1.0),
        (metric, metric.replace("_", " ") + (" (%)" if percent else ""), 100.0 if percent else 1.0),
    ]
    curves = {name: _curves(records, name, position, scale) for name, _, scale in panels}
    shown = [(name, label) for name, label, _ in panels if curves[name]]
    if not shown:
        raise ValueError(f"there is nothing to draw: no record has a finite loss or {metric!r}")
    figure = new_figure(5.2 * len(shown), 3.6)
    for place, (name, label) in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), place + 1)
        quiet_axes(axes)
        for split, points in curves[name].items():
            _draw(axes, split, points)
        axes.set_xlabel(position, color=INK)
        axes.set_ylabel(label, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
        if name == "loss":
            _choose_loss_scale(axes, curves[name])
        else:
            _mark_best(axes, curves[name].get("validation", []), position, percent)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    if heading:
        figure.suptitle(heading, fontsize=11, color=INK)
    figure.tight_layout(w_pad=2.5)
    return save(figure, path)


def _has_distinct_epochs(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the epoch tells the records of a split apart: not so if logged within epochs."""
    steps: dict[tuple[str, Any], Any] = {}
    for record in records:
        if record.get("epoch") is None:
            return False
        key = (record.get("split", ""), record["epoch"])
        if steps.setdefault(key, record.get("step")) != record.get("step"):
            return False
    return True


def _curves(
    records: Sequence[Mapping[str, Any]], name: str, position: str, scale: float
) -> dict[str, list[tuple[float, float]]]:
    """For each split that has any, the points (position, value) in order of position."""
    points: dict[str, dict[float, float]] = {split: {} for split in _SPLITS}
    for record in records:
        split, x, y = record.get("split"), record.get(position), record.get(name)
        if split in points and x is not None and y is not None and math.isfinite(y):
            points[split][float(x)] = scale * float(y)
    return {split: sorted(of_split.items()) for split, of_split in points.items() if of_split}


def _draw(axes: Axes, split: str, points: list[tuple[float, float]]) -> None:
    xs, ys = zip(*points, strict=True)
    few = len(points) <= 40
    axes.plot(
        xs,
        ys,
        color=SPLIT_COLOURS[split],
        linewidth=1.8,
        marker="D" if split == "test" else "o" if few else None,
        markersize=6 if split == "test" else 3,
        label=split,
        zorder=3 if split == "test" else 2,
    )


def _choose_loss_scale(axes: Axes, curves: dict[str, list[tuple[float, float]]]) -> None:
    values = [y for points in curves.values() for _, y in points]
    if min(values) > 0 and max(values) / min(values) > _LOG_SCALE_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))


def _mark_best(axes: Axes, points: list[tuple[float, float]], position: str, percent: bool) -> None:
    """Names the best validation value, the one whose checkpoint is kept."""
    if len(points) < 2:
        return
    x, y = max(points, key=lambda point: (point[1], -point[0]))
    value = f"{y:.2f} %" if percent else f"{y:.4g}"
    axes.axhline(y, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.set_title(
        f"best on validation: {value} ({position} {x:,.10g})", fontsize=9, color=QUIET, loc="left"
    )
