"""`neurosym tabulate`: finished runs as a table, seeds of one config together."""

import sys

from absl import flags

from neurosym.cli.command import Command, UsageError


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_enum(
        "format",
        "markdown",
        ["markdown", "latex", "csv"],
        "csv rounds nothing and has a column each for mean, sd and n",
        flag_values=values,
    )
    flags.DEFINE_enum("split", "test", ["test", "validation"], "whose metrics", flag_values=values)
    flags.DEFINE_list("metrics", [], "these only, by name; all if empty", flag_values=values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if not arguments:
        raise UsageError("no runs were given: neurosym tabulate runs/*")
    from neurosym.cli.places import here_or_shipped
    from neurosym.reports.entries import find_entries
    from neurosym.reports.groups import group_entries
    from neurosym.reports.markup import csv_text, latex_text, markdown_text
    from neurosym.reports.summary import raw_sheet, summary_sheet

    found = find_entries([here_or_shipped(argument) for argument in arguments])
    grouped = group_entries(found.entries)
    for problem in (*found.problems, *grouped.problems):
        print(f"neurosym tabulate: {problem}", file=sys.stderr)
    if not grouped.groups:
        raise ValueError(f"there is no finished run in or below {', '.join(arguments)}")
    if values.format == "csv":
        sheet = raw_sheet(grouped.groups, split=values.split, metrics=values.metrics)
        print(csv_text(sheet), end="")
        return 0
    sheet = summary_sheet(grouped.groups, split=values.split, metrics=values.metrics)
    text = markdown_text if values.format == "markdown" else latex_text
    print(text(sheet), end="")
    return 0


COMMAND = Command(
    name="tabulate",
    usage="tabulate RUN|FOLDER|RECORD... [--format=markdown|latex|csv] [--split=test|validation]",
    description=(
        "Prints a table of the finished runs in and below the given folders, from their "
        "result.json files and from the records that `neurosym record` keeps. Runs that differ "
        "in nothing but their seed make one row: mean ± sample standard deviation (n - 1), and "
        "how many seeds. A file that cannot be read is named on standard error."
    ),
    examples=(
        "neurosym tabulate runs/*",
        "neurosym tabulate docs/results --format=latex --metrics=sum_accuracy",
        "neurosym tabulate runs/add sweeps/add --format=csv > table.csv",
    ),
    define_flags=_define_flags,
    run=_run,
)
