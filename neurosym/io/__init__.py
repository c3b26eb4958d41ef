"""File formats: sudoku lines, DIMACS CNF, and circuits as SDD and NNF files."""

from neurosym.io.dimacs import Cnf, format_result, looks_like_dimacs, parse_dimacs, read_dimacs
from neurosym.io.nnf import Nnf, parse_nnf, read_nnf
from neurosym.io.sdd import Sdd, Vtree, parse_sdd, parse_vtree, read_sdd, read_vtree
from neurosym.io.sudoku import (
    SUDOKU_SYMBOLS,
    format_board,
    format_sudoku,
    parse_sudoku,
    read_sudoku,
)
from neurosym.io.text import FormatError, Text, read_text

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
