"""Which data are on this machine, and how to get the others: the work of `neurosym data`.

Reports come out as data; the command line shows them.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from neurosym.datasets.fetch import DownloadError, Progress, fetch
from neurosym.datasets.idx import CorruptDataError
from neurosym.datasets.locate import (
    Source,
    find_file,
    how_to_get,
    read_verified,
    search_path,
)
from neurosym.datasets.mnist import MNIST
from neurosym.datasets.symbols import SYMBOLS

SOURCES: tuple[Source, ...] = (MNIST, SYMBOLS)
"""The data sets that are read from files."""


@dataclasses.dataclass(frozen=True)
class DatasetReport:
    """What is known of one data set on this machine.

    Attributes:
      name: The data set's name.
      present: Whether every file is there and verified.
      where: The folder that was judged: it holds the files, or would hold them. The name of a
        package where the data come with one.
      files: File name and status of each: "verified", "missing", or what is wrong with it.
      searched: The folders that were looked in, in order.
      hint: What to do where it is not present, else "".
    """

    name: str
    present: bool
    where: str
    files: tuple[tuple[str, str], ...]
    searched: tuple[str, ...]
    hint: str


_DIGITS = DatasetReport(
    name="digits",
    present=True,
    where="scikit-learn (comes with the package)",
    files=(),
    searched=(),
    hint="",
)


def describe(data_dir: str | None = None) -> tuple[DatasetReport, ...]:
    """Looks for every data set that the framework knows and verifies its files.

    Args:
      data_dir: The folder that the user named, if any.

    Returns:
      One report for each data set.
    """
    return (_DIGITS, *(inspect(source, data_dir) for source in SOURCES))


def inspect(source: Source, data_dir: str | None = None) -> DatasetReport:
    """Looks for one data set and verifies its files."""
    folder = _folder_in_use(source, data_dir)
    files = tuple((name, _status(folder, name, md5)) for name, md5 in source.md5.items())
    present = all(status == "verified" for _, status in files)
    return DatasetReport(
        name=source.name,
        present=present,
        where=str(folder),
        files=files,
        searched=tuple(str(path) for path in search_path(source, data_dir)),
        hint="" if present else how_to_get(source, data_dir),
    )


def download(
    name: str, data_dir: str | None = None, *, progress: Progress | None = None
) -> DatasetReport:
    """Fetches the files of a data set that are missing here; see `download_source`.

    Args:
      name: The data set's name, such as "mnist"; "digits" is always here.
      data_dir: The folder that the user named, if any.
      progress: Called with the file's name, the bytes that are here, and the whole if known.

    Returns:
      The report after it.

    Raises:
      ValueError: No data set has this name.
      DownloadError: No mirror delivered a file.
    """
    if name == _DIGITS.name:
        return _DIGITS
    for source in SOURCES:
        if source.name == name:
            return download_source(source, data_dir, progress=progress)
    known = ", ".join([_DIGITS.name, *(source.name for source in SOURCES)])
    raise ValueError(f"no data set is called {name!r}; there are: {known}")


def download_source(
    source: Source,
    data_dir: str | None = None,
    *,
    attempts: int = 3,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> DatasetReport:
    """Fetches the files of a source that are missing or wrong; it leaves the others alone.

    The files go to the first folder that already holds a file of the data set. If there is none,
    they go to a folder of the data set's name in `data_dir`, `NEUROSYM_DATA_DIR` or the user's
    cache, whichever of these is set first. If `data_dir` is named, no other folder is considered.

    Args:
      source: The data set.
      data_dir: The folder that the user named, if any; made where it does not exist.
      attempts: How often one mirror is tried for a file.
      timeout: Seconds without an answer after which an attempt has failed.
      progress: Called with the file's name, the bytes that are here, and the whole if known.

    Returns:
      The report after it.

    Raises:
      DownloadError: No mirror delivered a file, or there are no mirrors.
      OSError: The folder cannot be written.
    """
    if source.origin and not inspect(source, data_dir).present:
        raise DownloadError(f"{source.name}: {how_to_get(source, data_dir)}")
    folder = _folder_to_fill(source, data_dir)
    for name, md5 in source.md5.items():
        if _status(folder, name, md5) != "verified":
            fetch(
                source.mirrors,
                folder / f"{name}.gz",
                md5=md5,
                attempts=attempts,
                timeout=timeout,
                progress=progress,
            )
    return inspect(source, data_dir)


def _folder_in_use(source: Source, data_dir: str | None) -> Path:
    folders = search_path(source, data_dir)
    return _first_with_files(source, folders) or _folder_to_fill(source, data_dir)


def _folder_to_fill(source: Source, data_dir: str | None) -> Path:
    folders = search_path(source, data_dir)
    if data_dir:
        itself, inside = folders[:2]
        return _first_with_files(source, (itself, inside)) or inside
    return _first_with_files(source, folders) or folders[0]


def _first_with_files(source: Source, folders: Sequence[Path]) -> Path | None:
    """The first folder with all files of a source, as `locate` takes it, else with any."""
    for enough in (all, any):
        for folder in folders:
            if enough(find_file(folder, name) is not None for name in source.md5):
                return folder
    return None


def _status(folder: Path, name: str, md5: str) -> str:
    path = find_file(folder, name)
    if path is None:
        return "missing"
    try:
        read_verified(path, md5)
    except (CorruptDataError, OSError) as error:
        return str(error)
    return "verified"
