"""Derivatives of a fixpoint against dense linear algebra in NumPy, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.semirings.fixpoints.implicit import Series, implied


def problem(seed=0, size=4):
    """``x = tanh(A x) + θ`` with a small A, and its fixpoint by many rounds."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(size, size)) / (2 * size)
    theta = rng.normal(size=size)
    x = np.zeros(size)
    for _ in range(200):
        x = np.tanh(matrix @ x) + theta
    return matrix, theta, x


def step(x, operands):
    matrix, theta = operands
    return jnp.tanh(matrix @ x) + theta


@pytest.mark.parametrize("tree", [False, True])
def test_first_derivatives_in_both_modes(tree):
    matrix, theta, x = problem()
    slope = 1 - np.tanh(matrix @ x) ** 2
    wanted = np.linalg.inv(np.eye(4) - slope[:, None] * matrix)  # dx / dθ

    def value(theta):
        if not tree:
            return implied(step, jnp.asarray(x), (jnp.asarray(matrix), theta), Series(100))

        def split(x, operands):
            whole = step(jnp.concatenate([x["a"], x["b"]]), operands)
            return {"a": whole[:1], "b": whole[1:]}

        start = {"a": jnp.asarray(x[:1]), "b": jnp.asarray(x[1:])}
        found = implied(split, start, (jnp.asarray(matrix), theta), Series(100))
        return jnp.concatenate([found["a"], found["b"]])

    with jax.enable_x64(True):
        theta = jnp.asarray(theta)
        np.testing.assert_allclose(value(theta), x, rtol=1e-12)
        np.testing.assert_allclose(jax.jacrev(value)(theta), wanted, rtol=1e-9)
        np.testing.assert_allclose(jax.jacfwd(value)(theta), wanted, rtol=1e-9)
        batched = jax.vmap(jax.jacrev(value))(jnp.stack([theta, theta]))
        np.testing.assert_allclose(batched[1], wanted, rtol=1e-9)


def test_second_derivatives():
    matrix, theta, _ = problem(1)

    def run(theta):
        x = jnp.zeros(4)
        for _ in range(60):
            x = step(x, (jnp.asarray(matrix), theta))
        return x

    def value(theta):
        operands = (jnp.asarray(matrix), theta)
        return jnp.sum(implied(step, run(theta), operands, Series(200)) ** 2)

    with jax.enable_x64(True):
        theta = jnp.asarray(theta)
        wanted = jax.hessian(lambda theta: jnp.sum(run(theta) ** 2))(theta)
        np.testing.assert_allclose(jax.hessian(value)(theta), wanted, rtol=1e-8)


def halving(x, theta):
    return 0.5 * x + theta


@pytest.mark.parametrize(("most", "wanted"), [(1, 1.5), (2, 1.75), (3, 1.875), (60, 2.0)])
def test_what_was_summed_up_before_it_was_given_up(most, wanted):
    def value(theta, sound):
        return implied(halving, jnp.asarray([3.0]), theta, Series(most, rtol=0, sound=sound))[0]

    theta = jnp.asarray([1.5])
    assert jax.grad(value)(theta, None).tolist() == [wanted]
    strict = jax.grad(lambda theta: value(theta, jnp.asarray(True)))(theta)
    assert np.isnan(strict[0]) == (most < 60)
    unsound = jax.grad(lambda theta: value(theta, jnp.asarray(False)))(theta)
    assert np.isnan(unsound[0])


def test_terms_in_any_case():
    # A shift: each term is as large as the first, which a tolerance of 1 takes for small.
    shift = jnp.eye(6, k=-1)

    def value(theta, least):
        x = implied(lambda x, t: shift @ x + t, jnp.zeros(6), theta, Series(50, least, rtol=1.0))
        return x[-1]

    assert jax.grad(value)(jnp.zeros(6), 6).tolist() == [1] * 6
    assert jax.grad(value)(jnp.zeros(6), 0).tolist() == [0, 0, 0, 0, 1, 1]
