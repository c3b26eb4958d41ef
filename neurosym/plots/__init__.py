"""Pictures of what the other rooms return, as PNG and GIF files."""

from neurosym.plots.example_grid import example_grid
from neurosym.plots.learning_curves import learning_curves
from neurosym.plots.propagation_trace import propagation_trace

__all__ = ["example_grid", "learning_curves", "propagation_trace"]
