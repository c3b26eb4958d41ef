"""Temperature schedules against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bridge import SCHEDULES, make_schedule

STEPS = np.array([0, 1, 25, 50, 99, 100, 101, 10_000])
FORMULAS = {
    "constant": lambda t: np.full_like(t, 2.0),
    "exponential": lambda t: 2 * 0.25**t,
    "linear": lambda t: 2 - 1.5 * t,
    "cosine": lambda t: 0.5 + 0.75 * (1 + np.cos(np.pi * t)),
}


@pytest.mark.parametrize("name", ["constant", *SCHEDULES])
def test_values_are_those_of_the_formula(name):
    schedule = make_schedule(name, start=2.0, floor=0.5, steps=100)
    expected = FORMULAS[name](np.minimum(STEPS / 100, 1.0))
    answers = [schedule(int(step)) for step in STEPS]
    assert all(answer.dtype == jnp.float32 and answer.shape == () for answer in answers)
    np.testing.assert_allclose(answers, expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(schedule))(STEPS), expected, rtol=1e-5)
    assert float(schedule(jnp.int32(0))) == 2.0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, "unknown temperature schedule 'cosin'; there are constant, exponential"),
        ("linear", {"floor": 0.0}, "0 < floor <= start"),
        ("linear", {"start": 0.1}, "0 < floor <= start"),
        ("constant", {"start": 0.0}, "0 < floor <= start"),
        ("cosine", {"start": float("nan")}, "0 < floor <= start"),
        ("exponential", {"steps": 0}, "at least 1 step"),
    ],
)
def test_bad_options_are_said(name, options, message):
    with pytest.raises(ValueError, match=message):
        make_schedule(name, **options)
