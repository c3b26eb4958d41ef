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
