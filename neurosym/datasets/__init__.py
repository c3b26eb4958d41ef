"""Real data, checked before use, and how it is cut into examples."""

from neurosym.datasets.digits import Digits, digits
from neurosym.datasets.fetch import DownloadError
from neurosym.datasets.grouping import Groups, group_images, regroupings
from neurosym.datasets.idx import CorruptDataError, read_idx
from neurosym.datasets.images import load_image
from neurosym.datasets.locate import MissingDataError
from neurosym.datasets.mnist import Mnist, mnist
from neurosym.datasets.sources import DatasetReport, describe, download

__all__ = [
    "CorruptDataError",
    "DatasetReport",
    "Digits",
    "DownloadError",
    "Groups",
    "MissingDataError",
    "Mnist",
    "describe",
    "digits",
    "download",
    "group_images",
    "load_image",
    "mnist",
    "read_idx",
    "regroupings",
]
