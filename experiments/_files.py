"""Files that a config names: the user's, or those that came with the package."""

from pathlib import Path

from neurosym.shipped import shipped_root


def found_file(name: str, field: str) -> Path:
    """A file beside the working directory, or else one that came with the package.

    Args:
      name: its path.
      field: of the config that names it, for the message.

    Raises:
      ValueError: if there is no such file.
    """
    root = shipped_root()
    for path in (Path(name), *([] if root is None else [root / name])):
        if path.is_file():
            return path
    raise ValueError(f"config.{field}: there is no file {name!r}")
