"""Belief propagation as an estimator: cheap, approximate, for problems of any width."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neurosym.bridge.estimator import Estimate, Estimator, of_question, with_gradient
from neurosym.bridge.log_weights import log_prior
from neurosym.reasoning.protocols import HasBeliefs, HasPruning, require
from neurosym.reasoning.question import Question

GRADIENTS = ("beliefs", "implicit", "unrolled")


def belief_propagation(
    reasoner: HasBeliefs,
    *,
    rounds: int = 3,
    damping: float = 0.5,
    tolerance: float = 0.0,
    gradient: str = "beliefs",
    prune: bool = True,
) -> Estimator:
    """The Bethe approximation of the log-probability, with the beliefs as its gradient.

    At a fixed point of the messages the derivative of the Bethe free energy with respect to the
    log-weights is the beliefs, since it is stationary in everything else (Yedidia, Freeman and
    Weiss 2005, https://doi.org/10.1109/TIT.2005.850085). The estimator takes them as the gradient
    after a few rounds already, and differentiates no round. Exact on trees without damping,
    once the rounds reach from end to end; with damping that is approached round by round.

    Evidence is propagated first where the reasoner can, which loses nothing and rules out values
    that messages would need many rounds for.

    Metrics: ``residual``, the largest change of a message in the last round; ``contradiction``, the
    share of instances in which the messages showed that nothing is possible.

    Args:
      reasoner: with ``beliefs``.
      rounds: of messages; with a tolerance, at most.
      damping: the part of the old message that is kept; undamped messages often swing where
        constraints overlap as much as in sudoku.
      tolerance: stop before, once no message changes by more.
      gradient: "beliefs"; or that of the fixed point by the implicit function theorem ("implicit",
        zero where the messages did not converge to the tolerance); or that of the rounds themselves
        ("unrolled").
      prune: propagate the evidence first.

    Raises:
      ValueError: if the reasoner has no beliefs, or an option is out of its range.
    """
    require(reasoner, "belief_propagation", HasBeliefs)
    if gradient not in GRADIENTS:
        raise ValueError(f"gradient is one of {', '.join(GRADIENTS)}, not {gradient!r}")
    if rounds != int(rounds) or rounds < 1:
        raise ValueError(f"belief_propagation needs at least 1 round, not {rounds}")
    if not 0 <= damping < 1:
        raise ValueError(f"damping is from 0 to below 1, not {damping}")
    if not tolerance >= 0:
        raise ValueError(f"the tolerance is a number from 0 up, not {tolerance}")
    if gradient == "implicit" and tolerance == 0:
        raise ValueError(
            "the implicit gradient is that of messages that converged: give a tolerance above 0, "
            "and rounds to reach it"
        )
    if gradient == "unrolled" and tolerance > 0:
        raise ValueError("the unrolled gradient is of a fixed number of rounds: no tolerance")
    pruner = reasoner if prune and isinstance(reasoner, HasPruning) else None

    @of_question
    def estimate(question: Question) -> Estimate:
        weights, evidence = log_prior(reasoner, question), question.evidence
        if pruner is not None:
            evidence = pruner.prune(evidence).allowed
        given = jax.lax.stop_gradient(weights) if gradient == "beliefs" else weights
        found = reasoner.beliefs(
            given,
            evidence,
            rounds=rounds,
            damping=damping,
            tolerance=tolerance,
            unroll=gradient == "unrolled" or tolerance == 0,
        )
        value = found.log_partition
        if gradient == "beliefs":
            value = with_gradient(value, weights, found.marginals)
        metrics = {
            "residual": jax.lax.stop_gradient(found.residual),
            "contradiction": found.contradiction.astype(jnp.float32),
        }
        return Estimate(value, metrics)

    return estimate
