"""Reasoning as a module in a plain optax loop."""

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
