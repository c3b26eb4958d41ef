"""The checksum of arrays: any change of a bit, a name, a type or a shape is another one."""

import errno

import jax.numpy as jnp
import numpy as np

from neurosym.training.damage import checksum_of, is_out_of_reach


def test_whatever_changes_changes_the_checksum():
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array(True),
        "c": np.zeros((0, 3), np.int32),
        "d": np.asarray(jnp.ones(3, jnp.bfloat16)),
    }
    wanted = checksum_of(arrays)
    assert checksum_of(dict(reversed(arrays.items()))) == wanted, "the order does not count"
    assert checksum_of({**arrays, "a": np.asfortranarray(arrays["a"])}) == wanted
    others = [
        {**arrays, "a": arrays["a"].T},
        {**arrays, "a": arrays["a"].view(np.int32)},
        {**arrays, "a": np.where(arrays["a"] == 5, np.float32(5.0000005), arrays["a"])},
        {**arrays, "b": np.array(False)},
        {**arrays, "c": np.zeros((0, 2), np.int32)},
        {**arrays, "d": 2 * arrays["d"]},
        {name: array for name, array in arrays.items() if name != "c"},
        {**{name: array for name, array in arrays.items() if name != "b"}, "e": arrays["b"]},
    ]
    found = [checksum_of(other) for other in others]
    assert wanted not in found
    assert len(set(found)) == len(found)


def test_what_cannot_be_reached_is_not_damaged():
    assert is_out_of_reach(PermissionError(errno.EACCES, "Permission denied"))
    assert is_out_of_reach(ValueError("PERMISSION_DENIED: Error opening file"))
    assert not is_out_of_reach(FileNotFoundError(errno.ENOENT, "No such file"))
    assert not is_out_of_reach(ValueError("DATA_LOSS: Error reading"))
