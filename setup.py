"""The wheel's own step: the folders that commands read come along, within the package.

In a checkout `configs/`, `experiments/` and the others stand at the top, where people look for
them. A wheel has them in `neurosym/_shipped/`, in the same places relative to it, and
`neurosym.shipped` says which of the two it is. Everything else is in `setup.cfg`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("configs", "experiments", "scripts/benchmarks", "docs/results", "docs/results.md")
SHIPPED += ("docs/guide/own_task.md",)  # its files are those of `neurosym init`


class BuildWithFolders(build_py):
    """Copies the folders beside the modules; an editable install reads the checkout's own."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return
        target = Path(self.build_lib) / "neurosym" / "_shipped"
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        for name in SHIPPED:
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if Path(name).is_dir():
                shutil.copytree(name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(name, place)


setup(cmdclass={"build_py": BuildWithFolders})
