"""Two-sided bounds of log totals, against sums over all solutions."""

import itertools

import jax
import numpy as np
import pytest
from random_problems import random_mixed_problem

import neurosym as ns

TOLERANCE = 1e-3


def log_sum(x: np.ndarray) -> float:
    high = x.max(initial=-np.inf)
    return float(np.log(np.exp(x - high).sum()) + high) if np.isfinite(high) else -np.inf


def ring() -> tuple[ns.Network, np.ndarray]:
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    problem.add(ns.AllDifferent(x[:3]), x[1] != x[3], x[0] + x[3] <= 3)
    network = problem.compile()
    rows = [r for r in itertools.product(range(3), repeat=4) if network.allows(r)]
    return network, np.asarray(rows)


def test_both_sides_of_a_sum_that_search_did_not_finish_and_of_one_that_it_did():
    network, rows = ring()
    weights = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    weights[0, 1, 2] = -np.inf
    for solutions in (2, 64):
        run = jax.jit(jax.vmap(lambda w, k=solutions: ns.bounds(network, w, solutions=k)))
        lower, upper = map(np.asarray, run(weights))
        for n, own in enumerate(weights):
            wanted = log_sum(own[np.arange(4), rows].sum(axis=1))
            assert lower[n] <= wanted + TOLERANCE
            assert upper[n] >= wanted - TOLERANCE
            if solutions > len(rows):
                np.testing.assert_allclose([lower[n], upper[n]], wanted, atol=TOLERANCE)


def test_mean_field_bounds_a_grid_from_below():
    problem = ns.Problem()
    problem.variables("x", shape=(2, 3), domain=range(2))
    network = problem.compile()
    scope = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    rng = np.random.default_rng(1)
    table = rng.normal(size=(7, 2, 2)).astype(np.float32)
    weights = rng.normal(size=(6, 2)).astype(np.float32)
    rows = np.asarray(list(itertools.product(range(2), repeat=6)))
    every = weights[np.arange(6), rows].sum(axis=1)
    for n, pair in enumerate(scope):
        every = every + table[n][tuple(rows[:, pair].T)]
    lower, upper = ns.bounds(network, weights, potentials=ns.Potentials(scope, table))
    assert lower <= log_sum(every) <= upper
    assert upper - lower < 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9))
def test_many_mixtures(seed):
    small = random_mixed_problem(seed)
    rows = np.asarray(small.solutions, int).reshape(-1, len(small.domains))
    network = small.problem.compile()
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(network.variables, network.size)).astype(np.float32)
    wanted = log_sum(weights[np.arange(rows.shape[1]), rows].sum(axis=1))
    for solutions in (2, 512):
        lower, upper = ns.bounds(network, weights, solutions=solutions)
        assert lower <= wanted + TOLERANCE
        assert upper >= wanted - TOLERANCE
