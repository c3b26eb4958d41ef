"""Relaxed decisions: softmax, Gumbel-softmax or straight-through weights, then a total."""

from __future__ import annotations

import jax.numpy as jnp

from neurosym.bridge.estimator import Estimate, Estimator, of_question
from neurosym.bridge.log_weights import Bridge, checked
from neurosym.reasoning.protocols import HasTotal, require
from neurosym.reasoning.question import Question
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring


def relaxed(reasoner: HasTotal, *, bridge: Bridge, semiring: Semiring = LOG) -> Estimator:
    """The log-total of a bridge's log-weights, differentiated through both.

    With the bridge ``softmax`` at temperature 1 this is the exact estimator; with
    ``gumbel_softmax`` one relaxed sample of the decisions (Jang et al. 2017,
    https://arxiv.org/abs/1611.01144; Maddison et al. 2017, https://arxiv.org/abs/1611.00712); with
    ``straight_through`` hard values with soft gradients (Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432).

    Args:
      reasoner: with ``total``.
      bridge: from logits to log-weights; options bound, e.g. by :func:`make_bridge`.
      semiring: the algebra of the total.

    Raises:
      ValueError: if the reasoner has no total, there is no bridge, or the semiring has no reading
        as log-probabilities.
    """
    require(reasoner, "relaxed", HasTotal)
    if not callable(bridge):
        raise ValueError(f"relaxed(bridge=...) is a bridge such as gumbel_softmax, not {bridge!r}")
    to_log = semiring.to_log
    if semiring.from_log is None or to_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not convert from and to log-probabilities, so beliefs "
            "cannot pass through it"
        )

    @of_question
    def estimate(question: Question) -> Estimate:
        logits, observed = checked(reasoner, question)
        mask = jnp.asarray(reasoner.exists)
        weights = bridge(logits, key=question.key, temperature=question.temperature, mask=mask)
        if observed is not None:
            weights = jnp.where(observed[:, None], weights, 0)
        total = reasoner.total(weights, question.evidence, semiring=semiring)
        return Estimate(to_log(total), {})

    return estimate
