"""Where the configs, experiments, benchmarks and records that come with the package lie.

In a checkout they are its top-level folders. A wheel has the same folders within the package, so
that whatever the documentation names, `configs/mnist_addition.py` for one, is there for everyone.
"""

from pathlib import Path


def shipped_root() -> Path | None:
    """The folder that has `configs/`, `experiments/` and the others; None where they are missing.

    It is the checkout where the package is imported from one (`pip install -e`), else the folder
    that the wheel brought.
    """
    package = Path(__file__).resolve().parent
    checkout, within = package.parent, package / "_shipped"
    if (checkout / "setup.cfg").is_file() and (checkout / "configs").is_dir():
        return checkout
    return within if within.is_dir() else None
