"""Numbers become JAX arrays unchanged, or not at all; the wanted values are Python's own."""

import decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.conversion import as_array, as_counts, as_floats

MOST, LEAST = 2**31 - 1, -(2**31)
INTEGERS = [0, 1, -1, MOST, MOST + 1, 2**32, 2**33 + 5, 2**63 - 1, LEAST, LEAST - 1, -(2**63)]


@pytest.mark.parametrize("number", INTEGERS)
@pytest.mark.parametrize("form", [np.int64, lambda n: np.full((2, 3), n), lambda n: [[n]], int])
def test_integers_stay_or_are_refused(number, form):
    if LEAST <= number <= MOST:
        found = as_array(form(number))
        assert found.dtype == jnp.int32
        assert np.all(np.asarray(found, object) == number)
    else:
        with pytest.raises(ValueError, match=rf"{number}.*beyond int32"):
            as_array(form(number))


@pytest.mark.parametrize("number", [*INTEGERS, 2**64, 10**40, -(10**40)])
def test_counts_saturate(number):
    wanted = min(max(number, LEAST), MOST)
    forms = [[number, 0]]
    forms += [np.asarray([number, 0], t) for t in (np.int64, np.uint64) if fits(number, t)]
    for form in forms:
        found = as_counts(form)
        assert found.dtype == jnp.int32
        assert found.tolist() == [wanted, 0]
    assert int(as_counts(number)) == wanted


def fits(number, dtype):
    ends = np.iinfo(dtype)
    return ends.min <= number <= ends.max


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32])
@pytest.mark.parametrize("traced", [False, True])
def test_counts_of_jax_of_any_width(dtype, traced):
    ends = np.iinfo(dtype)
    x = jnp.asarray([ends.min, 3, ends.max], dtype)
    found = jax.jit(as_counts)(x) if traced else as_counts(x)
    assert found.dtype == jnp.int32
    assert found.tolist() == [ends.min, 3, min(ends.max, MOST)]


def test_counts_of_64_bits_of_jax():
    with jax.enable_x64(True):
        wide = jnp.asarray([2**40, 5, -(2**40)])
        unsigned = jnp.asarray([2**63, 5], jnp.uint64)
        assert as_counts(wide).tolist() == [MOST, 5, LEAST]
        assert jax.jit(as_counts)(wide).tolist() == [MOST, 5, LEAST]
        assert as_counts(unsigned).tolist() == [MOST, 5]
    assert as_counts(wide).tolist() == [MOST, 5, LEAST]  # made elsewhere, used with x64 off


@pytest.mark.parametrize("wrong", [np.ones(2), jnp.ones(2), [0.5], 1.5])
def test_counts_are_integers(wrong):
    with pytest.raises(ValueError, match="int32 elements, not float"):
        as_counts(wrong)


@pytest.mark.parametrize("number", [1e39, -1e39, 1e300, -1e300])
@pytest.mark.parametrize("form", [float, np.float64, lambda x: np.full((2, 2), x), lambda x: [x]])
def test_floats_beyond_float32_are_refused(number, form):
    for convert in (as_array, as_floats):
        with pytest.raises(ValueError, match="beyond float32"):
            convert(form(number))
    with jax.enable_x64(True):
        assert np.all(np.asarray(as_array(form(number))) == number)


def test_rounding_and_infinities_are_no_change_of_the_number():
    given = np.asarray([0.1, 1e-300, -np.inf, np.inf, np.nan, 3e38])
    found = as_array(given)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, given.astype(np.float32))


@pytest.mark.parametrize("number", [2**32, 2**40 + 1, -(2**63), 2**64, 10**30])
def test_integers_become_floats_of_the_same_size(number):
    wanted = np.float32(float(decimal.Decimal(number)))
    for form in ([number], number, np.asarray([number])):
        found = as_floats(form)
        assert found.dtype == jnp.float32
        assert np.all(np.asarray(found) == wanted)
    with pytest.raises(ValueError, match="beyond float32"):
        as_floats([10**400])


def test_an_irrelevant_entry_may_be_anything():
    given = np.asarray([[1.0, 1e300], [2.0, 3.0]])
    found = as_floats(given, relevant=np.asarray([[True, False], [True, True]]))
    assert found.tolist()[1] == [2, 3]
    with pytest.raises(ValueError, match=r"1e\+300 at \[0, 1\]"):
        as_floats(given, relevant=np.asarray([[True, True], [True, False]]))


def test_what_is_of_jax_comes_back():
    x = jnp.ones(3, jnp.bfloat16)
    assert as_floats(x) is x
    traced = jax.make_jaxpr(lambda a, b: as_floats([a, b]))(1.0, 2.0)
    assert traced.out_avals[0].shape == (2,)
    assert as_array(0.5).weak_type  # as every Python number, it takes the type of what it meets
    assert as_floats(True).dtype == jnp.float32


@pytest.mark.parametrize("wrong", ["abc", ["a"], [object()], [[1], [1, 2]], None])
def test_what_is_not_a_number_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not a number|is not an array"):
        as_array(wrong)


def test_complex_numbers_and_fractions_are_refused_where_they_would_be_cut():
    with pytest.raises(ValueError, match="complex"):
        as_floats(np.ones(2, complex))
    with pytest.raises(ValueError, match="int32, not float64"):
        as_array(np.ones(2), jnp.int32)
