"""Checkpoints of a run, through Orbax: the newest few and the best one.

A checkpoint holds the arrays of a `TrainState` by name, and a small record of the run so far, with
a checksum of the arrays. It appears under its final name only when it is complete, so a killed run
leaves the checkpoint before. A run skips a checkpoint that was damaged later, says so, and removes
it when it saves the next one:

    checkpoints/20  whole               ← the run goes on from here
    checkpoints/24  truncated           ← "skipped the damaged checkpoint …/24: …"

Orbax is imported when the first checkpoint is read or written: that takes a third of a second,
which a new run need not spend before its first step.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from neurosym.training.damage import (
    FOREIGN,
    HALF_REMOVED,
    checksum_of,
    first_line,
    is_out_of_reach,
    read_note,
)
from neurosym.training.failures import DamagedCheckpointError
from neurosym.training.state import PyTree, TrainState, fill, named_leaves
from neurosym.training.workdir import Workdir

if TYPE_CHECKING:
    import orbax.checkpoint as ocp


@dataclasses.dataclass(frozen=True)
class Record:
    """The record of the run in a checkpoint, beside its arrays.

    Attributes:
      score: the validation metric at this step, or None where it was not measured.
      seconds: time spent training up to here, over all resumptions, without compiling.
      compile_seconds: time spent compiling, likewise.
      checksum: of the arrays; None in checkpoints from before checksums were kept.
    """

    score: float | None
    seconds: float
    compile_seconds: float
    checksum: int | None = None


class Checkpoints:
    """The checkpoints of one workdir.

    Use as a context manager: leaving it waits until everything is written.

    Args:
      workdir: whose checkpoints.
      keep: how many of the newest to keep, besides the best.
      read_only: only to be read: nothing is created or removed.
      say: is told of each damaged checkpoint in whose place another one is taken.

    Raises:
      ValueError: there are checkpoints, and not one of them can be read.
    """

    def __init__(
        self,
        workdir: Workdir,
        *,
        keep: int = 1,
        read_only: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._keep = keep
        self._read_only = read_only
        self._say = say or (lambda message: None)
        self._records: dict[int, Record] = {}
        self._damaged: dict[int, str] = {}  # why, by step
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
        """The newest step whose note can be read, or None."""
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
        """The record of the run in the checkpoint of `step`."""
        return self._records[step]

    def save(self, state: TrainState, record: Record) -> None:
        """Starts to write a checkpoint of `state`; a whole one of the same step stays as it is."""
        step = int(state.step)
        if step in self._steps():
            return
        import orbax.checkpoint as ocp

        # Orbax writes while training goes on and overwrites donated buffers: hand it copies.
        host = jax.tree.map(lambda leaf: np.array(leaf, copy=True), state)
        arrays = named_leaves(host._asdict())
        if self._damaged.pop(step, None) is not None:
            self._manager.delete(step)
        self._records[step] = dataclasses.replace(record, checksum=checksum_of(arrays))
        self._manager.save(
            step,
            # One item and a note: each further item would cost half as much again to write.
            args=ocp.args.Composite(arrays=ocp.args.StandardSave(arrays)),
            custom_metadata=dataclasses.asdict(self._records[step]),
        )

    def whole_step(self) -> int | None:
        """The newest step whose arrays can be read; None where there is no checkpoint.

        Raises:
          ValueError: there are checkpoints, and not one of them can be read.
        """
        found = self._first_whole(_newest)
        return None if found is None else found[0]

    def restore(self, template: TrainState) -> TrainState | None:
        """The newest whole state, in the structure of `template`; None without a checkpoint.

        Raises:
          ValueError: not one checkpoint can be read; or it holds other arrays than the template.
        """
        found = self._first_whole(_newest)
        return None if found is None else TrainState(**fill(template._asdict(), found[1]))

    def restore_best(
        self, params: PyTree, other: PyTree, *, no_other: bool = False
    ) -> tuple[int, PyTree, PyTree]:
        """The best whole checkpoint's step, and its parameters in the structure of those given.

        Args:
          params: parameters, as in `TrainState`.
          other: further variables, likewise.
          no_other: do not take another checkpoint where the best one is damaged.

        Raises:
          DamagedCheckpointError: the best one is damaged, and `no_other` was asked for.
          ValueError: there is no checkpoint or not one can be read; a parameter is missing or has
            another shape.
        """
        if no_other and self._unknown():
            step = max(self._unknown())
            raise DamagedCheckpointError(self._folder / str(step), self._damaged[step])
        found = self._first_whole(self.best_of, no_other=no_other)
        if found is None:
            raise ValueError("there is no checkpoint yet")
        step, arrays = found
        tree = fill({"params": params, "other": other}, arrays)
        return step, tree["params"], tree["other"]

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
        """Steps whose checkpoints are whole, as far as was seen."""
        if self._opened is None:
            return []
        return [step for step in self._opened.all_steps() if step in self._records]

    def _first_whole(
        self, choose: Callable[[Sequence[int]], int | None], *, no_other: bool = False
    ) -> tuple[int, dict[str, np.ndarray]] | None:
        """Step and arrays of the first whole checkpoint in the order that `choose` prefers."""
        while (step := choose(self._steps())) is not None:
            try:
                arrays = self._read(step)
            except DamagedCheckpointError:
                if no_other:
                    raise
                continue
            for other in sorted(self._unknown()):
                if choose is not _newest or other > step:
                    place = self._folder / str(other)
                    self._say(
                        f"skipped the damaged checkpoint {place} ({self._damaged[other]}); the one "
                        f"of step {step} is taken"
                    )
            return step, arrays
        self._check_that_one_is_left()
        return None

    def _read(self, step: int) -> dict[str, np.ndarray]:
        """The arrays of a checkpoint by name.

        Raises:
          DamagedCheckpointError: they cannot be read, or are not those that were written.
        """
        import orbax.checkpoint as ocp

        arguments = ocp.args.Composite(arrays=ocp.args.StandardRestore())
        place = self._folder / str(step)
        try:
            arrays = dict(self._manager.restore(step, args=arguments)["arrays"])
        except Exception as error:
            # Orbax and TensorStore raise errors of many types for files that are not whole.
            if is_out_of_reach(error):
                raise
            raise self._marked(step, DamagedCheckpointError(place, first_line(error))) from error
        wanted = self._records[step].checksum if step in self._records else None
        if wanted is not None and checksum_of(arrays) != wanted:
            reason = "its arrays are not those that were written (the checksum differs)"
            raise self._marked(step, DamagedCheckpointError(place, reason))
        return arrays

    def _marked(self, step: int, error: DamagedCheckpointError) -> DamagedCheckpointError:
        self._records.pop(step, None)
        self._damaged[step] = error.reason
        return error

    def _unknown(self) -> list[int]:
        """Steps of damaged checkpoints, but for those that Orbax was killed at removing.

        Orbax removes a checkpoint file by file, when another that stays is complete.
        """
        newest = max(self._records, default=-1)
        return [s for s, why in self._damaged.items() if why != HALF_REMOVED or s > newest]

    def _read_records(self) -> None:
        """Reads what checkpoints say of the run."""
        for step in self._manager.all_steps():
            note = read_note(self._folder / str(step))
            if isinstance(note, str):
                self._damaged[step] = note
                continue
            try:
                self._records[step] = Record(**note)
            except TypeError:
                self._damaged[step] = FOREIGN
        self._check_that_one_is_left()

    def _check_that_one_is_left(self) -> None:
        if self._records or not self._damaged:
            return
        if set(self._damaged.values()) == {FOREIGN}:
            newest = self._folder / str(max(self._damaged))
            raise ValueError(f"{newest} is not a checkpoint of this version of neurosym")
        listed = "".join(
            f"\n  {self._folder / str(step)}: {why}" for step, why in sorted(self._damaged.items())
        )
        raise ValueError(
            f"all checkpoints of this run are damaged:{listed}\n"
            f"Put one back from a copy, or remove {self._folder} to begin the run anew."
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


def _newest(steps: Sequence[int]) -> int | None:
    return max(steps, default=None)


def _rank(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score


class _KeepLastAndBest:
    """Orbax's preservation policy: the newest `keep`, and the best so far."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        del context
        steps = [info.step for info in checkpoints]
        whole = sorted(step for step in steps if step in self._checkpoints._records)
        kept = {*whole[-self._checkpoints._keep :], self._checkpoints.best_of(whole)}
        return [step in kept for step in steps]
