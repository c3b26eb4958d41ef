"""What holds for every estimator: impossible evidence, what is not observed, batches, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sum import (
    EXISTS,
    KEY,
    SHAPE,
    SOME,
    every_estimator,
    logits_of,
    make,
    reasoner,
    run,
)

from neurosym import bridge

IMPOSSIBLE = EXISTS & np.asarray([[0, 1, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], bool)  # x = y


def cases():
    """Name, logits, evidence and what is observed, of instances that make one batch."""
    unlikely, unseen = logits_of(0), logits_of(0)
    unlikely[0, 1] = -np.inf
    unseen[2] = np.nan
    every, two = (True, True, True), (True, True, False)
    return {
        "plain": (logits_of(0), SOME, every),
        "all is allowed": (logits_of(1), EXISTS, every),
        "impossible evidence": (logits_of(0), IMPOSSIBLE, every),
        "impossible value": (unlikely, SOME, every),
        "z is not observed": (logits_of(0), SOME, two),
        "nor is it a number": (unseen, SOME, two),
    }


@functools.cache
def batch_results(name):
    """Value, gradient and metrics of each case, computed as one batch on one key."""
    estimator = make(name)

    def loss(logits, allowed, observed):
        found = estimator(logits, allowed, observed=observed, key=KEY)
        return found.log_likelihood, found.metrics

    both = jax.value_and_grad(loss, has_aux=True)
    columns = [
        jnp.stack([jnp.asarray(x) for x in column])
        for column in zip(*cases().values(), strict=True)
    ]
    (values, metrics), gradients = jax.jit(jax.vmap(both))(*columns)
    return {
        case: (
            float(values[n]),
            np.asarray(gradients[n]),
            {key: float(metric[n]) for key, metric in metrics.items()},
        )
        for n, case in enumerate(cases())
    }


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_impossible_evidence_has_gradient_zero_and_never_nan(name):
    value, gradient, _ = batch_results(name)["impossible evidence"]
    assert value == -np.inf
    assert (gradient == 0).all()


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_impossible_values_have_gradient_zero(name):
    value, gradient, _ = batch_results(name)["impossible value"]
    assert not np.isnan(value)
    assert np.isfinite(gradient).all()
    assert gradient[0, 1] == 0
    assert (gradient[~EXISTS] == 0).all()


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_logits_of_what_is_not_observed_do_not_matter(name):
    first, second = (batch_results(name)[x] for x in ("z is not observed", "nor is it a number"))
    assert first[0] == second[0]
    assert first[2] == second[2]
    np.testing.assert_array_equal(first[1], second[1])
    assert (second[1][2] == 0).all()
    assert np.abs(second[1]).sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_a_batch_equals_a_single_instance(name):
    logits, allowed, observed = cases()["plain"]
    value, gradient, metrics = run(make(name), logits, allowed, observed=observed)
    expected = batch_results(name)["plain"]
    assert value == pytest.approx(expected[0], abs=1e-5)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-5)
    # What `otherwise` says depends on whether another instance of the batch needs it.
    assert metrics == pytest.approx(expected[2], abs=1e-5)


class OnlyTotal:
    exists = EXISTS

    def total(self, log_weights, evidence, *, semiring):
        return reasoner().total(log_weights, evidence, semiring=semiring)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("belief_propagation", "beliefs"),
        ("enumerated", "solutions"),
        ("pruned", "prune"),
        ("perturb_and_map", "best"),
        ("score_function", "holds"),
        ("top_k_assignments", "k_best"),
    ],
)
def test_a_reasoner_that_lacks_what_is_needed_is_refused_at_once(name, missing):
    options = every_estimator()[name] | ({"solver": None} if name == "perturb_and_map" else {})
    with pytest.raises(ValueError, match=rf"{name} needs of its reasoner: {missing}; OnlyTotal"):
        bridge.make_estimator(name, OnlyTotal(), **options)
    assert bridge.exact(OnlyTotal())(jnp.asarray(logits_of(0)), SOME).log_likelihood < 0


def test_wrong_shapes_are_refused_in_the_users_terms():
    estimator = bridge.exact(reasoner())
    with pytest.raises(ValueError, match=r"logits are floats \[V, D\] = \[3, 4\]"):
        estimator(jnp.zeros((3, 3)), SOME)
    with pytest.raises(ValueError, match="allowed values"):
        estimator(jnp.zeros(SHAPE), jnp.ones((3, 3), bool))
    with pytest.raises(ValueError, match="observed is"):
        estimator(jnp.zeros(SHAPE), SOME, observed=jnp.ones(2, bool))
    for name in ("perturb_and_map", "score_function", "pruned", "relaxed"):
        with pytest.raises(ValueError, match="key"):
            make(name)(jnp.zeros(SHAPE), SOME)
