"""Compilers: from a formula to a deterministic graph, one a file."""
