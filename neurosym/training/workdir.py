"""The folder of a run: what lies where in it, and whose it is.

`config.json`, `lock`, `metrics.jsonl`, `tensorboard/`, `checkpoints/`, and at the end
`result.json`. A workdir belongs to one config for ever, and to one process at a time.
"""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_collections

from neurosym.training.files import json_text, not_what, read_json, write_json

if sys.platform != "win32":
    import fcntl


@dataclasses.dataclass(frozen=True)
class Workdir:
    """The paths of a run.

    >>> Workdir(Path("runs/add")).metrics.as_posix()
    'runs/add/metrics.jsonl'
    """

    path: Path

    @property
    def config(self) -> Path:
        """The config that the run belongs to."""
        return self.path / "config.json"

    @property
    def lock(self) -> Path:
        """Held by the process that trains; says which one that is, or was."""
        return self.path / "lock"

    @property
    def metrics(self) -> Path:
        """Training and validation as they went, one JSON object on each line."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """Orbax's checkpoints."""
        return self.path / "checkpoints"

    @property
    def result(self) -> Path:
        """The final figures; there only when the run is finished."""
        return self.path / "result.json"

    def read_config(self) -> ml_collections.ConfigDict:
        """The config of the run.

        Raises:
          ValueError: there is no run in this folder, or its config cannot be read.
        """
        if not self.config.is_file():
            raise ValueError(f"{self.path} is not the workdir of a run (no {self.config.name})")
        advice = "Put the file right, take another --workdir, or remove this one."
        what = "the config of a run"
        fields = read_json(self.config, what, advice)
        try:
            return ml_collections.ConfigDict(fields)
        except (AttributeError, ValueError) as error:  # a name that no field can have
            raise not_what(self.config, what, error, advice) from error

    @contextlib.contextmanager
    def claimed(self, config: ml_collections.ConfigDict) -> Iterator[None]:
        """Makes the folder with the config in it, and keeps other processes out while entered.

        The lock goes with the process that holds it, however that ends.

        Raises:
          ValueError: another process is training here, or a run of another config has begun.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.lock, "a+", encoding="utf-8", errors="replace") as file:
            if not _try_lock(file.fileno()):
                file.seek(0)
                raise ValueError(
                    f"process {file.read().strip() or 'unknown'} is training in {self.path}: "
                    "wait for it, stop it, or take another --workdir"
                )
            self.check(config)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            if not self.config.exists():
                write_json(self.config, config.to_dict())
            yield

    def check(self, config: ml_collections.ConfigDict) -> None:
        """Checks that the folder is free or belongs to `config`; writes nothing.

        Raises:
          ValueError: it belongs to another config; the differing fields are listed.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"the workdir {self.path} is a file")
        if not self.config.exists():
            return
        differences = config_differences(self.read_config(), config)
        if differences:
            listed = "\n  ".join(differences)
            raise ValueError(
                f"the workdir {self.path} belongs to a run with another config (there → here):\n"
                f"  {listed}\nTake another --workdir, or remove this one."
            )


def plain_config(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """The config as it is after a round trip through JSON, so that a task sees the same on resume.

    Tuples become lists, and references become values.

    Raises:
      ValueError: a field holds something that JSON has no form for.
    """
    values = config.to_dict()
    for name, value in flat_fields(values).items():
        try:
            json_text(value)
        except TypeError as error:
            raise ValueError(
                f"config.{name} cannot be written as JSON: {value!r} is a {type(value).__name__}"
            ) from error
        except ValueError as error:
            raise ValueError(f"config.{name} cannot be written as JSON: {error}") from error
    return ml_collections.ConfigDict(json.loads(json.dumps(values)))


def config_differences(old: ml_collections.ConfigDict, new: ml_collections.ConfigDict) -> list[str]:
    """One line for each field in which two configs differ.

    >>> old, new = ml_collections.ConfigDict({"a": 1}), ml_collections.ConfigDict({"a": 2})
    >>> config_differences(old, new)
    ['config.a: 1 → 2']
    """
    old_fields, new_fields = flat_fields(old.to_dict()), flat_fields(new.to_dict())
    lines = []
    for name in sorted(old_fields.keys() | new_fields.keys()):
        before = repr(old_fields[name]) if name in old_fields else "(absent)"
        after = repr(new_fields[name]) if name in new_fields else "(absent)"
        if before != after:
            lines.append(f"config.{name}: {before} → {after}")
    return lines


def flat_fields(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The fields of nested sections by their whole names.

    >>> flat_fields({"seed": 0, "data": {"digits": 4, "more": {}}})
    {'seed': 0, 'data.digits': 4, 'data.more': {}}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            flat.update(flat_fields(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _try_lock(descriptor: int) -> bool:
    """Locks a file for as long as it is open; False where another opening of it is locked."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system without locks cannot say; that is not a reason not to train.
            return True
    return True
