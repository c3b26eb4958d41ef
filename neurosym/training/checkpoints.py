"""Checkpoints of a run, through Orbax: the newest few and the best one.

A checkpoint holds the arrays of a `TrainState` by name, and a small record of the run so far. It
appears under its final name only when it is complete, so a killed run leaves the one before.

Orbax is imported when the first checkpoint is read or written: that takes a third of a second,
which a new run need not spend before its first step.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from neurosym.training.state import PyTree, TrainState, named_leaves
from neurosym.training.workdir import Workdir

if TYPE_CHECKING:
    import orbax.checkpoint as ocp


@dataclasses.dataclass(frozen=True)
class Record:
    """What a checkpoint says of the run besides its arrays.

    Attributes:
      score: the validation metric at this step, or None where it was not measured.
      seconds: time spent training up to here, over all resumptions, without compiling.
      compile_seconds: time spent compiling, likewise.
    """

    score: float | None
    seconds: float
    compile_seconds: float


class Checkpoints:
    """The checkpoints of one workdir.

    Use as a context manager: leaving it waits until everything is written.

    Args:
      workdir: whose checkpoints.
      keep: how many of the newest to keep, besides the best.
      read_only: only to be read: nothing is created or removed.
    """

    def __init__(self, workdir: Workdir, *, keep: int = 1, read_only: bool = False) -> None:
        self._keep = keep
        self._read_only = read_only
        self._records: dict[int, Record] = {}
        self._folder = Path(workdir.checkpoints).absolute()
        self._opened: ocp.CheckpointManager | None = None
        if not read_only:
            self._folder.mkdir(exist_ok=True)
        if read_only or any(self._folder.iterdir()):
            self._read_records()

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def latest(self) -> int | None:
        """The newest step, or None."""
        return max(self._steps(), default=None)

    def best(self) -> int | None:
        """The step with the best validation metric; the newest where none was measured."""
        return self.best_of(self._steps())

    def best_of(self, steps: Sequence[int]) -> int | None:
        """The best of `steps`: highest score, the newer among equals."""
        whole = [step for step in steps if step in self._records]
        if not whole:
            return None
        return max(whole, key=lambda step: (_rank(self._records[step].score), step))

    def record(self, step: int) -> Record:
        """What the checkpoint of `step` says of the run."""
        return self._records[step]

    def save(self, state: TrainState, record: Record) -> None:
        """Starts to write a checkpoint of `state`; a checkpoint of the same step stays as it is."""
        step = int(state.step)
        if step in self._steps():
            return
        import orbax.checkpoint as ocp

        # Orbax writes while training goes on and overwrites donated buffers: hand it copies.
        host = jax.tree.map(lambda leaf: np.array(leaf, copy=True), state)
        self._records[step] = record
        self._manager.save(
            step,
            # One item and a note: each further item would cost half as much again to write.
            args=ocp.args.Composite(arrays=ocp.args.StandardSave(named_leaves(host._asdict()))),
            custom_metadata=dataclasses.asdict(record),
        )

    def restore(self, step: int, template: TrainState) -> TrainState:
        """The state at `step`, in the structure of `template`.

        Raises:
          ValueError: the checkpoint holds other arrays than the template.
        """
        return TrainState(**fill(template._asdict(), self._read(step)))

    def restore_model(self, step: int, params: PyTree, other: PyTree) -> tuple[PyTree, PyTree]:
        """`params` and `other` at `step`, in the structure of the given ones.

        Raises:
          ValueError: a parameter is missing or has another shape.
        """
        tree = fill({"params": params, "other": other}, self._read(step))
        return tree["params"], tree["other"]

    def close(self) -> None:
        """Waits until everything is written, and lets go."""
        if self._opened is not None:
            self._opened.wait_until_finished()
            self._opened.close()

    @property
    def _manager(self) -> ocp.CheckpointManager:
        if self._opened is None:
            import orbax.checkpoint as ocp

            if not self._read_only:
                _silence_late_writes()
            # Among several processes one alone reads and writes; the others never come here.
            alone = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})
            self._opened = ocp.CheckpointManager(
                self._folder,
                options=ocp.CheckpointManagerOptions(
                    create=False,  # done before: Orbax leaves it to whoever names the processes
                    preservation_policy=None if self._read_only else _KeepLastAndBest(self),
                    enable_async_checkpointing=not self._read_only,
                    multiprocessing_options=alone,
                ),
            )
        return self._opened

    def _steps(self) -> Sequence[int]:
        if self._opened is None:
            return []
        return [step for step in self._opened.all_steps() if step in self._records]

    def _read(self, step: int) -> dict[str, np.ndarray]:
        import orbax.checkpoint as ocp

        arguments = ocp.args.Composite(arrays=ocp.args.StandardRestore())
        return dict(self._manager.restore(step, args=arguments)["arrays"])

    def _read_records(self) -> None:
        """Reads what checkpoints say of the run; one that was killed while it was removed is none.

        Orbax removes a checkpoint file by file, when another that stays is complete.
        """
        steps = self._manager.all_steps()
        for step in steps:
            note = self._manager.metadata(step).custom_metadata
            if note:
                self._records[step] = Record(**note)
        if steps and not self._records:
            raise ValueError(
                f"{self._folder / str(max(steps))} is not a checkpoint of this version of neurosym"
            )


@functools.cache
def _silence_late_writes() -> None:
    """Keeps what TensorStore says too late off the terminal.

    Where one array cannot be written, Orbax ends the event loop in which it waits for all of them,
    and reports the error, which is ours to tell. TensorStore then finds nobody to tell of the other
    arrays, and Python prints a traceback for each.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            before(unraisable)

    sys.unraisablehook = hook


def fill(template: PyTree, saved: dict[str, np.ndarray]) -> PyTree:
    """The saved arrays in the structure of `template`.

    Args:
      template: a tree of arrays.
      saved: arrays by name; what the template lacks is left out.

    Returns:
      A tree of device arrays like the template.

    Raises:
      ValueError: an array is missing or has another shape; all of them are named.
    """
    wanted = named_leaves(template)
    faults = []
    for name, leaf in wanted.items():
        if name not in saved:
            faults.append(f"{name} {tuple(leaf.shape)} is missing")
        elif tuple(saved[name].shape) != tuple(leaf.shape):
            faults.append(f"{name} is {tuple(saved[name].shape)} there, {tuple(leaf.shape)} here")
    if faults:
        raise ValueError("the saved arrays do not fit this model: " + "; ".join(faults))
    leaves = [jax.numpy.array(saved[name], leaf.dtype) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def _rank(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score


class _KeepLastAndBest:
    """Orbax's preservation policy: the newest `keep`, and the best so far."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        del context
        steps = [info.step for info in checkpoints]
        kept = set(sorted(steps)[-self._checkpoints._keep :])
        kept.add(self._checkpoints.best_of(steps))
        return [step in kept for step in steps]
