"""IDX files: what is written comes back, and damage is named."""

import gzip
import struct

import numpy as np
import pytest

from neurosym.datasets import CorruptDataError, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("dtype", sorted(CODES))
@pytest.mark.parametrize("zipped", [False, True])
def test_reads_what_was_written(tmp_path, dtype, zipped):
    array = np.random.default_rng(0).integers(0, 100, (3, 4, 5)).astype(dtype)
    content = idx_bytes(array)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(path)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_an_empty_array_is_not_an_error(tmp_path):
    (tmp_path / "file").write_bytes(idx_bytes(np.zeros((0, 28, 28), np.uint8)))
    assert read_idx(tmp_path / "file").shape == (0, 28, 28)


IMAGES = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
DAMAGED = {
    "empty": (b"", "is not an IDX file"),
    "foreign": (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not an IDX file.*89 50 4e 47"),
    "unknown type": (b"\0\0\x0a\x01" + bytes(8), "is not an IDX file"),
    "no axes": (b"\0\0\x08\x00" + bytes(8), "broken IDX header"),
    "header cut": (IMAGES[:9], "broken IDX header.*3 axes"),
    "data cut": (IMAGES[:-1], r"is cut short.*\[2, 3, 4\] of uint8.*24 bytes; found 23"),
    "data too long": (IMAGES + b"x", "bytes after its end.*found 25"),
    "gzip cut": (gzip.compress(IMAGES)[:-9], "is cut short.*gzip"),
    "gzip damaged": (gzip.compress(IMAGES)[:-8] + bytes(8), "is damaged.*gzip"),
    "gzip garbage": (b"\x1f\x8b" + bytes(50), "is damaged.*gzip"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_is_named(tmp_path, kind):
    content, message = DAMAGED[kind]
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(CorruptDataError, match=rf"some-file.*{message}"):
        read_idx(path)


def test_no_length_of_a_header_can_make_it_allocate(tmp_path):
    huge = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    (tmp_path / "file").write_bytes(huge)
    with pytest.raises(CorruptDataError, match="is cut short"):
        read_idx(tmp_path / "file")
