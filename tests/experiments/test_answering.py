"""Answering in batches: the same as at once, whatever the size of a batch."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import neurosym as ns
from experiments._answering import answers, in_batches, likeliest_readings, split_answers
from neurosym.training import Split


class Scaling:
    """Beliefs are inputs times a parameter; the answer is their sum and where they are largest."""

    def batch(self, examples, shared):
        return {"x": examples["x"] + shared, "label": examples["label"]}

    def beliefs(self, model, inputs):
        return model(inputs["x"])

    def answer(self, beliefs, inputs):
        return {"sum": beliefs.sum(1) + inputs["x"][:, 0], "largest": beliefs.argmax(1)}


@pytest.fixture
def model():
    linear = nnx.Linear(3, 3, rngs=nnx.Rngs(0))
    linear.kernel.set_value(2.0 * jnp.eye(3))
    return linear


@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_every_input_is_answered_once(model, size):
    x = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    beliefs, answer = answers(Scaling(), model, {"x": x}, size=size)
    assert isinstance(beliefs, np.ndarray)
    np.testing.assert_allclose(beliefs, 2 * x, rtol=1e-5)
    np.testing.assert_allclose(answer["sum"], 2 * x.sum(1) + x[:, 0], rtol=1e-5)
    split = Split(examples={"x": x - 1, "label": np.zeros(7)}, shared=jnp.float32(1))
    again, kept = split_answers(Scaling(), model, split, keep=("largest",), size=size)
    np.testing.assert_allclose(again, beliefs, rtol=1e-5)
    assert kept.keys() == {"largest"}
    np.testing.assert_array_equal(kept["largest"], answer["largest"])


def test_one_program_does_for_all_batches():
    shapes = []

    def double(x):
        shapes.append(x.shape)
        return 2 * x

    np.testing.assert_array_equal(in_batches(double, np.arange(10), size=4), 2 * np.arange(10))
    assert shapes == [(4,)]


def test_a_second_call_traces_nothing(model):
    traced = []

    class Counting(Scaling):
        def beliefs(self, model, inputs):
            traced.append(inputs["x"].shape)
            return super().beliefs(model, inputs)

    task = Counting()
    x = np.ones((5, 3), np.float32)
    split = Split(examples={"x": x, "label": np.zeros(5)}, shared=jnp.float32(1))
    for _ in range(2):
        answers(task, model, {"x": x})
        split_answers(task, model, split, keep=("sum",))
    assert traced == [(5, 3), (5, 3)]
    answers(Counting(), model, {"x": x})  # another task has another program
    assert len(traced) == 3


def test_readings_hold_the_evidence():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add(x != y)
    reasoner = ns.bridge.NetworkReasoner(problem.compile())
    logits = np.array([[[0, 1, 5], [0, 1, 4]], [[3, 0, 0], [5, 4, 0]]], np.float32)
    allowed = np.ones((2, 2, 3), bool)
    np.testing.assert_array_equal(likeliest_readings(reasoner, logits, allowed), [[2, 1], [0, 1]])
    allowed[0, 0, 2] = False
    np.testing.assert_array_equal(likeliest_readings(reasoner, logits, allowed)[0], [1, 2])


def test_a_circuit_reads_its_leaves_inside_a_trace():
    circuit = ns.circuits.from_state_machine(
        domains=[range(3)] * 2,
        start=0,
        step=lambda total, position, value: total + value,
        answer=lambda total, position: total if position == 2 else None,
    )
    reasoner = ns.bridge.CircuitReasoner(circuit)
    logits = np.log(np.array([[[0.4, 0.35, 0.25]] * 2], np.float32))
    found = likeliest_readings(reasoner, logits, np.array([circuit.answers.index(1)]))
    assert sorted(found[0].tolist()) == [0, 1]
