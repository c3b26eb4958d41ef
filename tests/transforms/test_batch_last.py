"""The batch as the last axis, however it comes, and derivatives as of the function itself."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.batch_last import batch_last

SEEN: list[int] = []


@dataclasses.dataclass(frozen=True)
class Running:
    """``y[n, b] = x[0, b] z[0, b] + ... + x[n, b] z[n, b]``, times a number."""

    factor: float

    def __call__(self, x, z):
        SEEN.append(x.shape[-1])
        return self.factor * jnp.cumsum(x * z, axis=0)


def alone(x, z):
    return batch_last(Running(2.0), x, z)


def plain(x, z):
    return 2.0 * jnp.cumsum(x * z)


def random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("which", ["both", "first"])
def test_values_and_derivatives_of_every_order(levels, which):
    lead = (2, 3)[:levels]
    x = random(*lead, 4)
    z = random(*lead, 4, seed=1) if which == "both" else random(4, seed=1)
    axes = (0, 0 if which == "both" else None)

    def lifted(f):
        for _ in range(levels):
            f = jax.vmap(f, in_axes=axes)
        return f

    def scalar(f):
        return lambda x, z: jnp.sum(jnp.sin(f(x, z)))

    transforms = [
        lambda f: f,
        lambda f: jax.grad(scalar(f), (0, 1)),
        lambda f: jax.jacfwd(f),
        lambda f: jax.hessian(scalar(f)),
        lambda f: jax.jacrev(jax.jacrev(scalar(f), 1), 0),
    ]
    for transform in transforms:
        found, wanted = lifted(transform(alone))(x, z), lifted(transform(plain))(x, z)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5), found, wanted
        )


def test_all_instances_are_seen_at_once():
    x = random(2, 3, 4)
    SEEN.clear()
    jax.vmap(jax.vmap(functools.partial(batch_last, Running(3.0))))(x, x)
    assert set(SEEN) == {6}


def test_equal_functions_are_traced_once():
    x = random(4)
    jax.jit(lambda x: batch_last(Running(5.0), x, x))(x)
    SEEN.clear()
    jax.jit(lambda x: 1 + batch_last(Running(5.0), x, x))(x)
    assert SEEN == []
    jax.jit(lambda x: batch_last(Running(6.0), x, x))(x)
    assert SEEN != []


@dataclasses.dataclass(frozen=True)
class Branching:
    """A decision for the whole batch."""

    def __call__(self, x):
        return jax.lax.cond(jnp.any(x > 0), lambda: 2 * x, lambda: x)


def test_a_branch_for_the_batch_stays_one():
    run = jax.vmap(lambda x: batch_last(Branching(), x))
    text = jax.jit(run).lower(random(3, 2)).as_text()
    assert "stablehlo.case" in text
    assert run(jnp.array([[-1.0], [2.0]])).tolist() == [[-2], [4]]


def scaled_by_the_sum(x: jax.Array, y: jax.Array) -> jax.Array:
    assert x.ndim == 2  # the batch is there
    return x * jnp.sum(y, axis=0)


@pytest.mark.slow
def test_batch_last_under_nested_maps_and_transposition():
    x = jax.random.normal(jax.random.key(0), (2, 3, 4))
    y = jax.random.normal(jax.random.key(1), (3, 5))

    def plain(x, y):
        return x * jnp.sum(y)

    def last(x, y):
        return batch_last(scaled_by_the_sum, x, y)

    for axes in ((0, None), (1, 0)):
        maps = [jax.vmap(jax.vmap(f, (0, 0)), (0, None)) for f in (plain, last)]
        np.testing.assert_allclose(maps[0](x, y), maps[1](x, y), rtol=1e-5)
        maps = [jax.vmap(f, axes, out_axes=1) for f in (plain, last)]
        given = (x[0], y[0]) if axes == (0, None) else (x[0].T, y)
        np.testing.assert_allclose(maps[0](*given), maps[1](*given), rtol=1e-5)
    for transform in (jax.jacfwd, jax.hessian):
        wanted = jax.vmap(transform(plain, 1), (0, 0))(x[0], y)
        found = jax.vmap(transform(last, 1), (0, 0))(x[0], y)
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
