"""In which folders to look for the files of a data set, and whether they are the right files.

A `Source` says what a data set consists of. From it and the user's folders `locate` finds a folder
that holds all of its files; `read_verified` hands out their content once its checksum is right.
Nothing here uses the network.
"""

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from neurosym.datasets.idx import CorruptDataError, read_uncompressed

DATA_DIR_VARIABLE = "NEUROSYM_DATA_DIR"


class MissingDataError(ValueError):
    """The files of a data set are in none of the places where they are looked for."""


@dataclasses.dataclass(frozen=True)
class Source:
    """What a data set consists of and where it can be had.

    Attributes:
      name: Its name, which is also the name of its folder.
      md5: For each file name (without `.gz`) the md5 of the *uncompressed* content in hex: two
        gzip files of one content may differ in every byte.
      mirrors: Addresses of folders from which the files, with `.gz` at the end, can be fetched.
      origin: Where there are no mirrors: what the files are, and where their content comes from.
    """

    name: str
    md5: Mapping[str, str]
    mirrors: tuple[str, ...] = ()
    origin: str = ""


def search_path(source: Source, data_dir: str | None = None) -> tuple[Path, ...]:
    """The folders in which a data set is looked for, best first.

    Args:
      source: The data set.
      data_dir: The folder that the user named, if any: the files may lie in it or in
        its folder NAME.

    Returns:
      `data_dir`, `data_dir/NAME`, `$NEUROSYM_DATA_DIR/NAME`, and `neurosym/NAME` in the user's
      cache (`$XDG_CACHE_HOME`, else `~/.cache`), as far as they are set.
    """
    folders = []
    if data_dir:
        chosen = Path(data_dir).expanduser()
        folders += [chosen, chosen / source.name]
    if environment := os.environ.get(DATA_DIR_VARIABLE):
        folders.append(Path(environment).expanduser() / source.name)
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folders.append(Path(cache).expanduser() / "neurosym" / source.name)
    return tuple(dict.fromkeys(folders))


def locate(source: Source, data_dir: str | None = None) -> Path:
    """Finds the first folder that holds every file of a data set.

    Args:
      source: The data set.
      data_dir: The folder that the user named, if any.

    Returns:
      The folder. The content of its files has not been looked at.

    Raises:
      MissingDataError: `data_dir` does not exist, or no folder holds all files; the message says
        which folders were searched and how to get the files.
    """
    if data_dir and not Path(data_dir).expanduser().is_dir():
        raise MissingDataError(f"the data folder {data_dir} does not exist or is not a folder")
    folders = search_path(source, data_dir)
    for folder in folders:
        if all(find_file(folder, name) for name in source.md5):
            return folder
    lines = [f"the {source.name} data set is not on this machine; looked in:"]
    lines += [f"  {folder} ({_what_is_there(source, folder)})" for folder in folders]
    lines.append(how_to_get(source, data_dir))
    raise MissingDataError("\n".join(lines))


def find_file(folder: Path, name: str) -> Path | None:
    """The file `name.gz` or else `name` in a folder; None where neither is there.

    The zipped file goes first: a download puts such a file in place, also beside a damaged
    uncompressed one.
    """
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    return None


def read_verified(path: Path, md5: str) -> bytes:
    """Reads the uncompressed content of a file whose checksum must be right.

    Args:
      path: The file, gzipped or not.
      md5: What the md5 of the uncompressed content must be, in hex.

    Returns:
      The uncompressed content.

    Raises:
      CorruptDataError: The file is damaged, or has another content.
    """
    content = read_uncompressed(path)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise CorruptDataError(
            f"{path} is not the original file: the md5 of its uncompressed content is {found}, "
            f"expected {md5}"
        )
    return content


def download_command(source: Source, data_dir: str | None = None) -> str:
    """The command that fetches a data set."""
    where = f" --data_dir={data_dir}" if data_dir else ""
    return f"neurosym data {source.name} --download{where}"


def how_to_get(source: Source, data_dir: str | None = None) -> str:
    """Advice for a data set that is missing."""
    if source.origin:
        return f"it cannot be fetched from here: {source.origin}"
    return f"to fetch it: {download_command(source, data_dir)}"


def _what_is_there(source: Source, folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    missing = [name for name in source.md5 if find_file(folder, name) is None]
    if len(missing) == len(source.md5):
        return "none of its files"
    return "without " + ", ".join(missing)
