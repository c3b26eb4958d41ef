"""The trials of a sweep in their order: the value of each trial, and the best so far."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from neurosym.plots.style import CATEGORIES, INK, QUIET, WRONG, new_figure, quiet_axes, save


def sweep_history(
    trials: Sequence[Mapping[str, Any]], path: str | Path, *, metric: str, heading: str = ""
) -> Path:
    """Draws the value of every trial over its number, and the best one so far as a line.

    Args:
      trials: Dicts as in `sweep.json`: "number", "state" and "value", which is None where nothing
        was measured. The value of a pruned trial is its last one before it was given up; a trial
        that failed is marked below the axis.
      path: The PNG to write; its folder is made where needed.
      metric: The name of the value, higher is better. An accuracy (a name that ends so) is shown in
        percent.
      heading: A line above the picture.

    Returns:
      The path.

    Raises:
      ValueError: No trial has a finite value.
    """
    percent = metric.endswith("accuracy")
    scale = 100.0 if percent else 1.0
    points = {
        state: [
            (int(t["number"]), scale * float(t["value"]))
            for t in trials
            if t["state"] == state and t["value"] is not None and math.isfinite(t["value"])
        ]
        for state in ("COMPLETE", "PRUNED")
    }
    if not any(points.values()):
        raise ValueError(f"there is nothing to draw: no trial has a finite {metric!r}")
    figure = new_figure(6.4, 3.6)
    axes = figure.add_subplot()
    quiet_axes(axes)
    if points["COMPLETE"]:
        numbers, values = zip(*points["COMPLETE"], strict=True)
        axes.scatter(numbers, values, s=26, color=CATEGORIES[0], label="complete", zorder=3)
        best = [max(values[: place + 1]) for place in range(len(values))]
        last = max(int(t["number"]) for t in trials)
        axes.step(
            [*numbers, last], [*best, best[-1]], where="post", color=CATEGORIES[1], linewidth=1.6,
            label="best so far", zorder=2,
        )  # fmt: skip
        place = values.index(best[-1])
        value = f"{best[-1]:.2f} %" if percent else f"{best[-1]:.4g}"
        axes.set_title(
            f"best: {value}, trial {numbers[place]}", fontsize=9, color=QUIET, loc="left"
        )
    if points["PRUNED"]:
        numbers, values = zip(*points["PRUNED"], strict=True)
        axes.scatter(
            numbers, values, s=24, facecolors="none", edgecolors=QUIET, label="pruned", zorder=3
        )
    failed = [int(t["number"]) for t in trials if t["state"] == "FAIL"]
    if failed:
        axes.scatter(
            failed,
            [0.02] * len(failed),
            transform=axes.get_xaxis_transform(),
            marker="x",
            s=30,
            color=WRONG,
            label="failed",
            zorder=3,
        )
    axes.set_xlabel("trial", color=INK)
    unit = " (%)" if percent else ""
    axes.set_ylabel(f"validation {metric.replace('_', ' ')}{unit}", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10]))
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    if heading:
        figure.suptitle(heading, fontsize=11, color=INK)
    figure.tight_layout()
    return save(figure, path)
