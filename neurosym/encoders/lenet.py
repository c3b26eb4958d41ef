"""LeNet, the encoder of the published figures on MNIST addition."""

from __future__ import annotations

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
        self, *, image_size: ImageSize, classes: int, rngs: nnx.Rngs, channels: int = 1
    ) -> None:
        """Makes the parameters.

        Args:
          image_size: rows and columns of the images; one number for squares. At least 16 by 16.
          classes: number of logits.
          rngs: the source of the initial parameters.
          channels: colours of the images; 1 for grey images.

        Raises:
          ValueError: when the images are too small for two convolutions and two poolings.
        """
        self.image = image_shape(image_size, classes=classes, channels=channels)
        height, width, _ = self.image
        if min(height, width) < _SMALLEST:
            raise ValueError(
                f"LeNet needs images of at least {_SMALLEST}x{_SMALLEST} pixels, but image_size is "
                f'{height}x{width}; use encoder "resnet" or "mlp" for smaller ones'
            )
        features = 16 * _after(height) * _after(width)
        self.convolution1 = Convolution(channels, 6, _KERNEL, pool=_POOL, rngs=rngs)
        self.convolution2 = Convolution(6, 16, _KERNEL, pool=_POOL, rngs=rngs)
        self.dense1 = nnx.Linear(features, 120, kernel_init=BEFORE_RELU, rngs=rngs)
        self.dense2 = nnx.Linear(120, 84, kernel_init=BEFORE_RELU, rngs=rngs)
        self.dense3 = nnx.Linear(84, classes, kernel_init=BEFORE_LOGITS, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        """Maps float[..., H, W] (grey) or float[..., H, W, C] to logits float[..., classes]."""
        maps, leading = batch_last(images, self.image)
        maps = jax.nn.relu(self.convolution1(maps))
        maps = jax.nn.relu(self.convolution2(maps))
        features = maps.reshape(self.dense1.in_features, maps.shape[-1]).T
        features = jax.nn.relu(self.dense1(features))
        features = jax.nn.relu(self.dense2(features))
        return with_leading_axes(self.dense3(features), leading)


def _after(length: int) -> int:
    """Rows (or columns) that two convolutions and poolings leave."""
    for _ in range(2):
        length = (length - _KERNEL + 1) // _POOL
    return length
