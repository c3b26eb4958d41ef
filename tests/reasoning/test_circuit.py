"""A circuit as a reasoner: against all words of a small machine."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.bridge import CircuitReasoner
from neurosym.reasoning.protocols import HasBest, HasJudgement, HasKBest, HasTotal

SIZES = (3, 2, 3)


def words_of(total, length):
    ranges = [range(size) for size in SIZES[:length]]
    return [word for word in itertools.product(*ranges) if sum(word) == total]


@pytest.fixture(scope="module")
def reasoner():
    circuit = ns.circuits.from_state_machine(
        [range(size) for size in SIZES],
        0,
        lambda total, position, value: total + value,
        lambda total, position: (position, total) if position in (1, 3) else None,
    )
    return CircuitReasoner(circuit)


@pytest.fixture(scope="module")
def weights():
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), jnp.float32)


def score(weights, word):
    return sum(float(weights[i, v]) for i, v in enumerate(word))


def test_what_it_can_do(reasoner):
    assert all(isinstance(reasoner, can) for can in (HasTotal, HasBest, HasKBest, HasJudgement))
    np.testing.assert_array_equal(reasoner.exists, np.arange(3) < np.asarray(SIZES)[:, None])
    with pytest.raises(ValueError, match="is not a circuit"):
        CircuitReasoner("a circuit")


@pytest.mark.parametrize("evidence", [(3, 2), (1, 2)])
def test_totals_and_best_words(reasoner, weights, evidence):
    root = reasoner.circuit.answers.index(evidence)
    words = words_of(evidence[1], evidence[0])
    scores = [score(weights, word) for word in words]
    total = reasoner.total(weights, root)
    np.testing.assert_allclose(total, np.logaddexp.reduce(scores), rtol=1e-5)
    found = reasoner.k_best(weights, root, k=3)
    order = np.argsort(scores)[::-1][:3]
    assert int(found.found) == len(order)
    np.testing.assert_allclose(
        found.log_weights[: len(order)], np.asarray(scores)[order], rtol=1e-5
    )
    read = [tuple(row[: evidence[0]]) for row in np.asarray(found.assignments[: len(order)])]
    assert read == [words[n] for n in order]
    assert (np.asarray(found.assignments[len(order) :]) == -1).all()
    assert tuple(np.asarray(reasoner.best(weights, root))[: evidence[0]]) == words[order[0]]


def test_judgement(reasoner):
    root = reasoner.circuit.answers.index((3, 4))
    words = list(itertools.product(*(range(size) for size in SIZES)))
    held = jax.vmap(lambda word: reasoner.holds(word, root))(jnp.asarray(words))
    np.testing.assert_array_equal(held, [sum(word) == 4 for word in words])
    observed = jnp.asarray([True, False, True])
    some = jax.vmap(lambda word: reasoner.holds(word, root, observed=observed))(jnp.asarray(words))
    np.testing.assert_array_equal(some, [4 - word[0] - word[2] in (0, 1) for word in words])


def test_the_exact_estimator_of_a_circuit(reasoner, weights):
    estimator = ns.bridge.exact(reasoner)
    logits = weights.at[1, 2].set(-jnp.inf)
    root = reasoner.circuit.answers.index((3, 3))

    def likelihood(logits):
        return estimator(logits, root).log_likelihood

    p = np.exp(jax.nn.log_softmax(logits))
    wanted = np.log(sum(np.prod([p[i, v] for i, v in enumerate(w)]) for w in words_of(3, 3)))
    value, gradient = jax.value_and_grad(likelihood)(logits)
    np.testing.assert_allclose(value, wanted, rtol=1e-5)
    assert np.isfinite(gradient).all()
    assert gradient[1, 2] == 0
