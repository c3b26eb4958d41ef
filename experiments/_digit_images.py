"""Images of handwritten digits, as the experiments on them share them.

Two data sets in one form: pixels as they are stored, what normalises them, and what a picture of a
user's own has to become. A model sees ``(pixels - mean) / deviation``.
"""

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns

CLASSES = 10
READING_BATCH = 1000


class Format(NamedTuple):
    """What images of a data set are like; known without loading it."""

    shape: tuple[int, int]
    levels: int  # the value of full ink
    ink_box: float  # the part of the side that the ink fills
    mean: float  # of the training pixels
    deviation: float  # of the training pixels

    def normalise(self, images: Array) -> Array:
        """Pixels uint8[...] as a model sees them, float32[...]."""
        return (images.astype(jnp.float32) - self.mean) / self.deviation

    @property
    def background(self) -> float:
        """What a pixel without ink is after normalising."""
        return -self.mean / self.deviation

    def load(self, paths: Any) -> np.ndarray:
        """Pictures of a user's own, uint8[M, H, W], in the convention of the data set."""
        options = {"levels": self.levels, "ink_box": self.ink_box}
        return np.stack([ns.datasets.load_image(path, self.shape, **options) for path in paths])

    def read(self, model: Any, images: np.ndarray) -> np.ndarray:
        """Logits float32[M, 10] of images uint8[M, H, W], a thousand at a time."""
        read = nnx.jit(lambda model, x: model(self.normalise(x)))
        parts = [
            np.asarray(read(model, jnp.asarray(images[start : start + READING_BATCH])))
            for start in range(0, len(images), READING_BATCH)
        ]
        return np.concatenate(parts)


FORMATS = {
    "digits": Format((8, 8), 16, 1.0, 4.881874005568815, 6.019187168471305),
    "mnist": Format(
        (28, 28),
        255,
        ns.datasets.MNIST_INK_BOX,
        ns.datasets.MNIST_MEAN,
        ns.datasets.MNIST_DEVIATION,
    ),
}


class Images(NamedTuple):
    """A data set of digit images; training and validation images are given apart."""

    train: tuple[np.ndarray, np.ndarray]  # uint8[M, H, W], int32[M]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_images(dataset: str, *, held_out: int, data_dir: str | None) -> Images:
    """The images of "digits" or "mnist".

    Args:
      dataset: which.
      held_out: how many of the training images are for validation: the last ones of MNIST.
      data_dir: where MNIST lies.

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
        raise ValueError(f"config.data.validation = {held_out} leaves no image to train on")
    return Images(
        train=(mnist.train_images[:cut], mnist.train_labels[:cut]),
        validation=(mnist.train_images[cut:], mnist.train_labels[cut:]),
        test=(mnist.test_images, mnist.test_labels),
    )


def check_fields(
    section: ml_collections.ConfigDict, fields: Mapping[str, int | None], *, task: str, name: str
) -> None:
    """Checks a section of a config, before what is wrong in it could fail after hours of training.

    Args:
      section: `config.<name>`.
      fields: what it consists of, with the least value of what is a number.
      task: what to call the task in a message.
      name: of the section.

    Raises:
      ValueError: a field is unknown, missing, or too small.
    """
    for field in section:
        if field not in fields:
            near = difflib.get_close_matches(field, fields, n=2)
            hint = f"; near matches: {', '.join(near)}" if near else ""
            raise ValueError(f"{task} has no field config.{name}.{field}{hint}")
    for field, least in fields.items():
        if field not in section:
            raise ValueError(f"{task} needs the field config.{name}.{field}")
        if least is not None and section[field] < least:
            raise ValueError(
                f"config.{name}.{field} must be at least {least}, not {section[field]}"
            )
