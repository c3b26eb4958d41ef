"""Lanes against NumPy Booleans."""

import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bits import lanes


@pytest.mark.parametrize("size", [1, 5, 63, 64, 65, 128, 130, 4096])
def test_pack_unpack_and_readings(size):
    rng = np.random.default_rng(size)
    mask = rng.random((4, 3, size)) < rng.random((4, 3, 1))
    mask[0, 0] = False
    packed = lanes.pack(jnp.asarray(mask))
    assert packed.dtype == np.uint64
    assert packed.shape == (4, 3, -(-size // 64))
    words = np.zeros((4, 3, packed.shape[-1]), np.uint64)
    for v in range(size):
        words[..., v // 64] |= mask[..., v].astype(np.uint64) << np.uint64(v % 64)
    np.testing.assert_array_equal(packed, words)
    np.testing.assert_array_equal(lanes.unpack(packed, size), mask)
    np.testing.assert_array_equal(lanes.popcount(packed), mask.sum(-1))
    first = np.where(mask.any(-1), mask.argmax(-1), -1)
    np.testing.assert_array_equal(lanes.lowest(packed), first)
    moved = jnp.asarray(np.moveaxis(mask, -1, 1))
    np.testing.assert_array_equal(lanes.pack(moved, axis=1), np.moveaxis(words, -1, 1))
    np.testing.assert_array_equal(lanes.unpack(lanes.pack(moved, axis=1), size, axis=1), moved)


def test_single_value_sets():
    sets = lanes.single(np.asarray([0, 63, 64, 129]), 3)
    assert [int(row[w]) for row, w in zip(sets, [0, 0, 1, 2], strict=True)] == [1, 2**63, 1, 2]
    assert (np.count_nonzero(sets, axis=1) == 1).all()


def test_unpack_refuses_too_few_words():
    with pytest.raises(ValueError, match="cannot hold 65 values"):
        lanes.unpack(lanes.pack(jnp.ones((2, 64), bool)), 65)
