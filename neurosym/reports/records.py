"""Finished runs as records to keep: small files with the result, the config and the command.

A run's folder is large and local. Its record is one JSON file, `EXPERIMENT/VARIANT-HASH-seedK.json`
in a folder of results, with the result, the whole config, the command that gives it again, and
curves of at most a hundred points. The hash is of the config without its seed, so that the seeds of
one config stand side by side, and a config that was changed has another key.
"""

import dataclasses
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import ml_collections

from neurosym.training.files import json_text, read_json, write_text
from neurosym.training.metrics import read_metrics
from neurosym.training.result import Result, read_result
from neurosym.training.workdir import Workdir, plain_config

# {"train": {"step": [...], "epoch": [...], "loss": [...]}, "validation": {...}}: columns of equal
# length for each split; None where a value was not finite.
Curves = dict[str, dict[str, list[float | None]]]

MOST_POINTS = 100

_HASH_LENGTH = 10
_NAME = re.compile(r"[A-Za-z0-9_.]+")
_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(Result)
    if field.default is not dataclasses.MISSING
}
_NUMBERS = re.compile(r"\[(?:\s*(?:-?\d[-+.\deE]*|null),?)+\s*\]")
# What a line of `metrics.jsonl` tells of the machine and of the schedule, not of what was learnt.
_NOT_LEARNT = ("split", "learning_rate", "grad_norm", "examples_per_second", "seconds")


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


def curves_of(records: list[dict[str, Any]], *, most: int = MOST_POINTS) -> Curves:
    """The learning curves in the lines of a `metrics.jsonl`, thinned evenly to `most` points.

    The first and the last point stay; figures are rounded to six digits.

    >>> lines = [{"step": s, "epoch": s, "split": "train", "loss": 1 / s} for s in (1, 2, 3)]
    >>> curves_of(lines, most=2)
    {'train': {'step': [1, 3], 'epoch': [1, 3], 'loss': [1.0, 0.333333]}}
    """
    curves: Curves = {}
    for split in ("train", "validation"):
        lines = [record for record in records if record.get("split") == split]
        names = dict.fromkeys(name for line in lines for name in line if name not in _NOT_LEARNT)
        last, kept = len(lines) - 1, min(len(lines), most)
        chosen = [lines[round(i * last / max(kept - 1, 1))] for i in range(kept)]
        columns = {name: [_short(line.get(name)) for line in chosen] for name in names}
        numbers = {
            name: values
            for name, values in columns.items()
            if all(value is None or isinstance(value, int | float) for value in values)
        }
        if numbers:
            curves[split] = numbers
    return curves


def record_run(
    run: str | Path,
    folder: str | Path,
    *,
    experiment: str,
    variant: str,
    command: str,
    quick: bool = False,
) -> Path:
    """Writes the record of a finished run; a record that is there already stays as it is.

    The one exception: a record from before curves were kept gets the curves.

    Args:
      run: the workdir of the run.
      folder: of all results.
      experiment: the folder of its results in there.
      variant: how its file's name begins.
      command: the command that trains it again.
      quick: the run had a reduced budget, and its figures are never to stand among full ones.

    Returns:
      The path of the record.

    Raises:
      ValueError: there is no run, it is not finished, a name cannot be the name of a file, or there
        is a record of this config and seed with another content; nothing is written then.
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
    record: dict[str, Any] = {
        "experiment": experiment,
        "variant": variant,
        "config_hash": key,
        "command": command,
        "result": dataclasses.asdict(result),
        "config": config.to_dict(),
    }
    if quick:
        record["quick"] = True
    if curves := curves_of(read_metrics(place.metrics)):
        record["curves"] = curves
    for other in path.parent.glob(f"*-{key}-seed{result.seed}.json"):
        if other != path:
            raise ValueError(
                f"{other} holds this config and seed already, under another name of the variant"
            )
    if path.exists():
        kept, given = read_record(path), json.loads(json.dumps(record))
        # The command may name the same config file in another way. Records from before curves were
        # kept have none; a run whose metrics are gone has none to give.
        ignored: dict[str, Any] = {"command": None}
        if "curves" not in kept or "curves" not in given:
            ignored["curves"] = None
        # Fields that results have got since the record was written have their defaults in it.
        complete = {**kept, "result": {**_DEFAULTS, **kept.get("result", {})}}
        differing = _differences({**complete, **ignored}, {**given, **ignored})
        if differing:
            raise ValueError(
                f"{path} holds another run of the same config and seed; it differs in "
                f"{', '.join(differing)}. Remove it first if this one is to take its place."
            )
        if "curves" not in kept and "curves" in given:
            write_text(path, _text({**kept, "curves": given["curves"]}))
        return path
    try:
        text = _text(record)
    except ValueError as error:
        raise ValueError(f"the run in {place.path} cannot be recorded: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def read_record(path: Path) -> dict[str, Any]:
    """The fields of a record.

    Raises:
      ValueError: the file is not a record.
    """
    return read_json(path, "a record")


def _text(record: dict[str, Any]) -> str:
    """JSON with lists of numbers in one line."""
    text = json_text(record, indent=2) + "\n"
    return _NUMBERS.sub(
        lambda match: re.sub(r"\s+", " ", match.group()).replace("[ ", "[").replace(" ]", "]"), text
    )


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value


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
