"""From settings, a task and seeds to the compiled programs and the first state of a run."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import optax
from flax import nnx

from neurosym.training.contract import check_signatures, model_of, split_of
from neurosym.training.devices import Devices
from neurosym.training.epoch import Keys, Program
from neurosym.training.evaluation import Evaluator
from neurosym.training.optimizer import Optimizer, make_schedule
from neurosym.training.run_on_disk import RunOnDisk
from neurosym.training.runs import latest_step, restore_best
from neurosym.training.settings import Settings
from neurosym.training.state import Anatomy, TrainState, stack_seeds
from neurosym.training.task import Split
from neurosym.training.weights import SUFFIX, read_weights


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Everything that a program for one or several seeds needs, checked, before a file is written.

    Attributes:
      settings: the loop's part of the config; its seed is the first one.
      task: what is trained.
      anatomy: the model, taken apart.
      program: the compiled steps.
      evaluator: judges parameters.
      schedule: the learning rate by step.
      validation: the split; it may be empty.
      test: the split, which nobody looks at before the end; None where it is not wanted.
      initial: the state before the first step.
      devices: where it computes.
    """

    settings: Settings
    task: Any
    anatomy: Anatomy
    program: Program
    evaluator: Evaluator
    schedule: optax.Schedule
    validation: Split
    test: Split | None
    initial: TrainState
    devices: Devices

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.settings.train.epochs * self.program.steps_per_epoch

    @property
    def compile_seconds(self) -> float:
        """Time for which tracing and compiling were waited for so far."""
        return self.program.compile_seconds + self.evaluator.compile_seconds


def prepare(
    settings: Settings,
    task: Any,
    runs: Sequence[RunOnDisk],
    devices: Devices,
    *,
    stacked: bool,
    judge_test: bool = True,
    like: Prepared | None = None,
) -> Prepared:
    """Makes the program and the initial state of one run, or of several with an axis of seeds.

    Args:
      settings: of any of the runs: they differ in the seed alone.
      task: of all.
      runs: the runs.
      devices: where to compute.
      stacked: whether there is an axis of seeds; else there is one run.
      judge_test: whether the test split is wanted.
      like: that of as many other seeds, whose compiled programs are used again.

    Raises:
      ValueError: the settings, the task and the devices do not go together, or the task does not
        do what `Task` says.
    """
    keys = [Keys.of(run.seed) for run in runs]
    check_signatures(task)
    split = split_of(task, "train")
    if like is None:
        validation = split_of(task, "validation", may_be_empty=True)
        test = split_of(task, "test") if judge_test else None
    else:
        validation, test = like.validation, like.test
    total_steps = settings.train.epochs * (split.size // settings.train.batch_size)
    schedule = make_schedule(settings.optimizer, total_steps)
    anatomies = [Anatomy.of(model_of(task, nnx.Rngs(key.init))) for key in keys]
    anatomy = anatomies[0]
    streams = Keys.stacked([run.seed for run in runs]) if stacked else keys[0]
    if like is None:
        program = Program(
            task,
            anatomy,
            Optimizer.of(settings.optimizer, total_steps),
            split,
            batch_size=settings.train.batch_size,
            keys=streams,
            loop=settings.train.loop,
            devices=devices,
        )
        evaluator = Evaluator(
            task,
            anatomy,
            batch_size=settings.train.eval_batch_size,
            stacked=stacked,
            devices=devices,
            splits=[each for each in (validation, test) if each is not None],
        )
    else:
        program, evaluator = like.program.with_keys(streams), like.evaluator
    models = []
    for run, mine in zip(runs, anatomies, strict=True):
        params, other = mine.initial()
        # A run that goes on has its own parameters; the one that it came from may be gone by then.
        if settings.init_from and devices.first and latest_step(run.place) is None:
            source = settings.init_from
            if source.endswith(SUFFIX):
                params = read_weights(source, mine.build(params, other), params)
            else:
                params, other = restore_best(source, params, other, no_other=True)
        models.append((params, other))
    params, other = stack_seeds(models) if stacked else models[0]
    initial = program.initial_state(params, other)
    if total_steps > 0:
        program.compile(initial)
    judged_on = validation if validation.size else test
    if like is None and judged_on is not None:
        evaluator.check(*models[0], judged_on, settings.train.batch_size)
        if program.compiles:  # time that would be waited is used
            evaluator.compile(initial.params, initial.other, judged_on)
    return Prepared(
        settings, task, anatomy, program, evaluator, schedule, validation, test, initial, devices
    )
