"""What estimators share: the encoder's distribution; a value with a gradient of its own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bridge.softmax import softmax
from neurosym.reasoning.protocols import Reasoner


def checked(
    reasoner: Reasoner, logits: Array, observed: Array | None
) -> tuple[Array, Array | None]:
    """The logits, 0 in the rows that are not observed, and ``observed`` as an array.

    Raises:
      ValueError: if the logits are not floats [V, D], or ``observed`` is not bool[V].
    """
    logits = jnp.asarray(logits)
    shape = reasoner.exists.shape
    if logits.shape != shape or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"logits are floats [V, D] = {list(shape)}, not {logits.dtype}{list(logits.shape)}; "
            "for a batch use jax.vmap"
        )
    if observed is None:
        return logits, None
    observed = jnp.asarray(observed)
    if observed.dtype != jnp.bool_ or observed.shape != shape[:1]:
        raise ValueError(
            f"observed is bool[V] = [{shape[0]}], not {observed.dtype}{list(observed.shape)}"
        )
    return jnp.where(observed[:, None], logits, 0), observed


def log_prior(reasoner: Reasoner, logits: Array, observed: Array | None) -> Array:
    """``log p`` of every value: the softmax over the values that exist; 0 where not observed.

    Args:
      reasoner: says which values exist.
      logits: float[V, D]; ``-inf`` for values that cannot be.
      observed: bool[V]; None for all.

    Returns:
      float[V, D]; ``-inf`` for values that do not exist or cannot be, but 0 throughout in rows
      that are not observed.

    Raises:
      ValueError: as :func:`checked`.
    """
    logits, observed = checked(reasoner, logits, observed)
    weights = softmax(logits, mask=jnp.asarray(reasoner.exists))
    return weights if observed is None else jnp.where(observed[:, None], weights, 0)


def with_gradient(value: Array, log_weights: Array, gradient: Array) -> Array:
    """A number whose derivative with respect to the log-weights is the one given.

    Args:
      value: float[]; it may be ``-inf``.
      log_weights: float[V, D]; what is ``-inf`` takes no part.
      gradient: float[V, D].

    Returns:
      float[]: ``value``.
    """
    finite = log_weights > -jnp.inf
    safe = jnp.where(finite, log_weights, 0)
    moved = safe - jax.lax.stop_gradient(safe)  # zero, with a derivative of one
    slope = jax.lax.stop_gradient(jnp.where(finite, gradient, 0))
    return jax.lax.stop_gradient(value) + jnp.sum(slope * moved)
