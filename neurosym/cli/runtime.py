"""The settings of JAX that a command makes before it computes; importing `neurosym` makes none."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import jax

from neurosym.cli.processes import Processes
from neurosym.cli.tables import quiet_logs
from neurosym.compiled_programs import keep_compiled_programs

# Seconds without a sign of life after which a process counts as lost.
_HEARTBEAT_SECONDS = 30

_EXIT_FAILURE = 1


def prepare_jax() -> None:
    """Keeps what other libraries log off the terminal, and what JAX compiles on disk."""
    quiet_logs()
    keep_compiled_programs()


@contextlib.contextmanager
def joined(processes: Processes, command: str) -> Iterator[bool]:
    """Joins the other processes of a run while entered.

    An error inside ends this process at once, after it was printed: the others are waiting for this
    one or are gone, and saying goodbye to them would only end in a timeout.

    Args:
      processes: how to find them.
      command: what an error message begins with.

    Yields:
      Whether this is the first of them, which owns the files and speaks; True where it is alone.

    Raises:
      ValueError: they cannot be found or reached.
    """
    if not processes.several:
        yield True
        return
    _join(processes)
    try:
        yield jax.process_index() == 0
    except Exception as error:
        leave(f"{command}: error: {error}", _EXIT_FAILURE)


def leave(message: str, code: int) -> NoReturn:
    """Ends this process at once with a last word: nothing that waits to be run at exit is run."""
    print(message, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _join(processes: Processes) -> None:
    try:
        jax.distributed.initialize(
            processes.coordinator,
            processes.count,
            processes.index,
            heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
        )
    except (RuntimeError, ValueError) as error:
        if processes.detect:
            raise ValueError(
                "--distributed found no SLURM, Open MPI or Kubernetes job around this process: "
                f"give --coordinator, --num_processes and --process_id ({error})"
            ) from error
        raise ValueError(
            f"could not join the other processes at {processes.coordinator}: {error}"
        ) from error
