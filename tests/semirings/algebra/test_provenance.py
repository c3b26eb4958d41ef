"""Provenances: what they promise, the laws that they break, and exact counting of kept proofs."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings.algebra.provenance import facts, proofs_log_probability


@pytest.mark.parametrize("provenance", [ns.ADD_MULT, ns.NOISY_OR], ids=lambda p: p.name)
def test_promises_and_the_law_that_breaks(provenance):
    ns.testing.check_provenance(provenance, np.asarray([0.25, 0.5, 0.75], np.float32))
    with pytest.raises(AssertionError, match="do not show it"):
        ns.testing.check_provenance(provenance, np.asarray([1.0], np.float32))


def probabilities(rng, variables, size):
    p = rng.uniform(0.1, 1, (variables, size))
    return jnp.log(jnp.asarray(p / p.sum(1, keepdims=True), jnp.float32))


def test_promises_of_top_k_proofs():
    provenance = ns.TOP_K_PROOFS(1, 2)
    literals = facts(provenance, probabilities(np.random.default_rng(0), 2, 2))
    some = jax.tree.map(lambda x: x.reshape(4, *x.shape[2:]), literals)
    ns.testing.check_provenance(provenance, some)


def test_engines_that_need_distributivity_refuse_by_name():
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(2))
    problem.add(x[0] != x[1])
    network = problem.compile()
    weights = jnp.full((2, 2), 0.5)
    with pytest.raises(ValueError, match=r"noisy_or.*distributivity"):
        ns.total(network, weights, semiring=ns.NOISY_OR)
    with pytest.raises(ValueError, match=r"add_mult.*distributivity"):
        ns.einsum("ij,jk->ik", weights, weights, semiring=ns.ADD_MULT)


def brute_force(log_p, formula):
    """The probability that some proof of the formula (a set of partial assignments) holds."""
    p = np.exp(np.float64(log_p))
    total = 0.0
    for world in itertools.product(*(range(p.shape[1]) for _ in range(p.shape[0]))):
        if any(all(world[i] == v for i, v in proof.items()) for proof in formula):
            total += np.prod([p[i, v] for i, v in enumerate(world)])
    return total


def test_kept_proofs_are_counted_exactly():
    """(x0=0 ∧ x1=1) ∨ (x0=0 ∧ x2=2) ∨ x1=1∧x2=2: proofs overlap, and none is dropped."""
    provenance = ns.TOP_K_PROOFS(4, 3)
    log_p = probabilities(np.random.default_rng(1), 3, 3)

    @jax.jit
    def read(log_p):
        x = facts(provenance, log_p)
        a, b, c = (
            jax.tree.map(lambda part, n=n, v=v: part[n, v], x) for n, v in ((0, 0), (1, 1), (2, 2))
        )
        add, mul = provenance.add, provenance.mul
        return proofs_log_probability(add(add(mul(a, b), mul(a, c)), mul(b, c)))

    formula = [{0: 0, 1: 1}, {0: 0, 2: 2}, {1: 1, 2: 2}]
    np.testing.assert_allclose(np.exp(read(log_p)), brute_force(log_p, formula), rtol=1e-5)
    # P = ab + ac + bc - 2abc as a polynomial in the facts' probabilities
    gradient = jax.grad(lambda log_p: jnp.exp(read(log_p)))(log_p)
    p = np.exp(np.float64(log_p))
    slope = p[1, 1] + p[2, 2] - p[1, 1] * p[2, 2] - p[1, 1] * p[2, 2]
    np.testing.assert_allclose(gradient[0, 0], p[0, 0] * slope, rtol=1e-4)
    assert gradient[0, 1] == gradient[2, 0] == 0


def test_contradictions_and_repetitions_are_no_proofs():
    provenance = ns.TOP_K_PROOFS(3, 2)
    x = facts(provenance, probabilities(np.random.default_rng(2), 2, 2))
    a, other = (jax.tree.map(lambda part, v=v: part[0, v], x) for v in (0, 1))
    assert not provenance.mul(a, other).exists.any()
    twice = provenance.add(a, a)
    assert twice.exists.sum() == 1
    np.testing.assert_array_equal(provenance.mul(a, a).values, a.values)
    with pytest.raises(ValueError, match="1 to 12 proofs"):
        ns.TOP_K_PROOFS(13, 2)
    with pytest.raises(ValueError, match="over 2 variables"):
        facts(provenance, jnp.zeros((3, 2)))


@pytest.mark.slow
def test_only_the_k_likeliest_are_kept():
    provenance = ns.TOP_K_PROOFS(2, 3)
    log_p = jnp.log(jnp.asarray([[0.5, 0.5], [0.9, 0.1], [0.7, 0.3]]))
    x = facts(provenance, log_p)
    every = provenance.sum(jax.tree.map(lambda part: part[:, 0], x), 0)
    assert set(np.asarray(every.values).max(1).tolist()) == {0}
    np.testing.assert_array_equal((np.asarray(every.values) >= 0).argmax(1), [1, 2])
    np.testing.assert_allclose(
        np.exp(provenance.to_log(every)), brute_force(log_p, [{1: 0}, {2: 0}]), rtol=1e-5
    )
