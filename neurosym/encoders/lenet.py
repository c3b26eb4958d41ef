"""LeNet, the encoder of the published figures on MNIST addition."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
from flax import nnx
from jax import Array

from neurosym.encoders.convolution import Convolution
from neurosym.encoders.images import ImageSize, batch_last, image_shape, with_leading_axes
from neurosym.encoders.initial import BEFORE_LOGITS, BEFORE_RELU

_KERNEL = 5
_POOL = 2
_SMALLEST = 16


class LeNet(nnx.Module):
    """Two convolutions with max pooling, then three dense layers.

    conv 1→6 (5×5), maxpool 2, ReLU, conv 6→16 (5×5), maxpool 2, ReLU, 256→120→84→10 with ReLU
    between: the network that DeepProbLog and the systems after it use on MNIST.
    https://arxiv.org/abs/1805.10872, after LeCun et al. 1998, https://doi.org/10.1109/5.726791.
    """

    def __init__(
        self,
        *,
        image_size: ImageSize,
        classes: int,
        rngs: nnx.Rngs,
        channels: int = 1,
        maps: Sequence[int] = (6, 16),
        hidden: Sequence[int] = (120, 84),
    ) -> None:
        """Makes the parameters.

        Args:
          image_size: rows and columns of the images; one number for squares. At least 16 by 16.
          classes: number of logits.
          rngs: the source of the initial parameters.
          channels: colours of the images; 1 for grey images.
          maps: channels of the two convolutions. More than the published 6 and 16 read better, at
            the cost of their product.
          hidden: widths of the dense layers before the last.

        Raises:
          ValueError: when the images are too small for two convolutions and two poolings, or a
            width is not positive.
        """
        self.image = image_shape(image_size, classes=classes, channels=channels)
        height, width, _ = self.image
        if min(height, width) < _SMALLEST:
            raise ValueError(
                f"LeNet needs images of at least {_SMALLEST}x{_SMALLEST} pixels, but image_size is "
                f'{height}x{width}; use encoder "resnet" or "mlp" for smaller ones'
            )
        if len(maps) != 2 or min(maps) < 1 or min(hidden, default=1) < 1:
            raise ValueError(
                "LeNet has two convolutions, and all widths are at least 1; got maps "
                f"{tuple(maps)} and hidden {tuple(hidden)}"
            )
        first, second = maps
        self.convolution1 = Convolution(channels, first, _KERNEL, pool=_POOL, rngs=rngs)
        self.convolution2 = Convolution(first, second, _KERNEL, pool=_POOL, rngs=rngs)
        self.features = second * _after(height) * _after(width)
        widths = [self.features, *hidden]
        self.dense = nnx.List(
            nnx.Linear(inputs, outputs, kernel_init=BEFORE_RELU, rngs=rngs)
            for inputs, outputs in itertools.pairwise(widths)
        )
        self.logits = nnx.Linear(widths[-1], classes, kernel_init=BEFORE_LOGITS, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        """Maps float[..., H, W] (grey) or float[..., H, W, C] to logits float[..., classes]."""
        maps, leading = batch_last(images, self.image)
        maps = jax.nn.relu(self.convolution1(maps))
        maps = jax.nn.relu(self.convolution2(maps))
        features = maps.reshape(self.features, maps.shape[-1]).T
        for layer in self.dense:
            features = jax.nn.relu(layer(features))
        return with_leading_axes(self.logits(features), leading)


def _after(length: int) -> int:
    """Rows (or columns) that two convolutions and poolings leave."""
    for _ in range(2):
        length = (length - _KERNEL + 1) // _POOL
    return length
