"""Reasoning as a module in a plain optax loop."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import neurosym as ns


def addition() -> tuple[ns.Network, np.ndarray, ns.Variable]:
    problem = ns.Problem()
    digits = problem.variables("digit", shape=2, domain=range(4))
    total = problem.variable("total", domain=range(7))
    problem.add(digits.sum() == total)
    return problem.compile(), digits, total


def test_a_model_trains_through_it_from_totals_alone():
    network, _, total = addition()

    class Adder(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.encoder = nnx.Linear(4, 4, rngs=rngs)
            self.reasoning = ns.nn.Reasoning(network, total)

        def __call__(self, x: jax.Array) -> jax.Array:
            return self.reasoning(jax.nn.log_softmax(self.encoder(x)))

    model = Adder(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(0.1), wrt=nnx.Param)
    digits = jnp.asarray([(i, j) for i in range(4) for j in range(4)])
    x = jax.nn.one_hot(digits, 4)

    @nnx.jit
    def step(model, optimizer):
        def loss(model):
            answers = model(x)
            return -jnp.mean(jnp.take_along_axis(answers, digits.sum(1)[:, None], 1))

        value, gradient = nnx.value_and_grad(loss)(model)
        optimizer.update(model, gradient)
        return value

    for _ in range(200):
        value = step(model, optimizer)
    assert value < 0.05
    assert (model.encoder(jnp.eye(4)).argmax(1) == jnp.arange(4)).all()


def test_without_a_query_it_gives_the_log_probability_of_the_constraints():
    network, digits, total = addition()
    reasoning = ns.nn.Reasoning(network, inputs=[digits, total])
    beliefs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (5, 3, 7)))
    beliefs = beliefs.at[:, :2, 4:].set(-jnp.inf)
    found = reasoning(beliefs)
    assert found.shape == (5,)
    wanted = jax.vmap(lambda w: ns.total(network, w))(beliefs)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_built_inside_of_a_trace_and_with_an_engine_of_ones_own():
    network, _digits, total = addition()
    asked = []

    def query(network, weights, *, target, semiring):
        asked.append(target)
        return ns.query(network, weights, target=target, semiring=semiring)

    engine = ns.nn.Engine(total=ns.total, query=query)
    shape = nnx.eval_shape(lambda: ns.nn.Reasoning(network, total, engine=engine))
    assert isinstance(shape, ns.nn.Reasoning)
    reasoning = ns.nn.Reasoning(network, total, inputs=np.array([0, 1]), engine=engine)
    assert reasoning(jnp.zeros((2, 4))).shape == (7,)
    assert asked == [network.index(total)]


def test_wrong_use():
    network, digits, total = addition()
    with pytest.raises(ValueError, match="given twice"):
        ns.nn.Reasoning(network, total, inputs=[digits, digits[0]])
    with pytest.raises(ValueError, match=r"\[..., 2, 4\]"):
        ns.nn.Reasoning(network, total)(jnp.zeros((5, 3, 4)))


def test_it_takes_a_problem_or_a_circuit_and_says_what_it_is():
    network, _, total = addition()
    circuit = ns.circuits.trace_elimination(network)
    beliefs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (5, 2, 4)))
    row = network.index(total)
    found = [ns.nn.Reasoning(model, row)(beliefs) for model in (network, circuit)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    said = repr(ns.nn.Reasoning(network, total, semiring=ns.REAL))
    for part in ("3 variables of up to 7 values, 1 constraint", "'total' from 2 inputs", "real"):
        assert part in said

    class Model(nnx.Module):
        def __init__(self) -> None:
            self.reasoning = ns.nn.Reasoning(circuit, row)

    for part in (f"a circuit of {circuit.rows} rows", "passes over a circuit", "log"):
        assert part in repr(Model())


def test_it_is_pickled_and_copied():
    network, _, total = addition()
    machine = ns.circuits.from_state_machine(
        [range(4)] * 2, 0, lambda t, n, v: t + v, lambda t, n: t if n == 2 else None
    )
    beliefs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (5, 2, 4)))
    for semiring in (ns.LOG, ns.smooth_max(0.5)):
        for reasoning in (
            ns.nn.Reasoning(network, total, semiring=semiring),
            ns.nn.Reasoning(machine, semiring=semiring),
        ):
            for again in (pickle.loads(pickle.dumps(reasoning)), copy.deepcopy(reasoning)):
                np.testing.assert_array_equal(again(beliefs), reasoning(beliefs))
                assert repr(again) == repr(reasoning)
                assert again.answerer.semiring is semiring
