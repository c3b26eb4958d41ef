"""What every bridge promises: normalisation, impossible values, batches, gradients, errors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bridge import (
    BRIDGES,
    gumbel_softmax,
    make_bridge,
    softmax,
    straight_through,
    straight_through_probabilities,
)

ALL = {
    "softmax": softmax,
    "gumbel_softmax": gumbel_softmax,
    "straight_through": straight_through,
    "straight_through sampled": functools.partial(straight_through, sample=True),
}
EVERY_BRIDGE = pytest.mark.parametrize("bridge", ALL.values(), ids=ALL.keys())


def beliefs(*shape, seed=0, scale=1.0):
    generator = np.random.default_rng(seed)
    return jnp.asarray(scale * generator.standard_normal(shape), jnp.float32)


def padded():
    """One free variable, one of two values, one of a single value, and one of none."""
    infinity = np.inf
    rows = [[0.3, -0.2, 1.0], [0.5, 0.1, -infinity], [-infinity, 2.0, -infinity], [-infinity] * 3]
    return jnp.asarray(rows, jnp.float32)


@EVERY_BRIDGE
def test_weights_are_normalised_and_batches_are_loops(bridge):
    logits = beliefs(4, 3, 5)
    key = jax.random.key(0)
    weights = jax.jit(bridge)(logits, key=key, temperature=0.7)
    assert weights.dtype == jnp.float32
    assert weights.shape == logits.shape
    np.testing.assert_allclose(jnp.exp(weights).sum(axis=-1), np.ones((4, 3)), rtol=1e-5)

    keys = jax.random.split(key, 4)
    one = functools.partial(bridge, temperature=0.7)
    mapped = jax.jit(jax.vmap(lambda logits, key: one(logits, key=key)))(logits, keys)
    one = jax.jit(one)
    looped = jnp.stack([one(row, key=key) for row, key in zip(logits, keys, strict=True)])
    np.testing.assert_allclose(mapped, looped, rtol=1e-5, atol=1e-6)


@EVERY_BRIDGE
def test_impossible_values_stay_impossible_without_nan(bridge):
    logits = padded()
    possible = np.asarray(logits) > -np.inf

    def score(logits, temperature):
        weights = bridge(logits, key=jax.random.key(1), temperature=temperature)
        return jnp.where(possible, weights, 0).sum(), weights

    gradients, weights = jax.jit(jax.grad(score, argnums=(0, 1), has_aux=True))(logits, 0.5)
    np.testing.assert_array_equal(np.asarray(weights) > -np.inf, possible)
    assert not np.isnan(weights).any()
    np.testing.assert_allclose(jnp.exp(weights[:3]).sum(axis=-1), np.ones(3), rtol=1e-5)
    assert np.isfinite(gradients[0]).all()
    assert np.isfinite(gradients[1])
    np.testing.assert_array_equal(np.asarray(gradients[0])[~possible], 0)
    assert np.abs(np.asarray(gradients[0])[:2][possible[:2]]).min() > 0


@EVERY_BRIDGE
def test_a_mask_is_the_same_as_padding_with_minus_infinity(bridge):
    logits = beliefs(2, 4, 3)
    mask = jnp.array([[True, True, False], [True, False, False], [True, True, True], [False] * 3])
    key = jax.random.key(2)
    masked = jax.jit(lambda logits: bridge(logits, key=key, mask=mask))(logits)
    infinite = jax.jit(lambda logits: bridge(logits, key=key))(jnp.where(mask, logits, -jnp.inf))
    np.testing.assert_array_equal(masked, infinite)


@EVERY_BRIDGE
def test_nan_and_huge_logits_are_not_hidden(bridge):
    key = jax.random.key(0)
    assert np.isnan(jax.jit(bridge)(jnp.array([[0.0, jnp.nan, 1.0]]), key=key)).any()
    huge = jnp.array([[1e4, -1e4, 0.0]])

    def score(logits):
        return bridge(logits, key=key, temperature=0.1).sum()

    value, gradient = jax.jit(jax.value_and_grad(score))(huge)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@EVERY_BRIDGE
@pytest.mark.parametrize(
    ("logits", "options", "message"),
    [
        (jnp.zeros((2, 3)), {"temperature": 0.0}, "temperature must be above 0"),
        (jnp.zeros((2, 3)), {"temperature": -1}, "temperature must be above 0"),
        (jnp.zeros((2, 3), int), {}, "logits must be floats"),
        (jnp.zeros((2, 3)), {"mask": jnp.ones((2, 3))}, "must be bool"),
        (jnp.zeros((2, 3)), {"mask": jnp.ones((3, 3), bool)}, "must be bool of that shape"),
        (jnp.zeros((3,)), {"mask": jnp.ones((2, 3), bool)}, "must be bool of that shape"),
    ],
)
def test_bad_arguments_are_said(bridge, logits, options, message):
    with pytest.raises(ValueError, match=message):
        bridge(logits, key=jax.random.key(0), **options)


@pytest.mark.parametrize("name", ["gumbel_softmax", "straight_through sampled"])
def test_sampling_needs_a_key(name):
    with pytest.raises(ValueError, match="needs a key"):
        ALL[name](jnp.zeros((2, 3)))


def test_softmax_is_the_softmax_with_the_right_gradient():
    logits = beliefs(3, 4)
    expected = jax.nn.log_softmax(logits / 2)
    np.testing.assert_allclose(softmax(logits, temperature=2.0), expected, rtol=1e-5, atol=1e-6)
    with jax.enable_x64(True):
        exact = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3)))
        cotangent = jnp.asarray(np.random.default_rng(1).standard_normal((2, 3)))

        def score(logits):
            return (softmax(logits, temperature=0.7) * cotangent).sum()

        answer = jax.jit(jax.grad(score))(exact)
        score = jax.jit(score)
        step = 1e-6
        for place in np.ndindex(2, 3):
            change = step * (jnp.zeros((2, 3)).at[place].set(1))
            slope = (score(exact + change) - score(exact - change)) / (2 * step)
            np.testing.assert_allclose(answer[place], slope, rtol=1e-6, atol=1e-8)


def test_the_factory_knows_every_bridge_and_its_options():
    assert make_bridge("softmax") is softmax
    assert set(BRIDGES) == {"softmax", "gumbel_softmax", "straight_through"}
    logits = beliefs(2, 3)
    hard = make_bridge("straight_through", smoothing=1e-3)(logits)
    np.testing.assert_allclose(hard, straight_through(logits, smoothing=1e-3))
    with pytest.raises(ValueError, match="unknown bridge 'sofmax'; there are gumbel_softmax, "):
        make_bridge("sofmax")
    with pytest.raises(ValueError, match="'softmax' has no option sample; it takes none"):
        make_bridge("softmax", sample=True)
    with pytest.raises(ValueError, match="no option smooth; it takes sample, smoothing"):
        make_bridge("straight_through", smooth=0.1)
    with pytest.raises(ValueError, match="smoothing must be above 0"):
        make_bridge("straight_through", smoothing=0.0)


def test_probabilities_without_a_possible_value_are_zero():
    weights = straight_through_probabilities(padded())
    expected = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("number", [1e300, -1e300])
def test_a_finite_logit_does_not_become_infinite(number):
    logits = np.zeros((2, 3))
    logits[1, 2] = number
    with pytest.raises(ValueError, match=r"1e\+300 at \[1, 2\], beyond float32"):
        softmax(logits)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        softmax(np.zeros((2, 3)), temperature=1e-300)
