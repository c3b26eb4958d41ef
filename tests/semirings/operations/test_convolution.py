"""Convolutions and multilinear functions against sums written out, in every semiring."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from random_problems import random_weights

import neurosym as ns
from neurosym.semirings import ALL
from neurosym.semirings.operations.convolution import (
    convolve,
    convolved,
    correlated_coarse,
    correlated_fine,
    correlated_sum,
    correlated_values,
    shifted_sum,
)
from neurosym.semirings.operations.multilinear import REALS, Algebra

SHAPES = [(5, 3, 1, 7), (3, 5, 2, 12), (7, 4, 3, 16), (20, 25, 1, 40), (60, 20, 3, 118)]


def convolution(a: np.ndarray, b: np.ndarray, dilation: int, size: int) -> np.ndarray:
    """In the reals; also of tensors of zeros and ones, to count terms."""
    result = np.zeros(size)
    for t, x in enumerate(a):
        for u, y in enumerate(b):
            if t + dilation * u < size:
                result[t + dilation * u] += x * y
    return result


def written_out(semiring, a, b, dilation, size):
    """⊕ of the products, in NumPy, for the semirings whose ⊕ and ⊗ it has."""
    add, mul = {
        "boolean": (np.logical_or, np.logical_and),
        "counting": (np.add, np.multiply),
        "real": (np.add, np.multiply),
        "log": (np.logaddexp, np.add),
        "max_times": (np.maximum, np.add),
        "min_plus": (np.minimum, np.add),
        "max_min": (np.maximum, np.minimum),
    }[semiring.name]
    result = np.full(size, semiring.zero, np.asarray(a).dtype)
    for t in range(len(a)):
        for u in range(len(b)):
            s = t + dilation * u
            if s < size:
                result[s] = add(result[s], mul(a[t], b[u]))
    return result


@pytest.mark.parametrize("semiring", ALL[:7], ids=str)
def test_against_sums_written_out(semiring, reading):
    rng = np.random.default_rng(0)
    for fine, coarse, dilation, size in SHAPES[:: 2 if semiring.dtype == "float" else 1]:
        a = random_weights(semiring.name, (fine,), rng)
        b = random_weights(semiring.name, (coarse,), rng)
        wanted = written_out(semiring, a, b, dilation, size)
        found = convolve(semiring, a, b, dilation=dilation, size=size)
        np.testing.assert_allclose(
            np.float64(found), np.float64(wanted), rtol=1e-5, atol=1e-6, err_msg=semiring.name
        )


def test_nothing_underflows_in_logs(reading):
    # Each product that matters lies far below the largest elements of both.
    a, b = jnp.array([0.0, -120.0, -jnp.inf]), jnp.array([-120.0, 0.0, -300.0])
    wanted = written_out(ns.LOG, np.asarray(a), np.asarray(b), 1, 5)

    def read(a, b):
        found = convolve(ns.LOG, a, b)
        return jnp.sum(jnp.where(found > -jnp.inf, found, 0)), found

    gradient, found = jax.jit(jax.grad(read, (0, 1), has_aux=True))(a, b)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert found[4] == -jnp.inf
    # Every finite result has one term that outweighs the others.
    np.testing.assert_allclose(gradient[0], [2, 2, 0], atol=1e-6)
    np.testing.assert_allclose(gradient[1], [1, 2, 1], atol=1e-6)
    # Also where only one instance of a batch is in need of it.
    batch = jnp.stack([jnp.log(jnp.array([0.2, 0.3, 0.5])), a])
    both = jax.jit(jax.vmap(lambda x: convolve(ns.LOG, x, b)))(batch)
    np.testing.assert_allclose(both[1], wanted, rtol=1e-6)
    np.testing.assert_allclose(both[0], convolve(ns.LOG, batch[0], b), rtol=1e-6)
    nothing = jnp.full(3, -jnp.inf)
    np.testing.assert_array_equal(convolve(ns.LOG, nothing, b), -jnp.inf)
    gradient = jax.grad(lambda x: convolve(ns.LOG, x, b)[0])(nothing)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(
    ("semiring", "order"),
    [(ns.LOG, 1), (ns.REAL, 2), (ns.MAX_TIMES, 1), pytest.param(ns.LOG, 2, marks=pytest.mark.slow)],
    ids=str,
)
def test_derivatives_in_both_modes(semiring, order, reading):
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        a, b = (jnp.asarray(rng.uniform(0.2, 1.5, n)) for n in (4, 3))
        check_grads(
            jax.jit(lambda a, b: jnp.sin(convolve(semiring, a, b, dilation=2))),
            (a, b),
            order=order,
            rtol=1e-3,
        )


@pytest.mark.parametrize("algebra", [REALS, Algebra(ns.REAL)], ids=["written out", "stacked"])
def test_the_transposes(algebra):
    """⟨g, a * b⟩ is linear in a and in b; its coefficients are the correlations."""
    assert algebra.stacks == (algebra is not REALS)
    rng = np.random.default_rng(2)
    for fine, coarse, dilation, size in [
        *SHAPES[1::2],
        (5, 4, 2, 3),
        (4, 9, 3, 40),
        (1, 3, 1, 3),
        (9, 1, 4, 9),
    ]:
        a, b = rng.normal(size=(fine, 2)), rng.normal(size=(coarse, 2))
        g = rng.normal(size=(size, 2))
        down = np.asarray(correlated_fine(algebra, jnp.asarray(g), jnp.asarray(b), dilation, fine))
        across = np.asarray(
            correlated_coarse(algebra, jnp.asarray(g), jnp.asarray(a), dilation, coarse)
        )
        made = np.asarray(convolved(algebra, jnp.asarray(a), jnp.asarray(b), dilation, size))
        for n in range(2):
            wanted = convolution(a[:, n], b[:, n], dilation, size)
            np.testing.assert_allclose(made[:, n], wanted, rtol=1e-4, atol=1e-4)
            product = g[:, n] @ wanted
            np.testing.assert_allclose(down[:, n] @ a[:, n], product, rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(across[:, n] @ b[:, n], product, rtol=1e-3, atol=1e-3)


def test_few_entries_far_apart():
    rng = np.random.default_rng(3)
    x, w, shifts = rng.normal(size=(6, 1)), rng.normal(size=(3, 1)), (0, 17, 4)
    dense = np.zeros(18)
    dense[list(shifts)] = w[:, 0]
    g = rng.normal(size=(20, 1))
    wanted = convolution(x[:, 0], dense, 1, 20)
    found = shifted_sum(REALS, jnp.asarray(x), jnp.asarray(w), shifts, 20)
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-5, atol=1e-6)
    down = correlated_sum(REALS, jnp.asarray(g), jnp.asarray(w), shifts, 6)
    across = correlated_values(REALS, jnp.asarray(g), jnp.asarray(x), shifts)
    np.testing.assert_allclose(down[:, 0] @ x[:, 0], g[:, 0] @ wanted, rtol=1e-4)
    np.testing.assert_allclose(across[:, 0] @ w[:, 0], g[:, 0] @ wanted, rtol=1e-4)


def test_bad_operands():
    a = jnp.zeros(3)
    with pytest.raises(ValueError, match="entries on both sides, not 3 and 0"):
        convolve(ns.LOG, a, a[:0])
    with pytest.raises(ValueError, match="dilation of a convolution is at least 1, not 0"):
        convolve(ns.LOG, a, a, dilation=0)
    with pytest.raises(ValueError, match="size of a convolution is at least 1, not 0"):
        convolve(ns.LOG, a, a, size=0)


def test_a_large_batch_of_small_sums_is_as_exact_as_each_alone():
    """A batch is read in real coordinates, unless some instance has lost terms to underflow."""
    rng = np.random.default_rng(3)
    batch, low = 512, -np.inf
    ordinary = rng.normal(size=(batch, 2, 13)).astype(np.float32)
    lost = ordinary.copy()
    lost[7, :, :4] = [[0, -120, low, low], [-120, 0, low, low]]  # float32 cannot hold the products
    lost[8] = low  # nothing is possible
    lost[9, :, :4] = [[0, -60, low, -110], [low, -70, -1, low]]
    lost[10] += 100  # far from any scale
    lost[11, :, :4] = [[-3e4, -1e4, low, 0], [-2e4, 0, -5e4, low]]
    lost[[7, 11], :, 4:] = low

    def value(x: jax.Array) -> jax.Array:
        return convolve(ns.LOG, x[0], x[1])

    def loss(x: jax.Array) -> jax.Array:
        found = value(x)
        return jnp.sum(jnp.where(found > low, found, 0) * jnp.arange(1.0, 26.0))

    one = jax.jit(jax.value_and_grad(loss)), jax.jit(value)
    many = jax.jit(jax.vmap(jax.value_and_grad(loss))), jax.jit(jax.vmap(value))
    for x in (ordinary, lost):
        (_, slopes), values = (f(x) for f in many)
        for n in (0, 7, 8, 9, 10, 11, 500):
            np.testing.assert_allclose(values[n], one[1](x[n]), rtol=2e-6, atol=2e-6)
            np.testing.assert_allclose(slopes[n], one[0](x[n])[1], rtol=1e-4, atol=1e-5)
        exact = x.astype(np.float64)
        terms = exact[:, 0, :, None] + exact[:, 1, None, :]
        with np.errstate(divide="ignore"):
            for s in range(25):
                pairs = [terms[:, t, s - t] for t in range(13) if 0 <= s - t < 13]
                wanted = np.logaddexp.reduce(pairs, axis=0)
                np.testing.assert_allclose(np.asarray(values)[:, s], wanted, rtol=2e-6, atol=3e-6)
        tangent = np.ones_like(x)
        rise = jax.jit(jax.vmap(lambda x, t: jax.jvp(loss, (x,), (t,))[1]))(x, tangent)
        np.testing.assert_allclose(rise, slopes.sum((1, 2)), rtol=1e-4, atol=1e-4)


def test_second_derivatives_of_a_large_batch():
    x = np.random.default_rng(4).normal(size=(512, 2, 13)).astype(np.float32)
    x[1, :, :2], x[1, :, 2:] = [[0, -120], [-120, 0]], -np.inf

    def loss(x: jax.Array) -> jax.Array:
        return convolve(ns.LOG, x[0], x[1])[1]

    def curvature(x: jax.Array) -> jax.Array:
        return jax.jvp(jax.grad(loss), (x,), (jnp.arange(26.0).reshape(2, 13),))[1]

    many, one = jax.jit(jax.vmap(curvature))(x), jax.jit(curvature)
    for n in (0, 1, 2):
        np.testing.assert_allclose(many[n], one(x[n]), rtol=1e-4, atol=1e-4)


def test_sizes_decide_how_a_sum_is_read():
    """Few products beside entries: the exact reading alone; many: real coordinates and a check."""

    def branches(a: int, b: int) -> bool:
        lowered = jax.jit(lambda x, y: convolve(ns.LOG, x, y)).lower(jnp.zeros(a), jnp.zeros(b))
        return "stablehlo.case" in lowered.as_text()

    assert not branches(13, 13)
    assert branches(20, 20)
    assert branches(40, 40)

    def branches_of_batch(batch: int) -> bool:
        several = jax.jit(jax.vmap(lambda x, y: convolve(ns.LOG, x, y)))
        lowered = several.lower(jnp.zeros((batch, 13)), jnp.zeros((batch, 13)))
        return "stablehlo.case" in lowered.as_text()

    assert not branches_of_batch(8)
    assert branches_of_batch(64)
