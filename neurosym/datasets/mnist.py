"""MNIST: 70,000 handwritten digits, from the four original IDX files to arrays.

`locate.py` finds and checks the files, `idx.py` reads them, and `neurosym data mnist --download`
fetches them.
"""

import dataclasses

import numpy as np

from neurosym.datasets.idx import CorruptDataError, parse_idx
from neurosym.datasets.locate import (
    Source,
    download_command,
    find_file,
    locate,
    read_verified,
)

MNIST = Source(
    name="mnist",
    md5={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://sagemaker-sample-files.s3.amazonaws.com/datasets/image/MNIST/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
)


MNIST_MEAN = 33.318421449829934
"""Of the pixels of the training images, from 0 to 255."""

MNIST_DEVIATION = 78.56748990339798
"""The standard deviation of the same pixels."""


@dataclasses.dataclass(frozen=True)
class Mnist:
    """The data set with its original split; light ink (255) on a dark ground (0).

    Attributes:
      train_images: uint8[60000, 28, 28].
      train_labels: int32[60000], 0 to 9.
      test_images: uint8[10000, 28, 28].
      test_labels: int32[10000], 0 to 9.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def mnist(data_dir: str | None = None) -> Mnist:
    """Loads MNIST; no network is used.

    Args:
      data_dir: A folder that holds the files, itself or in `mnist/`. Then `NEUROSYM_DATA_DIR`
        (there in `mnist/`) and the user's cache are looked at.

    Returns:
      The images and labels.

    Raises:
      MissingDataError: No folder holds the files; the message says which folders were searched and
        how to get the files.
      CorruptDataError: A file is not the original one, by the md5 of its uncompressed content.

    References:
      LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document recognition.
      1998. https://doi.org/10.1109/5.726791
    """
    folder = locate(MNIST, data_dir)
    arrays = []
    for name, md5 in MNIST.md5.items():
        path = find_file(folder, name)
        assert path is not None, "locate() returned a folder without all files"
        try:
            arrays.append(parse_idx(read_verified(path, md5), str(path)))
        except CorruptDataError as error:
            command = download_command(MNIST, str(folder))
            raise CorruptDataError(f"{error}\nto replace it: {command}") from None
    train_images, train_labels, test_images, test_labels = arrays
    return Mnist(
        train_images=train_images,
        train_labels=train_labels.astype(np.int32),
        test_images=test_images,
        test_labels=test_labels.astype(np.int32),
    )
