"""Errors of the file system and of other processes, and their meaning for a run.

    with in_terms_of([workdir]):        # "No space left on device" while a checkpoint is written
        ...
    NotSavedError: cannot write to runs/a: No space left on device (step 24 is saved). Put that
    right and run the same command again to continue

Errors of a task's own code pass as they are, and so do those that name a file elsewhere.
"""

import contextlib
import errno
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax

from neurosym.training.blame import task_note
from neurosym.training.failures import NotSavedError, ProcessLostError
from neurosym.training.runs import latest_step
from neurosym.training.workdir import Workdir

# What collectives and JAX's coordination service say when somebody is gone; their errors have no
# type that tells.
_LOST = re.compile(
    r"gloo|nccl|coordination|heartbeat|unavailable|deadline|connection|aborted", re.I
)

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


@contextlib.contextmanager
def in_terms_of(places: Sequence[Workdir]) -> Iterator[None]:
    """Says of errors of the file system and of collectives what they mean for the runs.

    Args:
      places: the workdirs of the runs; the message says what is saved of the first run.

    Raises:
      NotSavedError: a workdir cannot be written.
      ProcessLostError: another process stopped answering.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE or _is_elsewhere(error, places):
            raise
        if task_note(error) is not None:
            raise
        try:
            step = latest_step(places[0])
        except (OSError, ValueError):
            step = None
        raise NotSavedError(error, places[0].path, step) from error
    except (RuntimeError, ValueError) as error:
        first_line = (str(error).splitlines() or [""])[0][:200]
        alone = jax.process_count() == 1 or task_note(error) is not None
        if alone or not _LOST.search(first_line):
            raise
        raise ProcessLostError(first_line) from error


def _is_elsewhere(error: OSError, places: Sequence[Workdir]) -> bool:
    """Whether an error names a file outside the workdirs, such as one of the task's data."""
    if not isinstance(error.filename, str):
        return False
    file = Path(error.filename).absolute()
    return not any(file.is_relative_to(place.path.absolute()) for place in places)
