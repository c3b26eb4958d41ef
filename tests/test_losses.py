"""Losses against their definitions, at zero probability, and on bad input."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym import losses
from neurosym.losses import IMPOSSIBLE, cross_entropy, query_nll, semantic_loss


def example():
    logits = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    targets = np.random.default_rng(1).integers(0, 5, (4, 3)).astype(np.int32)
    return logits, targets


def test_query_nll_is_minus_the_mean_log_probability_of_the_targets():
    logits, targets = example()
    log_probabilities = np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -np.mean([log_probabilities[i][targets[i]] for i in np.ndindex(4, 3)])
    answer = jax.jit(query_nll)(log_probabilities, targets)
    assert answer.shape == ()
    assert answer.dtype == jnp.float32
    np.testing.assert_allclose(answer, expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(cross_entropy)(logits, targets), expected, rtol=1e-6)


def test_cross_entropy_has_the_gradient_of_softmax_minus_one_hot():
    logits, targets = example()
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = (probabilities - np.eye(5)[targets]) / targets.size
    answer = jax.grad(cross_entropy)(logits, targets)
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_semantic_loss_is_minus_the_mean_log_total():
    totals = np.array([0.5, 0.25, 1.0], np.float32)
    answer, gradient = jax.value_and_grad(semantic_loss)(jnp.log(totals))
    np.testing.assert_allclose(answer, np.log(8) / 3, rtol=1e-6)
    np.testing.assert_allclose(gradient, -np.ones(3) / 3, rtol=1e-6)
    np.testing.assert_allclose(semantic_loss(jnp.float32(-2.0)), 2.0)


def test_probability_zero_is_finite_with_gradient_zero():
    impossible = jnp.array([[0.0, -jnp.inf], [-1.0, -2.0]])
    answer, gradient = jax.value_and_grad(query_nll)(impossible, jnp.array([1, 1]))
    np.testing.assert_allclose(answer, (IMPOSSIBLE + 2) / 2)
    np.testing.assert_allclose(gradient, [[0, 0], [0, -0.5]])

    answer, gradient = jax.value_and_grad(semantic_loss)(jnp.array([-jnp.inf, -3.0]))
    np.testing.assert_allclose(answer, (IMPOSSIBLE + 3) / 2)
    np.testing.assert_allclose(gradient, [0, -0.5])

    # A masked label, a row that is masked altogether, and a masked class beside the label.
    logits = jnp.array([[0.0, -jnp.inf], [-jnp.inf, -jnp.inf], [0.0, -jnp.inf]])
    answer, gradient = jax.value_and_grad(cross_entropy)(logits, jnp.array([1, 0, 0]))
    np.testing.assert_allclose(answer, 2 * IMPOSSIBLE / 3, rtol=1e-6)
    np.testing.assert_allclose(gradient, np.zeros((3, 2)))


@pytest.mark.parametrize("function", [query_nll, cross_entropy])
def test_nan_and_targets_out_of_range_are_not_hidden(function):
    logits = jnp.array([[0.0, jnp.nan], [0.0, 0.0]])
    assert np.isnan(function(logits, jnp.array([1, 0])))
    for wrong in (-1, 2):
        targets = jnp.array([0, wrong])
        assert np.isnan(jax.jit(function)(jnp.zeros((2, 2)), targets))
        with pytest.raises(ValueError, match="from 0 to 1"):
            function(jnp.zeros((2, 2)), targets)
    assert np.isnan(semantic_loss(jnp.array([jnp.nan, 0.0])))


@pytest.mark.parametrize(
    ("values", "targets", "message"),
    [
        (jnp.zeros((3, 4)), jnp.zeros((4,), int), "same leading axes"),
        (jnp.zeros((3, 4)), jnp.zeros((3, 4), int), "same leading axes"),
        (jnp.zeros(()), jnp.zeros((), int), "same leading axes"),
        (jnp.zeros((3, 4)), jnp.zeros((3,)), "targets must be integers"),
        (jnp.zeros((3, 4), int), jnp.zeros((3,), int), "must be floats"),
        (jnp.zeros((0, 4)), jnp.zeros((0,), int), "batch is empty"),
    ],
)
@pytest.mark.parametrize("function", [query_nll, cross_entropy])
def test_bad_shapes_are_said(function, values, targets, message):
    with pytest.raises(ValueError, match=message):
        function(values, targets)


def test_semantic_loss_says_what_is_wrong():
    with pytest.raises(ValueError, match="log_total must be floats"):
        semantic_loss(jnp.array([True]))
    with pytest.raises(ValueError, match="batch is empty"):
        semantic_loss(jnp.zeros((0,)))


def test_examples_in_the_documentation_run():
    assert doctest.testmod(losses, extraglobs={"jnp": jnp}).failed == 0


def test_targets_in_numpys_int64_are_taken_without_a_warning():
    log_probabilities = jnp.log(jnp.array([[0.5, 0.5], [0.75, 0.25]]))
    wide = query_nll(log_probabilities, np.array([0, 1], np.int64))
    assert wide == query_nll(log_probabilities, jnp.array([0, 1]))
