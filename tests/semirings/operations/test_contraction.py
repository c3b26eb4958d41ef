"""Contractions too large to lay out: folded, in blocks, and derivatives that keep no terms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings.operations import contraction, contraction_by_terms, terms
from neurosym.semirings.operations.contraction import contract

SELECTIVE = {
    "max_times": (ns.MAX_TIMES, np.add, np.max),
    "min_plus": (ns.MIN_PLUS, np.add, np.min),
    "max_min": (ns.MAX_MIN, np.minimum, np.max),
    "lukasiewicz": (ns.LUKASIEWICZ, lambda x, y: np.maximum(x + y - 1, 0), np.max),
}


def operands(name, seed):
    """Few different values, so that ties are many; 40 steps are more than are unrolled at once."""
    rng = np.random.default_rng(seed)
    shapes = (2, 8, 40), (2, 40, 16)
    assert terms.FEW_TERMS < 2 * 8 * 40 * 16
    assert terms.UNROLLED < 40
    low, high = (0, 9) if name in ("max_min", "lukasiewicz") else (-4, 4)
    a, b = (rng.integers(low, high, shape) / 8 for shape in shapes)
    if name in ("max_times", "min_plus"):
        zero = SELECTIVE[name][0].zero
        a[0, 3], b[:, 5], b[1, :, 7] = zero, zero, zero
    return a.astype(np.float32), b.astype(np.float32)


@functools.cache
def differentiated(name):
    semiring = SELECTIVE[name][0]

    def both(a, b, ct, ta, tb):
        value, pull = jax.vjp(lambda a, b: contract(semiring, a, b), a, b)
        _, pushed = jax.jvp(lambda a, b: contract(semiring, a, b), (a, b), (ta, tb))
        _, alone = jax.jvp(lambda a: contract(semiring, a, b), (a,), (ta,))
        return value, pull(ct), pushed, alone

    return jax.jit(both)


@pytest.mark.parametrize("name", list(SELECTIVE))
def test_folded_contractions_and_their_derivatives(name):
    _, mul, choose = SELECTIVE[name]
    a, b = operands(name, 0)
    rng = np.random.default_rng(1)
    ct = rng.normal(size=(2, 8, 16)).astype(np.float32)
    ta, tb = (rng.normal(size=x.shape).astype(np.float32) for x in (a, b))
    value, (da, db), pushed, alone = differentiated(name)(a, b, ct, ta, tb)
    x, y = np.broadcast_arrays(a[..., None], b[:, None])
    terms = mul(x, y)
    wanted = choose(terms, axis=2)
    np.testing.assert_array_equal(value, wanted)
    winners = (terms == wanted[:, :, None]) & np.isfinite(wanted)[:, :, None]
    shares = winners / np.maximum(winners.sum(2, keepdims=True), 1)
    if name == "max_min":  # the binding factor, ties split
        left, right = x <= y, y <= x
        left, right = left / (left + 0.0 + right), right / (left + 0.0 + right)
    elif name == "lukasiewicz":
        left = right = x + y > 1
    else:
        left = right = np.ones_like(terms)
    np.testing.assert_allclose(da, (shares * left * ct[:, :, None]).sum(3), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(db, (shares * right * ct[:, :, None]).sum(1), rtol=1e-4, atol=1e-5)
    by_a = (shares * left * ta[..., None]).sum(2)
    by_b = (shares * right * tb[:, None]).sum(2)
    np.testing.assert_allclose(pushed, by_a + by_b, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(alone, by_a, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_folded_contraction_under_vmap_and_twice_differentiated():
    a, b = operands("max_times", 2)
    some = jnp.stack([a, a[:, ::-1]]), jnp.stack([b, b + 1])

    def loss(a, b):
        return jnp.sum(jnp.where(jnp.isfinite(c := contract(ns.MAX_TIMES, a, b)), c, 0) ** 2)

    gradient = jax.jit(jax.vmap(jax.grad(loss)))(*some)
    alone = jax.jit(jax.grad(loss))
    np.testing.assert_allclose(gradient[1], alone(some[0][1], some[1][1]), rtol=1e-5)
    # The square has the second derivative 2 × share × share; the contraction itself has none.
    direction = jnp.asarray(np.random.default_rng(3).normal(size=a.shape), jnp.float32)
    along = jax.jit(lambda a: jax.jvp(lambda a: jax.grad(loss)(a, b), (a,), (direction,))[1])
    back = jax.jit(jax.grad(lambda a: jnp.vdot(jax.grad(loss)(a, b), direction)))
    np.testing.assert_allclose(along(a), back(a), rtol=1e-4, atol=1e-5)
    assert np.abs(along(a)).max() > 0


def test_terms_that_would_be_many_are_reduced_in_blocks():
    rng = np.random.default_rng(4)
    a = jnp.asarray(rng.integers(0, 3, (2, 64, 130)), jnp.int32)
    b = jnp.asarray(rng.integers(0, 3, (2, 130, 40)), jnp.int32)
    assert contraction_by_terms.MAX_TERMS < 2 * 64 * 130 * 40
    np.testing.assert_array_equal(contract(ns.COUNTING, a, b), np.asarray(a) @ np.asarray(b))
    possible = contract(ns.BOOLEAN, a > 1, b > 1)
    np.testing.assert_array_equal(possible, (np.asarray(a > 1) * 1 @ (np.asarray(b) > 1)) > 0)


@pytest.mark.parametrize(
    ("semiring", "few"),
    [(ns.LOG, 0), (ns.LOG, contraction.FEW_PRODUCTS), (ns.smooth_max(0.5), 0)],
    ids=["log in reals", "log by its terms", "smooth max in reals"],
)
def test_derivatives_where_the_real_product_underflows(semiring, few, monkeypatch):
    """Some outputs underflow and have true values, some are zero, some are sound."""
    monkeypatch.setattr(contraction, "FEW_PRODUCTS", few)
    rng = np.random.default_rng(5)
    a, b = (8 * rng.normal(size=shape) for shape in ((2, 4, 9), (2, 9, 5)))
    a[0, 0], b[0, :, 0] = np.linspace(0, -150, 9), np.linspace(-150, 0, 9)
    a[1, 2] = -np.inf
    ct = rng.normal(size=(2, 4, 5))

    def pulled(contraction):
        def both(a, b, ct, ta):
            value, pull = jax.vjp(contraction, a, b)
            moved = jax.jvp(lambda a: contraction(a, b), (a,), (ta,))[1]
            return value, *pull(ct), moved

        return jax.jit(both)

    def plainly(a, b):
        return semiring.sum(semiring.mul(a[..., None], b[:, None]), 2)

    arrays = [np.float32(x) for x in (a, b, ct, ct[..., :1] + np.zeros((2, 4, 9)))]
    found = pulled(functools.partial(contract, semiring))(*arrays)
    for x, wanted in zip(found, pulled(plainly)(*arrays), strict=True):
        assert not np.isnan(x).any()
        np.testing.assert_allclose(x, wanted, rtol=2e-4, atol=1e-5)


def test_sizes_decide_for_one_exact_reading_of_a_small_contraction():
    """A check is a branch: a small product has none, a large or a dense one has one."""

    def branches(semiring, a, b):
        program = jax.make_jaxpr(functools.partial(contract, semiring))(jnp.ones(a), jnp.ones(b))
        return str(program).count("cond[")

    assert branches(ns.LOG, (1, 12, 4), (1, 4, 3)) == 0
    assert branches(ns.LOG, (1, 12, 10), (1, 10, 13)) == 0
    assert branches(ns.LOG, (1, 40, 5), (1, 5, 96)) > 0  # many terms
    assert branches(ns.LOG, (1, 12, 12), (1, 12, 12)) == 0  # four terms an entry
    assert branches(ns.LOG, (2, 10, 10), (2, 10, 10)) == 0
    assert branches(ns.LOG, (3, 10, 10), (3, 10, 10)) > 0  # of the groups together
    assert branches(ns.LOG, (1, 12, 13), (1, 13, 16)) > 0
    assert branches(ns.REAL, (1, 40, 5), (1, 5, 96)) == 0
