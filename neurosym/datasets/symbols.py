"""Handwritten digits and operators: the symbols of arithmetic among those of BHMSDS.

The collection has 1,500 samples of each symbol and no split of its own. Here samples 0 to 1199 of
each symbol are for training, of which the last are held out for validation, and samples 1200 to
1499 are for the test.
"""

import dataclasses
import io

import numpy as np

from neurosym.datasets.idx import CorruptDataError
from neurosym.datasets.locate import Source, find_file, locate, read_verified

SYMBOLS = Source(
    name="symbols",
    md5={"bhmsds.npz": "d4c984edb872cea91db44775f0d1c8d8"},
    origin=(
        "bhmsds.npz packs the images of https://github.com/wblachowski/bhmsds as images "
        "uint8[27000, 28, 28], labels uint8[27000], sample int32[27000] and names"
    ),
)

SIGNS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "+", "-", "×", "÷")
"""What each label stands for: ten digits, then four operators (written as a dot and a slash, the
last two)."""

DIGITS = 10
"""Labels below this are digits."""

_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "plus", "minus", "dot", "slash")
_TRAINING_SAMPLES = 1200
_SAMPLES = 1500


@dataclasses.dataclass(frozen=True)
class Symbols:
    """The symbols in three parts; light ink (255) on a dark ground (0), filling the image.

    Attributes:
      train_images: uint8[14 n, 28, 28], by default n = 1100.
      train_labels: int32[14 n], 0 to 13, see `SIGNS`; sorted.
      validation_images: uint8[14 n, 28, 28], by default n = 100.
      validation_labels: int32[14 n].
      test_images: uint8[4200, 28, 28].
      test_labels: int32[4200].
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def symbols(data_dir: str | None = None, *, validation: int = 100) -> Symbols:
    """Loads the symbols; no network is used.

    Args:
      data_dir: A folder that holds the file, itself or in `symbols/`. Then `NEUROSYM_DATA_DIR`
        (there in `symbols/`) and the user's cache are looked at.
      validation: How many of the 1,200 training samples of each symbol are held out: the last ones.

    Returns:
      The images and labels. The test part does not depend on `validation`.

    Raises:
      MissingDataError: No folder holds the file; the message says which folders were searched and
        what belongs there.
      CorruptDataError: The file is not the original one, by its md5.
      ValueError: `validation` is negative or leaves nothing to train on.

    References:
      W. Błachowski. Basic Handwritten Math Symbols Dataset.
      https://github.com/wblachowski/bhmsds
    """
    if not 0 <= validation < _TRAINING_SAMPLES:
        raise ValueError(
            f"cannot hold out {validation} of {_TRAINING_SAMPLES} training samples of each symbol"
        )
    path = find_file(locate(SYMBOLS, data_dir), "bhmsds.npz")
    assert path is not None, "locate() returned a folder without all files"
    content = read_verified(path, SYMBOLS.md5["bhmsds.npz"])
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        images, labels, sample = (arrays[name] for name in ("images", "labels", "sample"))
        if tuple(arrays["names"][: len(_NAMES)]) != _NAMES:
            raise CorruptDataError(f"{path} names its symbols otherwise")
    wanted = labels < len(SIGNS)
    images, labels, sample = 255 - images[wanted], labels[wanted].astype(np.int32), sample[wanted]
    cut = _TRAINING_SAMPLES - validation
    parts = []
    for low, high in ((0, cut), (cut, _TRAINING_SAMPLES), (_TRAINING_SAMPLES, _SAMPLES)):
        chosen = np.flatnonzero((sample >= low) & (sample < high))
        chosen = chosen[np.lexsort((sample[chosen], labels[chosen]))]
        parts += [images[chosen], labels[chosen]]
    return Symbols(*parts)
