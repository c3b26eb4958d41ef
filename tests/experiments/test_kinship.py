"""Kinship and grandparent: exact answers where compositions are known, the baseline, recovery."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments._kinship import Chains, Kinships, counted
from experiments.grandparent import Grandparent, family
from experiments.kinship import Kinship
from neurosym.cli.configs import load_config

SIZE = 3


def chains_of(*chains):
    """Chains of numbers modulo three, which compose by addition."""
    longest = max(map(len, chains))
    relations = np.full((len(chains), longest), -1, np.int32)
    for n, own in enumerate(chains):
        relations[n, : len(own)] = own
    length = np.asarray([len(own) for own in chains], np.int32)
    return Chains(relations, length, np.asarray([sum(own) % SIZE for own in chains], np.int32))


def test_chains_of_known_compositions():
    """All orders of three relations agree, so the program answers as addition does."""
    task = Kinship(load_config("configs/kinship.py"))
    chains = chains_of([1, 2], [2, 2, 1], [0, 1, 1, 2], [2, 1])
    task.__dict__["kinships"] = Kinships(chains, chains, ("a", "b", "c"))
    logits = np.full((SIZE, SIZE, SIZE + 1), -30.0, np.float32)
    for one in range(SIZE):
        for other in range(SIZE):
            logits[one, other, (one + other) % SIZE] = 0
    inputs = {"relations": chains.relations, "length": chains.length}
    found = task.answer(jax.nn.log_softmax(jnp.asarray(logits)), inputs)
    np.testing.assert_array_equal(found["relation"], chains.target)
    np.testing.assert_allclose(jnp.exp(found["log_probability"]).max(1), 1, atol=1e-5)
    unknown = task.answer(jax.nn.log_softmax(jnp.zeros_like(logits)), inputs)
    np.testing.assert_allclose(jnp.exp(unknown["log_probability"]), 1 / SIZE, atol=1e-5)


def test_all_orders_of_reducing_a_chain_add_up():
    """A table of compositions that do not associate, against sums over all bracketings."""
    task = Kinship(load_config("configs/kinship.py"))
    chains = chains_of([1, 2], [2, 2, 1], [0, 1, 1, 2], [2, 1])
    task.__dict__["kinships"] = Kinships(chains, chains, ("a", "b", "c"))
    chance = np.random.default_rng(0)
    compose = chance.dirichlet(np.ones(SIZE + 1), (SIZE, SIZE)).astype(np.float32)

    def reduced(chain):
        if len(chain) == 1:
            return np.eye(SIZE)[chain[0]]
        cuts = range(1, len(chain))
        return sum(
            np.einsum("i,j,ijk->k", reduced(chain[:n]), reduced(chain[n:]), compose[..., :SIZE])
            for n in cuts
        )

    inputs = {"relations": chains.relations, "length": chains.length}
    found = task.answer(jnp.log(compose), inputs)
    for n, length in enumerate(chains.length):
        right = reduced(chains.relations[n, :length].tolist())
        np.testing.assert_allclose(
            jnp.exp(found["log_probability"][n]), right / right.sum(), rtol=1e-4
        )
        assert found["relation"][n] == right.argmax()


def test_counting_reduces_chains_in_all_orders():
    train = chains_of([0, 1], [1, 1], [1, 2], [1, 2], [2, 2])
    test = chains_of([0, 1, 1], [1, 1, 2], [2, 0])
    # 0 1 1: (0 1) 1 = 1 1 = 2, and 0 (1 1) = 0 2 is unknown; 2 0 is unknown.
    np.testing.assert_array_equal(counted(train, test, SIZE)[[0, 2]], [2, -1])


def test_validation_asks_for_unseen_combinations_of_the_longest_chains():
    config = load_config("configs/kinship.py")
    config.data.validation = 3
    task = Kinship(config)
    chains = chains_of([1, 2], [2, 1], [1, 2, 1], [1, 2, 1], [2, 2, 2], [0, 1, 2], [0, 0, 1])
    task.__dict__["kinships"] = Kinships(chains, chains, ("a", "b", "c"))
    train, held = task.chains("train"), task.chains("validation")
    assert 1 <= len(held.target) <= 3
    assert set(held.length) == {3}
    assert len(train.target) + len(held.target) == len(chains.target)
    seen = {tuple(row) for row in train.relations.tolist()}
    assert not seen & {tuple(row) for row in held.relations.tolist()}
    config.data.validation = 0
    assert len(task.chains("train").target) == len(chains.target)
    assert not len(task.chains("validation").target)


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
