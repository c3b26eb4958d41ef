"""The workers of a sweep as jobs of a cluster: submitted, watched, replaced, cancelled together.

A job runs what a worker process of one machine runs (`crew`), on the same study: where it runs is
the scheduler's affair. A job that the scheduler preempts, or whose time is up, puts its trial back
and is queued again. submitit (https://github.com/facebookincubator/submitit), which the extra
`slurm` installs, talks to the scheduler; its executor "local" runs the same jobs on this machine.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosym.sweeps.crew import EXIT_REFUSED, MOST_VAIN_STARTS
from neurosym.sweeps.study import SweepStudy

CLUSTERS = ("slurm", "local")
"""Where jobs may run; "local" is this machine."""

# Minutes that a job may take where nothing else is said: submitit's own default is five.
_MINUTES = 24 * 60

Work = Callable[[Mapping[str, Any]], tuple[int, str]]
"""Works on a study until it is over; returns an exit code as a worker does, and why it refused."""


class WorkerJob:
    """What a job runs: pickled here, called there."""

    def __init__(self, work: Work, job: Mapping[str, Any], names: Path) -> None:
        self._work, self._job, self._names = work, dict(job), names

    def __call__(self) -> tuple[int, str]:
        """Leaves the worker's name where the crew finds it, and works."""
        import os

        import submitit

        from neurosym.sweeps.study import worker_name

        job_id = submitit.JobEnvironment().job_id
        (self._names / f"{job_id}.worker").write_text(worker_name(os.getpid()), encoding="utf-8")
        return self._work(self._job)

    def checkpoint(self) -> Any:
        """The scheduler wants the place: the same again, later. Its trial has been put back."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class JobCrew:
    """The workers of a sweep as jobs; it is used as `crew.Crew` is.

    Args:
      cluster: of `CLUSTERS`.
      work: what a worker does; it is pickled, so it stands at the top of a module.
      job: what the worker is told.
      size: how many workers.
      study: what they work on.
      logs: folder of what they print; all machines must see it.
      parameters: of submitit's executor, such as "slurm_partition" and "timeout_min".

    Raises:
      ValueError: submitit is not installed, there is no such cluster here, or it does not know a
        parameter.
    """

    def __init__(
        self,
        cluster: str,
        work: Work,
        job: Mapping[str, Any],
        size: int,
        study: SweepStudy,
        logs: Path,
        *,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._task = WorkerJob(work, job, logs.resolve())
        self._size, self._study, self._logs = size, study, logs.resolve()
        self._executor = _executor(cluster, self._logs, parameters or {})
        self._jobs: list[Any] = []
        self._vain_starts = 0
        self._stopping = False

    def __enter__(self) -> "JobCrew":
        self._logs.mkdir(parents=True, exist_ok=True)
        self._jobs = [self._executor.submit(self._task) for _ in range(self._size)]
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def names(self) -> list[str]:
        """The workers that have begun, by name."""
        return [name for job in self._jobs if (name := self._name(job))]

    def stop(self) -> None:
        """Cancels the jobs: workers are told to save their trials and leave."""
        self._stopping = True
        for job in self._jobs:
            job.cancel()

    def look_after(self) -> list[str]:
        """Replaces jobs that have failed; returns what there is to tell.

        Raises:
          ValueError: a worker says that nothing can run.
          RuntimeError: jobs fail before they have a trial.
        """
        messages = []
        for job in [job for job in self._jobs if job.done()]:
            self._jobs.remove(job)
            code, why = _outcome(job)
            if code == EXIT_REFUSED:
                raise ValueError(why)
            name = self._name(job)
            reason = f"job {job.job_id} failed: {why}"
            retried = self._study.retry_of_worker(name, reason) if name else []
            if code == 0 or self._stopping:
                continue
            numbers = ", ".join(f"trial {number} is retried" for number in retried)
            messages.append(f"{reason}; {numbers or 'it had no trial'}")
            self._vain_starts = 0 if retried else self._vain_starts + 1
            if self._vain_starts >= MOST_VAIN_STARTS:
                raise RuntimeError(f"jobs fail before they have a trial: {why} (see {self._logs})")
            self._jobs.append(self._executor.submit(self._task))
        return messages

    def is_gone(self) -> bool:
        """Whether no job is left."""
        return not self._jobs

    def _name(self, job: Any) -> str:
        path = self._logs / f"{job.job_id}.worker"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def read_parameters(texts: Sequence[str]) -> dict[str, Any]:
    """Parameters of an executor from the command line.

    >>> read_parameters(["slurm_partition=gpu", "timeout_min=90"])
    {'slurm_partition': 'gpu', 'timeout_min': 90}

    Raises:
      ValueError: one has not the form NAME=VALUE.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name and value):
            raise ValueError(f"a parameter of jobs is NAME=VALUE, not {text!r}")
        found[name] = int(value) if value.isdecimal() else value
    return found


def _executor(cluster: str, logs: Path, parameters: Mapping[str, Any]) -> Any:
    if importlib.util.find_spec("submitit") is None:
        raise ValueError(
            "workers as jobs of a cluster need the package submitit: pip install 'neurosym[slurm]'"
        )
    import submitit

    if cluster not in CLUSTERS:
        raise ValueError(f"there is no cluster {cluster!r}; there are {', '.join(CLUSTERS)}")
    try:
        executor = submitit.AutoExecutor(logs, cluster=cluster)
        executor.update_parameters(**{"timeout_min": _MINUTES, "name": "neurosym", **parameters})
    except (RuntimeError, NameError, ValueError, TypeError) as error:
        raise ValueError(f"jobs cannot be submitted to {cluster}: {error}") from error
    return executor


def _outcome(job: Any) -> tuple[int, str]:
    """The exit code of a job that is done, and a reason in a line."""
    import submitit

    try:
        code, why = job.result()
    except submitit.core.utils.UncompletedJobError as error:  # also of a job that failed
        return 1, _last_words(str(error))
    return code, why or f"its worker left with exit code {code}"


def _last_words(text: str) -> str:
    """The error at the end of a traceback in what submitit says; without one its first line."""
    said, _, trace = text.partition("Traceback (most recent call last)")
    lines = [line.strip() for line in (trace.split("\n---")[0] or said).splitlines()]
    filled = [line for line in lines if line.strip("-")]
    return (filled[-1] if trace else filled[0]) if filled else "it said nothing"
