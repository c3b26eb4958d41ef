"""Training from where a run stands to its end: epochs, validations, checkpoints, the result.

One call trains one run, or several seeds as an axis of one program, which differ here only in that
every figure is a list and every file has its twins.
"""

import contextlib
import errno
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neurosym.training import result as results
from neurosym.training.epoch import RESERVED_METRICS
from neurosym.training.interrupts import Interrupts, RunInterrupted, RunStopped
from neurosym.training.options import Options
from neurosym.training.prepare import Prepared
from neurosym.training.result import Result
from neurosym.training.run_on_disk import Clock, NonFiniteError, RunOnDisk
from neurosym.training.runs import latest_step
from neurosym.training.state import TrainState, seed_of, stack_seeds
from neurosym.training.workdir import Workdir

# Seconds that a chunk of steps should take: how often progress is shown and signals are heeded.
_CHUNK_SECONDS = 0.5

# The chunk that a profile is taken of: the first one after compiling.
_PROFILED_CHUNK = 1


# What collectives and JAX's coordination service say when somebody is gone; their errors have no
# type that tells.
_LOST = re.compile(
    r"gloo|nccl|coordination|heartbeat|unavailable|deadline|connection|aborted", re.I
)


_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


class ProcessLostError(RuntimeError):
    """Another process of a run over several stopped answering."""


class NotSavedError(OSError):
    """The workdir cannot be written: no room, no permission; what was saved before is whole."""

    def __init__(self, error: OSError, place: Workdir) -> None:
        try:
            step = latest_step(place)
        except (OSError, ValueError):
            step = None
        saved = "nothing is saved yet" if step is None else f"step {step} is saved"
        super().__init__(
            f"cannot write to {place.path}: {error.strerror} ({saved}). Put that right and run the "
            "same command again to continue"
        )


class Trainer:
    """One call's share of one run, or of several seeds in one program.

    Args:
      prepared: see `prepare`.
      runs: the runs; those that have checkpoints are at the same step.
      options: see `Options`.
      interrupts: notes signals.
    """

    def __init__(
        self,
        prepared: Prepared,
        runs: Sequence[RunOnDisk],
        options: Options,
        interrupts: Interrupts,
    ) -> None:
        self._prepared = prepared
        self._runs = runs
        self._options = options
        self._progress = options.progress
        self._interrupts = interrupts
        self._evaluator = prepared.evaluator
        self._started = time.perf_counter()
        self._compiled_before = prepared.compile_seconds
        self._figures: dict[str, float] = {}
        self._chunk_steps = 1
        self._chunks = 0

    def complete(self) -> list[Result]:
        """Trains to the end and judges.

        Returns:
          The result of each run.

        Raises:
          ExceptionGroup: some of several seeds met something not finite; the others are finished.
          NonFiniteError, RunStopped, ProcessLostError: see `train`.
        """
        try:
            with contextlib.ExitStack() as stack:
                for run in self._runs:
                    stack.enter_context(run)
                return self._complete()
        except OSError as error:
            if error.errno not in _UNWRITABLE or self._is_elsewhere(error):
                raise
            raise NotSavedError(error, self._runs[0].place) from error
        except (RuntimeError, ValueError) as error:
            first_line = (str(error).splitlines() or [""])[0][:200]
            if jax.process_count() == 1 or not _LOST.search(first_line):
                raise
            raise ProcessLostError(
                "another process of this run stopped answering, so this one cannot go on. What was "
                "saved is kept: start all processes again with the same commands to continue. "
                f"({first_line})"
            ) from error

    def _is_elsewhere(self, error: OSError) -> bool:
        """Whether an error names a file outside the workdirs, such as one of the task's data."""
        if not isinstance(error.filename, str):
            return False
        file = Path(error.filename).absolute()
        return not any(file.is_relative_to(m.place.path.absolute()) for m in self._runs)

    def _complete(self) -> list[Result]:
        state = self._restored()
        program, total = self._prepared.program, self._prepared.total_steps
        step = self._step_of(state)
        self._progress.start(step, total, program.steps_per_epoch)
        if step == total == 0 and all(run.latest() is None for run in self._runs):
            self._save(state, self._validate(state))
        while step < total:
            state = self._epoch(state)
            step = self._step_of(state)
        judged = self._judge(state)
        errors = [run.error for run in self._runs if run.error is not None]
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {len(self._runs)} seeds failed", errors)
        return judged

    def _restored(self) -> TrainState:
        prepared = self._prepared
        initial = prepared.devices.fetch(prepared.initial)
        states = [
            run.restore(seed_of(initial, i) if prepared.program.stacked else initial)
            for i, run in enumerate(self._runs)
        ]
        step = prepared.devices.tell(max(int(state.step) for state in states))
        if step == 0:
            # The arrays that are on the devices already, unless only the first process has them.
            return self._placed(states) if jax.process_count() > 1 else prepared.initial
        self._progress.say(f"resuming from step {step}")
        return self._placed(states)

    def _placed(self, states: Sequence[TrainState]) -> TrainState:
        prepared = self._prepared
        state = stack_seeds(states) if prepared.program.stacked else states[0]
        return prepared.program.placed(prepared.devices.tell_arrays(state))

    def _epoch(self, state: TrainState) -> TrainState:
        """Trains to the end of the epoch that `state` is in, validates and saves."""
        program, settings = self._prepared.program, self._prepared.settings.train
        length, metric = program.steps_per_epoch, self._prepared.task.metric
        step = self._step_of(state)
        epoch = step // length
        epoch_start, epoch_end = epoch * length, (epoch + 1) * length
        began, compiling, first = time.perf_counter(), program.compile_seconds, step
        if step == epoch_start:
            state = program.start_epoch(state)
        while step < epoch_end:
            stop = min(epoch_end, step + self._chunk_steps)
            if settings.checkpoint_every_steps:
                every = settings.checkpoint_every_steps
                stop = min(stop, (step // every + 1) * every)
            state = self._chunk(state, stop - step)
            step = self._step_of(state)
            seconds = time.perf_counter() - began - (program.compile_seconds - compiling)
            examples = (step - first) * settings.batch_size * len(self._runs)
            speed = examples / max(seconds, 1e-9)
            means = self._means_of_epoch(state, step - epoch_start)
            shown = self._shown(means, ("loss", metric))
            shown["examples/s"] = speed
            self._progress.update(step, {**shown, **self._figures})
            due = settings.checkpoint_every_steps and step % settings.checkpoint_every_steps == 0
            if step < epoch_end:
                if due:
                    self._save(state, None)
                self._heed(state)
        for run, mine in zip(self._runs, means, strict=True):
            line = {
                "step": step,
                "epoch": epoch + 1,
                "split": "train",
                "loss": mine.pop("loss"),
                **mine,
                "learning_rate": float(self._prepared.schedule(step - 1)),
                "examples_per_second": speed / len(self._runs),
                "seconds": run.record(None, self._clock()).seconds,
            }
            if run.error is None:
                run.log(line)
        metrics: list[dict[str, float]] | None = None
        if (epoch + 1) % settings.eval_every_epochs == 0 or step == self._prepared.total_steps:
            metrics = self._validate(state)
            self._progress.update(step, {**shown, **self._figures})
        self._save(state, metrics)
        if metrics is not None and self._options.on_validation is not None:
            self._options.on_validation(step, metrics[0])
        if step < self._prepared.total_steps:
            self._heed(state)
        return state

    def _chunk(self, state: TrainState, steps: int) -> TrainState:
        """Makes `steps` steps, and adapts the length of the next chunk to their speed."""
        program = self._prepared.program
        began, compiling = time.perf_counter(), program.compile_seconds
        with self._profiled():
            state = jax.block_until_ready(program.run(state, steps))
        seconds = time.perf_counter() - began - (program.compile_seconds - compiling)
        fitting = int(steps * _CHUNK_SECONDS / max(seconds, 1e-9))
        self._chunk_steps = max(1, min(fitting, 4 * self._chunk_steps))
        self._chunks += 1
        bad_steps = np.atleast_1d(self._prepared.devices.fetch(state.bad_step))
        for run, bad_step in zip(self._runs, bad_steps.tolist(), strict=True):
            if bad_step >= 0 and run.error is None:
                run.error = run.not_finite("the loss or its gradient", bad_step)
        self._check_errors()
        return state

    def _profiled(self) -> contextlib.AbstractContextManager[None]:
        first = self._runs[0].place.path
        if (
            self._options.profile
            and self._prepared.devices.first
            and self._chunks == _PROFILED_CHUNK
        ):
            return jax.profiler.trace(str(first / "profile"))
        return contextlib.nullcontext()

    def _means_of_epoch(self, state: TrainState, steps: int) -> list[dict[str, float]]:
        """Each run's means over the epoch so far."""
        sums = {k: np.atleast_1d(v) for k, v in self._prepared.devices.fetch(state.sums).items()}
        return [
            {name: float(values[i]) / steps for name, values in sums.items()}
            for i in range(len(self._runs))
        ]

    def _shown(
        self, metrics: Sequence[Mapping[str, float]], names: Sequence[str]
    ) -> dict[str, float]:
        """The means over the runs that go on, for a person to see."""
        alive = [m for run, m in zip(self._runs, metrics, strict=True) if not run.error]
        return {n: float(np.mean([m[n] for m in alive])) for n in names if n in metrics[0]}

    def _validate(self, state: TrainState) -> list[dict[str, float]] | None:
        """Validates, logs, and returns each run's metrics; None with nothing to validate on."""
        task, split = self._prepared.task, self._prepared.validation
        if split.size == 0:
            return None
        means = self._evaluator.means(state.params, state.other, split)
        self._check_metrics(means)
        step = self._step_of(state)
        each = [
            {name: float(np.ravel(values)[i]) for name, values in means.items()}
            for i in range(len(self._runs))
        ]
        for run, metrics in zip(self._runs, each, strict=True):
            if run.error is None:
                run.log(
                    {
                        "step": step,
                        "epoch": step // self._prepared.program.steps_per_epoch,
                        "split": "validation",
                        **metrics,
                        "seconds": run.record(None, self._clock()).seconds,
                    }
                )
        shown = self._shown(each, (task.metric,))
        self._figures = {f"validation {name}": value for name, value in shown.items()}
        return each

    def _check_metrics(self, metrics: Mapping[str, Any]) -> None:
        metric = self._prepared.task.metric
        if metric not in metrics:
            raise ValueError(
                f"the task's metric is {metric!r}, but its evaluate returns {', '.join(metrics)}"
            )
        taken = (RESERVED_METRICS - {"loss"}) & metrics.keys()
        if taken:
            raise ValueError(
                f"the task's evaluate returns {', '.join(sorted(taken))}; that name is the loop's"
            )

    def _save(self, state: TrainState, metrics: Sequence[Mapping[str, float]] | None) -> None:
        host = self._prepared.devices.fetch(state)
        stacked, metric = self._prepared.program.stacked, self._prepared.task.metric
        for i, run in enumerate(self._runs):
            if run.error is not None:
                continue
            score = None if metrics is None else metrics[i][metric]
            try:
                run.save(seed_of(host, i) if stacked else host, score, self._clock())
            except NonFiniteError as error:
                run.error = error
        self._check_errors()

    def _check_errors(self) -> None:
        """Raises when no run can go on."""
        errors = [run.error for run in self._runs if run.error is not None]
        if len(errors) == len(self._runs):
            raise errors[0] if len(errors) == 1 else ExceptionGroup("all seeds failed", errors)

    def _heed(self, state: TrainState) -> None:
        """Stops if a signal or the caller wants it; all processes go on with one chunk length."""
        asked = self._options.stop_when is not None and self._options.stop_when()
        wishes = (self._chunk_steps, self._interrupts.received or 0, int(asked))
        self._chunk_steps, signal, stop = self._prepared.devices.agree(*wishes)
        if signal or stop:
            self._save(state, None)
            step = self._step_of(state)
            raise RunInterrupted(signal, step) if signal else RunStopped(step)

    def _clock(self) -> Clock:
        compiling = self._prepared.compile_seconds - self._compiled_before
        return Clock(self._started, compiling, len(self._runs))

    def _step_of(self, state: TrainState) -> int:
        return int(np.max(self._prepared.devices.fetch(state.step)))

    def _judge(self, state: TrainState) -> list[Result]:
        """Reads the test split, the only time, with each run's best parameters."""
        prepared = self._prepared
        records = [run.record(None, self._clock()) for run in self._runs]
        host = prepared.devices.fetch((state.params, state.other))
        chosen = [
            run.best_model(*(seed_of(host, i) if prepared.program.stacked else host))
            if run.error is None
            else (0, *seed_of(host, i))
            for i, run in enumerate(self._runs)
        ]
        bests = prepared.devices.tell([best for best, *_ in chosen])
        models = [tuple(model) for _, *model in chosen]
        params, other = stack_seeds(models) if prepared.program.stacked else models[0]
        params, other = prepared.devices.tell_arrays((params, other))
        placed = prepared.program.placed(state._replace(params=params, other=other))
        model = (placed.params, placed.other)
        validation: list[dict[str, float]] = [{} for _ in self._runs]
        if prepared.validation.size:
            validation = self._evaluator.judge(*model, prepared.validation, "validation")
        test: list[dict[str, float]] = [{} for _ in self._runs]
        if self._options.judge_test:
            test = self._evaluator.judge(*model, prepared.task.split("test"), "test")
        versions, device, revision = results.versions(), results.device(), results.revision()
        judged = []
        for i, run in enumerate(self._runs):
            result = Result(
                metrics=test[i],
                validation=validation[i],
                seed=run.seed,
                steps=self._step_of(state),
                best_step=bests[i],
                wall_seconds=records[i].seconds,
                compile_seconds=records[i].compile_seconds,
                versions=versions,
                device=device,
                revision=revision,
                together=len(self._runs),
            )
            if self._options.judge_test and run.error is None:
                run.finish(result)
            judged.append(result)
        return judged
