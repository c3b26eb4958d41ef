"""The inputs that a command line names: files of puzzles, formulas, or a problem and its size.

`read_inputs` checks it without JAX, so that a wrong command line is answered at once; `load_jobs`
then makes instances of networks of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neurosym.cli.command import UsageError
from neurosym.cli.places import import_roots

if TYPE_CHECKING:
    from neurosym.cli.jobs import Job
    from neurosym.io import Text

_FORMULA = "cnf"
_FORMULA_SUFFIXES = (".cnf", ".cnf.gz", ".dimacs", ".dimacs.gz")


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Files that are read, not parsed.

    Attributes:
      texts: of the files; none where the problem's size is enough.
      problem: the name of a puzzle; not needed for formulas.
      size: that its instances must have.
      formula: the texts are DIMACS CNF.
    """

    texts: tuple[Text, ...]
    problem: str | None
    size: int | None
    formula: bool


def read_inputs(arguments: Sequence[str], problem: str | None, size: int | None) -> Inputs:
    """Reads the files that a command line names.

    Args:
      arguments: paths; `-` is standard input.
      problem: the value of `--problem`.
      size: the value of `--size`.

    Raises:
      UsageError: files and flags do not go together.
      ValueError, OSError: a file cannot be read.
    """
    from neurosym.io import read_text

    texts = tuple([read_text(argument) for argument in arguments])
    formulas = [_is_formula(text, problem) for text in texts]
    if any(formulas) and not all(formulas):
        strange = texts[formulas.index(False)].name
        raise UsageError(f"{strange} is not a DIMACS CNF, but other files are: solve them apart")
    formula = problem == _FORMULA or any(formulas)
    if problem is None and not formula:
        raise UsageError(f"{texts[0].name} is not a DIMACS CNF: --problem=NAME says what it holds")
    if formula and not texts:
        raise UsageError("--problem=cnf needs a FILE; - is standard input")
    if formula and size is not None:
        raise UsageError("--size: a formula states its size itself")
    return Inputs(texts, problem, size, formula)


def load_jobs(inputs: Inputs) -> list[Job]:
    """The instances of every file, or the one instance of a problem without files.

    Raises:
      UsageError: the problem needs a file or a size, or reads no files.
      ValueError: there is no such problem, or a file is not what its format says.
    """
    from neurosym.cli.runtime import prepare_jax

    prepare_jax()
    from neurosym.cli.jobs import formula_job, puzzle_job
    from neurosym.problems import Network
    from neurosym.puzzles import puzzle_by_name
    from neurosym.training.import_path import extend_import_path

    if inputs.formula:
        return [formula_job(text) for text in inputs.texts]
    extend_import_path(import_roots())
    puzzle, size = puzzle_by_name(inputs.problem or ""), inputs.size
    networks: dict[int, Network] = {}
    if inputs.texts:
        if puzzle.read is None:
            raise UsageError(f"{puzzle.name} reads no files: it has one instance of each --size")
        return [puzzle_job(puzzle, puzzle.read(text, size), networks) for text in inputs.texts]
    if size is None:
        reads = "a FILE, - for standard input, or " if puzzle.read else ""
        raise UsageError(f"{puzzle.name} needs {reads}--size=N: {puzzle.description}")
    return [puzzle_job(puzzle, size, networks)]


def _is_formula(text: Text, problem: str | None) -> bool:
    from neurosym.io import looks_like_dimacs

    if problem is not None:
        return problem == _FORMULA
    return text.name.lower().endswith(_FORMULA_SUFFIXES) or looks_like_dimacs(text)
