"""The loop: from where a run stands to its end.

    restore     the newest whole checkpoint, else the initial state     step 20 of a killed run
    each epoch  steps in chunks, one compiled program for all of them   20 → 24, of 12 an epoch
                validate, and save with the metric as score             24: accuracy 0.91
                stop if a signal or the caller wants it                 saved, to go on from there
    judge       the best checkpoint, on the test split, once             24 of 24 and 36

One call trains one run, or several seeds as an axis of one program, where every figure is a list
and every file stands once for each seed.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from neurosym.training import result as results
from neurosym.training.contract import not_finite_of
from neurosym.training.interrupts import Interrupts, RunInterrupted, RunStopped
from neurosym.training.options import Options
from neurosym.training.prepare import Prepared
from neurosym.training.result import Result
from neurosym.training.run_on_disk import Clock, RunOnDisk
from neurosym.training.state import TrainState, seed_of, stack_seeds
from neurosym.training.surroundings import in_terms_of

# Seconds that a chunk of steps should take: how often progress is shown and signals are heeded.
_CHUNK_SECONDS = 0.5

# The chunk that a profile is taken of: the first one after compiling.
_PROFILED_CHUNK = 1

_MEND_THE_TASK = (
    "Say in the task what the metric is where it is not defined, or lower the learning rate if the "
    "model diverges. The same command goes on from what is saved."
)

Metrics = dict[str, float]


class Trainer:
    """One call's share of one run, or of several seeds in one program.

    Args:
      prepared: see `prepare`.
      runs: those that have checkpoints are at the same step.
      options: see `Options`.
      interrupts: notes signals.
      compiled_seconds: what compiling took before this call, and no other run accounts for.
    """

    def __init__(
        self,
        prepared: Prepared,
        runs: Sequence[RunOnDisk],
        options: Options,
        interrupts: Interrupts,
        *,
        compiled_seconds: float = 0.0,
    ) -> None:
        self._prepared = prepared
        self._runs = runs
        self._options = options
        self._progress = options.progress
        self._interrupts = interrupts
        self._evaluator = prepared.evaluator
        self._started = time.perf_counter()
        self._compiled_before = prepared.compile_seconds
        self._compiled_seconds = compiled_seconds
        self._figures: Metrics = {}
        self._chunk_steps = 1
        self._chunks = 0

    def complete(self) -> list[Result]:
        """Trains to the end and judges.

        Returns:
          The result of each run.

        Raises:
          ExceptionGroup: some of several seeds met something not finite; the others are finished.
          NonFiniteError, RunStopped, ProcessLostError, NotSavedError: see `train`.
        """
        with in_terms_of([run.place for run in self._runs]), contextlib.ExitStack() as stack:
            for run in self._runs:
                stack.enter_context(run)
            state = self._restored()
            while self._step_of(state) < self._prepared.total_steps:
                state = self._epoch(state)
            judged = self._judge(state)
        errors = [run.error for run in self._runs if run.error is not None]
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {len(self._runs)} seeds failed", errors)
        return judged

    def _restored(self) -> TrainState:
        """The state to go on from; a run without steps has its initial state saved here."""
        prepared = self._prepared
        initial = prepared.devices.fetch(prepared.initial)
        states = [
            run.restore(seed_of(initial, i) if prepared.program.stacked else initial)
            for i, run in enumerate(self._runs)
        ]
        step = prepared.devices.tell(max(int(state.step) for state in states))
        # The arrays that are on the devices already, unless only the first process has them.
        state = prepared.initial
        if step > 0 or jax.process_count() > 1:
            state = self._placed(states)
        if step > 0:
            self._progress.say(f"resuming from step {step}")
        total = prepared.total_steps
        self._progress.start(step, total, prepared.program.steps_per_epoch)
        if step == total == 0 and all(run.latest() is None for run in self._runs):
            self._save(state, self._validate(state))
        return state

    def _epoch(self, state: TrainState) -> TrainState:
        """Trains to the end of the epoch that `state` is in, validates and saves."""
        program, settings = self._prepared.program, self._prepared.settings.train
        length, every = program.steps_per_epoch, settings.checkpoint_every_steps
        first = step = self._step_of(state)
        epoch = step // length
        epoch_start, epoch_end = epoch * length, (epoch + 1) * length
        began, compiling = time.perf_counter(), program.compile_seconds
        if step == epoch_start:
            state = program.start_epoch(state)
        while step < epoch_end:
            stop = min(epoch_end, step + self._chunk_steps)
            if every:
                stop = min(stop, (step // every + 1) * every)
            state = self._chunk(state, stop - step)
            step = self._step_of(state)
            seconds = time.perf_counter() - began - (program.compile_seconds - compiling)
            examples = (step - first) * settings.batch_size * len(self._runs)
            speed = examples / max(seconds, 1e-9)
            means = self._means_of_epoch(state, step - epoch_start)
            shown = self._shown(means, ("loss", self._prepared.task.metric))
            shown["examples/s"] = speed
            self._progress.update(step, {**shown, **self._figures})
            if step < epoch_end:
                if every and step % every == 0:
                    self._save(state, None)
                self._heed(state)
        self._log_epoch(step, epoch + 1, means, speed)
        metrics: list[Metrics] | None = None
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
            if bad_step >= 0:
                run.fail("the loss or its gradient", bad_step)
        self._check_errors()
        return state

    def _validate(self, state: TrainState) -> list[Metrics] | None:
        """Validates, logs, and returns each run's metrics; None with nothing to validate on."""
        split, step = self._prepared.validation, self._step_of(state)
        if split.size == 0:
            return None
        means = self._evaluator.means(state.params, state.other, split)
        each = [
            {name: float(np.ravel(values)[i]) for name, values in means.items()}
            for i in range(len(self._runs))
        ]
        if any(not_finite_of(metrics) for metrics in each):
            self._check_parameters(state)
        epoch = step // self._prepared.program.steps_per_epoch
        for run, metrics in zip(self._runs, each, strict=True):
            place = {"step": step, "epoch": epoch, "split": "validation"}
            run.log({**place, **metrics, "seconds": run.record(None, self._clock()).seconds})
            self._check_metrics(run, metrics, "of the task's evaluate on validation", step)
        self._check_errors()
        shown = self._shown(each, (self._prepared.task.metric,))
        self._figures = {f"validation {name}": value for name, value in shown.items()}
        return each

    def _save(self, state: TrainState, metrics: Sequence[Metrics] | None) -> None:
        host = self._check_parameters(state)
        stacked, metric = self._prepared.program.stacked, self._prepared.task.metric
        for i, run in enumerate(self._runs):
            score = None if metrics is None else metrics[i][metric]
            run.save(seed_of(host, i) if stacked else host, score, self._clock())

    def _heed(self, state: TrainState) -> None:
        """Stops if a signal or the caller wants it; all processes go on with one chunk length."""
        asked = self._options.stop_when is not None and self._options.stop_when()
        wishes = (self._chunk_steps, self._interrupts.received or 0, int(asked))
        self._chunk_steps, signal, stop = self._prepared.devices.agree(*wishes)
        if signal or stop:
            self._save(state, None)
            step = self._step_of(state)
            raise RunInterrupted(signal, step) if signal else RunStopped(step)

    def _judge(self, state: TrainState) -> list[Result]:
        """Judges each run's best parameters; the only time that the test split is looked at."""
        prepared, stacked = self._prepared, self._prepared.program.stacked
        records = [run.record(None, self._clock()) for run in self._runs]
        host = prepared.devices.fetch((state.params, state.other))
        chosen = [
            run.best_model(*(seed_of(host, i) if stacked else host))
            for i, run in enumerate(self._runs)
        ]
        bests = prepared.devices.tell([best for best, *_ in chosen])
        models = [tuple(model) for _, *model in chosen]
        params, other = stack_seeds(models) if stacked else models[0]
        params, other = prepared.devices.tell_arrays((params, other))
        placed = prepared.program.placed(state._replace(params=params, other=other))
        model = (placed.params, placed.other)
        judged: dict[str, list[Metrics]] = {}
        for name, split in (("validation", prepared.validation), ("test", prepared.test)):
            judged[name] = [{} for _ in self._runs]
            if split is not None and split.size:
                judged[name] = self._evaluator.judge(*model, split, name)
            for run, metrics in zip(self._runs, judged[name], strict=True):
                where = f"on {name}, with the best parameters"
                self._check_metrics(run, metrics, where, self._step_of(state))
        self._check_errors()
        versions, device, revision = results.versions(), results.device(), results.revision()
        found = []
        for i, run in enumerate(self._runs):
            result = Result(
                metrics=judged["test"][i],
                validation=judged["validation"][i],
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
            if self._options.judge_test:
                run.finish(result)
            found.append(result)
        return found

    # What the steps above are made of.

    def _placed(self, states: Sequence[TrainState]) -> TrainState:
        prepared = self._prepared
        state = stack_seeds(states) if prepared.program.stacked else states[0]
        return prepared.program.placed(prepared.devices.tell_arrays(state))

    def _step_of(self, state: TrainState) -> int:
        return int(np.max(self._prepared.devices.fetch(state.step)))

    def _means_of_epoch(self, state: TrainState, steps: int) -> list[Metrics]:
        """Each run's means over the epoch so far."""
        sums = {k: np.atleast_1d(v) for k, v in self._prepared.devices.fetch(state.sums).items()}
        each = [
            {name: float(values[i]) / steps for name, values in sums.items()}
            for i in range(len(self._runs))
        ]
        for run, means in zip(self._runs, each, strict=True):
            self._check_metrics(run, means, "of the task's loss", self._step_of(state))
        self._check_errors()
        return each

    def _shown(self, metrics: Sequence[Metrics], names: Sequence[str]) -> Metrics:
        """The means over the runs that go on, for a person to see."""
        alive = [m for run, m in zip(self._runs, metrics, strict=True) if not run.error]
        return {n: float(np.mean([m[n] for m in alive])) for n in names if n in metrics[0]}

    def _log_epoch(self, step: int, epoch: int, means: Sequence[Metrics], speed: float) -> None:
        for run, mine in zip(self._runs, means, strict=True):
            run.log(
                {
                    "step": step,
                    "epoch": epoch,
                    "split": "train",
                    **{"loss": mine["loss"], **mine},
                    "learning_rate": float(self._prepared.schedule(step - 1)),
                    "examples_per_second": speed / len(self._runs),
                    "seconds": run.record(None, self._clock()).seconds,
                }
            )

    def _clock(self) -> Clock:
        compiling = self._prepared.compile_seconds - self._compiled_before
        return Clock(self._started, compiling, self._compiled_seconds, len(self._runs))

    def _profiled(self) -> contextlib.AbstractContextManager[object]:
        first = self._runs[0].place.path
        due = self._options.profile and self._chunks == _PROFILED_CHUNK
        if due and self._prepared.devices.first:
            return jax.profiler.trace(str(first / "profile"))
        return contextlib.nullcontext()

    def _check_parameters(self, state: TrainState) -> TrainState:
        """Ends runs with parameters that are not finite; returns the state on the host."""
        host, step = self._prepared.devices.fetch(state), self._step_of(state)
        for i, run in enumerate(self._runs):
            mine = seed_of(host.params, i) if self._prepared.program.stacked else host.params
            if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(mine)):
                run.fail("a parameter", step)
        self._check_errors()
        return host

    def _check_metrics(
        self, run: RunOnDisk, metrics: Mapping[str, float], where: str, step: int
    ) -> None:
        """Ends a run with a metric that is not finite."""
        bad = not_finite_of(metrics)
        if bad:
            name = next(iter(bad))
            run.fail(f"the metric {name!r} {where} ({bad[name]})", step, _MEND_THE_TASK)

    def _check_errors(self) -> None:
        """Raises when not one run can go on."""
        errors = [run.error for run in self._runs if run.error is not None]
        if len(errors) == len(self._runs):
            raise errors[0] if len(errors) == 1 else ExceptionGroup("all seeds failed", errors)
