"""Proofs as trees of lines: each conclusion above what it needs, with its probability beside it."""

from collections.abc import Sequence
from pathlib import Path

from neurosym.plots.style import CATEGORIES, GRID, INK, QUIET, new_sheet, save, text_width

MOST_LINES = 400
"""Lines that are drawn; a longer proof is cut there, and the picture says so."""

_SIZE, _LINE, _INDENT, _MARGIN, _HEADER = 10.0, 0.27, 0.3, 0.35, 0.55


def proof_trees(
    proofs: Sequence[tuple[str, Sequence[tuple[int, str]]]],
    path: str | Path,
    *,
    heading: str = "",
) -> Path:
    """Draws them below each other.

    Args:
      proofs: a title for each, and its lines, each with its depth.
      path: the PNG to write; its folder is made where needed.
      heading: a line above.

    Returns:
      The path.

    Raises:
      ValueError: if there is no proof.
    """
    rows: list[tuple[int, str, bool]] = []
    for title, lines in proofs:
        rows.append((0, title, True))
        rows += [(1 + depth, said, False) for depth, said in lines]
    if not rows:
        raise ValueError("there is no proof to draw")
    left_out = len(rows) - MOST_LINES
    if left_out > 0:
        rows = [*rows[:MOST_LINES], (0, f"{left_out:,} further lines", False)]
    widest = max(
        _INDENT * depth + text_width(said, size=_SIZE + heads) for depth, said, heads in rows
    )
    width = max(widest, text_width(heading, size=13), 2.5) + 2 * _MARGIN
    height = _HEADER + _LINE * len(rows) + _MARGIN
    figure, axes = new_sheet(width, height)
    axes.text(_MARGIN, 0.3, heading, size=13, color=INK, va="center")
    above: dict[int, float] = {}
    for n, (depth, said, heads) in enumerate(rows):
        x, y = _MARGIN + _INDENT * depth, _HEADER + _LINE * (n + 0.5)
        if depth > 1 and depth - 1 in above:
            corner = x - 0.6 * _INDENT
            top = above[depth - 1] + 0.4 * _LINE
            axes.plot([corner, corner, x - 0.05], [top, y, y], color=GRID, linewidth=1.2)
        above[depth] = y
        chosen = "::" in said or said.startswith("\\+")
        colour = QUIET if heads else CATEGORIES[0] if chosen else INK
        axes.text(x, y, said, size=_SIZE + heads, color=colour, va="center")
    return save(figure, path)
