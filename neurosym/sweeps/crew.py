"""The worker processes of one machine: started, watched, replaced when they die, stopped together.

A worker is a command that reads its job as one line of JSON from its standard input, which stays
open as long as this process lives. It exits with 0 when the study is over, with 2 when nothing can
run at all (its last line says why), and with 128 + N when signal N stopped it.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosym.sweeps.study import SweepStudy, worker_name

EXIT_REFUSED = 2

MOST_VAIN_STARTS = 3
"""Workers that die before they have a trial, until one gives up."""


class Crew:
    """The workers of this machine.

    Args:
      command: starts one worker.
      job: what it is told.
      size: how many workers.
      study: what they work on.
      logs: folder of what they print.
    """

    def __init__(
        self,
        command: Sequence[str],
        job: Mapping[str, Any],
        size: int,
        study: SweepStudy,
        logs: Path,
    ) -> None:
        self._command = list(command)
        self._job = json.dumps(dict(job))
        self._size = size
        self._study = study
        self._logs = logs
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._vain_starts = 0
        self._stopping = False

    def __enter__(self) -> "Crew":
        self._logs.mkdir(parents=True, exist_ok=True)
        for place in range(self._size):
            self._start(place)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
            _close(process)
            self._study.retry_of_worker(worker_name(process.pid), "its worker was stopped")

    def names(self) -> list[str]:
        """The workers that live, by name."""
        return [worker_name(process.pid) for process in self._processes.values()]

    def stop(self) -> None:
        """Asks the workers to save their trials and leave; asked twice, they leave at once."""
        self._stopping = True
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)

    def look_after(self) -> list[str]:
        """Replaces workers that have died; returns what there is to tell.

        Raises:
          ValueError: a worker says that nothing can run.
          RuntimeError: workers die before they have a trial.
        """
        messages = []
        for place, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            del self._processes[place]
            _close(process)
            if code == EXIT_REFUSED:
                raise ValueError(self._last_line(place))
            retried = self._study.retry_of_worker(worker_name(process.pid), _why(code))
            signalled = code in (128 + signal.SIGTERM, 128 + signal.SIGINT)
            if code == 0 or (signalled and self._stopping):
                continue
            numbers = ", ".join(f"trial {number} is retried" for number in retried)
            messages.append(f"{_why(code)}; {numbers or 'it had no trial'}")
            self._vain_starts = 0 if retried or signalled else self._vain_starts + 1
            if self._vain_starts >= MOST_VAIN_STARTS:
                raise RuntimeError(
                    f"workers die before they have a trial ({_why(code)}): "
                    f"{self._last_line(place)} (see {self._log(place)})"
                )
            if not self._stopping:
                self._start(place)
        return messages

    def is_gone(self) -> bool:
        """Whether no worker is left."""
        return not self._processes

    def _start(self, place: int) -> None:
        environment = worker_environment(place, self._size, os.environ, _cores(), _gpus())
        with open(self._log(place), "a", encoding="utf-8") as log:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                env=environment,
                # Ctrl-C reaches the parent, which tells its workers once.
                start_new_session=True,
            )
        self._processes[place] = process
        assert process.stdin is not None
        # One that has died already cannot read; `look_after` sees that it has.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self._job + "\n")
            process.stdin.flush()

    def _log(self, place: int) -> Path:
        return self._logs / f"{worker_name(os.getpid()).replace(':', '-')}-{place}.log"

    def _last_line(self, place: int) -> str:
        lines = self._log(place).read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def worker_environment(
    place: int, size: int, environment: Mapping[str, str], cores: int, gpus: Sequence[str]
) -> dict[str, str]:
    """The environment of one of several workers that share a machine.

    Each gets its part of the cores, and a GPU in turn; workers on one GPU share its memory. What
    the user has set stays.

    Args:
      place: of the worker, from 0.
      size: number of workers.
      environment: of this process.
      cores: of this machine.
      gpus: their names for CUDA_VISIBLE_DEVICES.

    >>> found = worker_environment(3, 4, {}, 8, ["0", "1"])
    >>> found["NPROC"], found["CUDA_VISIBLE_DEVICES"], found["XLA_PYTHON_CLIENT_MEM_FRACTION"]
    ('2', '1', '0.45')
    """
    made = dict(environment)
    if size == 1:
        return made
    threads = str(max(1, cores // size))
    for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # NPROC is XLA's
        made.setdefault(name, threads)
    if gpus:
        made["CUDA_VISIBLE_DEVICES"] = gpus[place % len(gpus)]
        sharing = -(-size // len(gpus))
        if sharing > 1:
            made.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 / sharing:.2f}")
    return made


def _close(process: "subprocess.Popen[str]") -> None:
    """Lets go of the pipe to a process that has ended."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """The GPUs that this process may use, without asking JAX for them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    nodes = Path("/dev").glob("nvidia*")
    return sorted(
        n.name.removeprefix("nvidia") for n in nodes if re.fullmatch(r"nvidia\d+", n.name)
    )


def _why(code: int) -> str:
    if code < 0:
        return f"a worker was killed by {signal.Signals(-code).name}"
    return f"a worker left with exit code {code}"
