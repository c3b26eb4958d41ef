"""What an estimator is: a way of getting a gradient across a discrete decision.

The quantity is always the same. An encoder believes ``p(x) = Π_i softmax(logits)[i, x_i]`` of the
variables that it observes; what is known of the outcome, the *evidence*, leaves some assignments
possible; and training wants the gradient of

    log p(evidence) = log Σ over assignments x that the evidence allows of p(x)

with respect to the logits. An estimator gives a number for it, whose derivative (by `jax.grad`, as
of any function) is its estimate of that gradient: exact, approximate or from samples. Each stands
in a file of its own and asks a :class:`neurosym.bridge.Reasoner` for what it needs: a total, a best
assignment, whether one holds.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from jax import Array


class Estimate(NamedTuple):
    """What an estimator says of one instance."""

    log_likelihood: Array
    """float32[]: the log-probability of the evidence, or what the estimator has in its place;
    ``-inf``, with gradient zero, where it found the evidence to be impossible. Differentiate it."""
    metrics: dict[str, Array]
    """float32[] each: how the estimate came about, e.g. the share that was exact. The same names
    for every instance."""
    allowed: Array | None = None
    """bool[V, D]: what a hard decision had left to estimate from, to be held against the truth;
    None where the estimator takes no such decision."""


class Estimator(Protocol):
    """One instance in, one estimate out; batches by `jax.vmap`."""

    def __call__(
        self,
        logits: Array,
        evidence: Any,
        *,
        observed: Array | None = None,
        key: Array | None = None,
        temperature: float | Array = 1.0,
    ) -> Estimate:
        """Estimates the log-probability of the evidence.

        Args:
          logits: float32[V, D], one row for each variable of the reasoner; ``-inf`` for values that
            cannot be, which take no part in the softmax.
          evidence: what the reasoner takes for it: for a network the allowed values bool[V, D], for
            a circuit the root that was observed.
          observed: bool[V]: the variables that the logits are about. The others weigh one on every
            value, whatever their logits. None: all are observed.
          key: typed key, for the estimators that sample.
          temperature: above 0, for the estimators that relax; a schedule's value at this step.

        Returns:
          :class:`Estimate`.

        Raises:
          ValueError: shapes do not fit the reasoner, or a key is missing.
        """
        ...
