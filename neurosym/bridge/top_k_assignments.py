"""The k likeliest assignments that the evidence allows, and nothing of the rest."""

from __future__ import annotations

import jax.numpy as jnp

from neurosym.bridge.estimator import Estimate, Estimator, of_question
from neurosym.bridge.log_weights import log_prior
from neurosym.reasoning.protocols import HasKBest, require
from neurosym.reasoning.question import Question
from neurosym.semirings.algebra.instances import LOG


def top_k_assignments(reasoner: HasKBest, *, k: int) -> Estimator:
    """The log-sum of the k best assignments: a lower bound, exact once k reaches their number.

    Manhaeve, Marra and De Raedt 2021, Approximate inference for neural probabilistic logic
    programming, https://doi.org/10.24963/kr.2021/45; Huang et al. 2021, Scallop,
    https://proceedings.neurips.cc/paper/2021/hash/d367eef13f90793bd8121e2f675f0dc2-Abstract.html
    (of proofs; here of assignments).

    Metrics: ``assignments``, how many were found, at most k.

    Args:
      reasoner: with ``k_best``.
      k: at least 1.

    Raises:
      ValueError: if the reasoner has no k best, or k is below 1.
    """
    require(reasoner, "top_k_assignments", HasKBest)
    if k != int(k) or k < 1:
        raise ValueError(f"top_k_assignments needs k of at least 1, not {k}")

    @of_question
    def estimate(question: Question) -> Estimate:
        weights = log_prior(reasoner, question)
        best = reasoner.k_best(weights, question.evidence, k=k)
        return Estimate(
            LOG.sum(best.log_weights, 0), {"assignments": best.found.astype(jnp.float32)}
        )

    return estimate
