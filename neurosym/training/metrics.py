"""The record of a run as it goes: `metrics.jsonl`, and the same for trackers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from neurosym.training.files import finite_or_null, not_what, read_text, write_text
from neurosym.training.trackers import Trackers
from neurosym.training.workdir import Workdir

# Fields of a line that say where it stands and are not curves of their own.
_PLACE = ("step", "epoch", "split")

_ADVICE = "Remove the file to go on without it"


class MetricsLog:
    """Appends lines to `metrics.jsonl`, and tells trackers the scalars in them.

    A line is `{"step", "epoch", "split": "train" | "validation", "loss", metrics…,
    "learning_rate", "grad_norm", "examples_per_second", "seconds"}`: steps and whole epochs done,
    means over the epoch for "train", over the split for "validation" (which has no learning rate,
    gradient or speed, and a loss only where the task's `evaluate` returns one), and the seconds
    of training so far. A value that is not finite is `null`.

    Args:
      workdir: where.
      last_step: lines beyond this step are dropped first: a resumed run writes them again.
      trackers: by name.
    """

    def __init__(
        self, workdir: Workdir, *, last_step: int = 0, trackers: Sequence[str] = ("tensorboard",)
    ) -> None:
        keep = [r for r in read_metrics(workdir.metrics) if r["step"] <= last_step]
        write_text(workdir.metrics, "".join(_line(record) for record in keep))
        self._path = workdir.metrics
        self._trackers = Trackers(trackers, workdir, first_step=last_step + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes one line, at once."""
        clean = finite_or_null(dict(record))
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(_line(clean))
        scalars = {
            f"{record['split']}/{key}": value
            for key, value in clean.items()
            if key not in _PLACE and value is not None
        }
        self._trackers.scalars(scalars, record["step"])

    def close(self) -> None:
        """Gives trackers what they have not got yet."""
        self._trackers.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`; a last line that was cut off by a kill is left out.

    Raises:
      ValueError: another line is not one that `MetricsLog` wrote.
    """
    if not path.exists():
        return []
    what = "the metrics of a run"
    lines = read_text(path, what, f"{_ADVICE}.").splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            reason = f"line {number}: {error}"
            raise not_what(path, what, reason, f"{_ADVICE}, or that line.") from error
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise not_what(path, what, f"line {number} has no step", f"{_ADVICE}, or that line.")
        records.append(record)
    return records


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"
