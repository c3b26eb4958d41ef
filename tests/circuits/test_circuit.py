"""Circuits answer the questions of networks: the same signatures, numbers and errors."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_problem, random_weights

import neurosym as ns

QUESTIONS = ("total", "support", "marginals", "query", "k_best")


@pytest.fixture(scope="module")
def both():
    """A network with domains of several sizes, and its circuit."""
    problem = ns.Problem()
    x = problem.variable("x", domain=range(3))
    y = problem.variable("y", domain="ab")
    z = problem.variable("z", domain=range(4))
    problem.add(x + z <= 4, ns.Table((x, y), [(0, "a"), (1, "b"), (2, "b"), (2, "a")]))
    network = problem.compile()
    return network, ns.circuits.trace_elimination(network), (x, y, z)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_signatures_are_those_of_networks(name):
    wanted = inspect.signature(getattr(ns, name)).parameters
    found = inspect.signature(getattr(ns.Circuit, name)).parameters
    # A circuit weighs literals; a table belongs into what the circuit is compiled from.
    of_networks_only = ("network", "effort", "limits", "potentials")
    of_network = [x for x in wanted if x not in of_networks_only]
    of_circuit = [x for x in found if x not in ("self", "root")]
    assert of_circuit == of_network
    for parameter in of_network:
        assert found[parameter].kind == wanted[parameter].kind
        if parameter != "target":  # without one, all roots
            assert found[parameter].default == wanted[parameter].default


@pytest.mark.parametrize("semiring", [ns.LOG, ns.REAL, ns.COUNTING, ns.BOOLEAN, ns.MAX_TIMES])
@pytest.mark.parametrize("seed", [0, 1])
def test_totals_and_supports_within_domains(both, semiring, seed):
    network, circuit, _ = both
    rng = np.random.default_rng(seed)
    weights = random_weights(semiring.name, network.mask.shape, rng)
    mask = rng.random(network.mask.shape) < 0.7
    for domains in (None, mask, jnp.asarray(mask)):
        for name in ("total", "support"):
            wanted = getattr(ns, name)(network, weights, semiring=semiring, domains=domains)
            found = getattr(circuit, name)(weights, semiring=semiring, domains=domains)
            np.testing.assert_allclose(np.float64(found), np.float64(wanted), rtol=1e-5, atol=1e-6)
    propagated = ns.propagate(network).domains
    wanted = ns.total(network, weights, semiring=semiring)
    found = circuit.total(weights, semiring=semiring, domains=propagated)
    np.testing.assert_allclose(np.float64(found), np.float64(wanted), rtol=1e-5)


@pytest.mark.parametrize("compiler", ["pysdd", "trace"])
def test_marginals_and_queries(both, compiler):
    network, circuit, variables = both
    if compiler == "pysdd":
        circuit = ns.compile_circuit(network)
    weights = np.random.default_rng(2).normal(size=network.mask.shape).astype(np.float32)
    mask = np.asarray(network.mask).copy()
    mask[0, 0] = False
    for domains in (None, mask):
        wanted = ns.marginals(network, weights, domains=domains)
        np.testing.assert_allclose(circuit.marginals(weights, domains=domains), wanted, atol=1e-6)
        for variable in variables:
            wanted = ns.query(network, weights, target=variable, domains=domains)
            for target in (variable, variable.name, variable.index):
                found = circuit.query(weights, target=target, domains=domains)
                assert found.shape == wanted.shape
                np.testing.assert_allclose(np.exp(found), np.exp(wanted), atol=1e-6)
    nothing = np.zeros_like(mask)
    assert np.all(np.asarray(circuit.query(weights, target="x", domains=nothing)) == -np.inf)
    assert np.all(np.asarray(circuit.marginals(weights, domains=nothing)) == 0)


@pytest.mark.parametrize("k", [1, 3, 40])
def test_the_best_models(both, k):
    network, circuit, _ = both
    weights = np.random.default_rng(5).normal(size=network.mask.shape).astype(np.float32)
    mask = np.asarray(network.mask).copy()
    mask[2, 0] = False
    for domains in (None, mask):
        wanted = ns.k_best(network, weights, k=k, domains=domains)
        found = circuit.k_best(weights, k=k, domains=domains)
        np.testing.assert_array_equal(found.assignments, wanted.assignments)
        np.testing.assert_allclose(found.log_weights, wanted.log_weights, rtol=1e-5)
        assert int(found.found) == int(wanted.found) > 0
    slope = jax.grad(lambda w: circuit.k_best(w, k=k).log_weights[0])(jnp.asarray(weights))
    best = ns.k_best(network, weights, k=1).assignments[0]
    np.testing.assert_allclose(slope, best[:, None] == jnp.arange(4), atol=1e-6)


def test_gradients_of_a_query(both):
    network, circuit, _ = both
    weights = np.random.default_rng(3).normal(size=network.mask.shape).astype(np.float32)
    wanted = jax.grad(lambda w: ns.query(network, w, target="z")[1])(weights)
    found = jax.jit(jax.grad(lambda w: circuit.query(w, target="z")[1]))(weights)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    batch = jnp.stack([weights, -weights])
    many = jax.vmap(lambda w: circuit.query(w, target="z"))(batch)
    np.testing.assert_allclose(many[1], ns.query(network, -weights, target="z"), atol=1e-5)


def test_random_networks_answer_alike():
    small = random_problem(3)
    network = small.problem.compile()
    circuit = ns.compile_circuit(network)
    weights = np.random.default_rng(4).normal(size=network.mask.shape).astype(np.float32)
    for row in range(network.variables):
        np.testing.assert_allclose(
            np.exp(circuit.query(weights, target=row)),
            np.exp(ns.query(network, weights, target=row)),
            atol=1e-5,
        )


def test_literals_that_are_excluded(tmp_path):
    path = tmp_path / "or.nnf"
    path.write_text("nnf 5 4 3\nL 1\nL -1\nL 2\nA 2 1 2\nO 1 2 0 3\n")  # 1 or 2; 3 is free
    circuit = ns.circuits.from_nnf(path)
    domains = np.ones((3, 2), bool)
    domains[0, 0] = False  # 1 is false
    ones = jnp.ones((3, 2), int)
    assert int(circuit.total(ones, semiring=ns.COUNTING, domains=domains)) == 2
    assert int(circuit.support(ones, semiring=ns.COUNTING, domains=domains)[0, 0]) == 4
    degrees = jnp.asarray([0.9, 0.2, 0.5])
    assert float(circuit.total(degrees, semiring=ns.MAX_MIN, domains=domains)) == pytest.approx(0.1)
    found = circuit.query(jnp.zeros((3, 2)), target=1)
    np.testing.assert_allclose(np.exp(found), [2 / 3, 1 / 3], atol=1e-6)


def test_a_root_may_say_nothing_of_a_variable():
    circuit = ns.circuits.from_state_machine(
        [range(2)] * 2,
        0,
        lambda total, position, bit: total + bit,
        lambda total, position: (position, total) if position else None,
    )
    one = circuit.answers.index((1, 1))
    weights = jnp.log(jnp.asarray([[0.25, 0.75], [0.5, 0.5]]))
    assert np.all(np.asarray(circuit.query(weights, target=1, root=one)) == -np.inf)
    found = circuit.query(weights, target=0, root=circuit.answers.index((2, 1)))
    np.testing.assert_allclose(np.exp(found), [0.25, 0.75], atol=1e-6)
    np.testing.assert_array_equal(circuit.query(weights), circuit.totals(weights))
    assert circuit.totals(weights).shape == (len(circuit.answers),)
    with pytest.raises(ValueError, match="without a target query reads all roots"):
        circuit.query(weights, root=one)
    with pytest.raises(ValueError, match="no variable 'x', which has rows only"):
        circuit.query(weights, target="x", root=one)


def test_entries_beyond_a_domain_may_be_anything(both):
    network, circuit, _ = both
    weights = np.zeros(network.mask.shape, np.float32)
    wanted = circuit.total(weights)
    weights[~np.asarray(network.mask)] = np.nan
    np.testing.assert_array_equal(circuit.total(weights), wanted)


@pytest.mark.parametrize("name", QUESTIONS)
def test_errors_are_those_of_networks(both, name):
    network, circuit, _ = both
    weights = np.zeros(network.mask.shape, np.float32)
    bad = weights.copy()
    bad[2, 3] = np.nan
    target = {"query": {"target": "x"}, "k_best": {"k": 2}}.get(name, {})

    def said(*arguments, **options):
        found = []
        for question in (getattr(ns, name), getattr(circuit, name)):
            first = (network,) if question is getattr(ns, name) else ()
            with pytest.raises(ValueError) as caught:  # noqa: PT011 - the messages are compared
                question(*first, *arguments, **target, **options)
            found.append(str(caught.value))
        return found

    assert len(set(said(weights[:2]))) == 1
    assert len(set(said(weights, domains=np.ones(weights.shape)))) == 1
    assert len(set(said(weights, domains=np.ones((1, 1), bool)))) == 1
    if name not in ("marginals", "k_best"):
        assert len(set(said(weights, semiring="log"))) == 1
    if name == "query":
        assert len(set(said(weights, semiring=ns.COUNTING))) == 1
        target = {"target": "xx"}
        assert all("no variable 'xx'" in message for message in said(weights))
        target = {"target": 9}
        assert len(set(said(weights))) == 1
        target = {"target": ns.Problem().variable("y", domain=range(9))}
        assert len(set(said(weights))) == 1
        target = {"target": "x"}
    assert all(message.endswith("is NaN") for message in said(bad))
