"""`neurosym data`: which datasets are here, which are missing, and downloading them."""

from typing import TYPE_CHECKING, Self

from absl import flags

from neurosym.cli.command import Command, UsageError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from neurosym.datasets.sources import DatasetReport


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_boolean("download", False, "fetch the missing files", flag_values=values)
    flags.DEFINE_string(
        "data_dir", None, "where the data lie; else NEUROSYM_DATA_DIR", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if len(arguments) > 1:
        raise UsageError(f"data takes one name at most, got {' '.join(arguments)!r}")
    if values.download and not arguments:
        raise UsageError("--download needs the name of a dataset: neurosym data mnist --download")
    from neurosym.cli.tables import print_table
    from neurosym.datasets import sources

    reports = {report.name: report for report in sources.describe(values.data_dir)}
    if not arguments:
        rows = [
            (r.name, "here" if r.present else "missing", r.where if r.present else "see below")
            for r in reports.values()
        ]
        print_table("datasets", ("dataset", "state", "where"), rows)
        for report in reports.values():
            if not report.present:
                _print_report(report)
        return 0
    name = arguments[0]
    if name not in reports:
        raise UsageError(f"there is no dataset {name!r}; there are: {', '.join(reports)}")
    if values.download:
        with _DownloadBar() as bar:
            report = sources.download(name, values.data_dir, progress=bar.show)
        print(f"{name} is in {report.where}")
        return 0
    _print_report(reports[name])
    return 0


def _print_report(report: "DatasetReport") -> None:
    print(f"{report.name}: {'in ' + report.where if report.present else 'missing'}")
    for filename, status in report.files:
        print(f"  {filename}: {status}")
    for place in report.searched:
        print(f"  looked in {place}")
    if not report.present and report.hint:
        print(f"  {report.hint}")


class _DownloadBar:
    """A bar for each file on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def show(self, name: str, received: int, total: int | None) -> None:
        """`received` bytes of `total` of the file `name` are here."""
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name)
        self._bar.update(self._tasks[name], completed=received, total=total)


COMMAND = Command(
    name="data",
    usage="data [NAME] [--download] [--data_dir=FOLDER]",
    description=(
        "Without a name, lists the datasets: which are here, which are missing, and where it "
        "looked for these. With a name, says which files are there; --download fetches the "
        "missing files and verifies them."
    ),
    examples=("neurosym data", "neurosym data mnist", "neurosym data mnist --download"),
    define_flags=_define_flags,
    run=_run,
)
