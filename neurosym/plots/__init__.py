"""Pictures of what the other rooms return, as PNG and GIF files."""

from neurosym.plots.circuit_layers import circuit_layers
from neurosym.plots.example_grid import example_grid
from neurosym.plots.factor_graph import factor_graph
from neurosym.plots.learning_curves import learning_curves
from neurosym.plots.marginals_map import marginals_map
from neurosym.plots.network_summary import network_summary
from neurosym.plots.propagation_trace import propagation_trace

__all__ = [
    "circuit_layers",
    "example_grid",
    "factor_graph",
    "learning_curves",
    "marginals_map",
    "network_summary",
    "propagation_trace",
]
