"""Training one run: from a config and a workdir to a result.

`train` checks everything first, then resumes or starts, trains epoch by epoch in chunks of
compiled steps, validates, saves, and at the end judges the best parameters on the test split,
once. It knows `Task` and no task. `neurosym.training.seeds` runs the same loop for several seeds
in one program.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_collections

from neurosym.training import result as results
from neurosym.training.devices import Devices
from neurosym.training.interrupts import Interrupts
from neurosym.training.loop import Trainer
from neurosym.training.options import Options, with_former_options
from neurosym.training.prepare import prepare
from neurosym.training.result import Result
from neurosym.training.run_on_disk import RunOnDisk
from neurosym.training.settings import Settings
from neurosym.training.task import check_task, load_task
from neurosym.training.trackers import check_trackers
from neurosym.training.workdir import Workdir, plain_config


def train(
    config: ml_collections.ConfigDict,
    workdir: str | Path,
    *,
    task: Any = None,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
    devices: int | None = None,
    options: Options | None = None,
    **former: Any,
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
      devices: how many devices of this host to use; None takes one, or all of all hosts where
        `jax.distributed` joined several. The number is not a part of the run: another call may use
        more or fewer, and results agree but for the order of sums.
      options: who is told how it goes, when to stop, and so on; see `Options`. Without
        `judge_test` the result has no `metrics`.
      former: the fields of `Options`, each as an argument; write `options=Options(...)`.

    Returns:
      The result, as in `result.json`.

    Raises:
      ValueError: a config field, the workdir or the task is wrong, or another process is
        training in the workdir; nothing is written then.
      NonFiniteError: the loss, a gradient, a parameter or a metric is not finite.
      RunInterrupted: SIGINT or SIGTERM came; everything is saved.
      RunStopped: `stop_when` said so; everything is saved.
      ProcessLostError: another process of the run is gone.
      NotSavedError: the workdir cannot be written.
    """
    options = with_former_options(options, former)
    config = plain_config(config)
    settings = Settings.from_config(config)
    check_trackers(options.trackers)
    place = Workdir(Path(workdir))
    mesh = Devices.of(devices, rules=settings.sharding)
    if mesh.first:
        place.check(config)
    found = mesh.tell(finished_result(place) if mesh.first else None)
    if found is not None:
        finished = Result(**found)
        options.progress.say(f"this run is finished ({finished.steps} steps); see {place.result}")
        return finished
    with Interrupts() as interrupts, options.progress:
        if task is None:
            task = load_task(config, data_dir=data_dir, import_roots=import_roots)
        else:
            check_task(task)
        run = RunOnDisk(
            config,
            place,
            keep=settings.train.keep_checkpoints,
            writes=mesh.first,
            say=options.progress.say,
            trackers=options.trackers,
        )
        runs = [run]
        judge_test = options.judge_test
        prepared = prepare(settings, task, runs, mesh, stacked=False, judge_test=judge_test)
        seconds = prepared.compile_seconds
        trainer = Trainer(prepared, runs, options, interrupts, compiled_seconds=seconds)
        return trainer.complete()[0]


def finished_result(place: Workdir) -> dict[str, Any] | None:
    """The fields of a finished run's result, or None."""
    found = results.read_result(place)
    return None if found is None else dataclasses.asdict(found)
