"""Real data, checked before use, and how it is cut into examples."""

from neurosym.datasets.digits import Digits, digits
from neurosym.datasets.fetch import DownloadError
from neurosym.datasets.formulas import (
    Formulas,
    formula_images,
    formula_text,
    formula_value,
    formulas,
)
from neurosym.datasets.generated import generated
from neurosym.datasets.grids import load_grid
from neurosym.datasets.grouping import Groups, group_images, regroupings
from neurosym.datasets.idx import CorruptDataError, read_idx
from neurosym.datasets.images import MNIST_INK_BOX, load_image
from neurosym.datasets.locate import MissingDataError
from neurosym.datasets.mnist import MNIST_DEVIATION, MNIST_MEAN, Mnist, mnist
from neurosym.datasets.sources import DatasetReport, describe, download
from neurosym.datasets.symbols import SIGNS, Symbols, symbols

__all__ = [
    "MNIST_DEVIATION",
    "MNIST_INK_BOX",
    "MNIST_MEAN",
    "SIGNS",
    "CorruptDataError",
    "DatasetReport",
    "Digits",
    "DownloadError",
    "Formulas",
    "Groups",
    "MissingDataError",
    "Mnist",
    "Symbols",
    "describe",
    "digits",
    "download",
    "formula_images",
    "formula_text",
    "formula_value",
    "formulas",
    "generated",
    "group_images",
    "load_grid",
    "load_image",
    "mnist",
    "read_idx",
    "regroupings",
    "symbols",
]
