"""Dual bounds: weight moves between constraints and variables until the trivial bound is tight."""

from neurosym.duals.ascent import Ascent, Moved, ascent_of

__all__ = ["Ascent", "Moved", "ascent_of"]
