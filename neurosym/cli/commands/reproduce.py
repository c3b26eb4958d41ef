"""`neurosym reproduce`: trains whatever published tables report and no record of ours has yet."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.experiments import experiments, published_files
from neurosym.cli.places import import_roots
from neurosym.cli.run_flags import define_data_dir, define_duration, define_workdir

if TYPE_CHECKING:
    from neurosym.reports import Experiment, Job, Outcome

_RESULTS = "docs/results"
_EXIT_FAILURE = 1


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_boolean("all", False, "every experiment, in turns", flag_values=values)
    flags.DEFINE_boolean(
        "quick",
        False,
        "one seed with a reduced budget, kept apart from real figures, in WORKDIR/quick/results",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds",
        None,
        "seeds of each variant; else the number that the experiment says",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_list("variants", [], "these only, by name; all if empty", flag_values=values)
    define_duration(values, "budget_minutes", 90.0, "stop when so much time has gone by")
    define_workdir(values, "folder for the runs", "runs/reproduce")
    flags.DEFINE_string(
        "results", None, f"folder of the records; else {_RESULTS}", flag_values=values
    )
    define_data_dir(values)
    flags.DEFINE_boolean("dry_run", False, "only list what would be run", flag_values=values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    began = time.monotonic()
    if not arguments and not values.all:
        raise UsageError(
            f"name an experiment, or take --all; there are: {', '.join(published_files())}"
        )
    if arguments and values.all:
        raise UsageError("--all is every experiment: name none beside it")
    if values.quick and (values.results or values.seeds):
        raise UsageError("--quick has one seed, and keeps its results to itself in the workdir")
    from neurosym.cli.tables import quiet_logs
    from neurosym.reports import find_entries, missing_jobs

    quiet_logs()
    chosen = _only(experiments(arguments or None, quick=values.quick), values.variants)
    workdir = Path(values.workdir)
    if values.quick:
        workdir = workdir / "quick"
    results = workdir / "results" if values.quick else Path(values.results or _RESULTS)
    there = find_entries([results] if results.is_dir() else [])
    for problem in there.problems:
        print(f"neurosym reproduce: {problem}", file=sys.stderr)
    jobs = missing_jobs(chosen, there.entries, seeds=1 if values.quick else values.seeds)
    if values.dry_run:
        for job in jobs:
            print(f"{job.name}: {job.command}")
        return 0
    from neurosym.cli.runtime import prepare_jax

    prepare_jax()
    left = 60 * values.budget_minutes - (time.monotonic() - began)
    outcome = _train(jobs, workdir, results, left, values.data_dir)
    return _tell(outcome, jobs, results, quick=values.quick)


def _only(chosen: "list[Experiment]", variants: list[str]) -> "list[Experiment]":
    """The experiments with some of their variants alone."""
    known = dict.fromkeys(name for experiment in chosen for name in experiment.configs)
    for name in variants:
        if name not in known:
            names = ", ".join(experiment.published.name for experiment in chosen)
            raise UsageError(
                f"{names} has no variant {name!r} to reproduce; there are: {', '.join(known)}"
            )
    return [
        dataclasses.replace(
            experiment,
            configs={k: v for k, v in experiment.configs.items() if not variants or k in variants},
        )
        for experiment in chosen
    ]


def _train(
    jobs: "list[Job]", workdir: Path, results: Path, seconds: float, data_dir: str | None
) -> "Outcome":
    from rich.console import Console

    from neurosym.reports import run_jobs
    from neurosym.training import ConsoleProgress

    console = Console(stderr=True)
    return run_jobs(
        jobs,
        workdir=workdir,
        results=results,
        budget_seconds=seconds,
        data_dir=data_dir,
        import_roots=import_roots(),
        progress=lambda: ConsoleProgress(console),
    )


def _tell(outcome: "Outcome", jobs: "list[Job]", results: Path, *, quick: bool) -> int:
    """Says what was done, makes the page anew, and prints the tables of what was asked for."""
    from neurosym.reports import write_results_page

    for path in outcome.recorded:
        print(path)
    for failure in outcome.failures:
        print(f"neurosym reproduce: {failure}", file=sys.stderr)
    if outcome.recorded or not jobs:
        page, problems = write_results_page(experiments(quick=quick), results, quick=quick)
        for problem in problems:
            print(f"neurosym reproduce: {problem}", file=sys.stderr)
        print(f"table: {page}")
    if outcome.left:
        reason = "the time is up" if outcome.out_of_time else "stopped"
        if outcome.failures and outcome.signal_number is None and not outcome.out_of_time:
            reason = "some failed"
        print(
            f"{reason}: {outcome.left} of {len(jobs)} runs are left; the same command goes on",
            file=sys.stderr,
        )
    if outcome.signal_number is not None:
        return 128 + outcome.signal_number
    return _EXIT_FAILURE if outcome.failures else 0


COMMAND = Command(
    name="reproduce",
    usage="reproduce NAME... [--quick] [--seeds=N] [--budget_minutes=90] [--variants=A,B]",
    description=(
        "Runs the configs and seeds of an experiment that are missing, every variant once "
        "before any variant twice, records each finished run, and makes the page of results "
        "with others' figures and ours side by side. A config and seed is missing if it has no "
        "record. When the budget is used up, the current run is saved; the same command goes on "
        "there, and more --seeds add to the runs that are there. NAME is a file of "
        "configs/published."
    ),
    examples=(
        "neurosym reproduce mnist_addition",
        "neurosym reproduce mnist_addition --seeds=10 --budget_minutes=240",
        "neurosym reproduce digits_addition --quick",
        "neurosym reproduce --all --dry_run",
    ),
    define_flags=_define_flags,
    run=_run,
)
