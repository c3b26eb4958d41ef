"""The laws of every semiring, and gradients of reductions against finite differences."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings import ALL as PLAIN
from neurosym.semirings.algebra.instances import INT_LIMIT

ALL = (*PLAIN, ns.smooth_max(0.25))
FLOATS = [semiring for semiring in ALL if semiring.dtype == "float"]
by_name = pytest.mark.parametrize("semiring", ALL, ids=lambda s: s.name)
by_float = pytest.mark.parametrize("semiring", FLOATS, ids=lambda s: s.name)


def elements(semiring: ns.Semiring, units: list[float]) -> np.ndarray:
    """Elements made of numbers in [0, 1]."""
    units = np.asarray(units, np.float32)
    if semiring.dtype == "bool":
        return units > 0.5
    if semiring.dtype == "int32":
        return (units * 1000).astype(np.int32)
    return units if semiring.name == "real" or semiring.truth_degrees else 8 * units - 4


@by_name
def test_laws(semiring):
    # All triples of seven elements, zero and one among them, in one compiled program.
    units = 1 + np.random.default_rng(0).choice(64, 5, replace=False)
    ns.testing.check_semiring(semiring, elements(semiring, units / 64))


def test_laws_fail_for_what_is_no_semiring():
    minus = dataclasses.replace(ns.REAL, add=jnp.subtract, fold_sum=None)
    with pytest.raises(AssertionError, match="associative"):
        ns.testing.check_semiring(minus, [0.2, 0.5])
    wrong = dataclasses.replace(ns.LOG, responsibility=lambda x, total: jnp.ones_like(x))
    with pytest.raises(AssertionError, match="gradient of sum"):
        ns.testing.check_semiring(wrong, [0.2, 0.5])
    doubled = dataclasses.replace(ns.LOG.coordinates, decode=lambda x: 2 * jnp.log(x))
    with pytest.raises(AssertionError, match="contraction"):
        ns.testing.check_semiring(dataclasses.replace(ns.LOG, coordinates=doubled), [0.2, 0.5])
    with pytest.raises(AssertionError, match="to_log undoes"):
        ns.testing.check_semiring(dataclasses.replace(ns.REAL, to_log=jnp.sqrt), [0.2, 0.5])
    mislabelled = dataclasses.replace(ns.REAL, selective=True)
    with pytest.raises(AssertionError, match="declared selective"):
        ns.testing.check_semiring(mislabelled, [0.2, 0.5])


def test_counting_saturates_and_stays_a_semiring():
    big = jnp.asarray([2**30, 2**30, 5], jnp.int32)
    assert ns.COUNTING.sum(big).item() == INT_LIMIT
    assert ns.COUNTING.mul(big[0], big[2]).item() == INT_LIMIT
    assert ns.COUNTING.sum(jnp.full(2**17, 2**14, jnp.int32)).item() == INT_LIMIT
    ns.testing.check_semiring(ns.COUNTING, np.asarray([2**20, 2**30, 3], np.int32))


@by_float
def test_gradient_at_zero_is_finite_and_vanishes_in_log_encodings(semiring):
    zeros = semiring.zeros((4,))

    @jax.jit
    def gradients(x):
        return [jax.grad(lambda x, f=f: f(x, 0))(x) for f in (semiring.sum, semiring.prod)]

    of_sum, of_product = gradients(zeros)
    assert np.isfinite(of_sum).all()
    assert np.isfinite(of_product).all()
    if not np.isfinite(semiring.zero):
        np.testing.assert_array_equal(of_sum, 0)
    if semiring is ns.MAX_MIN:
        np.testing.assert_allclose(of_sum, 0.25)


@by_float
def test_ties_split_evenly_within_a_reduction(semiring):
    x = jnp.asarray([0.5, 0.5, 0.5])
    if semiring.selective:
        np.testing.assert_allclose(jax.grad(lambda x: semiring.sum(x, 0))(x), 1 / 3, rtol=1e-6)
    if semiring.selective_mul:
        np.testing.assert_allclose(jax.grad(lambda x: semiring.prod(x, 0))(x), 1 / 3, rtol=1e-6)
        both = jax.grad(semiring.mul, (0, 1))(0.5, 0.5)
        np.testing.assert_allclose(both, 0.5)


@by_float
def test_second_derivatives_and_both_modes_agree_with_finite_differences(semiring):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x = jnp.asarray(rng.uniform(0.2, 0.9, (3, 2)))

        def function(x):
            return jnp.sum(semiring.prod(semiring.sum(x, 1), 0) ** 2)

        step = 1e-5

        @jax.jit
        def derivatives(x):
            moves = step * jnp.eye(6).reshape(6, 3, 2)
            gradient = jax.grad(function)
            changes = jax.vmap(lambda move: gradient(x + move) - gradient(x - move))(moves)
            return (
                jax.jacfwd(function)(x),
                jax.jacrev(function)(x),
                jax.hessian(function)(x),
                changes.reshape(3, 2, 3, 2) / (2 * step),
            )

        forward, backward, hessian, changes = derivatives(x)
        np.testing.assert_allclose(forward, backward, rtol=1e-9)
        np.testing.assert_allclose(hessian, changes, rtol=1e-5, atol=1e-6)


@by_float
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_gradients_keep_the_type_of_the_elements(semiring, dtype):
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray([0.5, 0.25, 0.75], dtype)
        for function in (semiring.sum, semiring.prod):
            gradient = jax.grad(lambda x, f=function: f(x, 0))
            assert jax.eval_shape(gradient, x).dtype == x.dtype
            assert jax.eval_shape(gradient, x[:0]).shape == (0,)


def test_a_semiring_without_derivatives_says_so():
    bare = ns.Semiring(name="bare", zero=0.0, one=1.0, add=jnp.add, mul=jnp.multiply)
    assert bare.sum(jnp.ones(3)).item() == 3
    with pytest.raises(ValueError, match="bare states no derivatives"):
        jax.grad(lambda x: bare.sum(x, 0))(jnp.ones(3))


def test_folds_of_any_length_without_a_fast_sum():
    bare = ns.Semiring(name="bare", zero=0.0, one=1.0, add=jnp.add, mul=jnp.multiply)
    for length in range(9):
        x = jnp.arange(1.0, length + 1)
        assert bare.sum(x, 0) == x.sum()
        assert bare.prod(x, 0) == x.prod()


def test_names_and_near_misses():
    assert ns.semiring_by_name("log") is ns.LOG
    assert ns.semiring_by_name("Max-Times") is ns.MAX_TIMES
    assert ns.semiring_by_name("tropical") is ns.MIN_PLUS
    with pytest.raises(ValueError, match="Did you mean counting"):
        ns.semiring_by_name("countin")


def test_wrong_elements_are_refused():
    with pytest.raises(ValueError, match="bool elements"):
        ns.BOOLEAN.sum(jnp.ones(3))
    with pytest.raises(ValueError, match="int32 elements"):
        ns.COUNTING.sum(jnp.ones(3))
    with pytest.raises(ValueError, match="dtype is float, int32 or bool"):
        dataclasses.replace(ns.REAL, dtype="complex")


@pytest.mark.parametrize("semiring", ALL, ids=lambda s: s.name)
def test_conversion_from_and_to_log_probabilities(semiring):
    log_p = jnp.log(jnp.asarray([0.0, 0.25, 1.0]))
    inside = semiring.from_log(log_p)
    assert inside[0] == semiring.zero
    assert inside[2] == semiring.one
    if semiring.to_log is not None:
        np.testing.assert_allclose(semiring.to_log(inside), log_p, rtol=1e-6)
        gradient = jax.grad(lambda x: semiring.to_log(x)[0])(inside)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("semiring", [ns.LOG, ns.smooth_max(0.5)], ids=lambda s: s.name)
def test_second_derivatives_through_a_scan_that_starts_at_zero(semiring):
    matrix = jnp.log(jnp.asarray([[0.0, 0.5, 0.0], [0.2, 0.0, 0.3], [0.1, 0.1, 0.0]]))
    start = jnp.log(jnp.asarray([0.3, 0.0, 0.0]))

    def step(x, matrix):
        return semiring.add(semiring.sum(semiring.mul(matrix, x[None]), 1), start)

    def scanned(matrix):
        x = jax.lax.scan(lambda x, _: (step(x, matrix), None), semiring.zeros((3,)), length=3)[0]
        return semiring.sum(x, 0)

    def unrolled(matrix):
        x = semiring.zeros((3,))
        for _ in range(3):
            x = step(x, matrix)
        return semiring.sum(x, 0)

    def twice(f):
        return jax.jit(lambda m: (jax.hessian(f)(m), jax.jacrev(jax.jacrev(f))(m)))

    for found, wanted in zip(twice(scanned)(matrix), twice(unrolled)(matrix), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert np.abs(wanted).max() > 0.01
