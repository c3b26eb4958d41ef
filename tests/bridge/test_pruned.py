"""Hard domains forward, a soft backward pass: within the evidence, exact on what survived."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sum import (
    KEY,
    SOME,
    brute_gradient,
    brute_value,
    logits_of,
    make,
    propagated,
    reasoner,
    run,
    solutions,
)

from neurosym import bridge


def test_pruned_stays_within_the_evidence_whatever_the_encoder_believes():
    survivors = jax.jit(
        jax.vmap(
            lambda logits, key: bridge.survivors(
                reasoner(), logits, SOME, rule=bridge.within(0.2), key=key, gumbel=True
            )
        )
    )
    logits = jnp.stack([5 * logits_of(seed) for seed in range(200)])
    found = survivors(logits, jax.random.split(KEY, 200))
    start = propagated(SOME)
    wiped_out, restored = np.asarray(found.wiped_out), np.asarray(found.restored)
    assert wiped_out.any()
    assert not wiped_out.all()
    assert restored.any()
    allowed = np.asarray(found.allowed)
    assert not (allowed & ~SOME).any()
    np.testing.assert_array_equal(
        allowed[wiped_out], np.broadcast_to(start, allowed[wiped_out].shape)
    )
    for mask, failed in zip(allowed[:40], wiped_out[:40], strict=True):
        if not failed:
            np.testing.assert_array_equal(propagated(mask), mask)  # a fixpoint
    np.testing.assert_allclose(
        found.pruned, 1 - allowed.sum((1, 2)) / start.sum(), rtol=0, atol=1e-6
    )


@pytest.mark.slow
def test_pruned_has_value_and_gradient_of_the_inner_estimator_on_the_survivors():
    rule = bridge.within(1.0)
    estimator = bridge.pruned(reasoner(), inner=bridge.exact(reasoner()), rule=rule)
    differing = 0
    for seed in range(6):
        logits = logits_of(seed)
        left = np.asarray(
            bridge.survivors(reasoner(), jnp.asarray(logits), SOME, rule=rule).allowed
        )
        value, gradient, _ = run(estimator, logits, SOME)
        assert value == pytest.approx(brute_value(logits, left), abs=1e-5)
        np.testing.assert_allclose(gradient, brute_gradient(logits, left), atol=2e-4)
        differing += len(solutions(left)) < len(solutions(SOME))
    assert differing


def test_the_temperature_scales_the_rule():
    logits = jnp.asarray([[0.0, -1.5, -9], [0.0, -1.5, -9], [0, 0, 0]])
    logits = jnp.pad(logits, [(0, 0), (0, 1)])
    rule = bridge.within(1.0)

    def left(temperature):
        found = bridge.survivors(reasoner(), logits, None, rule=rule, temperature=temperature)
        return found.wiped_out, found.allowed

    wiped_out, _ = left(1.0)  # x = y = 0 alone
    assert wiped_out
    wiped_out, allowed = left(2.0)
    assert not wiped_out
    assert np.asarray(allowed)[:2, :3].tolist() == [[True, True, False]] * 2


def test_the_step_of_pruned_propagates_in_a_loop_over_64_bit_lanes():
    estimator = make("pruned")
    step = jax.grad(lambda x: estimator(x, jnp.asarray(SOME), key=KEY).log_likelihood)
    text = str(jax.make_jaxpr(step)(jnp.asarray(logits_of(0))))
    assert "while" in text
    assert "u64[" in text


def test_what_is_not_observed_keeps_all_that_the_evidence_allows():
    observed = jnp.asarray([True, False, False])
    for rule in (bridge.top_k(1), bridge.within(0.0), bridge.sampled()):
        found = bridge.survivors(
            reasoner(), jnp.asarray(logits_of(3)), None, rule=rule, observed=observed, key=KEY
        )
        x = int(np.asarray(found.allowed)[0].argmax())
        assert np.asarray(found.allowed)[0].sum() == 1
        assert np.asarray(found.allowed)[1, :3].tolist() == [v != x and x + v < 4 for v in range(3)]
