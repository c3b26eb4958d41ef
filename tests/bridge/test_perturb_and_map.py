"""Perturb-and-MAP: where it is unbiased, its solvers and its noise."""

import numpy as np
import pytest
from small_sum import KEY, SOME, logits_of, mean_gradient, reasoner, run, table

import neurosym as ns
from neurosym import bridge


def test_perturb_and_map_is_unbiased_where_the_evidence_concerns_one_variable():
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(4))
    problem.add(x[0] <= 2)
    alone = bridge.NetworkReasoner(problem.compile())
    logits = np.random.default_rng(5).normal(size=(2, 4)).astype(np.float32)
    allowed = np.ones((2, 4), bool)
    allowed[0, 1] = False
    _, expected, _ = run(bridge.exact(alone), logits, allowed)
    solver = bridge.elimination(alone.network)
    estimator = bridge.perturb_and_map(alone, solver=solver, samples=2)
    mean, error = mean_gradient(estimator, logits, allowed, 3000)
    assert (np.abs(mean - expected) <= 4.5 * error + 1e-6).all()
    assert np.abs(expected).max() > 10 * error.max()


@pytest.mark.slow
def test_perturb_and_map_takes_any_function_as_its_solver():
    results = [
        run(bridge.perturb_and_map(reasoner(), solver=solver, samples=8), logits_of(6), SOME)
        for solver in (table, bridge.elimination(reasoner().network), None)
    ]
    for value, gradient, metrics in results[1:]:
        assert value == pytest.approx(results[0][0], abs=1e-5)
        np.testing.assert_allclose(gradient, results[0][1], atol=1e-6)
        assert metrics == {"found": 1.0}


@pytest.mark.slow
def test_so_many_sums_of_gammas_are_gumbel_together():
    terms = 10
    parts = np.asarray(bridge.sum_of_gamma_noise(5, terms=terms)(KEY, (1_500, 5)), np.float64)
    sums = parts.sum(1)
    # The series that a Gumbel variable is, cut off.
    series = 1 / np.arange(1, terms + 1)
    assert sums.mean() == pytest.approx(series.sum() - np.log(terms), abs=0.15)
    assert sums.var() == pytest.approx((series**2).sum(), rel=0.25)
    assert parts[:, 0].var() < 0.5 * sums.var()
