"""Grandparent: families as they are drawn, and parents recovered from grandparents."""

import jax
import numpy as np
import pytest
from flax import nnx

from experiments.grandparent import Grandparent, family
from neurosym.cli.configs import load_config


def test_a_family_has_two_parents_a_child_and_hidden_candidates():
    own = family(generations=3, people=4, candidates=10, seed=1)
    assert own.parent.sum() <= 16
    assert (own.parent[:, 4:].sum(0) >= 1).all()
    assert own.candidate.sum() == own.parent.sum() + 10
    for x, z in np.ndindex(*own.parent.shape):
        linked = any(own.parent[x, y] and own.parent[y, z] for y in range(len(own.parent)))
        assert own.grandparent[x, z] == linked


def test_parents_are_recovered_from_grandparents():
    config = load_config("configs/grandparent.py")
    config.data.update(generations=3, people=5, candidates=30, test=1)
    task = Grandparent(config)
    split, model = task.split("train"), task.model(nnx.Rngs(0))
    graph, state = nnx.split(model)
    batch = task.batch(split.examples, split.shared)

    @jax.jit
    def steps(state):
        def loss(state):
            return task.loss(nnx.merge(graph, state), batch, key=jax.random.key(0), step=0)[0]

        def one(state, _):
            gradient = jax.grad(loss)(state)
            return jax.tree.map(lambda x, g: x - 20 * g, state, gradient), None

        return jax.lax.scan(one, state, length=500)[0]

    learned = nnx.merge(graph, steps(state))
    metrics = task.summarise(learned, "test")
    assert metrics["candidate_precision"] < 0.5
    assert metrics["parent_precision"] >= 0.85
    assert metrics["parent_recall"] >= 0.85
    assert task.evaluate(learned, batch)["accuracy"].mean() == pytest.approx(1, abs=0.02)
