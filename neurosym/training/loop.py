"""The training loop: from a config and a workdir to a result.

`train` checks everything first, then resumes or starts, trains epoch by epoch in chunks of
compiled steps, validates, saves, and at the end judges the best parameters on the test split,
once. It knows `Task` and no task.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import ml_collections
import numpy as np
import optax
from flax import nnx

from neurosym.training import result as results
from neurosym.training.checkpoints import Checkpoints, Record
from neurosym.training.epoch import RESERVED_METRICS, Keys, Program
from neurosym.training.evaluation import Evaluator
from neurosym.training.interrupts import Interrupts, RunInterrupted
from neurosym.training.metrics import MetricsLog
from neurosym.training.optimizer import make_optimizer, make_schedule
from neurosym.training.progress import ProgressDisplay, SilentProgress
from neurosym.training.result import Result
from neurosym.training.runs import latest_step, restore_best
from neurosym.training.settings import Settings
from neurosym.training.state import Anatomy, TrainState
from neurosym.training.task import Split, check_task, load_task
from neurosym.training.workdir import Workdir, plain_config

# Seconds that a chunk of steps should take: how often progress is shown and signals are heeded.
_CHUNK_SECONDS = 0.5

# Called with the step and the validation metrics.
OnValidation = Callable[[int, Mapping[str, float]], None]


class NonFiniteError(RuntimeError):
    """The loss, a gradient or a parameter became infinite or not a number.

    Attributes:
      step: the step at which it happened.
    """

    def __init__(self, what: str, step: int, workdir: Path, saved_step: int | None) -> None:
        self.step = step
        saved = "nothing was saved before" if saved_step is None else f"step {saved_step} is saved"
        super().__init__(
            f"{what} is not finite at step {step} ({saved}). Try a lower "
            "config.optimizer.learning_rate, config.optimizer.clip_norm=1.0 or some "
            "config.optimizer.warmup_steps, in another workdir; "
            f"config.init_from={workdir} starts from what is saved."
        )


def train(
    config: ml_collections.ConfigDict,
    workdir: str | Path,
    *,
    task: Any = None,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
    progress: ProgressDisplay | None = None,
    on_validation: OnValidation | None = None,
) -> Result:
    """Trains a task, or goes on where an earlier call was stopped; a finished run is only read.

    Stopped by whatever means, also from the middle of an epoch, and started again with the same
    arguments, it ends with the same parameters bit for bit (on CPU).

    Args:
      config: what to train and how: `Settings` for the loop's fields, the rest is the task's.
      workdir: the folder of the run; it belongs to this config.
      task: the task itself; None makes it from `config.task`.
      data_dir: where the task looks for its data.
      import_roots: see `load_task`.
      progress: who is told how it goes; None tells nobody.
      on_validation: called after every validation, when its checkpoint is on its way, with the
        step and the validation metrics. What it raises ends the run, which can be resumed.

    Returns:
      The result, as in `result.json`.

    Raises:
      ValueError: a config field, the workdir or the task is wrong, or another process is
        training in the workdir; nothing is written then.
      NonFiniteError: the loss, a gradient or a parameter is not finite.
      RunInterrupted: SIGINT or SIGTERM came; everything is saved.
    """
    config = plain_config(config)
    settings = Settings.from_config(config)
    place = Workdir(Path(workdir))
    place.check(config)
    progress = progress or SilentProgress()
    finished = results.read_result(place)
    if finished is not None:
        progress.say(f"this run is finished ({finished.steps} steps); see {place.result}")
        return finished
    with Interrupts() as interrupts, progress:
        if task is None:
            task = load_task(config, data_dir=data_dir, import_roots=import_roots)
        else:
            check_task(task)
        setup = _set_up(settings, task, place)
        # From here on everything is known to fit, and files are written.
        with place.claimed(config):
            return _Training(setup, place, progress, interrupts, on_validation).complete()


@dataclasses.dataclass(frozen=True)
class _Setup:
    """Everything that a run needs, checked, before anything is written."""

    settings: Settings
    task: Any
    anatomy: Anatomy
    program: Program
    schedule: optax.Schedule
    validation: Split
    initial: TrainState
    total_steps: int


def _set_up(settings: Settings, task: Any, place: Workdir) -> _Setup:
    keys = Keys.of(settings.seed)
    split, validation = task.split("train"), task.split("validation")
    batch_size = settings.train.batch_size
    total_steps = settings.train.epochs * (split.size // batch_size)
    schedule = make_schedule(settings.optimizer, total_steps)
    anatomy = Anatomy.of(task.model(nnx.Rngs(keys.init)))
    program = Program(
        task,
        anatomy,
        make_optimizer(settings.optimizer, schedule),
        split,
        batch_size=batch_size,
        keys=keys,
        loop=settings.train.loop,
    )
    params, other = anatomy.initial()
    # A run that goes on has its own parameters; the one that it came from may be gone by then.
    if settings.init_from and latest_step(place) is None:
        params, other = restore_best(settings.init_from, params, other)
    initial = program.initial_state(params, other)
    return _Setup(settings, task, anatomy, program, schedule, validation, initial, total_steps)


class _Training:
    """One call's share of a run."""

    def __init__(
        self,
        setup: _Setup,
        place: Workdir,
        progress: ProgressDisplay,
        interrupts: Interrupts,
        on_validation: OnValidation | None,
    ) -> None:
        self._setup = setup
        self._place = place
        self._progress = progress
        self._interrupts = interrupts
        self._on_validation = on_validation
        batch_size = setup.settings.train.eval_batch_size
        self._evaluator = Evaluator(setup.task, setup.anatomy, batch_size=batch_size)
        self._earlier = Record(score=None, seconds=0.0, compile_seconds=0.0)
        self._started = time.perf_counter()
        self._figures: dict[str, float] = {}
        self._chunk_steps = 1

    def complete(self) -> Result:
        """Trains to the end and judges."""
        keep = self._setup.settings.train.keep_checkpoints
        with Checkpoints(self._place, keep=keep) as checkpoints:
            state = self._restored(checkpoints)
            program = self._setup.program
            step = int(state.step)
            with MetricsLog(self._place, last_step=step) as log:
                total = self._setup.total_steps
                self._progress.start(step, total, program.steps_per_epoch)
                if step == total == 0 and checkpoints.latest() is None:
                    score = self._score(self._validate(state, log))
                    checkpoints.save(state, self._record(score))
                while step < total:
                    state = self._epoch(state, checkpoints, log)
                    step = int(state.step)
            return self._judge(state, checkpoints)

    def _restored(self, checkpoints: Checkpoints) -> TrainState:
        latest = checkpoints.latest()
        if latest is None:
            return self._setup.initial
        self._earlier = checkpoints.record(latest)
        self._progress.say(f"resuming from step {latest}")
        return checkpoints.restore(latest, self._setup.initial)

    def _epoch(self, state: TrainState, checkpoints: Checkpoints, log: MetricsLog) -> TrainState:
        """Trains to the end of the epoch that `state` is in, validates and saves."""
        program, settings = self._setup.program, self._setup.settings.train
        length, metric = program.steps_per_epoch, self._setup.task.metric
        step = int(state.step)
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
            state = self._chunk(state, stop - step, checkpoints)
            step = int(state.step)
            seconds = time.perf_counter() - began - (program.compile_seconds - compiling)
            speed = (step - first) * settings.batch_size / max(seconds, 1e-9)
            means = {name: float(x) / (step - epoch_start) for name, x in state.sums.items()}
            shown = {name: means[name] for name in ("loss", metric) if name in means}
            shown["examples/s"] = speed
            self._progress.update(step, {**shown, **self._figures})
            due = settings.checkpoint_every_steps and step % settings.checkpoint_every_steps == 0
            if step < epoch_end:
                if due:
                    self._save(state, checkpoints, None)
                self._heed_signals(state, checkpoints)
        log.write(
            {
                "step": step,
                "epoch": epoch + 1,
                "split": "train",
                "loss": means.pop("loss"),
                **means,
                "learning_rate": float(self._setup.schedule(step - 1)),
                "examples_per_second": speed,
                "seconds": self._record(None).seconds,
            }
        )
        metrics: dict[str, float] | None = None
        if (epoch + 1) % settings.eval_every_epochs == 0 or step == self._setup.total_steps:
            metrics = self._validate(state, log)
            self._progress.update(step, {**shown, **self._figures})
        self._save(state, checkpoints, self._score(metrics))
        if metrics is not None and self._on_validation is not None:
            self._on_validation(step, metrics)
        if step < self._setup.total_steps:
            self._heed_signals(state, checkpoints)
        return state

    def _chunk(self, state: TrainState, steps: int, checkpoints: Checkpoints) -> TrainState:
        """Makes `steps` steps, and adapts the length of the next chunk to their speed."""
        program = self._setup.program
        began, compiling = time.perf_counter(), program.compile_seconds
        state = jax.block_until_ready(program.run(state, steps))
        seconds = time.perf_counter() - began - (program.compile_seconds - compiling)
        fitting = int(steps * _CHUNK_SECONDS / max(seconds, 1e-9))
        self._chunk_steps = max(1, min(fitting, 4 * self._chunk_steps))
        bad_step = int(state.bad_step)
        if bad_step >= 0:
            raise self._not_finite("the loss or its gradient", bad_step, checkpoints)
        return state

    def _validate(self, state: TrainState, log: MetricsLog) -> dict[str, float] | None:
        """Validates, logs, and returns the metrics; None where there is nothing to validate on."""
        task, split = self._setup.task, self._setup.validation
        if split.size == 0:
            return None
        metrics = self._evaluator.means(state.params, state.other, split)
        self._check_metrics(metrics)
        step = int(state.step)
        log.write(
            {
                "step": step,
                "epoch": step // self._setup.program.steps_per_epoch,
                "split": "validation",
                **metrics,
                "seconds": self._record(None).seconds,
            }
        )
        self._figures = {f"validation {task.metric}": metrics[task.metric]}
        return metrics

    def _score(self, metrics: dict[str, float] | None) -> float | None:
        """What picks the best checkpoint."""
        return None if metrics is None else metrics[self._setup.task.metric]

    def _check_metrics(self, metrics: dict[str, float]) -> None:
        metric = self._setup.task.metric
        if metric not in metrics:
            raise ValueError(
                f"the task's metric is {metric!r}, but its evaluate returns {', '.join(metrics)}"
            )
        taken = (RESERVED_METRICS - {"loss"}) & metrics.keys()
        if taken:
            raise ValueError(
                f"the task's evaluate returns {', '.join(sorted(taken))}; that name is the loop's"
            )

    def _save(self, state: TrainState, checkpoints: Checkpoints, score: float | None) -> None:
        host = jax.device_get(jax.tree.leaves(state.params))
        if not all(np.isfinite(leaf).all() for leaf in host):
            raise self._not_finite("a parameter", int(state.step), checkpoints)
        checkpoints.save(state, self._record(score))

    def _not_finite(self, what: str, step: int, checkpoints: Checkpoints) -> NonFiniteError:
        return NonFiniteError(what, step, self._place.path, checkpoints.latest())

    def _heed_signals(self, state: TrainState, checkpoints: Checkpoints) -> None:
        if self._interrupts.received is not None:
            self._save(state, checkpoints, None)
            raise RunInterrupted(self._interrupts.received, int(state.step))

    def _record(self, score: float | None) -> Record:
        compiling = self._setup.program.compile_seconds + self._evaluator.compile_seconds
        seconds = time.perf_counter() - self._started - compiling
        return Record(
            score=score,
            seconds=self._earlier.seconds + seconds,
            compile_seconds=self._earlier.compile_seconds + compiling,
        )

    def _judge(self, state: TrainState, checkpoints: Checkpoints) -> Result:
        """Reads the test split, the only time, with the best parameters."""
        record = self._record(None)
        best = checkpoints.best()
        assert best is not None, "the last epoch is always saved"
        params, other = checkpoints.restore_model(best, state.params, state.other)
        task, validation = self._setup.task, self._setup.validation
        judged = {}
        if validation.size:
            judged = self._evaluator.judge(params, other, validation, "validation")
        test = task.split("test")
        result = Result(
            metrics=self._evaluator.judge(params, other, test, "test"),
            validation=judged,
            seed=self._setup.settings.seed,
            steps=int(state.step),
            best_step=best,
            wall_seconds=record.seconds,
            compile_seconds=record.compile_seconds,
            versions=results.versions(),
            device=results.device(),
            revision=results.revision(),
        )
        results.write_result(self._place, result)
        return result
