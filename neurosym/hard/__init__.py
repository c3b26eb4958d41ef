"""Hard reasoning on bits: propagation."""

from neurosym.hard.propagate import Propagation, Status, propagate

__all__ = ["Propagation", "Status", "propagate"]
