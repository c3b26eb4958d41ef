"""Exact over the solutions that search enumerates, where these are few; else another estimator.

evidence ─▶ search (weights play no part) ─▶ few: sum over the survivors │ many: ``otherwise``
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bridge.estimator import Estimate, Estimator, ask, of_question, with_gradient
from neurosym.bridge.log_weights import log_prior
from neurosym.reasoning.protocols import Enumerated, HasSolutions, require
from neurosym.reasoning.question import Question
from neurosym.transforms.any_in_batch import any_in_batch


def enumerated(
    reasoner: HasSolutions,
    *,
    limit: int = 64,
    otherwise: Estimator,
    node_limit: int | None = None,
) -> Estimator:
    """The exact log-probability of evidence that leaves at most ``limit`` solutions.

    Hard search enumerates what the evidence *alone* allows, so no belief of the encoder can hide a
    solution; the log-sum over the solutions is the log-probability itself. All explanations of an
    outcome as training signal: Tsamoura, Hospedales and Michael 2021, Neural-symbolic integration:
    a compositional perspective, https://arxiv.org/abs/2010.11926.

    In a batch, ``otherwise`` is computed if some instance needs it, and then for all; a batch in
    which every instance is enumerated skips it.

    Metrics: ``exact``, the share of instances that were enumerated; ``solutions``, how many were
    found, at most the limit; those of ``otherwise`` under ``otherwise_…``, zero where it was not
    asked.

    Args:
      reasoner: with ``solutions``.
      limit: K, the most solutions to sum over.
      otherwise: the estimator of the other instances; ``belief_propagation`` for wide problems.
      node_limit: nodes that a search may take; an instance that needs more goes to ``otherwise``.

    Raises:
      ValueError: if the reasoner cannot enumerate, the limit is below 1, or there is no other.
    """
    require(reasoner, "enumerated", HasSolutions)
    if limit < 1:
        raise ValueError(f"enumerated needs a limit of at least 1 solution, not {limit}")
    if not callable(otherwise):
        raise ValueError(
            f"enumerated(otherwise=...) is an estimator for what has more solutions, not "
            f"{otherwise!r}"
        )

    @of_question
    def estimate(question: Question) -> Estimate:
        weights = log_prior(reasoner, question)
        found = reasoner.solutions(question.evidence, limit=limit, node_limit=node_limit)
        summed = _log_sum(weights, found)

        def other(logits: Array) -> Estimate:
            return ask(otherwise, question._replace(logits=logits))

        shape = jax.eval_shape(other, question.logits)

        def nothing(logits: Array) -> Estimate:
            return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shape)

        second = jax.lax.cond(any_in_batch(~found.complete), other, nothing, question.logits)
        value = jnp.where(found.complete, summed, second.log_likelihood)
        metrics = {
            "exact": found.complete.astype(jnp.float32),
            "solutions": found.found.astype(jnp.float32),
        }
        for name, metric in second.metrics.items():
            metrics[f"otherwise_{name}"] = jnp.where(found.complete, 0, metric)
        return Estimate(value, metrics)

    return estimate


def _log_sum(weights: Array, found: Enumerated) -> Array:
    """The log-sum of the weights of the assignments found, float[]; its gradient the marginals.

    The gradient is written out as sums over the assignments that use a value, since the transpose
    of the lookup would be a scatter.
    """
    rows, size = weights.shape
    exists = jnp.arange(found.assignments.shape[0]) < found.found
    values = jnp.maximum(found.assignments, 0)  # [K, V]
    fixed = jax.lax.stop_gradient(weights)
    picked = fixed[jnp.arange(rows), values]
    scores = jnp.where(exists, jnp.sum(picked, axis=1), -jnp.inf)
    highest = jnp.max(scores, initial=-jnp.inf)
    possible = highest > -jnp.inf
    shares = jnp.exp(scores - jnp.where(possible, highest, 0))
    total = jnp.sum(shares)
    value = jnp.where(possible, highest + jnp.log(jnp.where(possible, total, 1)), -jnp.inf)
    posterior = shares / jnp.where(possible, total, 1)
    exactly = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    marginals = [exactly(posterior, (values == v).astype(weights.dtype)) for v in range(size)]
    return with_gradient(value, weights, jnp.stack(marginals, axis=1))
