"""Gumbel-softmax: relaxed samples of the values, through which gradients flow."""

from __future__ import annotations

import jax
from jax import Array

from neurosym.bridge.log_weights import log_normalise, prepare_logits


def gumbel_softmax(
    logits: Array,
    *,
    key: Array | None = None,
    temperature: float | Array = 1.0,
    mask: Array | None = None,
) -> Array:
    """The log of one relaxed sample for each variable.

    It is ``log softmax((logits + gumbel noise) / temperature)``.
    The largest entry falls on each value with exactly its softmax probability, at every
    temperature (the Gumbel-max trick). Towards temperature 0 samples become one-hot, and their
    mean the softmax; towards infinity they become even.

    Jang et al. 2017, https://arxiv.org/abs/1611.01144; Maddison et al. 2017,
    https://arxiv.org/abs/1611.00712.

    Args:
      logits: float[..., V, D]; ``-inf`` for values that cannot be.
      key: typed key; the same key gives the same sample.
      temperature: above 0.
      mask: bool, broadcastable to the logits: which values exist. None: all.

    Returns:
      float[..., V, D], normalised over D; ``-inf`` for values that cannot be.

    Raises:
      ValueError: as :class:`neurosym.bridge.Bridge`; also without a key.
    """
    if key is None:
        raise ValueError("gumbel_softmax samples: it needs a key, e.g. key=jax.random.key(0)")
    tempered, possible = prepare_logits(logits, mask, temperature)
    noise = jax.random.gumbel(key, logits.shape, logits.dtype)
    return log_normalise(tempered + noise / temperature, possible)
