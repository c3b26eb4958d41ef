"""The record of a run as it goes: `metrics.jsonl`, and the same for TensorBoard."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from neurosym.training.files import finite_or_null, not_what, read_text, write_text
from neurosym.training.workdir import Workdir

# Fields of a line that say where it stands and are not curves of their own.
_PLACE = ("step", "epoch", "split")

_ADVICE = "Remove the file to go on without it"


class MetricsLog:
    """Appends lines to `metrics.jsonl` and scalars to TensorBoard's events.

    A line is `{"step", "epoch", "split": "train" | "validation", "loss", metrics…,
    "learning_rate", "grad_norm", "examples_per_second", "seconds"}`: steps and whole epochs done,
    means over the epoch for "train", over the split for "validation" (which has no learning rate,
    gradient or speed, and a loss only where the task's `evaluate` returns one), and the seconds
    of training so far. A value that is not finite is `null`.

    Args:
      workdir: where.
      last_step: lines beyond this step are dropped first: a resumed run writes them again.
    """

    def __init__(self, workdir: Workdir, *, last_step: int = 0) -> None:
        keep = [r for r in read_metrics(workdir.metrics) if r["step"] <= last_step]
        write_text(workdir.metrics, "".join(_line(record) for record in keep))
        self._path = workdir.metrics
        self._folder, self._purge_step = str(workdir.tensorboard), last_step + 1
        self._board: Any = None  # opened by the first line: importing it takes a second

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes one line, at once."""
        clean = finite_or_null(dict(record))
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(_line(clean))
        if self._board is None:
            from tensorboardX import SummaryWriter

            self._board = SummaryWriter(self._folder, purge_step=self._purge_step)
        for key, value in clean.items():
            if key not in _PLACE and value is not None:
                self._board.add_scalar(f"{record['split']}/{key}", value, record["step"])

    def close(self) -> None:
        """Writes what TensorBoard has not got yet."""
        if self._board is not None:
            self._board.close()


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
