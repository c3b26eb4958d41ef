"""Where configs, experiments and benchmarks are looked for: here, then what came with the package.

What came with the package is the checkout's own, or the wheel's (`neurosym.shipped`).
"""

from pathlib import Path

from neurosym.shipped import shipped_root

SHIPPED_PREFIX = "neurosym:"
"""Before the name of a config: the one that came with the package, whatever lies here."""


def roots() -> list[Path]:
    """The working directory, then what came with the package."""
    root = shipped_root()
    here = Path.cwd()
    return [here] if root is None or root == here else [here, root]


def import_roots() -> list[Path]:
    """Folders besides the working directory from which a task may be imported."""
    return roots()[1:]


def folder(name: str) -> Path | None:
    """The folder `name` in the first of `roots` that has it, or None."""
    return next((root / name for root in roots() if (root / name).is_dir()), None)


def here_or_shipped(path: str) -> Path:
    """A path as it is where something is there or nothing came with the package; else the latter's.

    For what is read only: `docs/results` means the records of the release where a user has none.
    """
    found = next((root / path for root in roots() if (root / path).exists()), None)
    return Path(path) if found is None or Path(path).exists() else found
