"""From beliefs to log-weights: the one masked log-softmax, which bridges and estimators share.

    logits [2, 1, -inf], mask [T, T, T], temperature 1
    possible [T, T, F]            neither -inf nor masked
    log-weights [-0.31, -1.31, -inf]    log softmax over what is possible, gradient 0 elsewhere

A bridge is a function ``bridge(logits, *, key, temperature, mask)`` from an encoder's beliefs,
float[..., V, D], to log-weights of the same shape for soft reasoning, normalised over the values D
of each variable. Values that cannot be, ``-inf`` in the logits or False in the mask, have
log-weight ``-inf`` and gradient zero; a variable without any possible value is ``-inf``
throughout. The softmax is the bridge that keeps every value; `log_prior` is the softmax of a
question.
"""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.reasoning.protocols import Reasoner
from neurosym.reasoning.question import Question
from neurosym.transforms.conversion import as_array


class Bridge(Protocol):
    """From beliefs to log-weights; see the module's description for the contract."""

    def __call__(
        self,
        logits: Array,
        *,
        key: Array | None = None,
        temperature: float | Array = 1.0,
        mask: Array | None = None,
    ) -> Array:
        """Maps logits float[..., V, D] to log-weights float[..., V, D].

        Args:
          logits: what the encoder believes of every value; ``-inf`` for values that cannot be.
          key: typed key, for the bridges that sample; the others ignore it.
          temperature: above 0; the larger, the more even the weights.
          mask: bool, broadcastable to the logits: which values exist, where domains are shorter
            than D. None: all.

        Raises:
          ValueError: when the logits are not floats, the mask does not fit, the temperature is not
            above 0, or a bridge that samples is given no key.
        """
        ...


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


def log_prior(reasoner: Reasoner, question: Question) -> Array:
    """``log p`` of every value: the softmax over the values that exist; 0 where not observed.

    Args:
      reasoner: says which values exist.
      question: its logits float[V, D] and what is observed, bool[V].

    Returns:
      float[V, D]; ``-inf`` for values that do not exist or cannot be, but 0 throughout in rows
      that are not observed.

    Raises:
      ValueError: as :func:`checked`.
    """
    logits, observed = checked(reasoner, question)
    weights = softmax(logits, mask=jnp.asarray(reasoner.exists))
    return weights if observed is None else jnp.where(observed[:, None], weights, 0)


def checked(reasoner: Reasoner, question: Question) -> tuple[Array, Array | None]:
    """The logits, 0 in the rows that are not observed, and ``observed`` as an array.

    Raises:
      ValueError: if the logits are not floats [V, D], or ``observed`` is not bool[V].
    """
    logits = as_array(question.logits, what="an array of logits")
    shape = reasoner.exists.shape
    if logits.shape != shape or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"logits are floats [V, D] = {list(shape)}, not {logits.dtype}{list(logits.shape)}; "
            "for a batch use jax.vmap"
        )
    if question.observed is None:
        return logits, None
    observed = jnp.asarray(question.observed)
    if observed.dtype != jnp.bool_ or observed.shape != shape[:1]:
        raise ValueError(
            f"observed is bool[V] = [{shape[0]}], not {observed.dtype}{list(observed.shape)}"
        )
    return jnp.where(observed[:, None], logits, 0), observed


def prepare_logits(
    logits: Array, mask: Array | None, temperature: float | Array
) -> tuple[Array, Array]:
    """Checks a bridge's arguments and divides by the temperature.

    Returns:
      The tempered logits, 0 in place of what cannot be (so that no arithmetic meets ``-inf``), and
      bool of the same shape: which values can be.

    Raises:
      ValueError: as :class:`Bridge`.
    """
    if logits.ndim == 0 or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"logits must be floats [..., V, D]; got {logits.dtype}{list(logits.shape)}"
        )
    logits = as_array(logits, what="an array of logits")
    check_temperature(temperature)
    # NaN compares unequal to -inf: it stays possible, is passed on, and the loss shows it.
    possible = logits != -jnp.inf
    if mask is not None:
        possible = possible & checked_mask(mask, logits.shape)
    return jnp.where(possible, logits, 0) / temperature, possible


def check_temperature(temperature: float | Array) -> None:
    """Raises ValueError when the temperature is known while tracing and not above 0."""
    # NumPy, since within jit even constants become traced once jax.numpy touches them.
    if isinstance(temperature, jax.core.Tracer):
        return
    held = np.asarray(temperature).astype(jax.dtypes.canonicalize_dtype(float))
    if not np.all(held > 0):  # what is above 0 but below every float is 0 too
        raise ValueError(f"temperature must be above 0; got {temperature}")


def checked_mask(mask: Array, shape: tuple[int, ...]) -> Array:
    """The mask broadcast to the shape; ValueError when it is not Boolean or does not fit."""
    mask = jnp.asarray(mask)
    fits = mask.ndim <= len(shape) and all(
        mine in (1, theirs) for mine, theirs in zip(mask.shape[::-1], shape[::-1], strict=False)
    )
    if mask.dtype != jnp.bool_ or not fits:
        raise ValueError(
            f"a mask of logits {list(shape)} must be bool of that shape; "
            f"got {mask.dtype}{list(mask.shape)}"
        )
    return jnp.broadcast_to(mask, shape)


def log_normalise(tempered: Array, possible: Array) -> Array:
    """Log-softmax over the possible values of the last axis; ``-inf`` elsewhere, never a NaN."""
    highest = jnp.max(jnp.where(possible, tempered, -jnp.inf), axis=-1, keepdims=True)
    highest = jax.lax.stop_gradient(jnp.where(highest == -jnp.inf, 0, highest))
    shifted = jnp.where(possible, tempered - highest, 0)
    total = jnp.where(possible, jnp.exp(shifted), 0).sum(axis=-1, keepdims=True)
    any_possible = possible.any(axis=-1, keepdims=True)
    return jnp.where(possible, shifted - jnp.log(jnp.where(any_possible, total, 1)), -jnp.inf)
