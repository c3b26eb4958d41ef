"""Pictures of the results of the other rooms, as PNG and GIF files."""

from neurosym.plots.circuit_layers import circuit_layers
from neurosym.plots.confusion_matrix import confusion_matrix
from neurosym.plots.dependency_graph import dependency_graph
from neurosym.plots.estimator_comparison import estimator_comparison
from neurosym.plots.example_grid import example_grid
from neurosym.plots.factor_graph import factor_graph
from neurosym.plots.learning_bands import learning_bands
from neurosym.plots.learning_curves import learning_curves
from neurosym.plots.marginals_map import marginals_map
from neurosym.plots.network_summary import network_summary
from neurosym.plots.parallel_coordinates import parallel_coordinates
from neurosym.plots.parameter_importances import parameter_importances
from neurosym.plots.proof_trees import proof_trees
from neurosym.plots.propagation_trace import propagation_trace
from neurosym.plots.reading_rows import reading_rows
from neurosym.plots.sweep_history import sweep_history
from neurosym.plots.visual_boards import board_image, visual_boards

__all__ = [
    "board_image",
    "circuit_layers",
    "confusion_matrix",
    "dependency_graph",
    "estimator_comparison",
    "example_grid",
    "factor_graph",
    "learning_bands",
    "learning_curves",
    "marginals_map",
    "network_summary",
    "parallel_coordinates",
    "parameter_importances",
    "proof_trees",
    "propagation_trace",
    "reading_rows",
    "sweep_history",
    "visual_boards",
]
