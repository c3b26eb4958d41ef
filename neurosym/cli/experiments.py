"""The experiments that have published figures beside them, by name."""

from pathlib import Path
from typing import TYPE_CHECKING

from neurosym.cli.command import UsageError
from neurosym.cli.configs import load_config
from neurosym.cli.places import folder

if TYPE_CHECKING:
    from neurosym.reports import Experiment


def published_files() -> dict[str, Path]:
    """The files of published figures by name, of the first folder that has some.

    Raises:
      ValueError: there is no such folder.
    """
    place = folder("configs/published")
    if place is None:
        raise ValueError(
            "there is no folder configs/published here, and this installation brought none: "
            "install a wheel of neurosym, or its checkout with `pip install -e`"
        )
    return {path.stem: path for path in sorted(place.glob("*.json"))}


def experiments(names: list[str] | None = None, *, quick: bool = False) -> "list[Experiment]":
    """The experiments of these names, or all.

    Raises:
      UsageError: there is no experiment of a name.
      ValueError: its published figures or configs are faulty.
    """
    from neurosym.reports.experiment import load_experiment

    files = published_files()
    for name in names or ():
        if name not in files:
            known = ", ".join(files) or "none"
            raise UsageError(f"there are no published figures for {name!r}; there are: {known}")
    return [load_experiment(files[n], load_config, quick=quick) for n in names or files]
