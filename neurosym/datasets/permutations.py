"""Seeded permutations that stay the same on every machine and in every version of NumPy.

Splits and groupings of published figures rest on these permutations. NumPy promises that the bits
of its generators stay the same, but not that the results of `Generator.permutation` do, so this
file makes permutations from raw bits.
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

    Each permutation is the order of random keys. An index stands in the low bits of its key, so
    that sorting the keys gives the indices back; sorting is much faster than an argsort.

    Args:
      stream: Where the bits come from, see `bit_stream`.
      count: How many permutations.
      size: The number of elements, below 2**24: a key then has 40 random bits or more, and the
        effect of two equal keys on uniformity is far below notice.

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
