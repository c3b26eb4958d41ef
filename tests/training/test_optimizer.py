"""Schedules and optimisers do what the settings say."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neurosym.training import OptimizerSettings, make_optimizer, make_schedule
from neurosym.training.optimizer import Optimizer


@pytest.mark.parametrize(
    ("schedule", "middle", "end"),
    [
        ("constant", 2.0, 2.0),
        ("linear", 1.1, 0.2),
        ("cosine", 1.1, 0.2),
        ("exponential", 2.0 * math.sqrt(0.1), 0.2),
    ],
)
def test_schedules_rise_then_decay(schedule, middle, end):
    settings = OptimizerSettings(
        learning_rate=2.0, schedule=schedule, warmup_steps=10, final_fraction=0.1
    )
    rate = make_schedule(settings, 110)
    assert float(rate(5)) == pytest.approx(1.0)
    assert float(rate(10)) == pytest.approx(2.0)
    assert float(rate(60)) == pytest.approx(middle, rel=1e-5)
    assert float(rate(110)) == pytest.approx(end, rel=1e-5)
    with pytest.raises(ValueError, match="warmup_steps"):
        make_schedule(settings, 10)


@pytest.mark.parametrize("warmup", [0, 7])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "exponential"])
def test_schedules_are_those_of_optax(schedule, warmup):
    peak, fraction, steps = 0.03, 0.1, 50
    settings = OptimizerSettings(
        learning_rate=peak, schedule=schedule, warmup_steps=warmup, final_fraction=fraction
    )
    decay = {
        "constant": optax.constant_schedule(peak),
        "linear": optax.linear_schedule(peak, fraction * peak, steps - warmup),
        "cosine": optax.cosine_decay_schedule(peak, steps - warmup, fraction),
        "exponential": optax.exponential_decay(peak, steps - warmup, fraction),
    }[schedule]
    rise = optax.linear_schedule(0.0, peak, warmup)
    expected = optax.join_schedules([rise, decay], [warmup]) if warmup else decay
    rate = make_schedule(settings, steps)
    for step in (0, 1, 6, 7, 8, 33, 49, 50, 60):
        assert float(rate(step)) == pytest.approx(float(expected(step)), rel=1e-6, abs=1e-9)


OF_EACH_KIND = [
    OptimizerSettings(learning_rate=0.1, schedule="cosine", final_fraction=0.2),
    OptimizerSettings(
        name="adamw", learning_rate=0.1, schedule="linear", warmup_steps=3, weight_decay=0.5
    ),
    OptimizerSettings(name="sgd", learning_rate=0.1, clip_norm=1.0, weight_decay=0.5, momentum=0.9),
]


@pytest.mark.parametrize("settings", OF_EACH_KIND, ids=lambda settings: settings.name)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_numbers_that_are_arguments_do_what_constants_do(settings, dtype):
    params = {"w": jnp.array([2.0, -1.0], dtype)}
    constant = make_optimizer(settings, make_schedule(settings, 10))
    given = Optimizer.of(settings, 10)

    @jax.jit
    def update(numbers, gradient, state, params):
        updates, state = given.build(numbers).update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    mine, theirs = params, params
    state, other = given.build(given.numbers).init(params), constant.init(params)
    for step in range(5):
        gradient = {"w": jnp.array([3.0 - step, 4.0], dtype)}
        updates, other = constant.update(gradient, other, theirs)
        theirs = optax.apply_updates(theirs, updates)
        mine, state = update(given.numbers, gradient, state, mine)
        assert mine["w"].dtype == dtype
        tolerance = 1e-6 if dtype == "float32" else 2e-2
        np.testing.assert_allclose(
            np.float32(mine["w"]), np.float32(theirs["w"]), rtol=tolerance, atol=tolerance
        )
    assert jax.tree.structure(state) == jax.tree.structure(other)


def test_sgd_with_clipping_and_decay_does_what_it_says():
    settings = OptimizerSettings(name="sgd", learning_rate=0.1, clip_norm=1.0, weight_decay=0.5)
    optimizer = make_optimizer(settings, make_schedule(settings, 10))
    params = {"w": jnp.array([2.0, 0.0])}
    updates, _ = optimizer.update({"w": jnp.array([3.0, 4.0])}, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], [-0.1 * (0.6 + 1.0), -0.1 * 0.8], rtol=1e-6)


def test_weight_decay_of_adam_is_refused():
    with pytest.raises(ValueError, match="adamw"):
        OptimizerSettings(name="adam", weight_decay=0.1)
