"""Straight-through: reasoning sees one value of a variable, gradients the soft beliefs behind it.

Two forms of one estimator. In probabilities (:func:`straight_through_probabilities`) the forward
value is exactly one-hot and the Jacobian exactly that of the softmax. Logs of a one-hot vector
would not train: reasoning in logs multiplies every gradient by the weight itself
(``∂ log Z / ∂ log w = w · support / Z``), so a value at ``-inf`` gets no gradient, and a choice
that breaks the constraints gets no gradient at all. The bridge therefore gives the log of

    q = (1 - ε) · one-hot + ε · soft          ε is ``smoothing``

with the Jacobian ``∂ log q_v = ∂ soft_v / q_v``, which is the Jacobian of the probability form,
seen through the logarithm: whatever reasoning computes from q, in REAL or in LOG, its gradient
reaches the logits as if q were the soft weights. All is finite: ``soft / q`` is at most 1/ε, and is
computed in logs, so that it does not underflow.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bridge.gumbel import gumbel_softmax
from neurosym.bridge.log_weights import softmax

DEFAULT_SMOOTHING = 0.1
"""The share of soft belief in the forward value; smaller is harder, with larger gradients."""


def straight_through(
    logits: Array,
    *,
    key: Array | None = None,
    temperature: float | Array = 1.0,
    mask: Array | None = None,
    sample: bool = False,
    smoothing: float = DEFAULT_SMOOTHING,
) -> Array:
    """Log-weights of one hard value for each variable, smoothed by ε, with soft gradients.

    Bengio et al. 2013, https://arxiv.org/abs/1308.3432; with ``sample``, straight-through
    Gumbel-softmax, Jang et al. 2017, https://arxiv.org/abs/1611.01144.

    Args:
      logits: float[..., V, D]; ``-inf`` for values that cannot be.
      key: typed key; needed with ``sample``.
      temperature: above 0; of the soft weights that the gradient is of.
      mask: bool, broadcastable to the logits: which values exist. None: all.
      sample: take a sample of the softmax (Gumbel-max) instead of the likeliest value; the soft
        weights are then the relaxed sample that it is the largest entry of.
      smoothing: ε, above 0 and at most 1; at 1 this is the softmax (or Gumbel-softmax) itself.

    Returns:
      float[..., V, D], normalised over D, whose exponentials are within ε of one-hot; ``-inf``
      only for values that cannot be.

    Raises:
      ValueError: as :class:`neurosym.bridge.Bridge`; also when ``sample`` has no key, or ε is out
        of range.
    """
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must be above 0 and at most 1; got {smoothing}")
    soft = _soft(logits, key, temperature, mask, sample)
    possible = soft != -jnp.inf
    # Padding is computed with as log-weight 0 and put back at the end: -inf - -inf would be NaN.
    safe = jnp.where(possible, soft, 0)
    frozen = jax.lax.stop_gradient(safe)
    log_rest = math.log(smoothing) + frozen
    if smoothing < 1:
        log_chosen = jnp.logaddexp(math.log1p(-smoothing), log_rest)
        hard = jnp.where(_one_hot_of_largest(soft), log_chosen, log_rest)
    else:
        hard = log_rest
    slope = jnp.exp(frozen - hard)
    return jnp.where(possible, hard + slope * (safe - frozen), -jnp.inf)


def straight_through_probabilities(
    logits: Array,
    *,
    key: Array | None = None,
    temperature: float | Array = 1.0,
    mask: Array | None = None,
    sample: bool = False,
) -> Array:
    """One-hot weights (not logs) of one value for each variable, with the Jacobian of soft ones.

    For losses that read probabilities, such as a squared error; and for REAL reasoning in which
    the total cannot be zero. Arguments, errors and papers as :func:`straight_through`.

    Returns:
      float[..., V, D], exactly 0 or 1 and one 1 for each variable; all 0 for a variable without
      any possible value.
    """
    soft = jnp.exp(_soft(logits, key, temperature, mask, sample))
    one_hot = _one_hot_of_largest(soft) & (soft > 0)
    return one_hot.astype(soft.dtype) + (soft - jax.lax.stop_gradient(soft))


def _soft(
    logits: Array,
    key: Array | None,
    temperature: float | Array,
    mask: Array | None,
    sample: bool,
) -> Array:
    """The soft log-weights behind the hard choice."""
    if sample and key is None:
        raise ValueError(
            "straight_through with sample=True needs a key, e.g. key=jax.random.key(0)"
        )
    bridge = gumbel_softmax if sample else softmax
    return bridge(logits, key=key, temperature=temperature, mask=mask)


def _one_hot_of_largest(values: Array) -> Array:
    """bool of the same shape: the first of the largest entries of the last axis."""
    return jnp.arange(values.shape[-1]) == jnp.argmax(values, axis=-1, keepdims=True)
