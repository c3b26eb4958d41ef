"""`neurosym results`: the page of results, made from records."""

import sys
from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.experiments import experiments
from neurosym.cli.places import here_or_shipped

_RESULTS = "docs/results"


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string("results", _RESULTS, "folder of the records", flag_values=values)
    flags.DEFINE_boolean(
        "check",
        False,
        "write nothing; exit with 1 if the page is not up to date",
        flag_values=values,
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"results takes flags only, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import quiet_logs
    from neurosym.reports.page import page_path, results_page, write_results_page
    from neurosym.training.files import read_text

    quiet_logs()
    if not Path(values.results).is_dir():
        shipped = here_or_shipped("docs/results.md")
        if values.results == _RESULTS and not values.check and shipped.is_file():
            print(f"{shipped}")
            print(
                "neurosym results: no records are here; this is the page of the release",
                file=sys.stderr,
            )
            return 0
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
        "configs/published the figures of others and ours over the seeds that were recorded, "
        "with learning curves; then the benchmarks that were recorded. Runs nothing. Where "
        "no records are, it names the page of the release."
    ),
    examples=("neurosym results", "neurosym results --check"),
    define_flags=_define_flags,
    run=_run,
)
