"""One run on disk while it trains: its folder, its checkpoints, its log of metrics.

A program may train several runs that differ in their seeds: each has files of its own, as if it
had been trained alone. In a process that does not own the files, a run keeps nothing.
"""

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from typing import Any, Self

import jax
import ml_collections
import numpy as np

from neurosym.training.checkpoints import Checkpoints, Record
from neurosym.training.metrics import MetricsLog
from neurosym.training.result import Result, write_result
from neurosym.training.state import PyTree, TrainState
from neurosym.training.workdir import Workdir


class NonFiniteError(RuntimeError):
    """The loss, a gradient or a parameter became infinite or not a number.

    Attributes:
      step: the step at which it happened.
    """

    def __init__(self, what: str, step: int, workdir: Any, saved_step: int | None) -> None:
        self.step = step
        saved = "nothing was saved before" if saved_step is None else f"step {saved_step} is saved"
        super().__init__(
            f"{what} is not finite at step {step} ({saved}). Try a lower "
            "config.optimizer.learning_rate, config.optimizer.clip_norm=1.0 or some "
            "config.optimizer.warmup_steps, in another workdir; "
            f"config.init_from={workdir} starts from what is saved."
        )


@dataclasses.dataclass
class Clock:
    """Seconds of a call, what compiling took of them, and how many runs share them."""

    started: float = dataclasses.field(default_factory=time.perf_counter)
    compiling: float = 0.0
    shared_by: int = 1


class RunOnDisk:
    """One seed's run.

    Use as a context manager; entering it claims the folder.

    Args:
      config: of the run.
      place: its folder.
      keep: how many of the newest checkpoints stay.
      writes: whether this process owns the files.

    Attributes:
      error: why the run cannot go on, or None.

    Raises:
      ValueError: on entering: see `Workdir.claimed`.
    """

    def __init__(
        self, config: ml_collections.ConfigDict, place: Workdir, *, keep: int, writes: bool = True
    ) -> None:
        self.place = place
        self.seed = int(config.get("seed", 0))
        self.error: NonFiniteError | None = None
        self._config = config
        self._keep = keep
        self._writes = writes
        self._earlier = Record(score=None, seconds=0.0, compile_seconds=0.0)
        self._stack = contextlib.ExitStack()
        self._checkpoints: Checkpoints | None = None
        self._log: MetricsLog | None = None

    def __enter__(self) -> Self:
        if self._writes:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self.place.claimed(self._config))
                self._checkpoints = stack.enter_context(Checkpoints(self.place, keep=self._keep))
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def latest(self) -> int | None:
        """The step of the newest checkpoint, or None."""
        return self._checkpoints.latest() if self._checkpoints else None

    def restore(self, template: TrainState) -> TrainState:
        """The newest state where there is one, else the template; opens the log behind it."""
        if self._checkpoints is None:
            return template
        step = self._checkpoints.latest()
        if step is not None:
            self._earlier = self._checkpoints.record(step)
            template = self._checkpoints.restore(step, template)
        self._log = self._stack.enter_context(MetricsLog(self.place, last_step=step or 0))
        return template

    def best_model(self, params: PyTree, other: PyTree) -> tuple[int, PyTree, PyTree]:
        """The step with the best validation metric, and its parameters in the given structure."""
        if self._checkpoints is None:
            return 0, params, other
        best = self._checkpoints.best()
        assert best is not None, "the last epoch is always saved"
        return best, *self._checkpoints.restore_model(best, params, other)

    def log(self, record: Mapping[str, Any]) -> None:
        """Writes a line of metrics."""
        if self._log is not None:
            self._log.write(record)

    def save(self, state: TrainState, score: float | None, clock: Clock) -> None:
        """Saves a state of host arrays.

        Raises:
          NonFiniteError: a parameter is not finite; nothing is saved then.
        """
        if self._checkpoints is None:
            return
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)):
            raise self.not_finite("a parameter", int(state.step))
        self._checkpoints.save(state, self.record(score, clock))

    def finish(self, result: Result) -> None:
        """Writes the result."""
        if self._writes:
            write_result(self.place, result)

    def record(self, score: float | None, clock: Clock) -> Record:
        """What there is to say of the run so far, over all resumptions; times are its share."""
        seconds = time.perf_counter() - clock.started - clock.compiling
        return Record(
            score=score,
            seconds=self._earlier.seconds + seconds / clock.shared_by,
            compile_seconds=self._earlier.compile_seconds + clock.compiling / clock.shared_by,
        )

    def not_finite(self, what: str, step: int) -> NonFiniteError:
        """The error of this run."""
        return NonFiniteError(what, step, self.place.path, self.latest())
