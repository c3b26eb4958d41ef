"""Kinship: exact answers where compositions are known, all orders of a chain, the baseline."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments._kinship import Chains, Kinships, counted
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
