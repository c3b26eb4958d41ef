"""Edges of the hard engine that a review found: each was wrong once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns


def test_two_hidden_singles_in_one_variable_are_a_contradiction():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    problem.add(ns.AllDifferent(x))
    network = problem.compile()
    wide = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], bool)
    narrow = wide.copy()
    narrow[1, 1] = False  # values 0 and 1 are both left to x[0] alone
    result = ns.propagate(network, jnp.asarray([wide, narrow]))
    assert result.domains.mask[0].astype(int).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 1, 1],
    ]
    assert result.status.tolist() == [ns.Status.FIXPOINT, ns.Status.WIPED_OUT]


def test_values_far_apart_take_no_memory():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    problem.add(x + 10**9 != y, ns.AllDifferent([x, y, z + 10**6]))
    assert int(ns.count(problem.compile()).count) == 3 * 2 * 3


def test_one_busy_variable_does_not_widen_the_rows_of_others():
    problem = ns.Problem()
    hub = problem.variable("hub", domain=range(3))
    leaves = problem.variables("leaf", shape=600, domain=range(3))
    problem.add(*(hub < leaf for leaf in leaves))
    network = problem.compile()
    assert len(network.incidence) == 3
    assert max(stage.shape[1] for stage in network.incidence) <= 16
    mask = np.asarray(ns.propagate(network).domains.mask)
    assert mask[0].tolist() == [True, True, False]
    assert (mask[1:] == [False, True, True]).all()


def small() -> ns.problems.Network:
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    problem.add(ns.AllDifferent(x), x.sum() == 6)
    return problem.compile()


def test_a_score_of_infinity_or_nan_is_the_worst_of_the_open():
    network = small()
    for scores in (
        lambda view: view.sizes / view.failures[:, None],
        lambda view: view.sizes * jnp.nan,
    ):
        strange = ns.Heuristic("strange", scores, learns=True)
        result = ns.solve(network, solutions=30, heuristic=strange, node_limit=5000)
        assert (int(result.count), int(result.status)) == (24, ns.SearchStatus.SOLVED)


def test_weights_that_sums_cannot_hold():
    network = small()
    with pytest.raises(ValueError, match="do not fit float32"):
        ns.solve_best(network, None, jnp.full((4, 4), -3e38))
    # Under a trace nothing can be refused: they are clipped, and NaN shows.
    best = jax.jit(lambda weights: ns.solve_best(network, None, weights))
    clipped = best(jnp.full((4, 4), -3e38))
    assert int(clipped.status) == ns.SearchStatus.SOLVED
    assert network.allows(clipped.assignment.tolist())
    assert np.isnan(best(jnp.full((4, 4), jnp.nan)).bound)


def test_a_limit_that_left_out_nothing_better_is_a_proof():
    network = small()
    weights = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    optimum = float(ns.solve_best(network, None, weights).objective)
    limited = jax.jit(lambda n: ns.solve_best(network, None, weights, width=1, node_limit=n))
    for limit in range(12):
        result = limited(limit)
        proven = int(result.status) == ns.SearchStatus.SOLVED
        assert proven == (float(result.bound) == float(result.objective))
        assert float(result.bound) >= optimum
        assert not proven or float(result.objective) == optimum


@pytest.mark.parametrize("number", [2**31, -1, 1.5, True])
def test_numbers_that_are_none(number):
    network = small()
    with pytest.raises(ValueError, match="an integer from 0 to"):
        ns.solve(network, solutions=number)
    with pytest.raises(ValueError, match="an integer from 0 to"):
        ns.count(network, at_most=number)
    with pytest.raises(ValueError, match="an integer from 0 to"):
        ns.solve_best(network, None, jnp.zeros((4, 4)), node_limit=number)
    with pytest.raises(ValueError, match="one number"):
        ns.solve(network, node_limit=jnp.array([1, 2]))
