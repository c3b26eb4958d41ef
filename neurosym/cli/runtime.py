"""The settings of JAX that a command makes before it computes; importing `neurosym` makes none."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import jax

from neurosym.cli.processes import Processes

# Seconds without a sign of life after which a process counts as lost.
_HEARTBEAT_SECONDS = 30

_EXIT_FAILURE = 1


def cache_folder() -> Path:
    """Where compiled programs are kept between commands."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "neurosym" / "compiled"


def keep_compiled_programs() -> None:
    """Lets JAX keep what it compiles, unless the user has told it where, or that it should not."""
    chosen = (
        "JAX_COMPILATION_CACHE_DIR" in os.environ or "JAX_ENABLE_COMPILATION_CACHE" in os.environ
    )
    if chosen:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


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
