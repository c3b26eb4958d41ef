"""Posterior samples: their frequencies against exact probabilities, and that they satisfy."""

import chains
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_mixed_problem
from scipy import stats

import neurosym as ns
from neurosym.soft.elimination import eliminate
from neurosym.soft.sampling import _sample

DRAWS = 4000


def chi_square(drawn, solutions, probability):
    """The p-value of the joint frequencies; solutions that are expected rarely count together."""
    code = {s: n for n, s in enumerate(solutions)}
    observed = np.bincount([code[tuple(s)] for s in drawn.tolist()], minlength=len(solutions))
    expected = probability * len(drawn)
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    there = expected > 0
    statistic = ((observed - expected)[there] ** 2 / expected[there]).sum()
    return stats.chi2.sf(statistic, max(there.sum() - 1, 1))


def distribution(weights, solutions):
    scores = np.asarray([sum(weights[i, v] for i, v in enumerate(s)) for s in solutions])
    return np.exp(scores - np.logaddexp.reduce(scores))


@pytest.mark.parametrize("seed", [3, 5])
def test_joint_frequencies(seed):
    small = random_mixed_problem(seed)
    network = small.problem.compile()
    assert len(small.solutions) > 3
    weights = np.random.default_rng(seed).normal(size=network.mask.shape).astype(np.float32)
    drawn = np.asarray(ns.sample(network, weights, key=jax.random.key(seed), samples=DRAWS))
    assert drawn.shape == (DRAWS, network.variables)
    assert drawn.dtype == np.int32
    probability = distribution(weights, small.solutions)
    assert chi_square(drawn, small.solutions, probability) > 1e-3
    assert len(np.unique(drawn, axis=0)) > 1  # and another key draws others
    other = np.asarray(ns.sample(network, weights, key=jax.random.key(99), samples=DRAWS))
    assert (drawn != other).any()


def sums():
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(2))
    y = problem.variables("y", shape=(2, 2), domain=range(3))
    for k in range(2):
        problem.add(x[0] + x[1] + y[k, 0] + y[k, 1] == 3)
    network = problem.compile()
    grid = np.indices([len(domain) for domain in network.structure.domains]).reshape(6, -1).T
    return network, [s for s in map(tuple, grid.tolist()) if network.allows(s)]


def test_variables_that_constraints_have_summed_out():
    network, solutions = sums()
    elimination = eliminate(network, levelled=True)
    assert any(kind.absorbed for kind in elimination.factors.kinds)
    weights = np.random.default_rng(0).normal(size=network.mask.shape).astype(np.float32)
    drawn = np.asarray(_sample(elimination, DRAWS, jnp.asarray(weights), jax.random.key(0)))
    assert chi_square(drawn, solutions, distribution(weights, solutions)) > 1e-3


def test_batches_domains_impossible_instances_and_other_semirings():
    network, solutions = sums()
    weights = np.random.default_rng(1).normal(size=(3, *network.mask.shape)).astype(np.float32)
    weights[1, 0] = -np.inf  # no value of x[0] is possible
    weights[2, 0, 1] = -np.inf  # x[0] is 0
    keep = np.array(network.mask)
    keep[2, 1] = False

    @jax.jit
    def draw(weights, keys):
        return jax.vmap(
            lambda w, key: ns.sample(
                network,
                jnp.exp(w),
                key=key,
                samples=DRAWS // 2,
                semiring=ns.REAL,
                domains=jnp.asarray(keep),
            )
        )(weights, keys)

    drawn = np.asarray(draw(weights, jax.random.split(jax.random.key(7), 3)))
    assert (drawn[1] == -1).all()
    assert (drawn[2][:, 0] == 0).all()
    within = [s for s in solutions if s[2] != 1]
    for n in (0, 2):
        probability = distribution(weights[n], within)
        assert chi_square(drawn[n], within, probability) > 1e-3


@pytest.mark.slow
def test_a_long_chain_satisfies_every_constraint():
    network = chains.addition(64)
    weights = jax.random.normal(jax.random.key(0), network.mask.shape)
    drawn = np.asarray(ns.sample(network, weights, key=jax.random.key(1), samples=32))
    assert all(network.allows(row) for row in drawn)
    numbers = [
        drawn[:, k * 64 : k * 64 + 64].astype(object) @ [10**n for n in range(64)] for k in range(3)
    ]
    carried = drawn[:, -1].astype(object) * 10**64
    assert (numbers[0] + numbers[1] == numbers[2] + carried).all()


def test_a_variable_alone():
    problem = ns.Problem()
    problem.variable("x", domain=range(3))
    network = problem.compile()
    weights = jnp.log(jnp.asarray([[0.5, 0.0, 0.5]]))
    drawn = np.asarray(ns.sample(network, weights, key=jax.random.key(0), samples=200))
    assert set(drawn.ravel().tolist()) == {0, 2}
    nothing = jnp.full((1, 3), -jnp.inf)
    assert (ns.sample(network, nothing, key=jax.random.key(0), samples=2) == -1).all()


def test_what_cannot_be_sampled_is_refused():
    network, _ = sums()
    key, ones = jax.random.key(0), jnp.ones(network.mask.shape, jnp.int32)
    with pytest.raises(ValueError, match="counting does not turn into log-probabilities"):
        ns.sample(network, ones, key=key, samples=1, semiring=ns.COUNTING)
    with pytest.raises(ValueError, match="positive, not 0"):
        ns.sample(network, jnp.zeros(network.mask.shape), key=key, samples=0)
    with pytest.raises(ns.TooWideError):
        ns.sample(network, jnp.zeros(network.mask.shape), key=key, samples=1, memory_limit=64)
