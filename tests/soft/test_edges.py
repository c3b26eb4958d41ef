"""What a user meets at the edges: NaN, elements out of range, structured elements everywhere."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings import expectation, expectation_weights


def unequal():
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(3))
    problem.add(x[0] != x[1])
    return problem.compile(), x


def test_nan_is_never_read_as_impossible():
    network, x = unequal()
    bad = jnp.zeros((2, 3)).at[0, 0].set(jnp.nan)
    query = jax.jit(lambda w: ns.query(network, w, target=x[0]))
    assert np.isnan(query(bad)).any()
    assert np.isnan(jax.jit(jax.grad(lambda w: -query(w)[1]))(bad)).any()
    assert np.isnan(jax.jit(lambda w: ns.marginals(network, w))(bad)).any()
    assert np.isnan(jax.jit(lambda w: ns.total(network, w))(bad))
    with pytest.raises(ValueError, match=r"'x\[0\]' = 0 is NaN"):
        ns.total(network, bad)
    circuit = ns.circuits.trace_elimination(network)
    with pytest.raises(ValueError, match="is NaN"):
        circuit.total(bad)
    assert np.isnan(jax.jit(circuit.total)(bad))


@pytest.mark.parametrize(
    ("semiring", "weight", "message"),
    [
        (ns.LOG, np.inf, "is inf, which is not an element"),
        (ns.MIN_PLUS, -np.inf, "is -inf, which is not an element"),
        (ns.LUKASIEWICZ, 5.0, "not a degree from 0 to 1"),
        (ns.COUNTING, -2, "is negative"),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_what_is_no_element_is_refused(semiring, weight, message):
    network, _ = unequal()
    weights = np.ones((2, 3), np.int32 if semiring is ns.COUNTING else np.float32)
    weights[1, 2] = weight
    with pytest.raises(ValueError, match=message):
        ns.total(network, weights, semiring=semiring)


def test_what_is_no_network_or_no_semiring_is_named():
    problem = ns.Problem()
    problem.variables("x", shape=2, domain=range(3))
    with pytest.raises(ValueError, match="call compile"):
        ns.total(problem, jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match="'log' is not a semiring"):
        ns.total(problem.compile(), jnp.zeros((2, 3)), semiring="log")
    with pytest.raises(ValueError, match="at least one solution"):
        ns.k_best(problem.compile(), jnp.zeros((2, 3)), k=1.5)


def test_conditions_hold_elements_of_several_parts():
    problem = ns.Problem()
    a, b = problem.variables("a", shape=2, domain=range(2))
    problem.add(ns.Implies(a == 1, b == 1), ns.Reified(b, a + 2 * b <= 2))
    network = problem.compile()
    rng = np.random.default_rng(0)
    w, f = rng.uniform(0.1, 1, (2, 2, 2)).astype(np.float32)
    pairs = [p for p in itertools.product(range(2), repeat=2) if network.allows(p)]
    weight = np.asarray([w[0, i] * w[1, j] for i, j in pairs])
    value = np.asarray([f[0, i] + f[1, j] for i, j in pairs])
    total = ns.total(network, expectation_weights(w, f), semiring=ns.EXPECTATION)
    np.testing.assert_allclose(total.weight, weight.sum(), rtol=1e-5)
    np.testing.assert_allclose(expectation(total), weight @ value / weight.sum(), rtol=1e-5)
    best = ns.k_best(network, jnp.log(w), k=4)
    assert best.found == len(pairs)
    np.testing.assert_allclose(
        best.log_weights[: len(pairs)], np.sort(np.log(weight))[::-1], rtol=1e-5
    )


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-8])
def test_a_smooth_maximum_approaches_the_maximum(temperature):
    network, _ = unequal()
    weights = jnp.asarray([[10.1, 3, 4], [2, 30.3, 10.2]])
    semiring = ns.smooth_max(temperature)
    total, gradient = jax.value_and_grad(lambda w: ns.total(network, w, semiring=semiring))(weights)
    np.testing.assert_allclose(total, 40.4, rtol=1e-5)
    np.testing.assert_allclose(gradient, jax.nn.one_hot(jnp.asarray([0, 1]), 3), atol=1e-3)


@pytest.mark.parametrize("offset", [-1e3, -1e6, 1e30])
def test_marginals_and_queries_are_normalised_however_the_weights_are(offset):
    network, x = unequal()
    weights = jnp.full((2, 3), offset)
    np.testing.assert_allclose(ns.marginals(network, weights), 1 / 3, rtol=1e-5)
    found = ns.query(network, weights, target=x[0])
    np.testing.assert_allclose(jnp.exp(found), 1 / 3, rtol=1e-5)


def test_a_circuit_inside_of_a_batched_branch():
    network, _ = unequal()
    circuit = ns.circuits.trace_elimination(network)
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(3, 2, 3)), jnp.float32)

    def some(w):
        return jax.lax.cond(w[0, 0] > 0, circuit.total, lambda w: jnp.zeros(()), w)

    found = jax.jit(jax.vmap(some))(weights)
    wanted = [circuit.total(w) if w[0, 0] > 0 else 0 for w in weights]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_provenances_are_read_on_circuits_as_they_stand(tmp_path):
    path = tmp_path / "either.nnf"
    path.write_text("nnf 3 2 2\nL 1\nL 2\nO 0 2 0 1\n")
    circuit = ns.circuits.from_nnf(path)
    with pytest.raises(ValueError, match="deterministic"):
        circuit.total(jnp.asarray([0.3, 0.6]), semiring=ns.REAL)
    p = jnp.asarray([[0.7, 0.3], [0.4, 0.6]])
    for semiring in (ns.NOISY_OR, ns.ADD_MULT):
        assert np.isfinite(circuit.total(p, semiring=semiring))
    kept = ns.TOP_K_PROOFS(3, 2)
    proofs = circuit.total(ns.semirings.facts(kept, jnp.log(p)), semiring=kept)
    np.testing.assert_allclose(jnp.exp(kept.to_log(proofs)), 1 - 0.3 * 0.6, rtol=1e-5)
