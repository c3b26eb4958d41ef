"""The training loop: from a config and a workdir to a result.

`train` checks everything first, then resumes or starts, trains epoch by epoch in chunks of
compiled steps, validates, saves, and at the end judges the best parameters on the test split,
once. It knows `Task` and no task. `neurosym.training.seeds` runs the same loop for several seeds
in one program.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ml_collections

from neurosym.training import result as results
from neurosym.training.devices import Devices
from neurosym.training.interrupts import Interrupts
from neurosym.training.loop import Trainer
from neurosym.training.options import OnValidation, Options
from neurosym.training.prepare import prepare
from neurosym.training.progress import ProgressDisplay, SilentProgress
from neurosym.training.result import Result
from neurosym.training.run_on_disk import RunOnDisk
from neurosym.training.settings import Settings
from neurosym.training.task import check_task, load_task
from neurosym.training.workdir import Workdir, plain_config


def train(
    config: ml_collections.ConfigDict,
    workdir: str | Path,
    *,
    task: Any = None,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
    progress: ProgressDisplay | None = None,
    on_validation: OnValidation | None = None,
    stop_when: Callable[[], bool] | None = None,
    judge_test: bool = True,
    devices: int | None = None,
    profile: bool = False,
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
      on_validation: see `Options`.
      stop_when: see `Options`.
      judge_test: see `Options`; the result then has no `metrics`.
      devices: how many devices of this host to use; None takes one, or all of all hosts where
        `jax.distributed` joined several. It is no part of the run: another call may use more or
        fewer, and results agree but for the order of sums.
      profile: see `Options`.

    Returns:
      The result, as in `result.json`.

    Raises:
      ValueError: a config field, the workdir or the task is wrong, or another process is
        training in the workdir; nothing is written then.
      NonFiniteError: the loss, a gradient or a parameter is not finite.
      RunInterrupted: SIGINT or SIGTERM came; everything is saved.
      RunStopped: `stop_when` said so; everything is saved.
      ProcessLostError: another process of the run is gone.
    """
    config = plain_config(config)
    settings = Settings.from_config(config)
    place = Workdir(Path(workdir))
    mesh = Devices.of(devices, rules=settings.sharding)
    options = Options(progress or SilentProgress(), on_validation, stop_when, judge_test, profile)
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
        keep = settings.train.keep_checkpoints
        runs = [RunOnDisk(config, place, keep=keep, writes=mesh.first)]
        prepared = prepare(settings, task, runs, mesh, stacked=False)
        return Trainer(prepared, runs, options, interrupts).complete()[0]


def finished_result(place: Workdir) -> dict[str, Any] | None:
    """The fields of a finished run's result, or None."""
    found = results.read_result(place)
    return None if found is None else dataclasses.asdict(found)
