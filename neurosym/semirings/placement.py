"""Moving elements to positions that are known in advance, and filling the rest with zero.

The positions are Python integers. Wherever they form an arithmetic progression, and in every shift,
the work is slices and padding, whose derivatives are slices and padding too; a gather, whose
derivative is a scatter, is left for the irregular case.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from neurosym.semirings import elements
from neurosym.semirings.elements import Elements
from neurosym.semirings.semiring import Semiring

MAX_UNROLLED = 64
"""Shifted copies that are written out one by one; more of them are one gather."""


def select(semiring: Semiring, x: Elements, positions: Sequence[int]) -> Elements:
    """``y[n] = x[positions[n]]``, the semiring's zero where that lies outside ``x``.

    Args:
      semiring: whose zero fills.
      x: elements ``[S]``.
      positions: any integers.

    Returns:
      Elements ``[len(positions)]``.
    """
    index = np.asarray(positions)
    (size,) = elements.shape(semiring, x)
    step = _progression(index)
    if step is not None and index.min() >= 0 and index.max() < size:
        y = elements.at(x, slice(int(index.min()), int(index.max()) + 1, abs(step)))
        return elements.at(y, slice(None, None, -1)) if step < 0 else y
    inside = (index >= 0) & (index < size)
    y = elements.take(semiring, x, np.where(inside, index, 0))
    return elements.where(
        semiring, jnp.asarray(inside), y, semiring.zeros((), elements.dtype(semiring, x))
    )


def embed(semiring: Semiring, x: Elements, positions: Sequence[int], size: int) -> Elements:
    """``y[positions[n]] = x[n]`` in an array of ``size``, the semiring's zero elsewhere.

    Args:
      semiring: whose zero fills.
      x: elements ``[len(positions)]``.
      positions: distinct; elements for positions outside the array are dropped.
      size: the length of the result.

    Returns:
      Elements ``[size]``.
    """
    index = np.asarray(positions)
    step = _progression(index)
    if step is not None:
        low, stride = int(index.min()), abs(step)
        x = elements.at(x, slice(None, None, -1)) if step < 0 else x
        spread = (len(index) - 1) * stride + 1
        return elements.pad(semiring, x, [(low, size - spread - low, stride - 1)])
    source = np.full(size, -1)
    for n, position in enumerate(index):
        if 0 <= position < size:
            source[position] = n
    return select(semiring, x, source.tolist())


def shifted(semiring: Semiring, x: Elements, shifts: Sequence[int], size: int) -> Elements:
    """``y[n, t] = x[t - shifts[n]]`` for ``0 <= t < size``, the semiring's zero outside ``x``.

    Args:
      semiring: whose zero fills.
      x: elements ``[S]``.
      shifts: any integers.
      size: the length of a row of the result.

    Returns:
      Elements ``[len(shifts), size]``.
    """
    (length,) = elements.shape(semiring, x)
    if len(shifts) <= MAX_UNROLLED:
        rows = [elements.pad(semiring, x, [(s, size - length - s, 0)]) for s in shifts]
        return elements.stack(semiring, rows)
    index = np.arange(size)[None, :] - np.asarray(shifts)[:, None]
    inside = (index >= 0) & (index < length)
    y = elements.take(semiring, x, np.where(inside, index, 0))
    return elements.where(
        semiring, jnp.asarray(inside), y, semiring.zeros((), elements.dtype(semiring, x))
    )


def _progression(index: np.ndarray) -> int | None:
    """The step of an arithmetic progression, or None; 1 for a single position."""
    if len(index) == 1:
        return 1
    steps = np.diff(index)
    return int(steps[0]) if steps[0] != 0 and (steps == steps[0]).all() else None
