"""Finite domains as bits in uint64 lanes."""

from neurosym.bits.domains import Domains

__all__ = ["Domains"]
