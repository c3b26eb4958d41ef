"""The exact estimator, in several semirings, against brute force."""

import numpy as np
import pytest
from small_sum import (
    SOME,
    check_against_brute_force,
    log_softmax,
    logits_of,
    reasoner,
    run,
    solutions,
)

import neurosym as ns
from neurosym import bridge


@pytest.mark.parametrize(
    "observed", [None, pytest.param((True, True, False), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("semiring", [ns.LOG, ns.REAL], ids=lambda s: s.name)
def test_equals_brute_force_and_finite_differences(semiring, observed):
    check_against_brute_force(bridge.exact(reasoner(), semiring=semiring), observed)


def test_max_times_is_the_likeliest_assignment_alone():
    logits = logits_of(1)
    weights = log_softmax(logits)
    scores = [sum(weights[r, v] for r, v in enumerate(s)) for s in solutions(SOME)]
    value, gradient, _ = run(bridge.exact(reasoner(), semiring=ns.MAX_TIMES), logits, SOME)
    best = solutions(SOME)[int(np.argmax(scores))]
    expected = (np.arange(4) == np.asarray(best)[:, None]) - np.exp(weights)
    assert value == pytest.approx(max(scores), abs=1e-5)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
