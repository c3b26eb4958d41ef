"""The 1,797 real handwritten 8x8 digits that scikit-learn ships; no file or network is needed."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np

from neurosym.datasets.idx import CorruptDataError
from neurosym.datasets.locate import read_verified
from neurosym.datasets.permutations import bit_stream, permutations

_FILE = "datasets/data/digits.csv.gz"  # in scikit-learn: 64 pixels and the label in each line
_MD5 = "a0339c30a8a5312a1b6f9e5c719dcce5"  # of what is in it
_SIDE = 8


@dataclasses.dataclass(frozen=True)
class Digits:
    """The data set in three parts; ink from 0 (none) to 16 on an empty ground.

    Attributes:
      train_images: uint8[n, 8, 8], by default n = 1257.
      train_labels: int32[n], 0 to 9.
      validation_images: uint8[n, 8, 8], by default n = 180.
      validation_labels: int32[n].
      test_images: uint8[n, 8, 8], by default n = 360.
      test_labels: int32[n].
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def digits(*, validation: int = 180, test: int = 360, split_seed: int = 0) -> Digits:
    """Loads the digits with a fixed split in which every class has its share.

    The test part does not depend on `validation`: `digits(validation=0)` trains on everything else
    (1,437 images) and is judged on the same test images. The images do not say who wrote them, so
    a writer may occur in all parts.

    Args:
      validation: Number of images for validation.
      test: Number of images for the test.
      split_seed: Decides the split. It is not the seed of a training run: figures are compared on
        the same split.

    Returns:
      The three parts. In each, the number of images of a class is its share of the part to within
      two.

    Raises:
      ValueError: The two sizes leave nothing to train on, or one is negative.

    References:
      Alpaydin, Kaynak. Optical Recognition of Handwritten Digits. UCI, 1998.
      https://doi.org/10.24432/C50P49
    """
    images, labels = _all_digits()
    if validation < 0 or test < 0 or validation + test >= len(labels):
        raise ValueError(
            f"cannot split {len(labels)} digits into {validation} for validation, {test} for test "
            "and at least one for training"
        )
    order = _stratified_order(labels, split_seed)
    parts = np.split(order, [test, test + validation])
    test_index, validation_index, train_index = parts
    return Digits(
        train_images=images[train_index],
        train_labels=labels[train_index],
        validation_images=images[validation_index],
        validation_labels=labels[validation_index],
        test_images=images[test_index],
        test_labels=labels[test_index],
    )


def _all_digits() -> tuple[np.ndarray, np.ndarray]:
    """The images uint8[1797, 8, 8] and labels int32[1797], as scikit-learn loads them.

    Its file is read without it, which takes a second or two to import; where the file is elsewhere
    or another one, scikit-learn is asked.
    """
    found = importlib.util.find_spec("sklearn")
    try:
        if found is None or found.origin is None:
            raise FileNotFoundError("scikit-learn is not installed")
        content = read_verified(Path(found.origin).parent / _FILE, _MD5)
    except (OSError, CorruptDataError):
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return bunch.images.astype(np.uint8), bunch.target.astype(np.int32)
    numbers = np.array(content.replace(b"\n", b",").rstrip(b",").split(b","), np.int32)
    rows = numbers.reshape(-1, _SIDE**2 + 1)
    images = rows[:, :-1].reshape(-1, _SIDE, _SIDE).astype(np.uint8)
    return images, rows[:, -1].copy()


def _stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """A random order, int64[n], of which every stretch holds the classes in their proportions.

    The images of a class stand in random order at equal distances from each other.
    """
    order = permutations(bit_stream(seed), 1, len(labels))[0]
    place = np.empty(len(labels))
    for label in np.unique(labels):
        of_label = order[labels[order] == label]
        place[of_label] = (np.arange(len(of_label)) + 0.5) / len(of_label)
    return np.lexsort((labels, place))
