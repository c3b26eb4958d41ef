"""Soft reasoning in any semiring: exact inference by variable elimination."""

from neurosym.soft.elimination import TooWideError
from neurosym.soft.inference import marginals, query, support, total

__all__ = ["TooWideError", "marginals", "query", "support", "total"]
