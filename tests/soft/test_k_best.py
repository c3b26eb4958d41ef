"""The k best within domains, and of a restricted network, against enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns

SIZES = (4, 3, 4)


def network():
    problem = ns.Problem()
    x, y, z = (problem.variable(n, domain=range(s)) for n, s in zip("xyz", SIZES, strict=True))
    problem.add(x + y + z == 5, x != z)
    return problem.compile()


def solutions_within(allowed):
    every = itertools.product(*map(range, SIZES))
    return [
        s
        for s in every
        if sum(s) == 5 and s[0] != s[2] and all(allowed[i, v] for i, v in enumerate(s))
    ]


def random_case(seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-3, 3, (3, 4)).astype(np.float32)  # few different ones: ties are many
    allowed = rng.uniform(size=(3, 4)) < 0.7
    return weights, allowed


def best_of(weights, found, k):
    """Scores and solutions, the best first, of equals the first in order."""
    scores = [float(sum(weights[i, v] for i, v in enumerate(s))) for s in found]
    order = sorted(range(len(found)), key=lambda n: (-scores[n], found[n]))[:k]
    return [scores[n] for n in order], [found[n] for n in order]


@pytest.mark.parametrize("k", [1, 3, 20])
def test_domains_leave_out_what_is_not_in_them(k):
    cases = [random_case(seed) for seed in range(6)]
    weights, allowed = (jnp.asarray(np.stack(parts)) for parts in zip(*cases, strict=True))
    whole = network()
    found = jax.jit(jax.vmap(lambda w, d: ns.k_best(whole, w, k=k, domains=d)))(weights, allowed)
    counts = set()
    for n, (own, mask) in enumerate(cases):
        scores, solutions = best_of(own, solutions_within(mask), k)
        counts.add(len(scores))
        assert found.found[n] == len(scores)
        np.testing.assert_array_equal(found.log_weights[n, : len(scores)], scores)
        assert found.assignments[n, : len(scores)].tolist() == [list(s) for s in solutions]
        assert (found.assignments[n, len(scores) :] == -1).all()
    assert k == 1 or len(counts) > 1


def test_domains_are_a_value_of_their_own_and_may_be_of_a_restricted_network():
    whole = network()
    weights, allowed = random_case(1)
    assert len(solutions_within(allowed)) > 1
    plain = ns.k_best(whole, weights, k=4, domains=jnp.asarray(allowed))
    given = ns.Domains.from_mask(jnp.asarray(allowed) & whole.mask)
    small = ns.restricted(whole, given)
    few = ns.k_best(small, small.weights(ns.LOG, jnp.asarray(weights)), k=4)
    for found in (
        ns.k_best(whole, weights, k=4, domains=given),
        few._replace(assignments=small.values(few.assignments)),
    ):
        np.testing.assert_array_equal(found.assignments, plain.assignments)
        np.testing.assert_array_equal(found.log_weights, plain.log_weights)


def test_wrong_domains_are_refused():
    with pytest.raises(ValueError, match=r"domains are Domains or bool\[V, D\] = \[3, 4\]"):
        ns.k_best(network(), jnp.zeros((3, 4)), k=1, domains=jnp.ones((3, 3), bool))


def test_belief_propagation_within_domains_is_that_of_forbidden_values():
    whole = network()
    weights, allowed = random_case(3)
    within = ns.belief_propagation(whole, jnp.asarray(weights), domains=jnp.asarray(allowed))
    forbidden = np.where(allowed, weights, -np.inf)
    wanted = ns.belief_propagation(whole, jnp.asarray(forbidden))
    np.testing.assert_array_equal(within.beliefs, wanted.beliefs)
    assert (np.asarray(within.marginals)[~allowed] == 0).all()
    assert np.asarray(within.marginals).any()
