"""One worker process of `neurosym sweep`; see `neurosym.sweeps.crew` for what it is told and says.

echo JOB | python -m neurosym.cli.sweep_worker
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_collections
import optuna

from neurosym.cli.configs import load_function
from neurosym.cli.places import import_roots
from neurosym.sweeps.crew import EXIT_REFUSED
from neurosym.sweeps.space import Space
from neurosym.sweeps.strategies import make_pruner, make_sampler
from neurosym.sweeps.study import SweepStudy, worker_name
from neurosym.training.blame import in_words, task_note


def main() -> int:
    """Reads the job, works on the study until it is over; returns the exit code."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    code, why = work(job)
    if why:
        print(why, file=sys.stderr)
    return code


def work(job: Mapping[str, Any]) -> tuple[int, str]:
    """Works on the study of a job until it is over.

    Returns:
      The exit code of a worker, and in a line why nothing can run; "" where it did.
    """
    os.chdir(job["folder"])
    # JAX is imported only now: the environment has been set by the parent.
    from neurosym.cli.runtime import prepare_jax
    from neurosym.sweeps.worker import Worker
    from neurosym.training import RunInterrupted

    prepare_jax()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        space = Space(
            ml_collections.ConfigDict(job["config"]),
            load_function(job["source"], "sweep"),
            fixed=job["fixed"],
        )
        study = SweepStudy(job["storage"], job["study"], heartbeat=job["heartbeat"])
        study.load(
            sampler=make_sampler(job["sampler"], seed=job["seed"]),
            pruner=make_pruner(job["pruner"], epochs=job["epochs"]),
        )
        worker = Worker(
            study,
            space,
            Path(job["workdir"]),
            name=worker_name(os.getpid()),
            data_dir=job["data_dir"],
            import_roots=import_roots(),
        )
        worker.check()
    except Exception as error:
        # Nothing can run: not one of our errors, and not one of the task's, goes away by itself.
        return EXIT_REFUSED, " ".join(refusal(error).split())
    try:
        worker.run(job["trials"])
    except RunInterrupted as interrupted:
        return 128 + interrupted.signal_number, ""
    return 0, ""


def refusal(error: Exception) -> str:
    """Why nothing can run: a text that is meant for the user, or an error with its place."""
    note = task_note(error)
    foreseen = isinstance(error, ValueError | OSError) and (note is None or note.foreseen)
    return str(error) if foreseen else in_words(error)


def _leave_with_parent() -> None:
    """Stops this process cleanly when the parent has gone, which closes its end of the pipe."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
