"""Losses: arrays of log-probabilities in, one scalar out.

Where a probability is exactly zero its log is ``-inf``. Such an example counts :data:`IMPOSSIBLE`
nats, a finite number that shows in any curve, and has gradient zero: no direction makes an
impossible answer likelier, and one such example must not turn the whole batch's gradient into NaN.
NaN, in contrast, is passed on: it is a fault to find.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

IMPOSSIBLE = 1e4
"""What an example of probability zero counts, in nats."""


def query_nll(log_probabilities: Array, target: Array) -> Array:
    """Mean negative log-likelihood of the answers to a query.

    Example:
      >>> log_probabilities = jnp.log(jnp.array([[0.5, 0.5], [0.75, 0.25]]))
      >>> print(query_nll(log_probabilities, jnp.array([0, 1])).round(4))
      1.0397

    Args:
      log_probabilities: float[..., D], the log-probability of every answer; ``-inf`` for an answer
        that cannot be.
      target: int[...], the index of the observed answer, at least 0 and below D.

    Returns:
      float scalar in nats. Targets of probability zero count :data:`IMPOSSIBLE`, with gradient
      zero. Within jit, where values cannot be checked, a target out of range gives NaN.

    Raises:
      ValueError: when the shapes do not match, there is no example, targets are not integers or
        are out of range.
    """
    _check_targets(log_probabilities, target, "log_probabilities")
    return _negative(_at(log_probabilities, target)).mean()


def semantic_loss(log_total: Array) -> Array:
    """Mean of minus the log-probability that the constraints hold.

    Xu et al. 2018, A semantic loss function for deep learning with symbolic knowledge,
    https://arxiv.org/abs/1711.11157.

    Args:
      log_total: float[...], the log of the total weight of the assignments that satisfy the
        constraints, under weights that are normalised for each variable.

    Returns:
      float scalar in nats. Constraints of probability zero count :data:`IMPOSSIBLE`, with gradient
      zero.

    Raises:
      ValueError: when there is no example, or they are not floats.
    """
    _check_floats(log_total, "log_total")
    if log_total.size == 0:
        raise ValueError(f"the batch is empty: log_total has shape {log_total.shape}")
    return _negative(log_total).mean()


def cross_entropy(logits: Array, labels: Array) -> Array:
    """Mean negative log-likelihood of the labels under the softmax: supervised training.

    Args:
      logits: float[..., D]; ``-inf`` for a class that cannot be.
      labels: int[...], at least 0 and below D.

    Returns:
      float scalar in nats. Labels of probability zero count :data:`IMPOSSIBLE`, with gradient
      zero. Within jit a label out of range gives NaN.

    Raises:
      ValueError: as :func:`query_nll`.
    """
    _check_targets(logits, labels, "logits")
    # A row without any possible class has no maximum to subtract, and log-sum-exp would give it a
    # NaN gradient.
    possible = jnp.any(logits != -jnp.inf, axis=-1)
    safe = jnp.where(possible[..., None], logits, 0)
    log_likelihood = _at(safe, labels) - jax.nn.logsumexp(safe, axis=-1)
    return _negative(jnp.where(possible, log_likelihood, -jnp.inf)).mean()


def _at(values: Array, index: Array) -> Array:
    """``values[..., index]``, NaN out of range; by a select: a gather's gradient scatters."""
    size = values.shape[-1]
    index = jnp.asarray(index)  # NumPy's int64 becomes int32, without a warning, checked before.
    chosen = jnp.arange(size, dtype=index.dtype) == index[..., None]
    picked = jnp.where(chosen, values, 0).sum(axis=-1)
    return jnp.where((index >= 0) & (index < size), picked, jnp.nan)


def _negative(log_probability: Array) -> Array:
    return jnp.where(log_probability == -jnp.inf, IMPOSSIBLE, -log_probability)


def _check_floats(values: Array, name: str) -> None:
    if not jnp.issubdtype(values.dtype, jnp.floating):
        raise ValueError(f"{name} must be floats; got {values.dtype}")


def _check_targets(values: Array, target: Array, name: str) -> None:
    _check_floats(values, name)
    if values.ndim == 0 or values.shape[:-1] != target.shape:
        raise ValueError(
            f"{name} must be [..., D] and the targets [...] with the same leading axes; got "
            f"{values.shape} and {target.shape}"
        )
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise ValueError(f"targets must be integers; got {target.dtype}")
    if target.size == 0:
        raise ValueError(f"the batch is empty: the targets have shape {target.shape}")
    if isinstance(target, jax.core.Tracer):
        return
    indices = np.asarray(target)
    lowest, highest = int(indices.min()), int(indices.max())
    if lowest < 0 or highest >= values.shape[-1]:
        raise ValueError(
            f"targets must be from 0 to {values.shape[-1] - 1}, the last axis of {name}; got "
            f"{lowest} to {highest}"
        )
