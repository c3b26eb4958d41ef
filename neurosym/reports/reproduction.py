"""Trains the runs that are missing of configs × seeds, within a budget of time.

The records say which runs are there. So an interrupted reproduction goes on where it was, two
reproductions at a time share the work, and a larger number of seeds adds to the runs that are
there.
"""

import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import ml_collections

from neurosym.reports.entries import Entry
from neurosym.reports.experiment import Experiment
from neurosym.reports.records import config_hash, record_run
from neurosym.training.blame import in_words
from neurosym.training.interrupts import RunInterrupted, RunStopped
from neurosym.training.options import Options
from neurosym.training.progress import ProgressDisplay, SilentProgress
from neurosym.training.single import train


class Job(NamedTuple):
    """A run that is missing.

    Attributes:
      experiment: the one that it belongs to.
      variant: of the config.
      seed: of the run.
      key: the hash of its config.
      compile_seconds: the time that compiling took another seed; 0 where it is unknown.
    """

    experiment: Experiment
    variant: str
    seed: int
    key: str
    compile_seconds: float

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.experiment.published.experiment}:{self.variant}, seed {self.seed}"

    @property
    def config(self) -> ml_collections.ConfigDict:
        """The config with the seed in it."""
        config = ml_collections.ConfigDict(self.experiment.configs[self.variant])
        config.seed = self.seed
        return config

    @property
    def command(self) -> str:
        """The command that trains it alone."""
        published = self.experiment.published
        changes = dict(published.quick) if self.experiment.quick else {}
        overrides = [f"--config.{k}={v}" for k, v in {**changes, "seed": self.seed}.items()]
        source = f"--config={published.config}:{self.variant}"
        return shlex.join(["neurosym", "train", source, *overrides, "--workdir=RUN"])


class Outcome(NamedTuple):
    """The outcome of some jobs.

    Attributes:
      recorded: records that were written, or found to be there by now.
      failures: what went wrong, a sentence each.
      left: how many jobs were not finished, failures among them.
      out_of_time: the budget was used up.
      signal_number: of the signal that stopped it, or None.
    """

    recorded: list[Path]
    failures: list[str]
    left: int
    out_of_time: bool
    signal_number: int | None


def missing_jobs(
    experiments: Sequence[Experiment], entries: Sequence[Entry], *, seeds: int | None = None
) -> list[Job]:
    """The runs that are missing, the first seeds of all variants before any second seed.

    Args:
      experiments: which.
      entries: the runs that are there.
      seeds: how many are wanted of each variant; None takes each experiment's own number.
    """
    there = {(e.config_hash, e.seed, e.quick): e.result.compile_seconds for e in entries}
    jobs = []
    for number, experiment in enumerate(experiments):
        wanted = experiment.published.seeds if seeds is None else seeds
        for place, (variant, config) in enumerate(experiment.configs.items()):
            key = config_hash(config)
            compiling = max((s for (h, _, _), s in there.items() if h == key), default=0.0)
            jobs += [
                ((seed, number, place), Job(experiment, variant, seed, key, compiling))
                for seed in range(wanted)
                if (key, seed, experiment.quick) not in there
            ]
    return [job for _, job in sorted(jobs, key=lambda pair: pair[0])]


def run_jobs(
    jobs: Iterable[Job],
    *,
    workdir: str | Path,
    results: str | Path,
    budget_seconds: float,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
    progress: Callable[[], ProgressDisplay] = SilentProgress,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Trains and records, in turn, until all is done or the time is up.

    When the time is up, the run is saved within about a second of training, and goes on in the next
    call. Compiling, validation and the final test are not broken off. A run is not begun if
    compiling took another seed longer than the time that is left. A run that fails does not stop
    the others.

    Args:
      jobs: in order.
      workdir: the runs go into folders of their own in there.
      results: folder of the records.
      budget_seconds: for the whole call.
      data_dir: see `train`.
      import_roots: see `train`.
      progress: makes the display of each run.
      clock: seconds from anywhere.
    """
    deadline = clock() + budget_seconds
    waiting = list(jobs)
    recorded: list[Path] = []
    failures: list[str] = []
    out_of_time, signal_number = False, None
    for job in waiting:
        record = _record_path(job, Path(results))
        if record.exists():  # another process was quicker
            recorded.append(record)
            continue
        if deadline - clock() <= job.compile_seconds:
            out_of_time = True
            break
        run = run_folder(job, workdir)
        shown = progress()
        shown.say(f"{job.name}: {run}")
        try:
            train(
                job.config,
                run,
                data_dir=data_dir,
                import_roots=import_roots,
                options=Options(progress=shown, stop_when=lambda: clock() >= deadline),
            )
            recorded.append(_record(job, run, Path(results)))
        except RunInterrupted as interrupted:
            signal_number = interrupted.signal_number
            break
        except RunStopped:
            out_of_time = True
            break
        except Exception as error:
            failures.append(f"{job.name}: {in_words(error)}")
        jax.clear_caches()  # the next run has another program
    left = len(waiting) - len(recorded)
    return Outcome(recorded, failures, left, out_of_time, signal_number)


def run_folder(job: Job, workdir: str | Path) -> Path:
    """Where a job's run lies."""
    name = f"{job.variant}-{job.key}-seed{job.seed}"
    return Path(workdir) / job.experiment.published.experiment / name


def _record(job: Job, run: Path, results: Path) -> Path:
    return record_run(
        run,
        results,
        experiment=job.experiment.published.experiment,
        variant=job.variant,
        command=job.command,
        quick=job.experiment.quick,
    )


def _record_path(job: Job, results: Path) -> Path:
    """Where the record is, or would be."""
    folder = results / job.experiment.published.experiment
    found = sorted(folder.glob(f"*-{job.key}-seed{job.seed}.json"))
    return found[0] if found else folder / f"{job.variant}-{job.key}-seed{job.seed}.json"
