"""The input of every encoder: images as users hold them, checked and laid out batch-last.

Grey images are ``float[..., H, W]``; images of more than one channel are ``float[..., H, W, C]``.
Any number of leading axes is a batch: none for a single image, ``[B, 2]`` for pairs.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array

ImageSize = int | tuple[int, int]
"""Rows and columns of an image; one number for squares."""


def image_shape(image_size: ImageSize, *, classes: int, channels: int) -> tuple[int, int, int]:
    """Checks the arguments that all encoders share; returns (rows, columns, channels).

    Raises:
      ValueError: when a size is not positive, or there are fewer than two classes.
    """
    sizes = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(sizes) != 2 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(
            f"image_size must be a positive number or a pair (rows, columns); got {image_size!r}"
        )
    if channels < 1:
        raise ValueError(f"channels must be at least 1; got {channels}")
    if classes < 2:
        raise ValueError(f"classes must be at least 2; got {classes}")
    return sizes[0], sizes[1], channels


def flatten_images(images: Array, image: tuple[int, int, int]) -> tuple[Array, tuple[int, ...]]:
    """Checks the images and returns float[B, H·W·C] and the leading axes, whose product is B.

    Raises:
      ValueError: when the images are not of floats, or not of the shape that the encoder was made
        for.
    """
    height, width, channels = image
    trailing = (height, width) if channels == 1 else (height, width, channels)
    if images.shape[max(images.ndim - len(trailing), 0) :] != trailing:
        expected = ", ".join(["...", *map(str, trailing)])
        raise ValueError(f"images must be of shape [{expected}]; got {list(images.shape)}")
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"images must be floats, got {images.dtype}: scale pixels first, e.g. images / 255"
        )
    leading = images.shape[: images.ndim - len(trailing)]
    return images.reshape(math.prod(leading), math.prod(trailing)), leading


def batch_last(images: Array, image: tuple[int, int, int]) -> tuple[Array, tuple[int, ...]]:
    """Checks the images and returns float[C, H, W, B] and the leading axes, whose product is B.

    Raises:
      ValueError: as :func:`flatten_images`.
    """
    flat, leading = flatten_images(images, image)
    return flat.reshape(flat.shape[0], *image).transpose(3, 1, 2, 0), leading


def with_leading_axes(logits: Array, leading: tuple[int, ...]) -> Array:
    """Gives logits float[B, classes] back the leading axes of the images."""
    return logits.reshape(*leading, logits.shape[-1])
