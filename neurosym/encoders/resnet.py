"""A small residual network, for images from 8 by 8 upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from neurosym.encoders.convolution import Convolution
from neurosym.encoders.images import ImageSize, batch_last, image_shape, with_leading_axes
from neurosym.encoders.initial import BEFORE_LOGITS

_CHANNELS_OF_A_GROUP = 4


class ResNet(nnx.Module):
    """A convolution, stages of residual blocks, the mean over pixels, one dense layer.

    Blocks normalise before they convolve (He et al. 2016, https://arxiv.org/abs/1603.05027), by
    groups of channels (Wu and He 2018, https://arxiv.org/abs/1803.08494): the network has no
    running statistics, so it reads an image in the same way in training and in use, whatever else
    is in the batch.
    """

    def __init__(
        self,
        *,
        image_size: ImageSize,
        classes: int,
        rngs: nnx.Rngs,
        channels: int = 1,
        widths: Sequence[int] = (16, 32, 64),
        blocks: int | Sequence[int] = 1,
        stem: int = 3,
        pool: int = 1,
    ) -> None:
        """Makes the parameters.

        Args:
          image_size: rows and columns of the images; one number for squares.
          classes: number of logits.
          rngs: the source of the initial parameters.
          channels: colours of the images; 1 for grey images.
          widths: channels of each stage; every stage after the first halves the image.
          blocks: residual blocks of a stage, or of each. Only the first stage may have none; it is
            the stem alone then, which is much cheaper, as the first stage has the most pixels.
          stem: rows and columns of the first convolution's kernel, odd.
          pool: side of the windows over which the first convolution's maximum is taken.

        Raises:
          ValueError: when there is no stage or no block, or a size is not positive.
        """
        self.image = image_shape(image_size, classes=classes, channels=channels)
        each = (blocks,) * len(widths) if isinstance(blocks, int) else tuple(blocks)
        if (
            not widths
            or min(widths) < 1
            or len(each) != len(widths)
            or min(each[1:], default=1) < 1
        ):
            raise ValueError(
                "widths must be at least one positive number and blocks at least 1 for each stage "
                f"after the first; got {tuple(widths)} and {blocks}"
            )
        if each[0] < 0 or not any(each) or stem < 1 or stem % 2 == 0:
            raise ValueError(
                f"a residual net has a block and an odd stem; got blocks {blocks} and stem {stem}"
            )
        padding = stem // 2
        self.stem = Convolution(channels, widths[0], stem, padding=padding, pool=pool, rngs=rngs)
        layers = []
        inputs = widths[0]
        for stage, outputs in enumerate(widths):
            for block in range(each[stage]):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(ResidualBlock(inputs, outputs, stride=stride, rngs=rngs))
                inputs = outputs
        self.blocks = nnx.List(layers)
        self.normalisation = GroupNormalisation(inputs)
        self.dense = nnx.Linear(inputs, classes, kernel_init=BEFORE_LOGITS, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        """Maps float[..., H, W] (grey) or float[..., H, W, C] to logits float[..., classes]."""
        maps, leading = batch_last(images, self.image)
        maps = self.stem(maps)
        for block in self.blocks:
            maps = block(maps)
        maps = jax.nn.relu(self.normalisation(maps))
        return with_leading_axes(self.dense(maps.mean(axis=(1, 2)).T), leading)


class ResidualBlock(nnx.Module):
    """``x + f(x)`` with f = normalise, ReLU, convolve, twice; on float[C, H, W, B]."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs, stride: int = 1) -> None:
        """Makes the parameters; ``x`` is projected by a 1×1 convolution where its shape changes."""
        self.normalisation1 = GroupNormalisation(inputs)
        self.convolution1 = Convolution(inputs, outputs, 3, stride=stride, padding=1, rngs=rngs)
        self.normalisation2 = GroupNormalisation(outputs)
        self.convolution2 = Convolution(outputs, outputs, 3, padding=1, rngs=rngs)
        changes = stride > 1 or inputs != outputs
        self.projection = (
            Convolution(inputs, outputs, 1, stride=stride, rngs=rngs) if changes else None
        )

    def __call__(self, maps: Array) -> Array:
        """Maps float[C, H, W, B] to float[O, ⌈H/stride⌉, ⌈W/stride⌉, B]."""
        change = self.convolution1(jax.nn.relu(self.normalisation1(maps)))
        change = self.convolution2(jax.nn.relu(self.normalisation2(change)))
        kept = maps if self.projection is None else self.projection(maps)
        return kept + change


class GroupNormalisation(nnx.Module):
    """Zero mean and unit variance of each image over groups of channels, then scale and shift.

    A group has 4 channels, or 2 or 1 where 4 does not divide their number. Flax's own layer would
    want the channels last.
    """

    def __init__(self, channels: int, *, epsilon: float = 1e-5) -> None:
        """Makes the parameters: float32[channels] of ones (scale) and of zeros (shift)."""
        self.groups = channels // math.gcd(channels, _CHANNELS_OF_A_GROUP)
        self.epsilon = epsilon
        self.scale = nnx.Param(jax.device_put(np.ones(channels, np.float32)))
        self.shift = nnx.Param(jax.device_put(np.zeros(channels, np.float32)))

    def __call__(self, maps: Array) -> Array:
        """Maps float[C, H, W, B] to the same shape."""
        grouped = maps.reshape(self.groups, maps.shape[0] // self.groups, *maps.shape[1:])
        mean = grouped.mean(axis=(1, 2, 3), keepdims=True)
        centred = grouped - mean
        variance = jnp.square(centred).mean(axis=(1, 2, 3), keepdims=True)
        normal = (centred * jax.lax.rsqrt(variance + self.epsilon)).reshape(maps.shape)
        scale, shift = (p[...][:, None, None, None] for p in (self.scale, self.shift))
        return normal * scale + shift
