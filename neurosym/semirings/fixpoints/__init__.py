"""Least fixpoints and closures in any semiring, with their derivatives."""
