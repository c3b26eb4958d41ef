"""File formats: sudoku lines, DIMACS CNF, and circuits as SDD and NNF files.

A reader returns what a file says, and needs none of the other rooms. A file in negation normal form
holds a `neurosym.circuits.Graph`, so its reader stands in that room, and this room only exports it:
`Nnf` is `Graph`, and `read_nnf` and `parse_nnf` return one.
"""

import importlib
from typing import TYPE_CHECKING, Any

from neurosym.io.dimacs import Cnf, format_result, looks_like_dimacs, parse_dimacs, read_dimacs
from neurosym.io.sdd import Sdd, Vtree, parse_sdd, parse_vtree, read_sdd, read_vtree
from neurosym.io.sudoku import (
    SUDOKU_SYMBOLS,
    format_board,
    format_sudoku,
    parse_sudoku,
    read_sudoku,
)
from neurosym.io.text import FormatError, Text, read_text

if TYPE_CHECKING:
    from neurosym.circuits import Graph as Nnf
    from neurosym.circuits import parse_nnf, read_nnf

__all__ = [
    "SUDOKU_SYMBOLS",
    "Cnf",
    "FormatError",
    "Nnf",
    "Sdd",
    "Text",
    "Vtree",
    "format_board",
    "format_result",
    "format_sudoku",
    "looks_like_dimacs",
    "parse_dimacs",
    "parse_nnf",
    "parse_sdd",
    "parse_sudoku",
    "parse_vtree",
    "read_dimacs",
    "read_nnf",
    "read_sdd",
    "read_sudoku",
    "read_text",
    "read_vtree",
]

_LENT = {"Nnf": "Graph", "parse_nnf": "parse_nnf", "read_nnf": "read_nnf"}
"""What stands in another room, by its name there; looked up when it is asked for."""


if not TYPE_CHECKING:  # A checker would take every name for one that is there.

    def __getattr__(name: str) -> Any:
        if name not in _LENT:
            raise AttributeError(f"module 'neurosym.io' has no attribute {name!r}")
        return getattr(importlib.import_module("neurosym.circuits"), _LENT[name])
