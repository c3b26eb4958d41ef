"""Perturb-and-MAP: the best assignment with the evidence minus the best without, on common noise.

logits + noise ─▶ best assignment that the evidence allows ─┐
               ─▶ best value of each variable               ─┴▶ difference: the gradient
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bridge.estimator import Estimate, Estimator, of_question, with_gradient
from neurosym.bridge.log_weights import check_temperature, checked
from neurosym.bridge.noise import Noise, gumbel_noise
from neurosym.reasoning.protocols import HasBest, Reasoner, require
from neurosym.reasoning.question import Question
from neurosym.reasoning.solvers import Solver


def perturb_and_map(
    reasoner: Reasoner,
    *,
    solver: Solver | None = None,
    samples: int = 1,
    noise: Noise | None = None,
) -> Estimator:
    """Perturbed best assignments in place of samples.

    The gradient of the log-probability of the evidence is the expected assignment given the
    evidence minus the expected assignment without it. Without the evidence, the perturbed best
    value of each variable is an exact sample; given the evidence, the perturbed best assignment is
    an approximate sample (Papandreou and Yuille 2011, https://doi.org/10.1109/ICCV.2011.6126242; as
    a learning rule with the evidence as target, and with other noise: Niepert et al. 2021,
    https://arxiv.org/abs/2106.01798). It is exact where the evidence concerns one variable only.

    The value is the difference of the two perturbed maxima, whose derivative this is.

    Metrics: ``found``, the share of samples for which the solver found an assignment; the others
    take no part.

    Args:
      reasoner: with ``best``, unless a solver is given.
      solver: finds the best assignment; None: the reasoner's own.
      samples: of the noise; their mean is taken.
      noise: `gumbel_noise()` or `sum_of_gamma_noise(...)`; None: `gumbel_noise()`. The step's
        temperature scales it.

    Raises:
      ValueError: if there is neither a solver nor a reasoner with one, or no sample.
    """
    if solver is None:
        require(reasoner, "perturb_and_map", HasBest)
    elif not callable(solver):
        raise ValueError(f"a solver is a function of log-weights and evidence, not {solver!r}")
    find: Any = solver or getattr(reasoner, "best", None)
    if samples != int(samples) or samples < 1:
        raise ValueError(f"perturb_and_map needs at least 1 sample, not {samples}")
    perturb = noise or gumbel_noise()

    @of_question
    def estimate(question: Question) -> Estimate:
        key = question.needed_key("perturb_and_map samples")
        logits, observed = checked(reasoner, question)
        check_temperature(question.temperature)
        exists = jnp.asarray(reasoner.exists)
        moved = exists if observed is None else exists & observed[:, None]
        fixed = jax.lax.stop_gradient(logits)

        def one(key: Array) -> tuple[Array, Array, Array]:
            perturbed = fixed + question.temperature * perturb(key, logits.shape)
            # What is not observed weighs the same on every value.
            perturbed = jnp.where(moved, perturbed, jnp.where(exists, 0, -jnp.inf))
            given = _one_hot(find(perturbed, question.evidence), logits.shape[1])
            free = _one_hot(jnp.argmax(perturbed, axis=1), logits.shape[1])
            found = given.any()
            difference = (given & moved).astype(logits.dtype) - (free & moved)
            score = jnp.sum(jnp.where(difference != 0, difference * perturbed, 0))
            return jnp.where(found, score, 0), jnp.where(found, difference, 0), found

        scores, differences, found = jax.vmap(one)(jax.random.split(key, samples))
        count = jnp.sum(found, dtype=logits.dtype)
        value = jnp.where(count > 0, jnp.sum(scores) / jnp.maximum(count, 1), -jnp.inf)
        slope = jnp.sum(differences, 0) / jnp.maximum(count, 1)
        return Estimate(with_gradient(value, logits, slope), {"found": count / samples})

    return estimate


def _one_hot(assignment: Array, size: int) -> Array:
    """bool[V, D]; no value where the index is -1."""
    return assignment[:, None] == jnp.arange(size)
