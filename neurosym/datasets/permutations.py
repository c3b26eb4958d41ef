"""Seeded permutations that stay the same on every machine and in every version of NumPy.

Splits and groupings of published figures rest on them. NumPy promises the stream of its bit
generators, not that of `Generator.permutation`, so the permutations are made of raw bits here.
"""

import numpy as np


def bit_stream(seed: int, *, purpose: int = 0) -> np.random.BitGenerator:
    """A stream of random bits.

    Args:
      seed: Not negative.
      purpose: Streams of one seed for different purposes are independent.

    Returns:
      The stream; drawing from it advances it.

    Raises:
      ValueError: The seed is negative.
    """
    if seed < 0:
        raise ValueError(f"a seed must not be negative, got {seed}")
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose,)))


def permutations(stream: np.random.BitGenerator, count: int, size: int) -> np.ndarray:
    """Draws uniformly random permutations.

    Each is the order of random keys. The index stands in the low bits of its key, so that sorting
    the keys, which is much faster than an argsort, gives it back.

    Args:
      stream: Where the bits come from, see `bit_stream`.
      count: How many permutations.
      size: Of how many elements, below 2**24: with 40 random bits or more in a key, what two equal
        ones do to uniformity is far below notice.

    Returns:
      int32[count, size]; each row holds 0 to size - 1. One call for several equals several calls.

    Raises:
      ValueError: A negative count, or a size that is out of bounds.

    >>> permutations(bit_stream(0), 2, 4).shape
    (2, 4)
    """
    if count < 0 or not 0 <= size < 2**24:
        raise ValueError(f"cannot draw {count} permutations of {size} elements")
    low = np.uint64((1 << max(size - 1, 0).bit_length()) - 1)
    keys = np.asarray(stream.random_raw(count * size), np.uint64).reshape(count, size)
    keys = (keys & ~low) | np.arange(size, dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & low).astype(np.int32)
