"""The distributions and gradients of Gumbel-softmax and straight-through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bridge import (
    gumbel_softmax,
    softmax,
    straight_through,
    straight_through_probabilities,
)

LOGITS = jnp.array([[0.0, 1.0, -1.0, 0.5], [2.0, 0.0, -2.0, -jnp.inf]], jnp.float32)
PROBABILITIES = np.asarray(jnp.exp(jax.nn.log_softmax(LOGITS)))
SAMPLES = 20_000


def draw(bridge, *, seed=0, **options):
    keys = jax.random.split(jax.random.key(seed), SAMPLES)
    return jax.jit(jax.vmap(lambda key: bridge(LOGITS, key=key, **options)))(keys)


def chi_square(chosen, probabilities):
    """Pearson's statistic of int[N] against float[D]."""
    possible = probabilities > 0
    counts = np.bincount(np.asarray(chosen), minlength=len(probabilities))
    assert counts[~possible].sum() == 0
    expected = len(chosen) * probabilities[possible]
    return float(((counts[possible] - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("temperature", [0.2, 5.0])
@pytest.mark.parametrize(
    "bridge",
    [
        gumbel_softmax,
        lambda logits, **options: straight_through(logits, sample=True, **options),
        lambda logits, **options: straight_through_probabilities(logits, sample=True, **options),
    ],
    ids=["gumbel_softmax", "straight_through", "straight_through_probabilities"],
)
def test_the_largest_entry_is_a_sample_of_the_softmax_at_every_temperature(bridge, temperature):
    chosen = draw(bridge, temperature=temperature).argmax(axis=-1)
    # The 99.9 % quantile of chi-square with 3 and 2 degrees of freedom.
    assert chi_square(chosen[:, 0], PROBABILITIES[0]) < 16.3
    assert chi_square(chosen[:, 1], PROBABILITIES[1]) < 13.8
    # The two variables are drawn independently.
    joint = np.asarray(chosen[:, 0] * 4 + chosen[:, 1])
    assert chi_square(joint, np.outer(*PROBABILITIES).ravel()) < 31.3


def test_relaxed_samples_have_the_limits_of_the_paper():
    cold = jnp.exp(draw(gumbel_softmax, temperature=0.01))
    assert float((cold.max(axis=-1) > 0.99).mean()) > 0.95
    np.testing.assert_allclose(cold.mean(axis=0), PROBABILITIES, atol=0.015)
    hot = jnp.exp(draw(gumbel_softmax, temperature=1000.0))
    even = np.array([[0.25] * 4, [1 / 3] * 3 + [0]])
    np.testing.assert_allclose(hot, np.broadcast_to(even, hot.shape), atol=0.02)


def test_relaxed_samples_of_two_values_have_the_papers_density():
    # Two values of logits a and b at temperature t: log(y / (1 - y)) is (a - b + L) / t with L
    # standard logistic, the binary concrete distribution of Maddison et al., appendix B.
    logits = jnp.array([0.7, -0.4])
    keys = jax.random.split(jax.random.key(3), SAMPLES)
    weights = jax.vmap(lambda key: gumbel_softmax(logits, key=key, temperature=0.6))(keys)
    score = np.sort(np.asarray(0.6 * (weights[:, 0] - weights[:, 1]) - 1.1))
    uniform = 1 / (1 + np.exp(-score))
    ranks = (np.arange(SAMPLES) + 0.5) / SAMPLES
    # Kolmogorov and Smirnov's bound at 99.9 %.
    assert np.abs(uniform - ranks).max() < 1.95 / np.sqrt(SAMPLES)


def test_the_gradient_of_a_relaxed_sample_is_that_of_finite_differences():
    with jax.enable_x64(True):
        logits = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3)))
        cotangent = np.random.default_rng(1).standard_normal((2, 3))

        def score(logits, temperature):
            weights = gumbel_softmax(logits, key=jax.random.key(0), temperature=temperature)
            return (weights * cotangent).sum()

        gradient, slope = jax.jit(jax.grad(score, argnums=(0, 1)))(logits, 0.5)
        score = jax.jit(score)
        step = 1e-6
        for place in np.ndindex(2, 3):
            change = jnp.zeros((2, 3)).at[place].set(step)
            finite = (score(logits + change, 0.5) - score(logits - change, 0.5)) / (2 * step)
            np.testing.assert_allclose(gradient[place], finite, rtol=1e-6, atol=1e-8)
        finite = (score(logits, 0.5 + step) - score(logits, 0.5 - step)) / (2 * step)
        np.testing.assert_allclose(slope, finite, rtol=1e-6)


@pytest.mark.parametrize("sample", [False, True])
def test_straight_through_probabilities_are_one_hot_with_the_soft_jacobian(sample):
    key = jax.random.key(5)
    options = {"key": key, "temperature": 0.8}
    weights = straight_through_probabilities(LOGITS, sample=sample, **options)
    assert set(np.unique(weights)) == {0.0, 1.0}
    np.testing.assert_array_equal(weights.sum(axis=-1), [1, 1])
    soft = gumbel_softmax if sample else softmax
    np.testing.assert_array_equal(weights.argmax(axis=-1), soft(LOGITS, **options).argmax(axis=-1))
    ours = jax.jacobian(lambda x: straight_through_probabilities(x, sample=sample, **options))
    theirs = jax.jacobian(lambda x: jnp.exp(soft(x, **options)))
    np.testing.assert_array_equal(jax.jit(ours)(LOGITS), jax.jit(theirs)(LOGITS))


@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("sample", [False, True])
def test_straight_through_in_logs_is_within_its_smoothing_of_one_hot(sample, smoothing):
    options = {"key": jax.random.key(5), "temperature": 0.8, "sample": sample}
    weights = jnp.exp(straight_through(LOGITS, smoothing=smoothing, **options))
    one_hot = straight_through_probabilities(LOGITS, **options)
    assert float(jnp.abs(weights - one_hot).max()) <= smoothing + 1e-6
    np.testing.assert_allclose(weights.sum(axis=-1), [1, 1], rtol=1e-5)
    soft = jnp.exp(
        (gumbel_softmax if sample else softmax)(LOGITS, key=options["key"], temperature=0.8)
    )
    expected = (1 - smoothing) * one_hot + smoothing * soft
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("sample", [False, True])
def test_a_gradient_through_the_logs_is_the_soft_one_at_the_hard_weights(sample):
    """Reasoning in LOG and in REAL trains alike: d f / d logits = d f / d q · d soft / d logits."""
    options = {"key": jax.random.key(7), "temperature": 0.8}
    logits = jnp.array([[0.1, 0.9, -0.5], [1.5, -0.3, 0.2]])
    # Constraint: both variables take the same value; the choice breaks it, and must still learn.

    def bridge(logits):
        return straight_through(logits, sample=sample, smoothing=0.05, **options)

    def total_in_logs(weights):
        return jax.nn.logsumexp(weights[0] + weights[1])

    def total_in_reals(probabilities):
        return jnp.log((probabilities[0] * probabilities[1]).sum())

    soft = gumbel_softmax if sample else softmax

    @jax.jit
    def gradients(logits):
        _, pull_back = jax.vjp(lambda x: jnp.exp(soft(x, **options)), logits)
        (expected,) = pull_back(jax.grad(total_in_reals)(jnp.exp(bridge(logits))))
        through_logs = jax.grad(lambda x: total_in_logs(bridge(x)))(logits)
        through_reals = jax.grad(lambda x: total_in_reals(jnp.exp(bridge(x))))(logits)
        return through_logs, through_reals, expected

    ours, through_reals, expected = gradients(logits)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(through_reals, expected, rtol=1e-4, atol=1e-5)
    assert float(jnp.abs(ours).max()) > 0.1


def test_a_choice_that_breaks_the_constraint_is_unlearned():
    """A few steps of ascent on the log total make two variables agree, from a confident mistake."""
    logits = jnp.array([[3.0, 0.0, -1.0], [-1.0, 0.5, 2.0]])

    @jax.jit
    @jax.grad
    def slope(logits):
        weights = straight_through(logits)
        return jax.nn.logsumexp(weights[0] + weights[1])

    for _ in range(100):
        gradient = slope(logits)
        assert np.isfinite(gradient).all()
        logits = logits + 0.3 * gradient
    assert int(logits[0].argmax()) == int(logits[1].argmax())


def test_far_logits_do_not_underflow():
    logits = jnp.array([[0.0, -300.0]])
    value, gradient = jax.value_and_grad(lambda x: straight_through(x)[0, 1])(logits)
    np.testing.assert_allclose(value, np.log(0.1) - 300, rtol=1e-6)
    np.testing.assert_allclose(gradient, [[-10.0, 10.0]], rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, -0.1, 1.5])
def test_smoothing_out_of_range_is_said(smoothing):
    with pytest.raises(ValueError, match="smoothing must be above 0 and at most 1"):
        straight_through(LOGITS, smoothing=smoothing)
