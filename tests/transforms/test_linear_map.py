"""Maps with a transpose of their own, against matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.linear_map import both_ways, linear_map, symmetric_map
from neurosym.transforms.one_program import one_program

A = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5)), jnp.float32)
T = jnp.asarray(np.random.default_rng(1).normal(size=5), jnp.float32)
C = jnp.asarray(np.random.default_rng(2).normal(size=3), jnp.float32)


def marked(kind):
    """The map t -> A t by one of the two functions, and which directions were traced."""
    seen = []

    def up(t):
        seen.append("up")
        return A @ t

    def down(c):
        seen.append("down")
        return A.T @ c

    return (lambda t: kind(up, down, t)), seen


@pytest.mark.parametrize("kind", [linear_map, both_ways])
def test_value_and_transpose(kind):
    run, _ = marked(kind)
    np.testing.assert_allclose(run(T), A @ T, rtol=1e-5)
    np.testing.assert_allclose(jax.vjp(run, T)[1](C)[0], A.T @ C, rtol=1e-5)
    np.testing.assert_allclose(jax.jvp(run, (T,), (2 * T,))[1], 2 * A @ T, rtol=1e-5)
    np.testing.assert_allclose(jax.jacrev(run)(T), A, rtol=1e-5)
    np.testing.assert_allclose(jax.jacfwd(run)(T), A, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(jnp.stack([T, -T])), [A @ T, -A @ T], 1e-5)
    twice = jax.linear_transpose(lambda c: jax.linear_transpose(run, T)(c)[0], C)(T)
    np.testing.assert_allclose(twice[0], A @ T, rtol=1e-5)


@pytest.mark.parametrize("kind", [linear_map, both_ways])
def test_the_transpose_that_was_given_is_the_one_that_runs(kind):
    def wrong(t):  # says that its transpose is 7 times what it is
        return kind(lambda t: A @ t, lambda c: 7 * (A.T @ c), t)

    np.testing.assert_allclose(jax.vjp(wrong, T)[1](C)[0], 7 * A.T @ C, rtol=1e-5)


@pytest.mark.parametrize("kind", [linear_map, both_ways])
def test_what_is_closed_over_may_move(kind):
    def value(scale):
        return jnp.sum(kind(lambda t: scale**2 * A @ t, lambda c: scale**2 * A.T @ c, T) ** 2)

    want = jnp.sum((A @ T) ** 2)
    np.testing.assert_allclose(jax.grad(value)(2.0), 4 * 2.0**3 * want, rtol=1e-5)
    np.testing.assert_allclose(jax.hessian(value)(2.0), 12 * 2.0**2 * want, rtol=1e-4)


def test_a_symmetric_map_and_its_derivative():
    h = A.T @ A
    np.testing.assert_allclose(symmetric_map(lambda x: h @ x, T), h @ T, rtol=1e-4)
    np.testing.assert_allclose(
        jax.jacrev(lambda x: symmetric_map(lambda x: h @ x, x))(T), h, rtol=1e-4, atol=1e-5
    )


def test_both_ways_takes_what_jax_cannot_transpose():
    up = one_program(lambda _, t: t @ A.T)
    down = one_program(lambda _, c: c @ A)

    def opaque(kind):
        return lambda t: kind(lambda t: up(None, t), lambda c: down(None, c), t)

    np.testing.assert_allclose(jax.jacrev(opaque(both_ways))(T), A, rtol=1e-5)
    np.testing.assert_allclose(
        jax.vmap(jax.grad(lambda t: C @ opaque(both_ways)(t)))(T[None]), [A.T @ C], rtol=1e-5
    )
    with pytest.raises(NotImplementedError, match="custom_vmap"):
        jax.jacrev(opaque(linear_map))(T)


def test_trees_and_nothing():
    tree = {"a": T, "b": jnp.ones(2)}
    run = linear_map(
        lambda t: (A @ t["a"], 3 * t["b"]), lambda c: {"a": A.T @ c[0], "b": 3 * c[1]}, tree
    )
    np.testing.assert_allclose(run[0], A @ T, rtol=1e-5)
    assert run[1].tolist() == [3, 3]
    assert linear_map(lambda t: t, lambda c: c, jnp.zeros(0)).shape == (0,)


def test_a_linear_map_with_a_transpose_of_its_own():
    x = jnp.linspace(-1, 2, 12).reshape(3, 4)

    @jax.custom_jvp
    def waves(x):
        return {"sum": jnp.sin(x).sum(0), "all": jnp.cos(x)}

    @waves.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents

        def forward(t):
            return {"sum": (jnp.cos(x) * t).sum(0), "all": -jnp.sin(x) * t}

        def transposed(ct):
            return jnp.cos(x) * ct["sum"] - jnp.sin(x) * ct["all"]

        return waves(x), linear_map(forward, transposed, t)

    def loss(waves):
        return lambda x: jnp.sum(waves(x)["sum"] ** 2) + jnp.sum(waves(x)["all"] ** 3)

    def plain(x):
        return {"sum": jnp.sin(x).sum(0), "all": jnp.cos(x)}

    for transform in (jax.grad, jax.jacfwd, jax.hessian, lambda f: jax.jacrev(jax.jacrev(f))):
        found, wanted = jax.jit(transform(loss(waves)))(x), jax.jit(transform(loss(plain)))(x)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    batched = jax.jit(jax.vmap(jax.grad(loss(waves))))(jnp.stack([x, x + 1]))
    np.testing.assert_allclose(batched[1], jax.grad(loss(plain))(x + 1), rtol=1e-4, atol=1e-5)
