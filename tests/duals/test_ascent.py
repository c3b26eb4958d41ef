"""Weight that moves: no solution's total is lost, and the bound never rises nor falls below."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_mixed_problem

import neurosym as ns
from neurosym.duals import Ascent, ascent_of

BATCH = 4
TOLERANCE = 1e-3


def sums(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``[S, B]`` of assignments ``[S, V]`` and weights ``[D, V, B]``."""
    return weights[rows, np.arange(rows.shape[1])].sum(axis=1)


def check(network: ns.Network, rows: np.ndarray, seed: int, scopes=(), tables=()) -> Ascent:
    """The laws, against all solutions ``rows`` of a network."""
    ascent = ascent_of(network.structure, scopes)
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(network.size, network.variables, BATCH)).astype(np.float32)
    weights[rng.random(weights.shape) < 0.05] = -np.inf
    weights[~np.asarray(network.mask).T] = -np.inf
    totals = sums(rows, weights)
    for scope, table in zip(scopes, tables, strict=True):
        for n, factor in enumerate(scope):
            totals = totals + table[n][tuple(rows[:, list(factor)].T)]
    best = totals.max(axis=0, initial=-np.inf)
    moved = ascent.start(jnp.asarray(weights))
    last = np.full(BATCH, np.inf)
    run = jax.jit(lambda moved, n: ascent.rounds(moved, n, tables))
    for rounds in (1, 1, 6):
        moved = run(moved, rounds)
        bound = np.asarray(ascent.bound(moved))
        assert (bound >= best - TOLERANCE).all()
        assert (bound <= last + TOLERANCE).all()
        last = bound
    constant, after = np.asarray(ascent.constant(moved)), np.asarray(moved.weights)
    there = totals > -np.inf
    upper = (constant + sums(rows, after))[there]
    assert (upper >= totals[there] - TOLERANCE).all()
    if ascent.exact:
        np.testing.assert_allclose(upper, totals[there], atol=TOLERANCE)
    return ascent


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_no_solution_weighs_more_than_the_bound_whatever_the_constraints(seed):
    small = random_mixed_problem(seed)
    rows = np.asarray(small.solutions, int).reshape(-1, len(small.domains))
    check(small.problem.compile(), rows, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 60))
def test_many_mixtures(seed):
    small = random_mixed_problem(seed)
    rows = np.asarray(small.solutions, int).reshape(-1, len(small.domains))
    check(small.problem.compile(), rows, seed)


def test_prices_of_a_permutation_leave_every_total_as_it_was():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    problem.add(ns.AllDifferent(x))
    rows = np.asarray(list(itertools.permutations(range(4))))
    assert check(problem.compile(), rows, 0).exact


def test_fewer_variables_than_values_pay_no_negative_price():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(4))
    problem.add(ns.AllDifferent([x[0], x[1] + 1, x[2] - 2]))
    network = problem.compile()
    rows = [r for r in itertools.product(range(4), repeat=3) if network.allows(r)]
    assert not check(network, np.asarray(rows), 0).exact


def test_potentials_are_factors_as_constraints_are():
    problem = ns.Problem()
    x = problem.variables("x", shape=5, domain=range(3))
    problem.add(x[0] != x[4])
    network = problem.compile()
    rows = np.asarray([r for r in itertools.product(range(3), repeat=5) if network.allows(r)])
    rng = np.random.default_rng(0)
    pairs = tuple((i, i + 1) for i in range(4))
    table = rng.normal(size=(4, 3, 3)).astype(np.float32)
    triple = rng.normal(size=(1, 3, 3, 3)).astype(np.float32)
    check(network, rows, 1, (pairs, ((0, 2, 4),)), (table[..., None], triple[..., None]))
