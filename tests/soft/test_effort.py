"""`Effort` is one value for what exact inference may cost; its parts are keywords all the same."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns


@pytest.fixture(scope="module")
def network():
    problem = ns.Problem()
    x = problem.variables("x", shape=5, domain=range(3))
    problem.add(*(a != b for a, b in itertools.pairwise(x)))
    return problem.compile()


EXACT = {
    "total": ns.total,
    "support": ns.support,
    "marginals": ns.marginals,
    "query": lambda *args, **kwargs: ns.query(*args, target=2, **kwargs),
    "sample": lambda *args, **kwargs: ns.sample(*args, key=jax.random.key(0), samples=2, **kwargs),
    "k_best": lambda *args, **kwargs: ns.k_best(*args, k=2, **kwargs).log_weights,
}


@pytest.mark.parametrize("name", EXACT)
def test_a_part_alone_is_the_same_as_an_effort_and_wins_over_it(network, name):
    ask, weights = EXACT[name], jnp.zeros((5, 3))
    tight = ns.Effort(memory_limit=16, max_slices=1)
    with pytest.raises(ns.TooWideError) as by_value:
        ask(network, weights, effort=tight)
    with pytest.raises(ns.TooWideError) as by_keywords:
        ask(network, weights, memory_limit=16, max_slices=1)
    assert str(by_value.value) == str(by_keywords.value)
    roomy = ask(network, weights, effort=tight, memory_limit=2**20)
    np.testing.assert_array_equal(roomy, ask(network, weights))
    with pytest.raises(TypeError, match="unexpected keyword argument 'memory'"):
        ask(network, weights, memory=3)


def test_levels_are_a_part_of_it(network):
    weights = jnp.log(jnp.linspace(0.1, 0.9, 15).reshape(5, 3))
    found = [
        ns.marginals(network, weights, effort=ns.Effort(levelled=levelled))
        for levelled in (True, False, None)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5)


def test_an_effort_is_a_hashable_value_and_refuses_what_is_none():
    assert ns.Effort() == ns.Effort(2**30, 2**10, None)
    assert hash(ns.Effort(5)) == hash(ns.Effort(memory_limit=5))
    for wrong in (
        {"memory_limit": 0},
        {"max_slices": 0},
        {"memory_limit": float("nan")},
        {"max_slices": "a"},
    ):
        with pytest.raises(ValueError, match="a number from 1 up"):
            ns.Effort(**wrong)
    with pytest.raises(ValueError, match="True, False or None"):
        ns.Effort(levelled="yes")
