"""Differentiable reasoning in JAX: one problem, many semirings."""
