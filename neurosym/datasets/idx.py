"""The IDX format: a small header, then one array in big-endian order, gzipped or not.

Bytes of a file go in, a NumPy array comes out; every claim of the header is compared with the bytes
that are there. The format: two zero bytes, a type code, the number of axes, the length of each axis
as an unsigned 32-bit integer, the elements.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("uint8"),
    0x09: np.dtype("int8"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_GZIP_MAGIC = b"\x1f\x8b"


class CorruptDataError(ValueError):
    """A data file is there, but it is not what it must be."""


def read_idx(path: str | Path) -> np.ndarray:
    """Reads the array of an IDX file.

    Args:
      path: The file, gzipped or not; its content decides, not its name.

    Returns:
      The array in native byte order, read-only, with the shape that the header declares.

    Raises:
      CorruptDataError: The file is cut short, damaged, or not in the IDX format.
      OSError: The file cannot be read at all.
    """
    return parse_idx(read_uncompressed(path), str(path))


def read_uncompressed(path: str | Path) -> bytes:
    """Reads the content of a file, unzipped where it is gzip.

    Args:
      path: The file; its first two bytes say whether it is gzip.

    Returns:
      The uncompressed content.

    Raises:
      CorruptDataError: It starts as gzip and then is cut short or damaged.
      OSError: The file cannot be read at all.
    """
    content = Path(path).read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except EOFError:
        raise CorruptDataError(
            f"{path} is cut short: the gzip stream has no end ({len(content):,} bytes are there)"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorruptDataError(
            f"{path} is damaged: expected a whole gzip stream, found: {error}"
        ) from None


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Reads the array out of the uncompressed bytes of an IDX file.

    Args:
      content: The whole uncompressed content.
      name: What an error calls the file.

    Returns:
      The array in native byte order, read-only.

    Raises:
      CorruptDataError: The header or the length does not fit.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "example")
    array([7, 8, 9], dtype=uint8)
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES:
        codes = ", ".join(f"{code:02x}" for code in _DTYPES)
        raise CorruptDataError(
            f"{name} is not an IDX file: expected two zero bytes and a type code of {codes}, "
            f"found {content[:4].hex(' ') or 'nothing'}"
        )
    dtype, axes = _DTYPES[content[2]], content[3]
    start = 4 + 4 * axes
    if axes == 0 or len(content) < start:
        raise CorruptDataError(
            f"{name} has a broken IDX header: expected the lengths of {axes or 'one or more'} axes "
            f"after the first 4 bytes, found {max(len(content) - 4, 0)} bytes"
        )
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = math.prod(shape) * dtype.itemsize
    found = len(content) - start
    if found != expected:
        problem = "is cut short" if found < expected else "has bytes after its end"
        raise CorruptDataError(
            f"{name} {problem}: its header declares shape {list(shape)} of {dtype.name}, "
            f"which takes {expected:,} bytes; found {found:,}"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    native = array.astype(dtype.newbyteorder("="), copy=False)
    native.flags.writeable = False
    return native
