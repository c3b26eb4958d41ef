"""`Linear`: pruning by reachable sums, totals by convolution."""

from neurosym.problems.constraints.linear.linear import Linear

__all__ = ["Linear"]
