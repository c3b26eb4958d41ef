"""Finished runs as records to keep: small files that say what was found, of what, and how.

A run's folder is large and local. Its record is one JSON file, `EXPERIMENT/VARIANT-HASH-seedK.json`
in a folder of results, with the result, the whole config and the command that gives it again. The
hash is of the config without its seed, so that the seeds of one config stand side by side, and a
config that was changed has another key.
"""

import dataclasses
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import ml_collections

from neurosym.training.result import read_result
from neurosym.training.workdir import Workdir, plain_config, write_json

_HASH_LENGTH = 10
_NAME = re.compile(r"[A-Za-z0-9_.]+")


def config_hash(config: ml_collections.ConfigDict) -> str:
    """Ten hexadecimal digits that tell configs apart; the seed does not count.

    >>> one = ml_collections.ConfigDict({"seed": 0, "widths": (4, 6)})
    >>> two = ml_collections.ConfigDict({"widths": [4, 6], "seed": 1})
    >>> config_hash(one) == config_hash(two)
    True

    Raises:
      ValueError: a field holds something that JSON has no form for.
    """
    fields = plain_config(config).to_dict()
    fields.pop("seed", None)
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def record_run(
    run: str | Path, folder: str | Path, *, experiment: str, variant: str, command: str
) -> Path:
    """Writes the record of a finished run; one that is there already stays as it is.

    Args:
      run: the workdir of the run.
      folder: of all results.
      experiment: the folder of its results in there.
      variant: how its file's name begins.
      command: what trains it again.

    Returns:
      The path of the record.

    Raises:
      ValueError: there is no run, it is not finished, a name is none for a file, or there is a
        record of this config and seed with another content; nothing is written then.
    """
    for name in (experiment, variant):
        if not _NAME.fullmatch(name) or not name.strip("."):
            raise ValueError(f"{name!r} cannot be part of a file's name")
    place = Workdir(Path(run))
    config = place.read_config()
    result = read_result(place)
    if result is None:
        raise ValueError(f"the run in {place.path} is not finished: it has no {place.result.name}")
    key = config_hash(config)
    path = Path(folder) / experiment / f"{variant}-{key}-seed{result.seed}.json"
    record = {
        "experiment": experiment,
        "variant": variant,
        "config_hash": key,
        "command": command,
        "result": dataclasses.asdict(result),
        "config": config.to_dict(),
    }
    for other in path.parent.glob(f"*-{key}-seed{result.seed}.json"):
        if other != path:
            raise ValueError(
                f"{other} holds this config and seed already, under another name of the variant"
            )
    if path.exists():
        # The command may name the same config file in another way.
        given = {**json.loads(json.dumps(record)), "command": None}
        differing = _differences({**_read(path), "command": None}, given)
        if differing:
            raise ValueError(
                f"{path} holds another run of the same config and seed; it differs in "
                f"{', '.join(differing)}. Remove it first if this one is to take its place."
            )
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, record)
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a record: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a record: it holds no fields")
    return content


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """The names of the fields in which two records differ."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{name}.")
        elif before != after and not (_is_nan(before) and _is_nan(after)):
            found.append(prefix + name)
    return found


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
