"""The differences between runs: config, figures, the machines they ran on, and their curves."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosym.reports.entries import read_entry
from neurosym.reports.markup import Sheet
from neurosym.reports.records import Curves, curves_of
from neurosym.reports.spreads import ABSENT, in_percent
from neurosym.training.metrics import read_metrics
from neurosym.training.result import Result
from neurosym.training.workdir import Workdir, flat_fields


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the runs that are compared.

    Attributes:
      name: its path, as it was given.
      config: its fields by their whole names.
      result: None where it is not finished.
      curves: as far as it got.
    """

    name: str
    config: Mapping[str, Any]
    result: Result | None
    curves: Curves


def read_side(path: str | Path) -> Side:
    """A run to compare, finished or not; a workdir or a record.

    Raises:
      ValueError: it is neither, or its files are damaged.
    """
    path = Path(path)
    if path.is_dir() and not (path / "result.json").exists():
        place = Workdir(path)
        seeds = sorted(child.parent.name for child in path.glob("*/result.json"))
        if seeds and not place.config.exists():
            raise ValueError(f"{path} holds several runs: name one of {', '.join(seeds)}")
        config = flat_fields(place.read_config().to_dict())
        return Side(str(path), config, None, curves_of(read_metrics(place.metrics)))
    if not path.exists():
        raise ValueError(f"there is no {path}")
    entry = read_entry(path)
    return Side(str(path), flat_fields(entry.config), entry.result, entry.curves)


def compare(sides: Sequence[Side]) -> list[tuple[str, Sheet]]:
    """Tables of what differs between runs; each run is compared with the first one.

    Returns:
      Titles and tables: the config's fields that differ, the metrics with their differences, what
      the runs were, and their curves. A table without a row is left out, except the table of the
      config.

    Raises:
      ValueError: there are fewer than two runs.
    """
    if len(sides) < 2:
        raise ValueError("compare takes two runs or more; one run has nothing beside it")
    sheets = [("config: what differs", _config(sides))]
    for split in ("test", "validation"):
        sheets.append((f"{split} metrics", _metrics(sides, split)))
    sheets.append(("the runs", _facts(sides)))
    sheets.append(("curves", _curves(sides)))
    return [(title, sheet) for title, sheet in sheets if sheet.rows or title.startswith("config")]


def _config(sides: Sequence[Side]) -> Sheet:
    names = sorted({name for side in sides for name in side.config})
    rows = []
    for name in names:
        cells = [repr(side.config[name]) if name in side.config else ABSENT for side in sides]
        if len(set(cells)) > 1:
            rows.append([name, *cells])
    same = len(names) - len(rows)
    return Sheet(["field", *_names(sides)], rows, [f"{same} fields are the same."])


def _metrics(sides: Sequence[Side], split: str) -> Sheet:
    found: list[dict[str, float]] = []
    for side in sides:
        result = side.result
        metrics = {} if result is None else result.metrics if split == "test" else result.validation
        found.append(metrics)
    header = ["metric", *_names(sides), *(f"{name} − first" for name in _names(sides)[1:])]
    rows = []
    for name in dict.fromkeys(name for metrics in found for name in metrics):
        factor = 100.0 if in_percent(name) else 1.0
        values = [factor * metrics[name] if name in metrics else None for metrics in found]
        cells = [ABSENT if value is None else f"{value:.6g}" for value in values]
        cells += [_difference(values[0], value) for value in values[1:]]
        rows.append([f"{name} (%)" if in_percent(name) else name, *cells])
    return Sheet(header, rows)


def _facts(sides: Sequence[Side]) -> Sheet:
    """Seconds always; devices, revisions, versions and the like where they differ."""
    facts: dict[str, Callable[[Result], str]] = {
        "steps": lambda result: str(result.steps),
        "best step": lambda result: str(result.best_step),
        "seconds": lambda result: f"{result.wall_seconds:.1f}",
        "compile seconds": lambda result: f"{result.compile_seconds:.1f}",
        "device": lambda result: result.device,
        "revision": lambda result: result.revision or "unknown",
    }
    packages = {name for side in sides if side.result for name in side.result.versions}
    for package in sorted(packages):
        facts[package] = _version_of(package)
    rows = []
    for name, fact in facts.items():
        cells = ["not finished" if s.result is None else fact(s.result) for s in sides]
        if len(set(cells)) > 1 or name in ("seconds", "compile seconds"):
            rows.append([name, *cells])
    return Sheet(["", *_names(sides)], rows)


def _version_of(package: str) -> Callable[[Result], str]:
    return lambda result: result.versions.get(package, ABSENT)


def _curves(sides: Sequence[Side]) -> Sheet:
    """For each curve its end, and on validation its best, with the step of each."""
    names = dict.fromkeys(
        (split, name)
        for side in sides
        for split, columns in side.curves.items()
        for name in columns
        if name not in ("step", "epoch")
    )
    rows = []
    for split, name in names:
        ends = [_end(side.curves, split, name) for side in sides]
        rows.append([f"{split} {name}, last", *ends])
        if split == "validation" and in_percent(name):
            rows.append([f"{split} {name}, best", *(_best(s.curves, split, name) for s in sides)])
    return Sheet(["curve", *_names(sides)], rows)


def _points(curves: Curves, split: str, name: str) -> list[tuple[float, float]]:
    columns = curves.get(split, {})
    pairs = zip(columns.get("step", []), columns.get(name, []), strict=False)
    return [(x, y) for x, y in pairs if x is not None and y is not None and math.isfinite(y)]


def _end(curves: Curves, split: str, name: str) -> str:
    points = _points(curves, split, name)
    return _point(*points[-1], name) if points else ABSENT


def _best(curves: Curves, split: str, name: str) -> str:
    points = _points(curves, split, name)
    if not points:
        return ABSENT
    # Of equals the first, which is the checkpoint that is kept.
    return _point(*max(points, key=lambda point: (point[1], -point[0])), name)


def _point(step: float, value: float, name: str) -> str:
    text = f"{100 * value:.2f} %" if in_percent(name) else f"{value:.4g}"
    return f"{text} (step {step:.10g})"


def _difference(first: float | None, other: float | None) -> str:
    return ABSENT if first is None or other is None else f"{other - first:+.4g}"


def _names(sides: Sequence[Side]) -> list[str]:
    return [side.name for side in sides]
