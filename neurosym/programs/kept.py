"""Ground programs and their graphs, kept on disk by content: what took long is done once.

A question is found by the program's text, what is asked and seen, the limit, and the version of the
library. Only questions that took longer than `WORTH` seconds are kept; the files that were not used
for longest go when the folder is full. `NEUROSYM_CACHE=off` turns it off, as it does for compiled
programs. The folder must be one's own: whoever can write to it decides what is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from neurosym._version import __version__

WORTH = 0.5
"""Seconds."""

MOST_BYTES = 2**28
"""Of all files together."""

_FORM = 1  # changes with what is in a file
_SUFFIX = ".question"
_OFF = ("off", "0", "false", "no")


def folder() -> Path | None:
    """Where they are kept; None where nothing is."""
    if os.environ.get("NEUROSYM_CACHE", "").strip().lower() in _OFF:
        return None
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "neurosym" / "questions"


def digest(*parts: Hashable) -> str:
    """The name of a question."""
    text = repr((_FORM, __version__, *parts))
    return hashlib.sha256(text.encode()).hexdigest()


def load(name: str) -> Any:
    """What was kept under a name; None where nothing was, or it cannot be read."""
    where = folder()
    if where is None:
        return None
    path = where / (name + _SUFFIX)
    try:
        found = pickle.loads(path.read_bytes())
        os.utime(path)  # it was used
    except Exception:  # a damaged file is as good as none
        return None
    return found


def save(name: str, content: Any) -> None:
    """Keeps something, whole or not at all; where it cannot be written nothing happens."""
    where = folder()
    if where is None:
        return
    with contextlib.suppress(OSError, RecursionError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
        if len(data) > MOST_BYTES // 4:
            return
        descriptor, path = tempfile.mkstemp(dir=where)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(path, where / (name + _SUFFIX))
        _make_room(where)


def _make_room(where: Path) -> None:
    """Removes what was not used for longest."""
    files = sorted(where.glob("*" + _SUFFIX), key=lambda path: path.stat().st_mtime)
    size = sum(path.stat().st_size for path in files)
    while size > MOST_BYTES and len(files) > 1:
        oldest = files.pop(0)
        size -= oldest.stat().st_size
        oldest.unlink()
