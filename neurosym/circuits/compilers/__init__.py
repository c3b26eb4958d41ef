"""Compilers: from a formula to a deterministic graph, one compiler in each file."""
