"""Semirings whose elements have several parts: the moments and the k best."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.k_best import Candidates, assignments, candidates, key_words
from neurosym.semirings.algebra.moments import (
    Expectation,
    Moments,
    entropy,
    entropy_weights,
    expectation,
    expectation_weights,
    variance,
    variance_weights,
)


def some_candidates(rng, count, k, words):
    weights = np.sort(rng.integers(-3, 3, (count, k)).astype(np.float32), axis=1)[:, ::-1]
    keys = rng.integers(0, 4, (count, k, words)).astype(np.uint32) << np.uint32(8)
    # Disjoint bits for each element, as those of different variables are.
    keys = keys >> (2 * np.arange(count, dtype=np.uint32))[:, None, None]
    order = np.lexsort((*np.moveaxis(keys, -1, 0)[::-1], -weights))
    weights = np.take_along_axis(weights, order, 1)
    return Candidates(
        jnp.asarray(weights), jnp.asarray(np.take_along_axis(keys, order[..., None], 1))
    )


def test_laws_of_moments():
    rng = np.random.default_rng(0)
    weights, values = rng.integers(1, 5, (2, 4)).astype(np.float32)
    ns.testing.check_semiring(ns.EXPECTATION, expectation_weights(weights, values))
    ns.testing.check_semiring(ns.VARIANCE, variance_weights(weights, values))
    with pytest.raises(AssertionError, match="distributes"):
        ns.testing.check_semiring(
            ns.Semiring(
                name="wrong",
                zero=ns.EXPECTATION.zero,
                one=ns.EXPECTATION.one,
                add=ns.EXPECTATION.add.function,
                mul=lambda x, y: Expectation(x.weight * y.weight, x.moment + y.moment),
                autodiff=True,
            ),
            expectation_weights(weights, values),
        )


@pytest.mark.parametrize(("k", "words"), [(1, 1), (2, 2)])
def test_laws_of_k_best_ties_and_keys_included(k, words):
    rng = np.random.default_rng(k)
    ns.testing.check_semiring(ns.K_BEST(k, words), some_candidates(rng, 4, k, words))


def test_equal_parameters_give_one_object():
    assert ns.K_BEST(3, 2) is ns.K_BEST(3, 2)
    assert ns.smooth_max(0.5) is ns.smooth_max(0.5)


def test_elements_move_by_their_leading_axes():
    semiring = ns.K_BEST(3, 2)
    x = some_candidates(np.random.default_rng(0), 6, 3, 2)
    grid = elements.reshape(semiring, x, (2, 3))
    assert elements.shape(semiring, grid) == (2, 3)
    turned = elements.transpose(semiring, grid, (1, 0))
    np.testing.assert_array_equal(turned.keys[2, 1], x.keys[5])
    np.testing.assert_array_equal(elements.take(semiring, x, np.array([4, 1])).keys[0], x.keys[4])
    padded = elements.pad(semiring, x, [(-1, 2, 1)])
    assert elements.shape(semiring, padded) == (12,)
    np.testing.assert_array_equal(padded.weights[1::2][:5], x.weights[1:])
    assert (padded.weights[0::2] == -jnp.inf).all()
    assert (padded.weights[-1] == -jnp.inf).all()
    mask = jnp.arange(6) < 2
    chosen = elements.where(semiring, mask, x, semiring.zeros((), jnp.float32))
    np.testing.assert_array_equal(chosen.weights[:2], x.weights[:2])
    assert (chosen.weights[2:] == -jnp.inf).all()
    assert not chosen.keys[2:].any()


def test_elements_of_the_wrong_form_are_refused():
    with pytest.raises(ValueError, match="expectation has elements"):
        ns.EXPECTATION.sum(jnp.ones(3), 0)
    with pytest.raises(ValueError, match="different leading axes"):
        ns.EXPECTATION.sum(Expectation(jnp.ones(3), jnp.ones(2)), 0)
    with pytest.raises(ValueError, match="ends in axes"):
        ns.K_BEST(2).sum(Candidates(jnp.ones((4, 3)), jnp.ones((4, 2, 1), jnp.uint32)), 0)
    with pytest.raises(ValueError, match="at least one solution"):
        ns.K_BEST(0)
    with pytest.raises(ValueError, match="keys of 2 words"):
        candidates(ns.K_BEST(2, 1), jnp.zeros((5, 256)), [256] * 5)
    with pytest.raises(ValueError, match="positive number"):
        ns.smooth_max(0)


def problem_and_solutions():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    y = problem.variable("y", domain=(2, 5))
    problem.add(x[0] + x[1] == x[2], ns.AllDifferent(x[1:]), (x[0] + y) >= 4)
    network = problem.compile()
    sizes = [len(domain) for domain in network.structure.domains]
    every = itertools.product(*(range(size) for size in sizes))
    return network, sizes, np.asarray([row for row in every if network.allows(row)])


def test_moments_of_a_network_against_enumeration():
    network, _, solutions = problem_and_solutions()
    rng = np.random.default_rng(1)
    shape = (network.variables, network.size)
    log_w = rng.normal(size=shape).astype(np.float32)
    log_w[0, 1] = -np.inf
    values = rng.normal(size=shape).astype(np.float32)
    rows = np.arange(network.variables)
    weight = np.exp(np.float64(log_w)[rows, solutions].sum(1))
    f = values[rows, solutions].sum(1)
    p = weight / weight.sum()

    @jax.jit
    def read(log_w):
        w = jnp.exp(log_w)
        first = ns.total(network, expectation_weights(w, values), semiring=ns.EXPECTATION)
        second = ns.total(network, variance_weights(w, values), semiring=ns.VARIANCE)
        third = ns.total(network, entropy_weights(log_w), semiring=ns.EXPECTATION)
        return expectation(first), expectation(second), variance(second), entropy(third)

    mean, again, spread, nats = read(log_w)
    np.testing.assert_allclose([mean, again], (p * f).sum(), rtol=1e-4)
    np.testing.assert_allclose(spread, (p * f**2).sum() - (p * f).sum() ** 2, rtol=1e-3)
    np.testing.assert_allclose(nats, -(p[p > 0] * np.log(p[p > 0])).sum(), rtol=1e-4)
    gradient = jax.grad(lambda log_w: read(log_w)[0])(jnp.asarray(log_w))
    assert np.isfinite(gradient).all()
    # d E[f] / d log w = the covariance of f with the indicator of the value
    hits = solutions[:, 2] == 3
    wanted = (p * f * hits).sum() - (p * f).sum() * (p * hits).sum()
    np.testing.assert_allclose(gradient[2, 3], wanted, rtol=1e-3)


def test_readings_of_nothing_are_zero():
    nothing = Moments(*jnp.zeros((3, 2)))
    for reading in (expectation, variance):
        np.testing.assert_array_equal(reading(nothing), 0)
    np.testing.assert_array_equal(entropy(Expectation(jnp.zeros(2), jnp.zeros(2))), 0)


@pytest.mark.parametrize("k", [1, 4, 50])
def test_k_best_solutions_against_enumeration(k):
    network, _, solutions = problem_and_solutions()
    rows = np.arange(network.variables)
    # Few different weights, so that ties are many; a second instance has values ruled out.
    rng = np.random.default_rng(2)
    batch = rng.integers(-2, 1, (3, network.variables, network.size)).astype(np.float32)
    batch[1, :, 0] = -np.inf
    batch[2] = -np.inf
    found = jax.jit(jax.vmap(lambda w: ns.k_best(network, w, k=k)))(batch)
    for n, weights in enumerate(batch):
        scores = weights[rows, solutions].sum(1)
        order = np.lexsort((*solutions.T[::-1], -scores))
        order = order[scores[order] > -np.inf][:k]
        assert found.found[n] == len(order)
        np.testing.assert_array_equal(found.assignments[n, : len(order)], solutions[order])
        np.testing.assert_array_equal(found.log_weights[n, : len(order)], scores[order])
        assert (found.assignments[n, len(order) :] == -1).all()
        assert (found.log_weights[n, len(order) :] == -np.inf).all()


def test_the_gradient_of_a_best_weight_is_its_assignment():
    network, _, _ = problem_and_solutions()
    weights = jnp.asarray(np.random.default_rng(3).normal(size=(5, 4)).astype(np.float32))
    best = ns.k_best(network, weights, k=3)
    gradient = jax.jacrev(lambda w: ns.k_best(network, w, k=3).log_weights)(weights)
    np.testing.assert_array_equal(gradient, jax.nn.one_hot(best.assignments, 4))
    np.testing.assert_allclose(
        best.log_weights[0], ns.total(network, weights, semiring=ns.MAX_TIMES), rtol=1e-6
    )


def test_keys_of_many_variables_take_several_words():
    sizes = [9] * 23 + [1, 300]
    words = key_words(sizes)
    assert words == 4  # 8 variables of 4 bits a word; the last needs 9 bits and 4 are left
    weights = jnp.zeros((25, 300))
    keys = candidates(ns.K_BEST(1, words), weights, sizes).keys[:, :, 0]
    rng = np.random.default_rng(0)
    chosen = np.asarray([rng.integers(size) for size in sizes])
    joined = keys[np.arange(25), chosen].sum(0)
    np.testing.assert_array_equal(assignments(joined, sizes), chosen)
