"""Schedules and optimisers do what the settings say."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.training import OptimizerSettings, make_optimizer, make_schedule


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


def test_sgd_with_clipping_and_decay_does_what_it_says():
    settings = OptimizerSettings(name="sgd", learning_rate=0.1, clip_norm=1.0, weight_decay=0.5)
    optimizer = make_optimizer(settings, make_schedule(settings, 10))
    params = {"w": jnp.array([2.0, 0.0])}
    updates, _ = optimizer.update({"w": jnp.array([3.0, 4.0])}, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], [-0.1 * (0.6 + 1.0), -0.1 * 0.8], rtol=1e-6)


def test_weight_decay_of_adam_is_refused():
    with pytest.raises(ValueError, match="adamw"):
        OptimizerSettings(name="adam", weight_decay=0.1)
