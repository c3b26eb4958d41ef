"""Images of handwritten digits and symbols, and the encoders that read them.

Three data sets in one form: pixels as they are stored, the numbers that normalise them, and the
form that a user's own picture takes. A model sees ``(pixels - mean) / deviation``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns

CLASSES = 10


class Format(NamedTuple):
    """The form of a data set's images; known without loading them."""

    shape: tuple[int, int]
    levels: int  # the value of full ink
    ink_box: float  # the part of the side that the ink fills
    centred: str  # what stands in the middle: the "mass" of the ink or its "box"
    mean: float  # of the training pixels
    deviation: float  # of the training pixels

    def normalise(self, images: Array | np.ndarray) -> Array:
        """Pixels uint8[...] as a model sees them, float32[...]."""
        return (images.astype(jnp.float32) - self.mean) / self.deviation

    @property
    def background(self) -> float:
        """The normalised value of a pixel without ink."""
        return -self.mean / self.deviation

    def load(self, paths: Any) -> np.ndarray:
        """Pictures of a user's own, uint8[M, H, W], in the convention of the data set."""
        options: dict[str, Any] = {"levels": self.levels, "ink_box": self.ink_box}
        options["centred"] = self.centred
        return np.stack([ns.datasets.load_image(path, self.shape, **options) for path in paths])

    def encoder(self, options: Mapping[str, Any], classes: int, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder of a config: normalised images [M, H, W] to logits [M, classes]."""
        options = dict(options)
        return ns.encoders.make_encoder(
            options.pop("name"), image_size=self.shape, classes=classes, rngs=rngs, **options
        )


FORMATS = {
    "digits": Format((8, 8), 16, 1.0, "mass", 4.881874005568815, 6.019187168471305),
    "mnist": Format(
        (28, 28),
        255,
        ns.datasets.MNIST_INK_BOX,
        "mass",
        ns.datasets.MNIST_MEAN,
        ns.datasets.MNIST_DEVIATION,
    ),
    "symbols": Format((28, 28), 255, 1.0, "box", 47.16287287967135, 95.54890406525743),
}


class Images(NamedTuple):
    """A data set of digit images; training and validation images are given apart."""

    train: tuple[np.ndarray, np.ndarray]  # uint8[M, H, W], int32[M]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_images(
    dataset: str, *, held_out: int, data_dir: str | None, field: str = "validation"
) -> Images:
    """The images of "digits" or "mnist".

    Args:
      dataset: which.
      held_out: how many of the training images are for validation: the last ones of MNIST.
      data_dir: where MNIST lies.
      field: of `config.data`, that says how many are held out.

    Raises:
      ValueError: no image would be left to train on; or as `neurosym.datasets`.
    """
    if dataset == "digits":
        small = ns.datasets.digits(validation=held_out)
        return Images(
            train=(small.train_images, small.train_labels),
            validation=(small.validation_images, small.validation_labels),
            test=(small.test_images, small.test_labels),
        )
    mnist = ns.datasets.mnist(data_dir)
    cut = len(mnist.train_labels) - held_out
    if cut <= 0:
        raise ValueError(f"config.data.{field} = {held_out} leaves no image to train on")
    return Images(
        train=(mnist.train_images[:cut], mnist.train_labels[:cut]),
        validation=(mnist.train_images[cut:], mnist.train_labels[cut:]),
        test=(mnist.test_images, mnist.test_labels),
    )


def filled_up(own: np.ndarray, name: str, rows: int) -> np.ndarray:
    """The images [M, ...] of a split, or their labels; for validation and test with zeros after.

    So both have one shape, and one program can judge on either; no index of a split points beyond
    its own images.

    Args:
      own: of the split, not filled up.
      name: of the split.
      rows: of the larger of validation and test.
    """
    if name not in ("validation", "test") or not 0 < len(own) < rows:
        return own
    filled = np.zeros((rows, *own.shape[1:]), own.dtype)
    filled[: len(own)] = own
    return filled


def encode(model: Any, images: Array) -> Array:
    """Logits float32[B, K, C] of images float32[B, K, H, W]."""
    logits = model(images.reshape(-1, *images.shape[2:]))
    return logits.reshape(*images.shape[:2], -1)
