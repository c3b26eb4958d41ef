"""The look that all pictures share, without touching matplotlib's global state."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

INK = "#1f2933"
QUIET = "#616e7c"
GRID = "#e4e7eb"
WRONG = "#b3261e"
SPLIT_COLOURS = {"train": "#8aa4c8", "validation": "#1d4f91", "test": "#c05621"}
CATEGORIES = (
    "#1d4f91",
    "#c05621",
    "#2c7a7b",
    "#7b4397",
    "#8a7a1e",
    "#b83280",
    "#3a8fc8",
    "#5a7d2a",
    "#8a5a2b",
    "#4a5568",
    "#d08c2e",
)
"""Colours of things that are only told apart."""

DPI = 150


def new_figure(width: float, height: float) -> Figure:
    """A figure of a size in inches that draws itself without a display or a backend switch."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure that is one drawing: bare axes in inches, from the upper left corner."""
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return figure, axes


def save(figure: Figure, path: str | Path) -> Path:
    """Writes a figure as PNG, its folder made where needed, and returns where."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=DPI)
    return path


def quiet_axes(axes: Axes) -> None:
    """Takes away spines that carry no data, quietens the others, and puts a faint grid behind."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=QUIET, labelsize=9, length=3)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def text_width(text: str, *, size: float) -> float:
    """The width in inches of the widest line of a text in the default font.

    Args:
      text: One or more lines.
      size: Font size in points.
    """
    font = FontProperties(size=size)
    lines = [line for line in text.split("\n") if line.strip()]
    return (
        max((TextPath((0, 0), line, prop=font).get_extents().width for line in lines), default=0.0)
        / 72
    )
