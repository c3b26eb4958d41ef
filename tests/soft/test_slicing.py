"""Slicing: the same results in less memory, refused beyond the number of slices allowed."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from random_problems import random_weights

import neurosym as ns
from neurosym.semirings.operations.tensor_network import Step
from neurosym.soft.elimination import eliminate, eliminate_within
from neurosym.soft.slicing import best_slice


def grid(side, values):
    """Neighbours differ, on a torus: its width grows with the side."""
    problem = ns.Problem()
    x = problem.variables("x", shape=(side, side), domain=range(values))
    for i in range(side):
        for j in range(side):
            problem.add(x[i, j] != x[(i + 1) % side, j], x[i, j] != x[i, (j + 1) % side])
    return problem.compile()


NETWORK = grid(3, 3)
LIMIT = 2500


def colourings():
    found = [s for s in itertools.product(range(3), repeat=9) if NETWORK.allows(s)]
    assert len(found) == 12
    return found


@pytest.mark.parametrize(("semiring", "levelled"), [(ns.LOG, False), (ns.MAX_TIMES, True)], ids=str)
def test_slices_add_up_to_the_whole(semiring, levelled):
    plan = eliminate_within(
        NETWORK, bytes_each=4, effort=ns.Effort(LIMIT, max_slices=100, levelled=levelled)
    )
    assert 1 < plan.slices <= 100
    assert plan.element_count * 4 <= LIMIT < eliminate(NETWORK, levelled=levelled).element_count * 4
    weights = random_weights(semiring.name, NETWORK.mask.shape, np.random.default_rng(0))
    options = {"semiring": semiring, "memory_limit": LIMIT, "levelled": levelled}

    @jax.jit
    def both(w):
        return ns.total(NETWORK, w, **options), ns.support(NETWORK, w, **options)

    total, support = oracles.total_and_support(semiring.name, weights, colourings())
    found_total, found_support = both(jnp.asarray(weights))
    np.testing.assert_allclose(found_total, total, rtol=1e-5)
    np.testing.assert_allclose(found_support, support.astype(float), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_gradients_and_queries_of_slices():
    weights = np.random.default_rng(1).normal(size=NETWORK.mask.shape).astype(np.float32)

    @jax.jit
    @jax.value_and_grad
    def score(w):
        return ns.query(NETWORK, w, target=4, memory_limit=LIMIT)[2]

    found, gradient = score(jnp.asarray(weights))
    solutions = np.asarray(colourings())
    weight = np.exp(weights[np.arange(9), solutions].sum(1, dtype=np.float64))
    chosen = weight * (solutions[:, 4] == 2)
    np.testing.assert_allclose(found, np.log(chosen.sum() / weight.sum()), rtol=1e-5)
    wanted = np.zeros(weights.shape)  # marginals given the value, less those without it
    for s, given, free in zip(solutions, chosen / chosen.sum(), weight / weight.sum(), strict=True):
        wanted[np.arange(9), s] += given - free
    np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_known_colourings_in_slices():
    ones = jnp.ones(NETWORK.mask.shape, jnp.int32)
    assert int(ns.total(NETWORK, ones, semiring=ns.COUNTING, memory_limit=LIMIT)) == 12


def test_more_slices_than_allowed_are_refused():
    weights = jnp.zeros(NETWORK.mask.shape)
    with pytest.raises(ns.TooWideError, match="max_slices"):
        ns.total(NETWORK, weights, memory_limit=LIMIT, max_slices=2)
    with pytest.raises(ns.TooWideError):  # the tensors themselves do not fit
        ns.total(NETWORK, weights, memory_limit=200)


def test_the_index_that_saves_most_is_fixed():
    steps = [Step(0, 1, ("a", "b", "c")), Step(3, 2, ("a", "b")), Step(4, 5, ())]
    sizes = {"a": 4, "b": 4, "c": 4}
    # a and b save the same and more than c, which the second tensor lacks.
    assert best_slice(steps, (), sizes, 1) == "a"
    assert best_slice(steps, ("a",), sizes, 1) == "b"
    assert best_slice(steps, (), {**sizes, "a": 1, "b": 1, "c": 1}, 1) is None
