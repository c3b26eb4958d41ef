"""File formats of problems: sudoku lines and DIMACS CNF, from bytes to arrays and back to text."""

from neurosym.io.dimacs import Cnf, format_result, looks_like_dimacs, parse_dimacs, read_dimacs
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
    "Text",
    "format_board",
    "format_result",
    "format_sudoku",
    "looks_like_dimacs",
    "parse_dimacs",
    "parse_sudoku",
    "read_dimacs",
    "read_sudoku",
    "read_text",
]
