"""How much each varied field of a sweep matters: a bar for each field."""

from collections.abc import Mapping
from pathlib import Path

from neurosym.plots.style import CATEGORIES, INK, new_figure, quiet_axes, save, text_width


def parameter_importances(
    importances: Mapping[str, float], path: str | Path, *, heading: str = ""
) -> Path:
    """Draws the share of the value's variance that each field explains, the largest on top.

    Args:
      importances: Fractions by field, none negative.
      path: The PNG to write; its folder is made where needed.
      heading: A line above the picture.

    Returns:
      The path.

    Raises:
      ValueError: There are no fields.
    """
    if not importances:
        raise ValueError("there is nothing to draw: no field has an importance")
    ordered = sorted(importances.items(), key=lambda item: item[1])
    names = [name for name, _ in ordered]
    widest = max(text_width(name, size=9) for name in names)
    figure = new_figure(4.6 + widest, 1.3 + 0.36 * len(ordered))
    axes = figure.add_subplot()
    quiet_axes(axes)
    axes.grid(False, axis="y")
    shares = [100.0 * share for _, share in ordered]
    axes.barh(range(len(ordered)), shares, height=0.62, color=CATEGORIES[0])
    for place, share in enumerate(shares):
        axes.text(share + 1.0, place, f"{share:.0f} %", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(ordered)), names, fontsize=9)
    axes.set_xlim(0.0, 1.14 * max(*shares, 1.0))
    axes.set_xlabel("share of the variance between trials (%)", color=INK)
    if heading:
        figure.suptitle(heading, fontsize=11, color=INK)
    figure.tight_layout()
    return save(figure, path)
