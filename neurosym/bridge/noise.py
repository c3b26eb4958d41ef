"""Noise for perturb-and-MAP: it makes the best assignment random.

A *noise* maps a key and a shape to float32 of that shape, independent for every value.
"""

from __future__ import annotations

import math
from typing import Protocol

import jax
import jax.numpy as jnp
from jax import Array


class Noise(Protocol):
    """Independent perturbations; a plain function of a key."""

    def __call__(self, key: Array, shape: tuple[int, ...]) -> Array:
        """float32 of that shape."""
        ...


def gumbel_noise() -> Noise:
    """Gumbel noise: for one variable alone, the perturbed maximum is a sample of the softmax.

    Papandreou and Yuille 2011, Perturb-and-MAP random fields,
    https://doi.org/10.1109/ICCV.2011.6126242.
    """

    def noise(key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.gumbel(key, shape, jnp.float32)

    return noise


def sum_of_gamma_noise(ones: int, *, terms: int = 10) -> Noise:
    """Noise of which ``ones`` together are Gumbel, for assignments that choose so many values.

    ``(1 / κ) (Σ_{i=1..s} Gamma(shape 1/κ, scale κ/i) - log s)`` with κ = ``ones``, s = ``terms``.
    Niepert, Minervini and Franceschi 2021, Implicit MLE, https://arxiv.org/abs/2106.01798.

    Raises:
      ValueError: for numbers below 1.
    """
    if ones < 1 or terms < 1:
        raise ValueError(f"sum-of-gamma noise needs ones and terms from 1, not {ones} and {terms}")

    def noise(key: Array, shape: tuple[int, ...]) -> Array:
        gamma = jax.random.gamma(key, 1 / ones, (terms, *shape), jnp.float32)
        scale = ones / jnp.arange(1, terms + 1, dtype=jnp.float32)
        total = jnp.tensordot(scale, gamma, 1, precision=jax.lax.Precision.HIGHEST)
        return (total - math.log(terms)) / ones

    return noise
