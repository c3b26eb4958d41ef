"""Several seeds of one config: an axis of one program where memory allows, in turns where not.

Each seed is a run of its own on disk, `WORKDIR/seed_K`, as if it had been trained alone: it can be
resumed, judged and read alone. Its random streams are those of a run alone, so its figures agree
with it but for the order in which batched products are summed.
"""

import collections
import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import ml_collections
import numpy as np

from neurosym.training.contract import split_of
from neurosym.training.devices import Devices
from neurosym.training.failures import NonFiniteError
from neurosym.training.interrupts import Interrupts
from neurosym.training.loop import Trainer
from neurosym.training.options import Options
from neurosym.training.prepare import Prepared, prepare
from neurosym.training.result import Result
from neurosym.training.run_on_disk import RunOnDisk
from neurosym.training.runs import whole_step
from neurosym.training.settings import Settings
from neurosym.training.single import finished_result
from neurosym.training.state import named_leaves
from neurosym.training.task import check_task, load_task
from neurosym.training.trackers import check_trackers
from neurosym.training.workdir import Workdir, plain_config

# Of the memory that is free, what a program may take by the compiler's own account.
_SHARE = 0.8


def seed_workdir(workdir: str | Path, seed: int) -> Path:
    """Where the run of a seed lies.

    >>> seed_workdir("runs/add", 3).as_posix()
    'runs/add/seed_3'
    """
    return Path(workdir) / f"seed_{seed}"


def train_seeds(
    config: ml_collections.ConfigDict,
    workdir: str | Path,
    seeds: int,
    *,
    at_once: int | None = None,
    task: Any = None,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
    devices: int | None = None,
    options: Options | None = None,
) -> list[Result]:
    """Trains a config with several seeds, from `config.seed` on; finished ones are only read.

    The data are those of the first seed's config: a task whose data depend on `config.seed` is
    refused, and trains one seed in each call. Seeds that were stopped at different steps go on in
    separate programs.

    Args:
      config: see `train`.
      workdir: the folder of the runs' folders.
      seeds: how many.
      at_once: how many in one program; None takes as many as memory allows by the compiler's
        account of it, in groups of equal size.
      task: see `train`.
      data_dir: see `train`.
      import_roots: see `load_task`.
      devices: see `train`; seeds are shared out among devices first, then batches are cut.
      options: what else to do; `on_validation` is for single runs.

    Returns:
      The result of each seed, in their order.

    Raises:
      ValueError: see `train`; or the data depend on the seed.
      ExceptionGroup: seeds met something not finite; all others are finished.
      RunStopped, RunInterrupted, ProcessLostError: see `train`.
    """
    if seeds < 1:
        raise ValueError(f"the number of seeds must be at least 1, got {seeds}")
    if at_once is not None and at_once < 1:
        raise ValueError(f"the number of seeds at once must be at least 1, got {at_once}")
    config, options = plain_config(config), options or Options()
    settings = Settings.from_config(config)
    check_trackers(options.trackers)
    mesh = Devices.of(devices, rules=settings.sharding)
    configs = [_with_seed(config, s.seed) for s in _settings_of_seeds(settings, seeds)]
    runs = [
        RunOnDisk(
            mine,
            Workdir(seed_workdir(workdir, mine.seed)),
            keep=settings.train.keep_checkpoints,
            writes=mesh.first,
            say=options.progress.say,
            trackers=options.trackers,
        )
        for mine in configs
    ]
    found: list[dict[str, Any] | None] = [None] * seeds
    if mesh.first:
        for mine, run in zip(configs, runs, strict=True):
            run.place.check(mine)
        found = [finished_result(run.place) for run in runs]
    found = mesh.tell(found)
    results = {
        run.seed: Result(**done) for run, done in zip(runs, found, strict=True) if done is not None
    }
    if results:
        listed = ", ".join(str(seed) for seed in results)
        options.progress.say(f"finished already: seed {listed}")
    waiting = [run for run in runs if run.seed not in results]
    errors: list[Exception] = []
    if waiting:
        with Interrupts() as interrupts, options.progress:
            if task is None:
                task = load_task(config, data_dir=data_dir, import_roots=import_roots)
                if seeds > 1:
                    other = load_task(configs[-1], data_dir=data_dir, import_roots=import_roots)
                    _check_same_data(task, other)
            else:
                check_task(task)
            team = _Team(settings, task, devices, at_once, options, interrupts)
            for group in _at_one_step(waiting, mesh):
                try:
                    done = team.train(group)
                except ExceptionGroup as group_errors:
                    errors += group_errors.exceptions
                    done = []
                results.update({result.seed: result for result in done})
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {seeds} seeds failed", errors)
    return [results[run.seed] for run in runs]


class _Team:
    """Trains groups of seeds, as many in one program as fit."""

    def __init__(
        self,
        settings: Settings,
        task: Any,
        devices: int | None,
        at_once: int | None,
        options: Options,
        interrupts: Interrupts,
    ) -> None:
        self._settings = settings
        self._task = task
        self._devices = devices
        self._at_once = at_once
        self._options = options
        self._interrupts = interrupts
        self._prepared_by_count: dict[int, Prepared] = {}  # by the number of seeds in the program
        self._accounted: dict[int, float] = {}  # seconds of compiling that runs have accounted for

    def train(self, runs: Sequence[RunOnDisk]) -> list[Result]:
        """Trains seeds that are at one step."""
        at_once = min(self._at_once or len(runs), len(runs))
        if self._at_once is None:
            at_once = self._fitting(runs)
        turns = -(-len(runs) // at_once)
        size = -(-len(runs) // turns)
        results: list[Result] = []
        errors: list[Exception] = []
        for start in range(0, len(runs), size):
            group = runs[start : start + size]
            listed = ", ".join(str(run.seed) for run in group)
            self._options.progress.say(f"training seed {listed}")
            prepared, before = self._prepared(group), self._accounted.get(len(group), 0.0)
            trainer = Trainer(
                prepared,
                group,
                self._options,
                self._interrupts,
                compiled_seconds=prepared.compile_seconds - before,
            )
            try:
                results += trainer.complete()
            except NonFiniteError as error:  # of a seed that was trained alone
                errors.append(error)
            except ExceptionGroup as group_errors:
                errors += group_errors.exceptions
            self._accounted[len(group)] = prepared.compile_seconds
        if errors:
            raise ExceptionGroup("seeds failed", errors)
        return results

    def _prepared(self, runs: Sequence[RunOnDisk]) -> Prepared:
        count = len(runs)
        prepared = prepare(
            self._settings,
            self._task,
            runs,
            Devices.of(self._devices, seeds=count, rules=self._settings.sharding),
            stacked=count > 1,
            judge_test=self._options.judge_test,
            like=self._prepared_by_count.get(count),
        )
        self._prepared_by_count[count] = prepared
        return prepared

    def _fitting(self, runs: Sequence[RunOnDisk]) -> int:
        """How many of the runs one program has room for."""
        count = len(runs)
        while count > 1:
            prepared = self._prepared(runs[:count])
            needed, free = _bytes_needed(prepared), _bytes_free()
            # All processes take the same number, so the tightest of them decides.
            (too_much,) = prepared.devices.agree(int(free is not None and needed > _SHARE * free))
            if not too_much:
                break
            del self._prepared_by_count[count]
            self._options.progress.say(
                f"{count} seeds in one program would take {needed / 2**30:.1f} GiB; fewer at once"
            )
            count = -(-count // 2)
        return count


def _settings_of_seeds(settings: Settings, seeds: int) -> list[Settings]:
    """The settings of each seed, from that of `settings` on; raises ValueError beyond the last."""
    return [dataclasses.replace(settings, seed=settings.seed + k) for k in range(seeds)]


def _with_seed(config: ml_collections.ConfigDict, seed: int) -> ml_collections.ConfigDict:
    mine = ml_collections.ConfigDict(copy.deepcopy(config.to_dict()))
    mine.seed = seed
    return mine


def _at_one_step(runs: Sequence[RunOnDisk], devices: Devices) -> list[list[RunOnDisk]]:
    """The runs in groups whose newest whole checkpoints are of the same step."""
    steps: list[int] = [0] * len(runs)
    if devices.first:
        steps = [whole_step(run.place) for run in runs]
    groups: dict[int, list[RunOnDisk]] = collections.defaultdict(list)
    for run, step in zip(runs, devices.tell(steps), strict=True):
        groups[step].append(run)
    return list(groups.values())


def _check_same_data(task: Any, other: Any) -> None:
    """Raises ValueError where two tasks, made for different seeds, train on different data."""
    mine, others = split_of(task, "train"), split_of(other, "train")
    leaves, theirs = named_leaves(mine.examples), named_leaves(others.examples)
    leaves |= named_leaves({"shared": mine.shared})
    theirs |= named_leaves({"shared": others.shared})
    same = leaves.keys() == theirs.keys() and all(
        np.array_equal(leaf, theirs[name]) for name, leaf in leaves.items()
    )
    if not same:
        raise ValueError(
            "the task's data depend on config.seed, so its seeds cannot share a program: give the "
            "data a seed of their own (config.data.seed, say), or train one seed in each call"
        )


def _bytes_needed(prepared: Prepared) -> int:
    """What the programs of a prepared take on the busiest device, by the compiler's account."""
    initial = prepared.initial
    programs = [prepared.program.compiled(initial)]
    if prepared.validation.size:
        programs.append(
            prepared.evaluator.compiled(initial.params, initial.other, prepared.validation)
        )
    needed = 0
    for program in programs:
        found = program.memory_analysis()
        if found is not None:
            size = found.argument_size_in_bytes + found.output_size_in_bytes
            size += found.temp_size_in_bytes - found.alias_size_in_bytes
            needed = max(needed, size)
    return needed


def _bytes_free() -> float | None:
    """Memory that the fullest device of this host has left, or None where that is unknown."""
    free = []
    for device in jax.local_devices():
        stats = device.memory_stats() or {}
        if "bytes_limit" in stats:
            free.append(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    if free:
        return min(free)
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / jax.local_device_count()
    except OSError:
        pass
    return None
