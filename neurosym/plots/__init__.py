"""Pictures of what the other rooms return, as PNG files."""

from neurosym.plots.example_grid import example_grid
from neurosym.plots.learning_curves import learning_curves

__all__ = ["example_grid", "learning_curves"]
