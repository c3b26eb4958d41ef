"""The small files of a run: written whole or not at all, and named in every message about them.

    write_json(path, {"accuracy": math.nan})
    ValueError: runs/a/result.json: accuracy is nan, and JSON has no form for that

    read_json(path, "the result of a run", "Remove it, and the run is judged again.")
    ValueError: runs/a/result.json is not the result of a run: Expecting value: line 1 column 1
    (char 0). Remove it, and the run is judged again.

Nothing is written where a file would not be JSON.
"""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Writes JSON so that `path` is never seen half-written.

    Raises:
      ValueError: a number in it is infinite or not a number; nothing is written then.
    """
    try:
        text = json_text(value, indent=2)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    write_text(path, text + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON that every reader takes.

    >>> json_text({"a": [1.0, float("inf")]})
    Traceback (most recent call last):
        ...
    ValueError: a[1] is inf, and JSON has no form for that

    Raises:
      ValueError: a number in it is infinite or not a number; says which.
    """
    fault = _not_finite(value)
    if fault is not None:
        raise ValueError(f"{fault}, and JSON has no form for that")
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def finite_or_null(value: Any) -> Any:
    """The same value with None for numbers that are infinite or not a number.

    >>> finite_or_null({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: finite_or_null(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_null(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Writes text so that `path` is never seen half-written."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes to a temporary file beside `path`, then renames it into place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; a run's files have the permissions of any other.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_text(path: Path, what: str, advice: str = "") -> str:
    """The text of a file that is to be `what`.

    Raises:
      ValueError: it is not text; names the file, and says what to do.
      OSError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_what(path, what, error, advice) from error


def read_json(path: Path, what: str, advice: str = "") -> dict[str, Any]:
    """The fields of a file of JSON that is to be `what`.

    Raises:
      ValueError: it is not JSON, or holds no fields; names the file, and says what to do.
      OSError: it cannot be read.
    """
    text = read_text(path, what, advice)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise not_what(path, what, error, advice) from error
    if not isinstance(content, dict):
        raise not_what(path, what, "it holds no fields", advice)
    return content


def not_what(path: Path, what: str, reason: object, advice: str = "") -> ValueError:
    """The error that a file is not what it should be."""
    return ValueError(f"{path} is not {what}: {reason}" + (f". {advice}" if advice else ""))


def _not_finite(value: Any, place: str = "") -> str | None:
    """Where in a value a number is not finite, and which; None where all are."""
    if isinstance(value, dict):
        inner = [(f"{place}.{key}" if place else str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        inner = [(f"{place}[{index}]", item) for index, item in enumerate(value)]
    elif isinstance(value, float) and not math.isfinite(value):
        return f"{place or 'the value'} is {value}"
    else:
        return None
    found = (_not_finite(item, inside) for inside, item in inner)
    return next((fault for fault in found if fault is not None), None)
