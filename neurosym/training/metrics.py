"""The record of a run as it goes: `metrics.jsonl`, and the same for TensorBoard."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from neurosym.training.workdir import Workdir, write_text

# Fields of a line that say where it stands and are no curves of their own.
_PLACE = ("step", "epoch", "split")


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
        write_text(workdir.metrics, "".join(json.dumps(record) + "\n" for record in keep))
        self._path = workdir.metrics
        self._folder, self._purge_step = str(workdir.tensorboard), last_step + 1
        self._board: Any = None  # opened by the first line: importing it takes a second

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes one line, at once."""
        clean = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in record.items()
        }
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(clean) + "\n")
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
    """The lines of a `metrics.jsonl`; a last line that was cut off by a kill is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records
