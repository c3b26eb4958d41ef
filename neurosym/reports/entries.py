"""Finished runs as entries, read from their workdirs and from records, wherever they lie.

A workdir has `config.json` and `result.json` (where several seeds share one, each seed's result
lies in its own folder below); a record is one file that holds both
(`neurosym.reports.records`).
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from neurosym.reports.records import Curves, config_hash, curves_of, read_record
from neurosym.training.files import read_json
from neurosym.training.metrics import read_metrics
from neurosym.training.result import Result, result_of
from neurosym.training.workdir import Workdir

# Folders of a workdir with many files, none of which is a result.
_NO_RESULTS = ("checkpoints", "tensorboard", "wandb")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One finished run.

    Attributes:
      path: its workdir, or the file of its record.
      name: `experiment:variant` of a record, else the folder.
      config_hash: of the config without its seed.
      config: the whole config, nested.
      result: what it found.
      curves: see `neurosym.reports.records`; empty where nothing was kept.
      quick: its budget was reduced.
    """

    path: Path
    name: str
    config_hash: str
    config: dict[str, Any]
    result: Result
    curves: Curves
    quick: bool = False

    @property
    def seed(self) -> int:
        """Of the run."""
        return self.result.seed


class Found(NamedTuple):
    """The runs below some folders, and whatever could not be read there, a sentence each."""

    entries: list[Entry]
    problems: list[str]


def find_entries(places: Iterable[str | Path]) -> Found:
    """All finished runs at and below some places, in order of their paths.

    Args:
      places: workdirs, folders with workdirs or records somewhere below, or records themselves.

    Raises:
      ValueError: a place does not exist.
    """
    entries, problems, seen = [], [], set()
    for place in map(Path, places):
        if not place.exists():
            raise ValueError(f"there is no {place}")
        for path in _candidates(place):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            try:
                entries.append(read_entry(path))
            except ValueError as error:
                problems.append(str(error))
            except OSError as error:
                problems.append(f"{path}: {error.strerror or error}")
    return Found(entries, problems)


def read_entry(path: str | Path) -> Entry:
    """One finished run.

    Args:
      path: a workdir, a `result.json` in one, or a record.

    Raises:
      ValueError: there is no finished run, or its files are damaged; the message says which and
        why.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "result.json"
        if not path.exists():
            raise ValueError(f"{path.parent} holds no finished run: it has no {path.name}")
    return _from_workdir(path) if path.name == "result.json" else _from_record(path)


def _candidates(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(
            name for name in folders if name not in ("checkpoints", "tensorboard", "wandb")
        )
        for name in sorted(files):
            if name == "result.json" or ("-seed" in name and name.endswith(".json")):
                yield Path(folder) / name


def _from_workdir(path: Path) -> Entry:
    place = Workdir(path.parent)
    result = result_of(read_json(path, "the result of a run"), path)
    owner = place if place.config.exists() else Workdir(path.parent.parent)
    if not owner.config.exists():
        raise ValueError(f"{path} stands without the config of its run ({place.config.name})")
    config = owner.read_config()
    return Entry(
        path=path.parent,
        name=str(path.parent),
        config_hash=config_hash(config),
        config={**config.to_dict(), "seed": result.seed},
        result=result,
        curves=curves_of(read_metrics(place.metrics)),
    )


def _from_record(path: Path) -> Entry:
    record = read_record(path)
    for field, kind in (("experiment", str), ("variant", str), ("config", dict), ("result", dict)):
        if not isinstance(record.get(field), kind):
            raise ValueError(f"{path} is not a record: it has no {field}")
    curves = record.get("curves", {})
    if not isinstance(curves, dict) or not all(isinstance(x, dict) for x in curves.values()):
        raise ValueError(f"{path} is not a record: its curves are not columns by split")
    key = config_hash(ml_collections.ConfigDict(record["config"]))
    if record.get("config_hash") != key:
        raise ValueError(
            f"{path} was changed by hand: its config has the hash {key}, and it says "
            f"{record.get('config_hash')}"
        )
    return Entry(
        path=path,
        name=f"{record['experiment']}:{record['variant']}",
        config_hash=key,
        config=record["config"],
        result=result_of(record["result"], path),
        curves=curves,
        quick=bool(record.get("quick")),
    )
