"""The softmax: every value keeps its probability, and soft reasoning sums over all of them."""

from __future__ import annotations

from jax import Array

from neurosym.bridge.log_weights import log_normalise, prepare_logits


def softmax(
    logits: Array,
    *,
    key: Array | None = None,
    temperature: float | Array = 1.0,
    mask: Array | None = None,
) -> Array:
    """Log-probabilities: ``log softmax(logits / temperature)`` over each variable's values.

    Bridle 1990, Probabilistic interpretation of feedforward classification network outputs,
    https://doi.org/10.1007/978-3-642-76153-9_28.

    Example:
      >>> import jax.numpy as jnp
      >>> weights = softmax(jnp.zeros((1, 3)), mask=jnp.array([True, True, False]))
      >>> jnp.exp(weights).tolist()
      [[0.5, 0.5, 0.0]]

    Args:
      logits: float[..., V, D]; ``-inf`` for values that cannot be.
      key: not used.
      temperature: above 0; 1 leaves the logits as they are.
      mask: bool, broadcastable to the logits: which values exist. None: all.

    Returns:
      float[..., V, D], normalised over D; ``-inf`` for values that cannot be.

    Raises:
      ValueError: as :class:`neurosym.bridge.Bridge`.
    """
    del key
    return log_normalise(*prepare_logits(logits, mask, temperature))
