"""Enumeration by search: exact below its limit, and what it does above it."""

import jax
import jax.numpy as jnp
import pytest
from small_sum import (
    EXISTS,
    brute_value,
    check_against_brute_force,
    evidence_of,
    logits_of,
    make,
    reasoner,
    run,
    solutions,
)

from neurosym import bridge


@pytest.mark.parametrize(
    "observed", [None, pytest.param((True, True, False), marks=pytest.mark.slow)]
)
def test_equals_brute_force_below_its_limit(observed):
    estimator = bridge.enumerated(reasoner(), limit=4, otherwise=make("relaxed"))
    check_against_brute_force(estimator, observed)


def test_enumerated_says_what_it_did_and_asks_the_other_only_where_a_batch_needs_it():
    calls = []

    def other(logits, evidence, **rest):
        jax.debug.callback(lambda: calls.append(1))
        return bridge.Estimate(jnp.sum(logits[0]), {"seen": jnp.ones(())})

    estimator = bridge.enumerated(reasoner(), limit=2, otherwise=other)
    few, many = evidence_of(1), EXISTS
    assert len(solutions(few)) <= 2 < len(solutions(many))
    batched = jax.jit(jax.vmap(lambda x, e: estimator(x, e)))
    logits = jnp.stack([logits_of(0), logits_of(1)])

    found = jax.block_until_ready(batched(logits, jnp.stack([few, few])))
    jax.effects_barrier()
    assert calls == []
    assert found.metrics["exact"].tolist() == [1, 1]
    assert found.metrics["otherwise_seen"].tolist() == [0, 0]

    found = jax.block_until_ready(batched(logits, jnp.stack([few, many])))
    jax.effects_barrier()
    assert calls
    assert found.metrics["exact"].tolist() == [1, 0]
    assert found.metrics["solutions"].tolist() == [len(solutions(few)), 2]
    assert float(found.log_likelihood[1]) == pytest.approx(float(logits[1, 0].sum()), abs=1e-5)
    assert float(found.log_likelihood[0]) == pytest.approx(brute_value(logits_of(0), few), abs=1e-5)


@pytest.mark.slow
def test_enumeration_that_reaches_its_node_limit_is_not_called_complete():
    estimator = bridge.enumerated(
        reasoner(), limit=50, node_limit=1, otherwise=bridge.exact(reasoner())
    )
    value, _, metrics = run(estimator, logits_of(0), EXISTS)
    assert metrics["exact"] == 0
    assert value == pytest.approx(brute_value(logits_of(0), EXISTS), abs=1e-5)
