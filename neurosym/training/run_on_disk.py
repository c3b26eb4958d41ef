"""One run on disk while it trains: its folder, its checkpoints, its log of metrics.

A program may train several runs that differ in their seeds: each has files of its own, as if it
had been trained alone. In a process that does not own the files, a run keeps nothing.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import ml_collections

from neurosym.training.checkpoints import Checkpoints, Record
from neurosym.training.failures import NonFiniteError
from neurosym.training.metrics import MetricsLog
from neurosym.training.result import Result, write_result
from neurosym.training.state import PyTree, TrainState
from neurosym.training.workdir import Workdir


@dataclasses.dataclass
class Clock:
    """The time that a call has taken so far, to be shared out.

    Attributes:
      started: when the call began.
      compiling: seconds of compiling since then.
      compiled: seconds of compiling before, for which nobody has accounted yet.
      shared_by: how many runs share all of it.
    """

    started: float = dataclasses.field(default_factory=time.perf_counter)
    compiling: float = 0.0
    compiled: float = 0.0
    shared_by: int = 1


class RunOnDisk:
    """One seed's run.

    Use as a context manager; entering it claims the folder.

    Args:
      config: of the run.
      place: its folder.
      keep: how many of the newest checkpoints stay.
      writes: whether this process owns the files.
      say: is told of damaged checkpoints in whose place others are taken.
      trackers: who shows the curves, by name.

    Attributes:
      error: why the run cannot go on, or None.

    Raises:
      ValueError: on entering: see `Workdir.claimed`.
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        place: Workdir,
        *,
        keep: int,
        writes: bool = True,
        say: Callable[[str], None] | None = None,
        trackers: Sequence[str] = ("tensorboard",),
    ) -> None:
        self.place = place
        self.seed = int(config.get("seed", 0))
        self.error: NonFiniteError | None = None
        self._config = config
        self._keep = keep
        self._writes = writes
        self._say = say
        self._trackers = trackers
        self._earlier = Record(score=None, seconds=0.0, compile_seconds=0.0)
        self._stack = contextlib.ExitStack()
        self._checkpoints: Checkpoints | None = None
        self._log: MetricsLog | None = None

    def __enter__(self) -> Self:
        if self._writes:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self.place.claimed(self._config))
                found = Checkpoints(self.place, keep=self._keep, say=self._say)
                self._checkpoints = stack.enter_context(found)
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def latest(self) -> int | None:
        """The step of the newest checkpoint, or None."""
        return self._checkpoints.latest() if self._checkpoints else None

    def restore(self, template: TrainState) -> TrainState:
        """The newest whole state where there is one, else the template; opens the log behind it.

        Raises:
          ValueError: there are checkpoints, and not one of them can be read.
        """
        if self._checkpoints is None:
            return template
        step = 0
        saved = self._checkpoints.restore(template)
        if saved is not None:
            template, step = saved, int(saved.step)
            self._earlier = self._checkpoints.record(step)
        self._log = self._stack.enter_context(
            MetricsLog(self.place, last_step=step, trackers=self._trackers)
        )
        return template

    def best_model(self, params: PyTree, other: PyTree) -> tuple[int, PyTree, PyTree]:
        """The step with the best validation metric, and its parameters in the given structure.

        Where nothing is kept, or the run cannot go on: the parameters that are given.
        """
        if self._checkpoints is None or self.error is not None:
            return 0, params, other
        return self._checkpoints.restore_best(params, other)

    def log(self, record: Mapping[str, Any]) -> None:
        """Writes a line of metrics, unless the run cannot go on."""
        if self._log is not None and self.error is None:
            self._log.write(record)

    def save(self, state: TrainState, score: float | None, clock: Clock) -> None:
        """Saves a state of host arrays, unless the run cannot go on."""
        if self._checkpoints is not None and self.error is None:
            self._checkpoints.save(state, self.record(score, clock))

    def finish(self, result: Result) -> None:
        """Writes the result, unless the run cannot go on."""
        if self._writes and self.error is None:
            write_result(self.place, result)

    def record(self, score: float | None, clock: Clock) -> Record:
        """The record of the run so far, over all resumptions; times are its share."""
        seconds = time.perf_counter() - clock.started - clock.compiling
        compiling = clock.compiled + clock.compiling
        return Record(
            score=score,
            seconds=self._earlier.seconds + seconds / clock.shared_by,
            compile_seconds=self._earlier.compile_seconds + compiling / clock.shared_by,
        )

    def fail(self, what: str, step: int, advice: str = "") -> None:
        """Notes that the run cannot go on, because something is not finite: the first time."""
        if self.error is None:
            self.error = NonFiniteError(what, step, self.place.path, self.latest(), advice)
