"""Whether a checkpoint is whole: its note, the checksum of its arrays, and what errors tell.

    checkpoints/24/_CHECKPOINT_METADATA   cut short: "its note … cannot be read: Unterminated …"
    checkpoints/24/arrays/d/2272…         one bit has changed: the checksum differs
    checkpoints/24/arrays/manifest.ocdbt  permission denied: not taken for damage

A file that cannot be reached may well be whole, so a run does not go on without it.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FOREIGN = "it is not a checkpoint of this version of neurosym"
HALF_REMOVED = "its note is missing"

_NOTE = "_CHECKPOINT_METADATA"  # Orbax's file, in which our record stands

# What errors say that tell of the machine and not of the file.
_OUT_OF_REACH = ("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")


def read_note(checkpoint: Path) -> dict[str, Any] | str:
    """Our record in a checkpoint's note, or what is wrong with the file of the note.

    Orbax takes a damaged note for an empty one. Asked for the note, it looks at the arrays too: it
    warns that it cannot describe them, or fails where they are damaged.
    """
    note = checkpoint / _NOTE
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return HALF_REMOVED
    except ValueError as error:
        return f"its note {_NOTE} cannot be read: {first_line(error)}"
    record = content.get("custom_metadata") if isinstance(content, dict) else None
    return record if isinstance(record, dict) and record else FOREIGN


def checksum_of(arrays: Mapping[str, Any]) -> int:
    """CRC-32 of arrays with their names and types, in the order of their names."""
    found = 0
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), found)
        found = zlib.crc32(array.reshape(-1).view(np.uint8).data, found)
    return found


def is_out_of_reach(error: Exception) -> bool:
    """Whether an error tells of the machine: a file that cannot be reached may well be whole."""
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return True
    return isinstance(error, MemoryError) or any(word in str(error) for word in _OUT_OF_REACH)


def first_line(error: Exception) -> str:
    """The first line of an error's text that says something, at most 200 characters of it."""
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return text.strip()[:200] or type(error).__name__
