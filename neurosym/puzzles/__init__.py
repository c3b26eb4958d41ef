"""Problems with a name: sudoku, queens, Latin and magic squares, formulas, and a user's own."""

import difflib
import importlib

from neurosym.puzzles.latin import LATIN, latin_problem
from neurosym.puzzles.magic import MAGIC, magic_problem
from neurosym.puzzles.puzzle import Instances, Layout, Puzzle
from neurosym.puzzles.queens import QUEENS, queens_problem
from neurosym.puzzles.sudoku import SUDOKU, sudoku_masks, sudoku_problem
from neurosym.puzzles.sudoku_boards import VERSION as SUDOKU_VERSION
from neurosym.puzzles.sudoku_boards import random_sudokus
from neurosym.puzzles.sudoku_symmetry import sudoku_fingerprints

PUZZLES = {puzzle.name: puzzle for puzzle in (SUDOKU, QUEENS, LATIN, MAGIC)}
"""The puzzles that have a name without a module before it."""

__all__ = [
    "PUZZLES",
    "SUDOKU_VERSION",
    "Instances",
    "Layout",
    "Puzzle",
    "latin_problem",
    "magic_problem",
    "puzzle_by_name",
    "queens_problem",
    "random_sudokus",
    "sudoku_fingerprints",
    "sudoku_masks",
    "sudoku_problem",
]


def puzzle_by_name(name: str) -> Puzzle:
    """A puzzle of the list `PUZZLES`, or one of a user's own.

    >>> puzzle_by_name("queens").description
    'queens that do not attack each other; the size is the side of the board'

    Args:
      name: a name, or "module:NAME" for a `Puzzle` NAME in a module that can be imported.

    Raises:
      ValueError: if there is no such puzzle.
    """
    if ":" not in name:
        if name in PUZZLES:
            return PUZZLES[name]
        near = difflib.get_close_matches(name, PUZZLES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(PUZZLES)}"
        raise ValueError(f"there is no problem {name!r}; {hint} (or module:NAME for your own)")
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # The module is there; something that it imports is not.
        raise ValueError(f"problem {name!r}: there is no module {module_name!r}") from None
    found = getattr(module, attribute, None)
    if isinstance(found, Puzzle):
        return found
    others = [key for key, value in vars(module).items() if isinstance(value, Puzzle)]
    has = f"its puzzles are: {', '.join(others)}" if others else "it has no puzzle"
    raise ValueError(
        f"problem {name!r}: {attribute!r} is not a Puzzle of module {module_name}; {has}"
    )
