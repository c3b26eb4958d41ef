"""`neurosym solve`: solves puzzles of files, named problems and formulas, completely.

Data pass in one direction: files become jobs (instances of one network, `jobs.py`), jobs become
answers, answers become text (`printing.py`) as they come.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.inputs import load_jobs, read_inputs
from neurosym.cli.models import solve_models, suffix_of

if TYPE_CHECKING:
    from neurosym.cli.jobs import Answer, Clock, Job, Limits
    from neurosym.cli.printing import Printer

_MOST = 2**31 - 1  # what the engine counts up to


def _define_flags(values: flags.FlagValues) -> None:
    text, integer, boolean = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_boolean
    text(
        "problem",
        None,
        "sudoku, queens, latin, magic, cnf, or module:NAME for a Puzzle of your own; files that "
        "are DIMACS CNF say so themselves",
        flag_values=values,
    )
    integer(
        "size",
        None,
        "of the problem: digits of a sudoku, queens, rows of a square; for puzzles of files the "
        "size that they must have",
        flag_values=values,
    )
    text(
        "count",
        "1",
        "stop at so many solutions of an instance; `all` counts them",
        flag_values=values,
    )
    text(
        "solutions",
        None,
        "print so many solutions of an instance, or `all`; without the flag those that were found, "
        "with --count=all none",
        flag_values=values,
    )
    boolean("json", False, "print one JSON object on each line, in input order", flag_values=values)
    boolean("show", False, "print boards", flag_values=values)
    text(
        "trace",
        None,
        "draw how propagation solves the first instance: a .gif or .png file",
        flag_values=values,
    )
    integer(
        "node_limit",
        None,
        "search nodes of an instance, after which its status is LIMIT",
        flag_values=values,
    )
    flags.DEFINE_float(
        "time_limit",
        None,
        "seconds for each file of a model (.xml, .wcnf, .opb, .wcsp), after which the status says "
        "what was found",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "heuristic",
        "smallest",
        ["smallest", "failures", "order"],
        "the variable to branch on: of the smallest domain, weighted by failures, in given order",
        flag_values=values,
    )
    integer(
        "batch",
        None,
        "instances that are solved together; chosen by their size",
        flag_values=values,
    )


@dataclasses.dataclass(frozen=True)
class SolveFlags:
    """The flags, checked."""

    problem: str | None
    size: int | None
    count: int | None  # stop at so many solutions of an instance; None counts all
    solutions: int | None  # print so many at most; None all that there are
    node_limit: int | None
    heuristic: str
    batch: int | None
    json: bool
    show: bool
    trace: Path | None

    @classmethod
    def read(cls, values: flags.FlagValues) -> SolveFlags:
        """Raises `UsageError` for flags that are wrong or do not go together."""
        count = _number_or_all("count", values.count, least=1)
        solutions: int | None = count or 0
        if values.solutions is not None:
            given = _number_or_all("solutions", values.solutions, least=0)
            if count is not None:
                given = count if given is None else min(given, count)
            solutions = given
        for name, least in (("size", 1), ("node_limit", 0), ("batch", 1)):
            value = getattr(values, name)
            if value is not None and not least <= value <= _MOST:
                raise UsageError(f"--{name} goes from {least} to {_MOST:,}, not {value:,}")
        if values.json and values.show:
            raise UsageError("--json and --show exclude each other")
        trace = Path(values.trace) if values.trace else None
        if trace and trace.suffix.lower() not in (".gif", ".png"):
            raise UsageError(f"--trace is a .gif or .png file, not {trace.name!r}")
        return cls(
            problem=values.problem,
            size=values.size,
            count=count,
            solutions=solutions,
            node_limit=values.node_limit,
            heuristic=values.heuristic,
            batch=values.batch,
            json=values.json,
            show=values.show,
            trace=trace,
        )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    options = SolveFlags.read(values)
    if options.problem is None and any(suffix_of(name) for name in arguments):
        return _solve_models(options, values, arguments)
    if values.time_limit is not None:
        raise UsageError("--time_limit is for models (.xml, .wcnf, .opb, .wcsp); see --node_limit")
    if not arguments and options.problem is None:
        raise UsageError("nothing to solve: name a FILE (- is standard input) or a --problem")
    given = read_inputs(arguments, options.problem, options.size)
    if given.formula and options.show:
        raise UsageError("--show: a formula has no board")
    # JAX is imported only now that the command line is known to be right.
    jobs = load_jobs(given)
    if options.count != 1:
        _check_counting(jobs)
    return _answer(jobs, options, "formula" if given.formula else "puzzle")


def _solve_models(options: SolveFlags, values: flags.FlagValues, arguments: list[str]) -> int:
    for name in ("size", "solutions", "node_limit", "batch", "trace"):
        if getattr(values, name) is not None:
            raise UsageError(f"--{name}: not for models")
    if options.show:
        raise UsageError("--show: a model has no board")
    if options.count not in (None, 1):
        raise UsageError("--count is 1 or `all` for models")
    return solve_models(
        arguments,
        time_limit=values.time_limit,
        count_all=options.count is None,
        as_json=options.json,
    )


def _check_counting(jobs: Sequence[Job]) -> None:
    """Raises where a formula asks for another count than that of its models or projections."""
    for job in jobs:
        if job.cnf is not None and job.cnf.weighted:
            raise ValueError(
                f"{job.cnf.weighted}: the formula asks for a weighted count, and --count counts "
                "each model once; without such lines in the file it does so"
            )


def _answer(jobs: Sequence[Job], options: SolveFlags, noun: str) -> int:
    """Solves the jobs, prints the answers in order as they come, and sums up."""
    from neurosym.cli.jobs import Clock, Limits, answers

    if options.trace and jobs[0].layout is None:
        raise UsageError(f"--trace: {jobs[0].name} does not say where its variables stand")
    limits = Limits(
        options.count, options.solutions, options.node_limit, options.heuristic, options.batch
    )
    printer = _printer(options, limits, noun, len(jobs))
    clock, statuses = Clock(), collections.Counter[str]()
    with _progress(sum(job.count for job in jobs), noun) as advance:
        index = 0
        for job in jobs:
            for batch in answers(job, limits, clock):
                lines = []
                for answer in batch:
                    lines.append(printer(index, job, answer))
                    statuses[answer.status] += 1
                    index += 1
                print("\n".join(lines), flush=True)
                if options.trace and index == len(batch):
                    _draw_trace(job, batch[0], options.trace)
                advance(len(batch))
    print(_summary(statuses, clock, noun), file=sys.stderr)
    return 0


def _printer(options: SolveFlags, limits: Limits, noun: str, jobs: int) -> Printer:
    from neurosym.cli import printing

    if options.json:
        return printing.json_line(limits)
    if options.show:
        return printing.board(limits)
    if noun == "formula":
        return printing.competition(limits, several=jobs > 1)
    return printing.line(limits)


def _draw_trace(job: Job, answer: Answer, path: Path) -> None:
    """Draws how the first instance of a job was solved."""
    from neurosym.cli.jobs import history
    from neurosym.plots import propagation_trace

    assert job.layout is not None
    trace, titles = history(job, answer)
    propagation_trace(trace, path, titles=titles, **job.layout()._asdict())
    print(f"{path}: {titles[-1]}", file=sys.stderr)


@contextlib.contextmanager
def _progress(total: int, noun: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; none where the answers themselves run over the terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    shown = console.is_terminal and not sys.stdout.isatty()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not shown, redirect_stdout=False) as bar:
        task = bar.add_task(f"{noun}s", total=total)
        yield lambda done: bar.update(task, advance=done)


def _summary(statuses: Mapping[str, int], clock: Clock, noun: str) -> str:
    total = sum(statuses.values())
    words = {
        "SOLVED": "solved",
        "UNSATISFIABLE": "unsatisfiable",
        "LIMIT": "stopped by the limit",
        "CAPACITY": "too large for the memory of the search",
    }
    counts = ", ".join(f"{statuses[key]:,} {words[key]}" for key in words if statuses.get(key))
    speed = f" ({total / clock.solving:,.0f} a second)" if total > 1 else ""
    return (
        f"{total:,} {noun}{'' if total == 1 else 's'}: {counts}; {clock.solving:.2f} s{speed}, "
        f"and {clock.compiling:.1f} s of compiling"
    )


def _number_or_all(name: str, text: str, *, least: int) -> int | None:
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit() and least <= int(text) <= _MOST):
        raise UsageError(f"--{name} is `all` or a number from {least} to {_MOST:,}, not {text!r}")
    return int(text)


COMMAND = Command(
    name="solve",
    usage="solve [FILE...] [--problem=NAME] [--size=N] [--count=N|all] [--json | --show] ...",
    description=(
        "Solves every instance completely: it has a solution, or there is none, or it met a "
        "limit, and the answer says which. A file holds one puzzle on each line (. or 0 is "
        "blank, # starts a comment), a table with a column of puzzles (CSV), boards with a row on "
        "each line, one formula in DIMACS CNF, or one model (XCSP3 .xml, .wcnf, .opb, .wcsp); gzip "
        "files are read as they are. "
        "Answers are printed in input order, as they come: for a puzzle a line with its solution "
        "or UNSATISFIABLE, with --count first the number of solutions (2+ is at least 2); for a "
        "formula the lines that SAT competitions ask for. A summary goes to standard error. The "
        "exit code is 0 whatever the answers are, not the 10 and 20 of SAT competitions; read the "
        "lines."
    ),
    examples=(
        "neurosym solve puzzles.txt --problem=sudoku",
        "neurosym solve puzzles.txt.gz --problem=sudoku --count=2 --json",
        "neurosym solve puzzles.txt --problem=sudoku --show --trace=trace.gif",
        "neurosym solve formula.cnf",
        "neurosym solve model.xml --time_limit=60 --json",
        "neurosym solve --problem=queens --size=12 --count=all",
        "neurosym solve --problem=my_puzzles:KAKURO --size=5",
    ),
    define_flags=_define_flags,
    run=_run,
)
