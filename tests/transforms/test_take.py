"""Gathers in bounds, against NumPy's indexing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.take import take, take_along

X = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_one_axis(axis, shape):
    index = np.random.default_rng(0).integers(0, X.shape[axis], shape)
    for given in (index, index.tolist() if index.size else index, jnp.asarray(index)):
        found = take(jnp.asarray(X), given, axis=axis)
        np.testing.assert_array_equal(found, np.take(X, index, axis))


def test_a_tuple_is_an_index_like_a_list():
    np.testing.assert_array_equal(take(jnp.asarray(X), (1, 0)), X[[1, 0]])


def test_several_axes_and_trees():
    rows, columns = np.array([[0], [2]]), np.array([3, 1])
    found = take({"a": jnp.asarray(X), "b": jnp.asarray(X[..., 0])}, rows, columns, axis=1)
    np.testing.assert_array_equal(found["a"], X[:, rows, columns])
    np.testing.assert_array_equal(found["b"], X[:, rows, columns, 0])


def test_an_index_for_each_row():
    index = np.random.default_rng(1).integers(0, 4, (2, 3, 6, 5))
    found = take_along(jnp.asarray(X), jnp.asarray(index), axis=2)
    np.testing.assert_array_equal(found, np.take_along_axis(X, index, 2))


def test_wide_lanes_stay_wide():
    with jax.enable_x64(True):
        lanes = jnp.asarray([2**63 + 1, 5], jnp.uint64)
        assert take(lanes, [1, 0, 0]).tolist() == [5, 2**63 + 1, 2**63 + 1]


def test_the_promise_reaches_the_compiler():
    for gather in (
        lambda x, index: take(x, index, axis=1),
        lambda x, index: take(x, index, index),
        lambda x, index: take_along(x, index[None, :], axis=1),
    ):
        text = str(jax.make_jaxpr(gather)(jnp.ones((3, 4)), jnp.zeros(2, jnp.int32)))
        assert "PROMISE_IN_BOUNDS" in text
        assert "CLIP" not in text
        assert "FILL" not in text
