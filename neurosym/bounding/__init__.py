"""Bounds of what is too wide to be exact, sound after any number of rounds."""

from neurosym.bounding.lower import bounds
from neurosym.bounding.reparametrisation import Reparametrised, reparametrised
from neurosym.bounding.upper import Bound, BoundStatus, upper_bound

__all__ = ["Bound", "BoundStatus", "Reparametrised", "bounds", "reparametrised", "upper_bound"]
