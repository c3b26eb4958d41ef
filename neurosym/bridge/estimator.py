"""Estimators: ways of getting a gradient across a discrete decision.

The quantity is always the same. An encoder believes ``p(x) = Π_i softmax(logits)[i, x_i]`` of the
variables that it observes; the *evidence*, all that is known of the outcome, leaves some
assignments possible; and training wants the gradient of

    log p(evidence) = log Σ over assignments x that the evidence allows of p(x)

with respect to the logits. An estimator gives a number for it, whose derivative (by `jax.grad`, as
of any function) is its estimate of that gradient: exact, approximate or from samples. Each
estimator stands in a file of its own and asks a :class:`neurosym.reasoning.Reasoner` for a total,
for a best assignment, or whether an assignment holds.

Inside, an estimator is a function of one :class:`neurosym.reasoning.Question`: `of_question` gives
it the form in which it is called, and `ask` asks a question of any estimator, also of a user's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.reasoning.question import Question


class Estimate(NamedTuple):
    """The reply of an estimator about one instance."""

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


def of_question(answer: Callable[[Question], Estimate]) -> Estimator:
    """A function of a question, as an estimator: called with the question's parts, or with it.

    >>> from neurosym.bridge import Estimate
    >>> @of_question
    ... def constant(question):
    ...     return Estimate(jnp.sum(question.logits) * 0, {})
    >>> constant(jnp.ones((2, 3)), None).log_likelihood.item()
    0.0
    >>> constant(Question(jnp.ones((2, 3)))).log_likelihood.item()
    0.0
    """
    return _OfQuestion(answer)


def ask(estimator: Estimator, question: Question) -> Estimate:
    """The reply of any estimator to a question."""
    logits, evidence, observed, key, temperature = question
    return estimator(logits, evidence, observed=observed, key=key, temperature=temperature)


def with_gradient(value: Array, log_weights: Array, gradient: Array) -> Array:
    """A number whose derivative with respect to the log-weights is the one given.

    Args:
      value: float[]; it may be ``-inf``.
      log_weights: float[V, D]; entries that are ``-inf`` take no part.
      gradient: float[V, D].

    Returns:
      float[]: ``value``.
    """
    finite = log_weights > -jnp.inf
    safe = jnp.where(finite, log_weights, 0)
    moved = safe - jax.lax.stop_gradient(safe)  # zero, with a derivative of one
    slope = jax.lax.stop_gradient(jnp.where(finite, gradient, 0))
    return jax.lax.stop_gradient(value) + jnp.sum(slope * moved)


@dataclasses.dataclass(frozen=True)
class _OfQuestion:
    answer: Callable[[Question], Estimate]

    def __call__(
        self,
        logits: Array | Question,
        evidence: Any = None,
        *,
        observed: Array | None = None,
        key: Array | None = None,
        temperature: float | Array = 1.0,
    ) -> Estimate:
        if isinstance(logits, Question):
            return self.answer(logits)
        return self.answer(Question(logits, evidence, observed, key, temperature))
