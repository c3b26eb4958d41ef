"""Whose error it is: ours, or an error of a task's own code, and where in the task.

    with blamed(task, "loss"):
        task.loss(model, batch, key=key, step=step)     # raises ValueError("boom") on line 57

    ValueError: boom                                    # the error as it was raised, with a note:
    in Blobs.loss (my_task.py, line 57)

A note (PEP 678) leaves the type of an error as it is, so callers catch the error that was raised;
the command line finds the note, and with it the words.
"""

import os
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_LOOP = str(Path(__file__).resolve().parent) + os.sep

# Methods that are made of a user's input: a config and data, or files.
_READING = ("__init__", "split", "predict")


class TaskNote(str):
    """A note on an error: which method of a task raised it, and where.

    Attributes:
      foreseen: the error's text is meant for whoever gave the config, the data or the files; so it
        says all that there is to say.
    """

    foreseen: bool

    def __new__(cls, text: str, *, foreseen: bool) -> "TaskNote":
        """A note that says `text`."""
        note = super().__new__(cls, text)
        note.foreseen = foreseen
        return note


class blamed:
    """While entered, errors are noted to be of a task's method, and where they were raised.

    Args:
      task: an instance of the task, or its class.
      method: the name of the method that is called.
    """

    def __init__(self, task: Any, method: str) -> None:
        owner = task if isinstance(task, type) else type(task)
        self._method, self._name = method, f"{owner.__name__}.{method}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        if not isinstance(error, Exception) or task_note(error) is not None or trace is None:
            return
        libraries = _libraries()
        frames = traceback.extract_tb(trace)[1:]  # below the call of the method
        files = [os.path.realpath(frame.filename) for frame in frames]
        own = [
            frame
            for frame, file in zip(frames, files, strict=True)
            if not file.startswith((_PACKAGE, *libraries)) and os.path.exists(file)
        ]
        # This package may be one of those that are installed.
        known = [f for f in files if f.startswith(_PACKAGE) or not f.startswith(libraries)]
        ours = bool(known) and known[-1].startswith(_PACKAGE) and not known[-1].startswith(_LOOP)
        where = f" ({_short(own[-1].filename)}, line {own[-1].lineno})" if own else ""
        note = TaskNote(f"in {self._name}{where}", foreseen=self._is_foreseen(error, ours))
        error.add_note(note)

    def _is_foreseen(self, error: Exception, ours: bool) -> bool:
        if not isinstance(error, ValueError | OSError) or self._method not in _READING:
            return False
        of_files = self._method == "predict" and isinstance(error, ValueError)
        return ours or of_files or "config." in str(error)


def task_note(error: BaseException) -> TaskNote | None:
    """The note that `blamed` left on an error, or None where it is not a task's."""
    notes = getattr(error, "__notes__", ())
    return next((note for note in notes if isinstance(note, TaskNote)), None)


def in_words(error: BaseException) -> str:
    """Type, text and place of an error, in one line."""
    note = task_note(error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text if note is None else f"{text}, {note}"


def _libraries() -> tuple[str, ...]:
    """The folders of Python's own modules and of those that are installed."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(os.path.realpath(path) + os.sep for n in names if (path := sysconfig.get_path(n)))


def _short(filename: str) -> str:
    """A path from the working directory where it lies below it."""
    path = Path(os.path.realpath(filename))
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
