"""Encoders by name, for configs: the one place where a string becomes a module."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import Any

from flax import nnx

from neurosym.encoders.images import ImageSize
from neurosym.encoders.lenet import LeNet
from neurosym.encoders.mlp import MLP
from neurosym.encoders.resnet import ResNet

ENCODERS = MappingProxyType({"lenet": LeNet, "mlp": MLP, "resnet": ResNet})
"""The encoders by the names that configs use."""


def make_encoder(
    name: str,
    *,
    image_size: ImageSize,
    classes: int,
    rngs: nnx.Rngs,
    channels: int = 1,
    **options: Any,
) -> nnx.Module:
    """Makes an encoder by its name.

    Example:
      >>> import jax
      >>> from flax import nnx
      >>> encoder = make_encoder("mlp", image_size=8, classes=10, rngs=nnx.Rngs(0), hidden=(32,))
      >>> encoder(jax.numpy.zeros((5, 8, 8))).shape
      (5, 10)

    Args:
      name: "lenet", "mlp" or "resnet".
      image_size: rows and columns of the images; one number for squares.
      classes: number of logits.
      rngs: the source of the initial parameters.
      channels: colours of the images; 1 for grey images.
      **options: options that only this encoder takes, e.g. ``hidden`` of "mlp", ``widths`` and
        ``blocks`` of "resnet".

    Returns:
      A module from images float[..., H, W] (or float[..., H, W, C]) to logits float[..., classes].

    Raises:
      ValueError: when there is no such encoder, it has no such option, or it cannot read images of
        that size.
    """
    if name not in ENCODERS:
        raise ValueError(f"unknown encoder {name!r}; there are {', '.join(sorted(ENCODERS))}")
    encoder: Any = ENCODERS[name]
    common = {"self", "image_size", "classes", "rngs", "channels"}
    known = sorted(set(inspect.signature(encoder.__init__).parameters) - common)
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise ValueError(f"encoder {name!r} has no option {', '.join(unknown)}; {takes}")
    return encoder(image_size=image_size, classes=classes, rngs=rngs, channels=channels, **options)
