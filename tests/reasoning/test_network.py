"""A network as a reasoner, and what is left of it, against brute force."""

import itertools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.reasoning import (
    CircuitReasoner,
    NetworkReasoner,
    automatic,
    make_answerer,
    protocols,
    restrict,
)

SIZES = (3, 4, 2)
EXISTS = np.arange(4) < np.asarray(SIZES)[:, None]


@pytest.fixture(scope="module")
def network():
    problem = ns.Problem()
    x, y, z = (problem.variable(n, domain=range(s)) for n, s in zip("xyz", SIZES, strict=True))
    problem.add(x + z <= y, x != z)
    return problem.compile()


@pytest.fixture(scope="module")
def whole(network):
    return NetworkReasoner(network)


@pytest.fixture(scope="module")
def left(network):
    """What is left if y is not 1 and z may be anything."""
    return restrict(network, allowed_of(0))


def allowed_of(seed):
    allowed = EXISTS.copy()
    if seed == 0:
        allowed[1, 1] = False
    else:
        allowed[1, 1] = allowed[0, 0] = False
    return allowed


def weights_of(seed):
    return np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32)


def brute(weights, allowed):
    """The log-total and the marginals."""
    table = np.zeros((3, 4))
    for x, y, z in itertools.product(*map(range, SIZES)):
        inside = allowed[0, x] and allowed[1, y] and allowed[2, z]
        if inside and x + z <= y and x != z:
            table[[0, 1, 2], [x, y, z]] += np.exp(weights[[0, 1, 2], [x, y, z]].sum())
    total = table[0].sum()
    return np.log(total), table / total


def test_the_protocols_of_each(whole, left):
    every = [
        value
        for name, value in vars(protocols).items()
        if name.startswith("Has") and isinstance(value, type)
    ]
    assert len(every) == 8
    assert all(isinstance(whole, one) for one in every)
    can = {one.__name__ for one in every if isinstance(left, one)}
    assert can == {"HasTotal", "HasMarginals"}
    for reasoner in (whole, left):
        np.testing.assert_array_equal(reasoner.exists, EXISTS)


@pytest.mark.parametrize("seed", [0, 1])
def test_totals_marginals_and_queries_within_the_evidence(whole, left, seed):
    allowed, weights = allowed_of(seed), weights_of(seed)
    log_total, table = brute(weights, allowed)
    for reasoner in (whole, left):

        @jax.jit
        def all_of_it(weights, allowed, reasoner=reasoner):
            return (
                reasoner.total(weights, allowed, semiring=ns.LOG),
                reasoner.marginals(weights, allowed),
                reasoner.query(weights, allowed, target="y"),
            )

        total, marginals, query = all_of_it(jnp.asarray(weights), jnp.asarray(allowed))
        np.testing.assert_allclose(total, log_total, rtol=1e-5)
        np.testing.assert_allclose(marginals, table, atol=1e-6)
        np.testing.assert_allclose(np.exp(query), table[1], atol=1e-6)


def test_evidence_may_be_domains_or_nothing(whole, left):
    weights = jnp.asarray(weights_of(2))
    given = ns.Domains.from_mask(jnp.asarray(allowed_of(1)))
    for reasoner in (whole, left):
        log_total, table = brute(weights_of(2), allowed_of(1))
        np.testing.assert_allclose(reasoner.total(weights, given), log_total, rtol=1e-5)
        np.testing.assert_allclose(reasoner.marginals(weights, given), table, atol=1e-6)
    np.testing.assert_allclose(
        left.marginals(weights, None), brute(weights_of(2), allowed_of(0))[1], atol=1e-6
    )
    np.testing.assert_allclose(
        whole.marginals(weights, None), brute(weights_of(2), EXISTS)[1], atol=1e-6
    )


def test_the_effort_of_a_reasoner_holds_for_all_that_it_is_asked(network):
    reasoner = NetworkReasoner(network, effort=ns.Effort(memory_limit=8, max_slices=1))
    weights = jnp.zeros((3, 4))
    for ask in (
        lambda: reasoner.total(weights, None),
        lambda: reasoner.marginals(weights, None),
        lambda: reasoner.query(weights, None, target=0),
        lambda: reasoner.k_best(weights, None, k=1),
    ):
        with pytest.raises(ns.TooWideError, match="more than the limit of 8 bytes"):
            ask()


def test_a_semiring_without_a_reading_of_log_probabilities_is_refused(whole, left):
    proofs = ns.TOP_K_PROOFS(1, 3)
    for reasoner in (whole, left):
        with pytest.raises(ValueError, match="does not read log-probabilities"):
            reasoner.total(jnp.zeros((3, 4)), None, semiring=proofs)


def test_whoever_answers_is_pickled(network, whole, left):
    circuit = ns.circuits.trace_elimination(network)
    weights = jnp.asarray(weights_of(3))
    for reasoner in (whole, left, CircuitReasoner(circuit)):
        again = pickle.loads(pickle.dumps(reasoner))
        np.testing.assert_array_equal(
            again.marginals(weights, None), reasoner.marginals(weights, None)
        )
    choice = automatic(network)
    again = pickle.loads(pickle.dumps(choice))
    assert (again.method, again.why) == (choice.method, choice.why)
    np.testing.assert_array_equal(again.total(weights).value, choice.total(weights).value)
    answerer = make_answerer(network, semiring=ns.smooth_max(0.5))
    again = pickle.loads(pickle.dumps(answerer))
    np.testing.assert_array_equal(again(weights), answerer(weights))
