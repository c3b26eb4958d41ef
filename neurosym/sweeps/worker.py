"""One worker: takes trials from a study, one at a time, and trains them in this process.

A trial is a run in `WORKDIR/trials/NUMBER` like any other, stopped before the test split is read.
Its value is the best validation metric. A trial that takes another trial's place goes on in that
trial's folder.
"""

import contextlib
import gc
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import ml_collections
import optuna
from optuna.exceptions import StorageInternalError, TrialPruned, UpdateFinishedTrialError
from optuna.trial import TrialState

from neurosym.sweeps.space import Space
from neurosym.sweeps.study import SweepStudy
from neurosym.sweeps.trials import ERROR, FIELDS, WORKER, retry_history
from neurosym.training.blame import in_words
from neurosym.training.contract import split_of
from neurosym.training.interrupts import Interrupts, RunInterrupted
from neurosym.training.metrics import read_metrics
from neurosym.training.options import Options
from neurosym.training.progress import SilentProgress
from neurosym.training.single import train
from neurosym.training.task import load_task
from neurosym.training.workdir import Workdir

_WAIT_SECONDS = 2.0


def trial_folder(workdir: Path, number: int) -> Path:
    """Where the run of a trial lies.

    >>> trial_folder(Path("sweeps/add"), 7).as_posix()
    'sweeps/add/trials/00007'
    """
    return workdir / "trials" / f"{number:05}"


class Worker:
    """Runs trials of a study that `SweepStudy.load` has taken.

    Args:
      study: the study, with its sampler and pruner.
      space: what is varied.
      workdir: of the sweep; trials lie in its folder `trials`.
      name: of this worker, unique among all.
      data_dir: where the task looks for its data.
      import_roots: see `neurosym.training.load_task`.
    """

    def __init__(
        self,
        study: SweepStudy,
        space: Space,
        workdir: Path,
        *,
        name: str,
        data_dir: str | None = None,
        import_roots: Sequence[Path] = (),
    ) -> None:
        self._study = study
        self._space = space
        self._workdir = workdir
        self._name = name
        self._data_dir = data_dir
        self._import_roots = import_roots

    def check(self) -> None:
        """Looks at the task of the config's own values before anything runs.

        Raises:
          ValueError: there is no such task, its data are missing, or it has nothing to validate on.
            An error of the task's own code is raised as it is.
        """
        task = self._task(self._space.defaults().config)
        self._study.name_metric(task.metric)
        if split_of(task, "validation", may_be_empty=True).size == 0:
            raise ValueError(
                "this config has no validation split, and trials are not judged on test: let "
                "sweep(trial) hold images out, or set the field that does on the command line"
            )

    def run(self, trials: int) -> None:
        """Runs trials until the study has `trials` finished ones.

        Trials that others run are waited for: they may need somebody to retry them.

        Raises:
          RunInterrupted: SIGINT or SIGTERM came; the trial is saved and waits for its turn.
        """
        with Interrupts() as interrupts:
            while True:
                self._study.retry_stale()
                if self._study.is_exhausted():
                    return
                if interrupts.received is not None:
                    raise RunInterrupted(interrupts.received, 0)
                trial = self._study.next_trial(trials)
                if trial is not None:
                    self._run_trial(trial)
                elif self._study.is_over(trials):
                    return
                else:
                    time.sleep(_WAIT_SECONDS)

    def _run_trial(self, trial: optuna.Trial) -> None:
        study = self._study
        history = retry_history(study.trials()[trial.number])
        folder = trial_folder(self._workdir, history[0] if history else trial.number)
        try:
            trial.set_user_attr(WORKER, self._name)
            with study.alive(trial):
                value = self._train(trial, folder)
            study.finish(trial, value=value)
        except RunInterrupted:
            study.put_back(trial)
            raise
        except TrialPruned:
            study.finish(trial, state=TrialState.PRUNED)
        except (UpdateFinishedTrialError, StorageInternalError) as error:
            # Given up for dead by others, who have queued another trial; or no storage to tell.
            if isinstance(error, StorageInternalError):
                raise
        except Exception as error:
            with contextlib.suppress(UpdateFinishedTrialError):
                trial.set_user_attr(ERROR, in_words(error))
            study.finish(trial, state=TrialState.FAIL)
        except BaseException:
            study.put_back(trial)
            raise
        finally:
            _forget_programs()
        if getattr(study.study.sampler, "exhausted", False):
            study.note_exhausted()

    def _train(self, trial: optuna.Trial, folder: Path) -> float:
        proposal = self._space.propose(trial)
        trial.set_user_attr(FIELDS, proposal.fields)
        task = self._task(proposal.config)
        reporter = _Reporter(trial, task.metric)
        train(
            proposal.config,
            folder,
            task=task,
            options=Options(reporter, on_validation=reporter.validated, judge_test=False),
        )
        return best_validation(folder, task.metric)

    def _task(self, config: ml_collections.ConfigDict) -> Any:
        return load_task(config, data_dir=self._data_dir, import_roots=self._import_roots)


def best_validation(folder: Path, metric: str) -> float:
    """The best validation metric in the record of a run.

    Raises:
      ValueError: nothing finite was measured.
    """
    records = read_metrics(Workdir(folder).metrics)
    values = [r.get(metric) for r in records if r["split"] == "validation"]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        raise ValueError(f"the trial has measured no {metric} on validation")
    return max(finite)


def _forget_programs() -> None:
    """Frees the programs of a trial: every trial compiles its own."""
    jax.clear_caches()
    gc.collect()


class _Reporter(SilentProgress):
    """Tells a trial of every validation, by whole epochs, and ends it where it has no hope."""

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self._trial = trial
        self._metric = metric
        self._total = 0
        self._steps_per_epoch = 1
        self._told = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def start(self, step: int, total_steps: int, steps_per_epoch: int) -> None:
        """The run starts at `step`."""
        self._total, self._steps_per_epoch = total_steps, max(steps_per_epoch, 1)

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """Reports; ends a run that is hopeless, unless it is at its end anyway."""
        epoch, value = step // self._steps_per_epoch, metrics[self._metric]
        if epoch not in self._told and math.isfinite(value):
            self._trial.report(value, epoch)
            self._told.add(epoch)
        if step < self._total and self._trial.should_prune():
            raise TrialPruned
