"""A multilayer perceptron: the smallest encoder, for small images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
from flax import nnx
from jax import Array

from neurosym.encoders.images import ImageSize, flatten_images, image_shape, with_leading_axes
from neurosym.encoders.initial import BEFORE_LOGITS, BEFORE_RELU


class MLP(nnx.Module):
    """Dense layers with ReLU between them, on the pixels in one row."""

    def __init__(
        self,
        *,
        image_size: ImageSize,
        classes: int,
        rngs: nnx.Rngs,
        channels: int = 1,
        hidden: Sequence[int] = (128, 64),
    ) -> None:
        """Makes the parameters.

        Args:
          image_size: rows and columns of the images; one number for squares.
          classes: number of logits.
          rngs: the source of the initial parameters.
          channels: colours of the images; 1 for grey images.
          hidden: widths of the hidden layers; none of them makes a linear classifier.

        Raises:
          ValueError: when a size is not positive.
        """
        self.image = image_shape(image_size, classes=classes, channels=channels)
        if any(width < 1 for width in hidden):
            raise ValueError(f"hidden widths must be at least 1; got {tuple(hidden)}")
        height, width, _ = self.image
        widths = [height * width * channels, *hidden]
        self.layers = nnx.List(
            nnx.Linear(inputs, outputs, kernel_init=BEFORE_RELU, rngs=rngs)
            for inputs, outputs in itertools.pairwise(widths)
        )
        self.logits = nnx.Linear(widths[-1], classes, kernel_init=BEFORE_LOGITS, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        """Maps float[..., H, W] (grey) or float[..., H, W, C] to logits float[..., classes]."""
        features, leading = flatten_images(images, self.image)
        for layer in self.layers:
            features = jax.nn.relu(layer(features))
        return with_leading_axes(self.logits(features), leading)
