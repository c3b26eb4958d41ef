"""The exact estimator: the semiring rule, through variable elimination or a circuit."""

from __future__ import annotations

from neurosym.bridge.estimator import Estimate, Estimator, of_question
from neurosym.bridge.log_weights import log_prior
from neurosym.reasoning.protocols import HasTotal, require
from neurosym.reasoning.question import Question
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring


def exact(reasoner: HasTotal, *, semiring: Semiring = LOG) -> Estimator:
    """The log-probability of the evidence itself, and its gradient.

    The gradient with respect to the log-probabilities is the marginals given the evidence: the
    semiring's through divided by its total. In other semirings it is the gradient of their reading:
    in MAX_TIMES that of the likeliest assignment alone, in MAX_MIN that of the weakest link of the
    strongest assignment.

    Darwiche 2003, A differential approach to inference in Bayesian networks,
    https://doi.org/10.1145/765568.765570; as a loss: Xu et al. 2018,
    https://arxiv.org/abs/1711.11157.

    Args:
      reasoner: with ``total``.
      semiring: the algebra to read the problem in.

    Raises:
      ValueError: if the reasoner has no total, or the semiring no reading as log-probabilities.
    """
    require(reasoner, "exact", HasTotal)
    to_log = semiring.to_log
    if semiring.from_log is None or to_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not convert from and to log-probabilities, so beliefs "
            "cannot pass through it"
        )

    @of_question
    def estimate(question: Question) -> Estimate:
        weights = log_prior(reasoner, question)
        total = reasoner.total(weights, question.evidence, semiring=semiring)
        return Estimate(to_log(total), {})

    return estimate
