"""The score function: unbiased for the probability, and what it approaches for its logarithm."""

import numpy as np
import pytest
from small_sum import SOME, brute_gradient, brute_value, logits_of, mean_gradient, reasoner, run

from neurosym import bridge


def test_score_function_is_unbiased_for_the_probability():
    logits = logits_of(4)
    estimator = bridge.score_function(reasoner(), samples=4, objective="probability")
    mean, error = mean_gradient(estimator, logits, SOME, 4000)

    def probability(*given):
        return np.exp(brute_value(*given))

    expected = brute_gradient(logits, SOME, of=probability)
    assert (np.abs(mean - expected) <= 4.5 * error + 1e-6).all()
    assert np.abs(expected).max() > 10 * error.max()  # so that a wrong one would show


@pytest.mark.slow
def test_score_function_of_the_logarithm_approaches_the_exact_gradient():
    logits = logits_of(4)
    few = bridge.score_function(reasoner(), samples=4)
    many = bridge.score_function(reasoner(), samples=40_000)
    expected = brute_gradient(logits, SOME)
    _, gradient, metrics = run(many, logits, SOME)
    np.testing.assert_allclose(gradient, expected, atol=0.08)
    assert metrics["held"] == pytest.approx(np.exp(brute_value(logits, SOME)), abs=0.05)
    biased, _ = mean_gradient(few, logits, SOME, 1000)
    assert np.abs(gradient - expected).max() < np.abs(biased - expected).max()
