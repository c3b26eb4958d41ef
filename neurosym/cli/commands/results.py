"""`neurosym results`: the page of results, made from records."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.configs import load_config
from neurosym.cli.places import folder

if TYPE_CHECKING:
    from neurosym.reports import Experiment


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string("results", "docs/results", "folder of the records", flag_values=values)
    flags.DEFINE_boolean(
        "check",
        False,
        "write nothing; exit with 1 if the page is not up to date",
        flag_values=values,
    )


def published_files() -> dict[str, Path]:
    """The files of published figures by name, of the first folder that has some.

    Raises:
      ValueError: there is no such folder.
    """
    place = folder("configs/published")
    if place is None:
        raise ValueError(
            "there is no folder configs/published here or in the checkout that neurosym was "
            "installed from"
        )
    return {path.stem: path for path in sorted(place.glob("*.json"))}


def experiments(names: list[str] | None = None, *, quick: bool = False) -> "list[Experiment]":
    """The experiments of these names, or all.

    Raises:
      UsageError: there is none of a name.
      ValueError: its published figures or configs are faulty.
    """
    from neurosym.reports.experiment import load_experiment

    files = published_files()
    for name in names or ():
        if name not in files:
            known = ", ".join(files) or "none"
            raise UsageError(f"there are no published figures for {name!r}; there are: {known}")
    return [load_experiment(files[n], load_config, quick=quick) for n in names or files]


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"results takes flags only, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import quiet_logs
    from neurosym.reports.page import page_path, results_page, write_results_page
    from neurosym.training.files import read_text

    quiet_logs()
    if not Path(values.results).is_dir():
        raise ValueError(f"there is no folder {values.results}")
    if values.check:
        page = results_page(experiments(), values.results)
        path = page_path(values.results)
        if path.exists() and read_text(path, "a page of results") == page.text:
            print(f"{path} is up to date")
            return 0
        print(f"{path} is not what the records say: run neurosym results", file=sys.stderr)
        return 1
    path, problems = write_results_page(experiments(), values.results)
    for problem in problems:
        print(f"neurosym results: {problem}", file=sys.stderr)
    print(path)
    return 0


COMMAND = Command(
    name="results",
    usage="results [--results=FOLDER] [--check]",
    description=(
        "Makes the page of results anew, beside the folder of records: for each experiment of "
        "configs/published what others report and what ours reach over the seeds that were "
        "recorded, with learning curves; then the benchmarks that were recorded. Runs nothing."
    ),
    examples=("neurosym results", "neurosym results --check"),
    define_flags=_define_flags,
    run=_run,
)
