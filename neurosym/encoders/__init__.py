"""Encoders: flax.nnx modules from images float[..., H, W] to logits float[..., classes].

All take ``image_size``, ``classes``, ``rngs`` and ``channels`` by name; :func:`make_encoder` turns
the name in a config into one. :func:`augment` varies the images of a training batch.
"""

from neurosym.encoders.augmentation import augment, make_augmentation
from neurosym.encoders.convolution import Convolution, convolve
from neurosym.encoders.factory import ENCODERS, make_encoder
from neurosym.encoders.lenet import LeNet
from neurosym.encoders.mlp import MLP
from neurosym.encoders.resnet import ResNet

__all__ = [
    "ENCODERS",
    "MLP",
    "Convolution",
    "LeNet",
    "ResNet",
    "augment",
    "convolve",
    "make_augmentation",
    "make_encoder",
]
