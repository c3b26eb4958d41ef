"""A question is the parts that an estimator is called with, and any estimator can be asked it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sum import (
    EXISTS,
    KEY,
    SOME,
    evidence_of,
    log_softmax,
    logits_of,
    make,
    reasoner,
    solutions,
)

from neurosym import bridge
from neurosym.bridge import Estimate, Question


@pytest.mark.parametrize("name", ["exact", "relaxed"])
def test_a_question_says_the_same_as_its_parts(name):
    estimator = make(name)
    observed = jnp.asarray([True, True, False])
    options = {"observed": observed, "key": KEY, "temperature": 0.7}
    parts = estimator(jnp.asarray(logits_of(0)), jnp.asarray(SOME), **options)
    whole = estimator(Question(jnp.asarray(logits_of(0)), jnp.asarray(SOME), **options))
    assert parts == whole
    without = estimator(jnp.asarray(logits_of(0)), jnp.asarray(SOME), key=KEY)
    assert without.log_likelihood != whole.log_likelihood


def test_questions_are_pytrees():
    cases = [evidence_of(1, 2), evidence_of(3), EXISTS]
    batch = Question(
        jnp.stack([jnp.asarray(logits_of(n)) for n in range(3)]), jnp.asarray(np.stack(cases))
    )
    axes = Question(0, 0, temperature=None)
    found = jax.jit(jax.vmap(make("exact"), in_axes=(axes,)))(batch).log_likelihood
    for n, allowed in enumerate(cases):
        weights = log_softmax(logits_of(n))
        scores = [sum(weights[i, v] for i, v in enumerate(s)) for s in solutions(allowed)]
        assert found[n] == pytest.approx(np.logaddexp.reduce(scores), abs=1e-5)


def test_an_estimator_in_the_documented_form_may_stand_inside_of_others():
    asked = []

    def own(logits, evidence, *, observed=None, key=None, temperature=1.0):
        asked.append((evidence, observed, key, temperature))
        return Estimate(jnp.sum(jnp.where(evidence, logits, 0)), {"own": jnp.float32(1)})

    logits, observed = jnp.asarray(logits_of(0)), jnp.asarray([True, True, False])
    outer = bridge.enumerated(reasoner(), limit=1, otherwise=own)
    found = outer(logits, SOME, observed=observed, key=KEY, temperature=0.5)
    assert found.log_likelihood == pytest.approx(float(logits[SOME].sum()), abs=1e-5)
    assert found.metrics["otherwise_own"] == 1
    evidence, seen, key, temperature = asked[0]
    assert evidence is SOME
    assert seen is observed
    assert key is KEY
    assert temperature == 0.5
    hard = bridge.pruned(reasoner(), inner=own, rule=bridge.within(100.0))
    found = hard(logits, SOME, key=KEY)
    assert found.metrics["own"] == 1
    assert found.log_likelihood == pytest.approx(
        float(jnp.where(found.allowed, logits, 0).sum()), abs=1e-5
    )


def test_an_estimator_of_ones_own_may_be_a_function_of_a_question():
    @bridge.of_question
    def own(question):
        assert question.temperature == 2.0
        return Estimate(jnp.sum(question.logits), {})

    logits = jnp.asarray(logits_of(0))
    found = bridge.pruned(reasoner(), inner=own, rule=bridge.within(1.0))
    with pytest.raises(AssertionError):  # the inner estimator runs at temperature 1
        found(logits, SOME, temperature=2.0)
    assert own(logits, SOME, temperature=2.0).log_likelihood == jnp.sum(logits)
