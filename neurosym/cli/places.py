"""Where configs, experiments and benchmarks are looked for: here, then in the source checkout."""

from pathlib import Path

import neurosym


def repository_root() -> Path | None:
    """The checkout that an editable install comes from, or None."""
    root = Path(neurosym.__file__).resolve().parent.parent
    return root if (root / "setup.cfg").is_file() and (root / "configs").is_dir() else None


def roots() -> list[Path]:
    """The working directory, then the checkout."""
    root = repository_root()
    here = Path.cwd()
    return [here] if root is None or root == here else [here, root]


def import_roots() -> list[Path]:
    """Folders besides the working directory from which a task may be imported."""
    return roots()[1:]


def folder(name: str) -> Path | None:
    """The folder `name` in the first of `roots` that has it, or None."""
    return next((root / name for root in roots() if (root / name).is_dir()), None)
