"""From beliefs to hard domains: which values propagation and search may still consider.

A *rule* says which values a variable's beliefs keep; the result is intersected with the *evidence*,
the values that are known to be allowed. Where that leaves a variable without a value, its domain is
restored to the values that the evidence allows, and never beyond them: an encoder that is trained
on unclamped evidence learns a relabelled alphabet, and no loss notices. How often that happens,
:func:`restored_share`, is a metric to watch.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bits.domains import Domains
from neurosym.bridge.log_weights import check_temperature, checked_mask


class Rule(Protocol):
    """Which values the beliefs keep; a hashable value."""

    def __call__(self, logits: Array, *, key: Array | None = None) -> Array:
        """Maps logits float[..., V, D] to bool[..., V, D]; a logit of ``-inf`` is never kept."""
        ...


class HardDomains(NamedTuple):
    """The result of :func:`to_domains`."""

    domains: Domains
    """The domains, lanes uint64[..., V, W]."""
    restored: Array
    """bool[..., V]: the beliefs kept nothing of what is allowed, so all of that is back."""


def to_domains(
    logits: Array, rule: Rule, *, evidence: Array | None = None, key: Array | None = None
) -> HardDomains:
    """Makes hard domains of beliefs.

    Example:
      >>> logits = jnp.array([[2.0, 1.0, -3.0], [2.0, 1.0, -3.0]])
      >>> evidence = jnp.array([[True, True, True], [False, False, True]])
      >>> domains, restored = to_domains(logits, within(1.5), evidence=evidence)
      >>> domains.mask.tolist(), restored.tolist()
      ([[True, True, False], [False, False, True]], [False, True])

    Args:
      logits: float[..., V, D]; ``-inf`` for values that cannot be.
      rule: which values are kept: :func:`sampled`, :func:`within` or :func:`top_k`.
      evidence: bool, broadcastable to the logits: what is allowed, e.g. the domains of the problem
        with the givens filled in. None: every value whose logit is not ``-inf``.
      key: typed key, for rules that sample.

    Returns:
      The domains, and which variables were restored. A variable that the evidence itself leaves
      without a value stays empty, and is not called restored.

    Raises:
      ValueError: when the logits are not floats [..., V, D], the evidence does not fit, or a rule
        that samples has no key.
    """
    if logits.ndim < 2 or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"logits must be floats [..., V, D]; got {logits.dtype}{list(logits.shape)}"
        )
    if evidence is None:
        allowed = logits != -jnp.inf
    else:
        allowed = checked_mask(evidence, logits.shape)
    kept = rule(logits, key=key) & allowed
    emptied = ~kept.any(axis=-1, keepdims=True)
    restored = (emptied & allowed.any(axis=-1, keepdims=True))[..., 0]
    return HardDomains(Domains.from_mask(jnp.where(emptied, allowed, kept)), restored)


def restored_share(restored: Array) -> Array:
    """The share of instances in which some variable was restored.

    Args:
      restored: bool[..., V], of :func:`to_domains`.

    Returns:
      float32 scalar in [0, 1].
    """
    return restored.any(axis=-1).astype(jnp.float32).mean()


def sampled(temperature: float = 1.0, samples: int = 1) -> Rule:
    """Keeps the values drawn in that many independent samples of ``softmax(logits / temperature)``.

    Raises:
      ValueError: when the temperature is not above 0, or there is no sample.
    """
    check_temperature(temperature)
    if samples < 1:
        raise ValueError(f"samples must be at least 1; got {samples}")
    return _Sampled(temperature, samples)


def within(tau: float) -> Rule:
    """Keeps the values whose logit is at most ``tau`` below the variable's largest.

    Raises:
      ValueError: when ``tau`` is negative.
    """
    if not tau >= 0:
        raise ValueError(f"tau must be at least 0; got {tau}")
    return _Within(tau)


def top_k(k: int) -> Rule:
    """Keeps the ``k`` likeliest values, of equal values the first; all, where there are fewer.

    Raises:
      ValueError: when ``k`` is less than 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    return _TopK(k)


@dataclasses.dataclass(frozen=True)
class _Sampled:
    temperature: float
    samples: int

    def __call__(self, logits: Array, *, key: Array | None = None) -> Array:
        if key is None:
            raise ValueError("the rule sampled(...) needs a key, e.g. key=jax.random.key(0)")
        # The samples are an axis of their own, so that the draws of one key do not depend on how
        # many follow.
        draws = jax.vmap(lambda key: jax.random.categorical(key, logits / self.temperature))(
            jax.random.split(key, self.samples)
        )
        chosen = draws[..., None] == jnp.arange(logits.shape[-1])
        return chosen.any(axis=0) & (logits != -jnp.inf)


@dataclasses.dataclass(frozen=True)
class _Within:
    tau: float

    def __call__(self, logits: Array, *, key: Array | None = None) -> Array:
        highest = logits.max(axis=-1, keepdims=True)
        return (logits >= highest - self.tau) & (logits != -jnp.inf)


@dataclasses.dataclass(frozen=True)
class _TopK:
    k: int

    def __call__(self, logits: Array, *, key: Array | None = None) -> Array:
        size = logits.shape[-1]
        _, likeliest = jax.lax.top_k(logits, min(self.k, size))
        chosen = likeliest[..., None] == jnp.arange(size)
        return chosen.any(axis=-2) & (logits != -jnp.inf)
