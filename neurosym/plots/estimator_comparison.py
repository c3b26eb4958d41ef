"""Estimators of a gradient side by side: bias against variance, accuracy against time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from neurosym.plots.style import CATEGORIES, INK, QUIET, new_figure, quiet_axes, save

FLOOR = 1e-3
"""What is smaller is drawn here: an exact gradient has bias and variance zero."""

_MARKERS = ("o", "s", "^", "D")
_FIELDS = ("name", "relative_bias", "relative_variance", "milliseconds", "accuracy")


def estimator_comparison(
    records: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    title: str = "Estimators of the gradient",
    caption: str = "",
) -> Path:
    """Draws each estimator as one point in two panels.

    Args:
      records: of each estimator its ``name``, ``relative_bias`` and ``relative_variance`` (both
        relative to the exact gradient), ``milliseconds`` of a step, and ``accuracy`` after
        training, in [0, 1].
      path: the PNG to write, its folder made where needed.
      title: the heading.
      caption: a line below, such as what was measured.

    Returns:
      The path.

    Raises:
      ValueError: without records, or where one lacks a field.
    """
    if not records:
        raise ValueError("there are no estimators to compare")
    for record in records:
        missing = [field for field in _FIELDS if field not in record]
        if missing:
            raise ValueError(f"a record of an estimator lacks {', '.join(missing)}: {dict(record)}")
    figure = new_figure(12.8, max(5.0, 1.9 + 0.28 * len(records)))
    left, right = figure.subplots(1, 2)
    for number, record in enumerate(records):
        look: dict[str, Any] = {
            "color": CATEGORIES[number % len(CATEGORIES)],
            "marker": _MARKERS[number // len(CATEGORIES) % len(_MARKERS)],
            "s": 70,
            "alpha": 0.9,
            "edgecolors": "white",
            "linewidths": 0.8,
            "zorder": 3,
        }
        bias = max(float(record["relative_bias"]), FLOOR)
        variance = max(float(record["relative_variance"]), FLOOR)
        left.scatter([bias], [variance], label=record["name"], **look)
        right.scatter([float(record["milliseconds"])], [100 * float(record["accuracy"])], **look)
    for axes, x, y in (
        (left, "bias / exact gradient", "variance / squared exact gradient"),
        (right, "milliseconds a step (batch)", "accuracy after training (%)"),
    ):
        quiet_axes(axes)
        axes.set_xlabel(x, color=QUIET, fontsize=9.5)
        axes.set_ylabel(y, color=QUIET, fontsize=9.5)
        axes.set_xscale("log")
    left.set_yscale("log")
    left.set_xlim(FLOOR / 1.6)
    left.set_ylim(FLOOR / 1.6)
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_formatter(FuncFormatter(_ratio))
    right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    right.xaxis.set_minor_formatter(NullFormatter())
    _legend(left, figure)
    figure.suptitle(title, x=0.02, ha="left", size=13, weight="bold", color=INK)
    figure.text(0.02, 0.02, caption, size=9, color=QUIET)
    figure.tight_layout(rect=(0, 0.05, 0.8, 0.97))
    return save(figure, path)


def _legend(axes: Axes, figure: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="center left", bbox_to_anchor=(0.805, 0.5), frameon=False, fontsize=9
    )


def _ratio(value: float, _: int) -> str:
    return f"≤ {value:g}" if value <= FLOOR else f"{value:g}"
