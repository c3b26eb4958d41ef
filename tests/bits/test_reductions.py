"""Reductions in stages against NumPy, for every way in which rows fill the stages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bits.reductions import MAX_ROWS, any_row, intersect_rows, reduce_rows, union_rows

COUNTS = [1, 2, 15, 16, 17, 23, 31, 32, 33, 34, 47, 97, MAX_ROWS**2 - 1, MAX_ROWS**2 + 1, 5 * 53]


def rows(dtype: type, axis: int) -> list[np.ndarray]:
    """Sparse and dense lanes of every count of rows."""
    rng = np.random.default_rng(0)
    found = []
    for count in COUNTS:
        shape = [3, 2, 4]
        shape[axis] = count
        bits = rng.integers(0, 2**16, shape) & rng.integers(0, 2**16, shape)
        found.append((bits << (8 * (np.dtype(dtype).itemsize - 2))).astype(dtype))
    return found


@pytest.mark.parametrize(
    ("dtype", "axis", "alone"), [(np.uint16, 0, False), (np.uint64, 1, True), (np.uint32, 2, False)]
)
def test_unions_and_intersections(dtype, axis, alone):
    given = rows(dtype, axis)

    @jax.jit
    def both(given):
        united = [union_rows(x, axis, alone=alone) for x in given]
        return united, [intersect_rows(~x, axis, alone=alone) for x in given]

    with jax.enable_x64(True):
        united, shared = both(list(map(jnp.asarray, given)))
    for x, union, intersection in zip(given, united, shared, strict=True):
        assert union.dtype == intersection.dtype == dtype
        np.testing.assert_array_equal(union, np.bitwise_or.reduce(x, axis))
        np.testing.assert_array_equal(intersection, np.bitwise_and.reduce(~x, axis))


def test_any_row():
    rng = np.random.default_rng(1)
    given = [rng.random((2, count, 5)) < 1 / count for count in COUNTS]
    found = jax.jit(lambda given: [any_row(x, 1) for x in given])(given)
    for x, some in zip(given, found, strict=True):
        np.testing.assert_array_equal(some, x.any(axis=1))


def test_several_operands_are_reduced_together():
    """The greatest number and where it stands, which needs both at once."""
    rng = np.random.default_rng(2)
    given = [rng.permutation(3 * count).reshape(count, 3).astype(np.float32) for count in COUNTS]

    def greater(a, b):
        first = a[0] > b[0]
        return jnp.where(first, a[0], b[0]), jnp.where(first, a[1], b[1])

    @jax.jit
    def best(given):
        found = []
        for x in given:
            place = jnp.broadcast_to(jnp.arange(len(x), dtype=jnp.int32)[:, None], x.shape)
            identities = jnp.float32(-jnp.inf), jnp.int32(-1)
            found.append(reduce_rows((x, place), identities, greater, 0))
        return found

    for x, (value, place) in zip(given, best(given), strict=True):
        np.testing.assert_array_equal(value, x.max(axis=0))
        np.testing.assert_array_equal(place, x.argmax(axis=0))
