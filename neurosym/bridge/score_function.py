"""The score function: sampled assignments, judged by any solver, with a leave-one-out baseline."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neurosym.bridge.estimator import Estimate, Estimator, of_question, with_gradient
from neurosym.bridge.log_weights import log_prior
from neurosym.reasoning.protocols import HasJudgement, require
from neurosym.reasoning.question import Question

OBJECTIVES = ("log_probability", "probability")


def score_function(
    reasoner: HasJudgement, *, samples: int = 16, objective: str = "log_probability"
) -> Estimator:
    """Samples of the encoder's beliefs, of which those that hold are made likelier.

    Every sample's gradient is weighted by whether it holds, less the mean of the *other* samples: a
    baseline that is independent of it (Kool, van Hoof and Welling 2019, Buy 4 REINFORCE samples,
    get a baseline for free, https://openreview.net/forum?id=r1lgTGL5DE; Williams 1992,
    https://doi.org/10.1007/BF00992696). That is an unbiased estimate of the gradient of the
    *probability*. Divided by the share of samples that hold, it estimates the gradient of the
    logarithm, with a bias that falls with the number of samples. Where no sample holds, or all do,
    there is no gradient.

    With variables that are not observed, a sample holds if some values of these variables make it
    hold: the probability that the evidence has an explanation, whatever the number of explanations.

    Metrics: ``held``, the share of samples that hold.

    Args:
      reasoner: with ``holds``.
      samples: at least 2.
      objective: "log_probability", ``-inf`` where no sample holds; or "probability", whose value is
        the share of samples that hold.

    Raises:
      ValueError: if the reasoner cannot judge, or an option is out of its range.
    """
    require(reasoner, "score_function", HasJudgement)
    if samples != int(samples) or samples < 2:
        raise ValueError(f"score_function compares samples: it needs at least 2, not {samples}")
    if objective not in OBJECTIVES:
        raise ValueError(f"objective is one of {', '.join(OBJECTIVES)}, not {objective!r}")

    @of_question
    def estimate(question: Question) -> Estimate:
        key = question.needed_key("score_function samples")
        evidence, observed = question.evidence, question.observed
        weights = log_prior(reasoner, question)
        fixed = jax.lax.stop_gradient(weights)
        # What does not exist has no probability, also where a variable is not observed.
        fixed = jnp.where(jnp.asarray(reasoner.exists), fixed, -jnp.inf)
        drawn = jax.random.categorical(key, fixed, shape=(samples, fixed.shape[0]))
        drawn = drawn.astype(jnp.int32)
        possible = jnp.all(jnp.any(fixed > -jnp.inf, axis=1))
        held = jax.vmap(lambda x: reasoner.holds(x, evidence, observed=observed))(drawn)
        reward = (held & possible).astype(fixed.dtype)
        mean = jnp.mean(reward)
        advantage = (reward - mean) / (samples - 1)  # (r - the mean of the others) / samples
        chosen = (drawn[..., None] == jnp.arange(fixed.shape[1])).astype(fixed.dtype)
        slope = jnp.tensordot(advantage, chosen, 1, precision=jax.lax.Precision.HIGHEST)
        value = mean
        if objective == "log_probability":
            slope = slope / jnp.where(mean > 0, mean, 1)
            value = jnp.where(mean > 0, jnp.log(jnp.where(mean > 0, mean, 1)), -jnp.inf)
        if observed is not None:
            slope = jnp.where(observed[:, None], slope, 0)
        return Estimate(with_gradient(value, weights, slope), {"held": mean})

    return estimate
