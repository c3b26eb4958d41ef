"""Generated data, kept in the user's cache so that they are generated once.

The data follow from a name, a version and parameters alone. They lie in one file,
`neurosym/generated/NAME-KEY.npz` in the user's cache, with a checksum of its content: `generated`
notices a damaged file and makes the data again. Where it cannot write, it makes the data anew at
each call.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_CHECKSUM = "sha256"


def generated(
    name: str,
    make: Callable[[], Mapping[str, np.ndarray]],
    *,
    version: int,
    parameters: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """The arrays that `make` returns, taken from the cache if they are there.

    Args:
      name: of the data, part of the file's name.
      make: generates the arrays; the same ones for the same version and parameters.
      version: of `make`; raise it with every change of the result.
      parameters: what else the arrays depend on, as plain JSON values.

    Returns:
      The arrays by name.

    Raises:
      ValueError: if `make` gives an array the name of the checksum.
    """
    key = json.dumps([name, version, dict(parameters)], sort_keys=True)
    path = _folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    found = _read(path)
    if found is not None:
        return found
    arrays = {field: np.asarray(array) for field, array in make().items()}
    if _CHECKSUM in arrays:
        raise ValueError(f"generated data may not have an array named {_CHECKSUM!r}")
    _write(path, arrays)
    return arrays


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """The sha256 in hex of names, dtypes, shapes and values of arrays, whatever their order."""
    digest = hashlib.sha256()
    for field in sorted(arrays):
        array = np.ascontiguousarray(arrays[field])
        digest.update(f"{field}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "neurosym" / "generated"


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None where there is none or its content is not what was written."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {field: file[field] for field in file.files}
    except Exception:  # a damaged archive raises whatever its bytes lead to
        return None
    expected = arrays.pop(_CHECKSUM, None)
    if expected is None or str(expected) != checksum(arrays):
        return None
    return arrays


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a file whole or not at all; a cache that cannot be written is not a fault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            fields: dict[str, Any] = {**arrays, _CHECKSUM: np.asarray(checksum(arrays))}
            np.savez_compressed(file, **fields)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
