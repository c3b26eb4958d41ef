"""Where layers stand: constraints without a variable in common are updated at once.

    scopes (0, 1) (1, 2) (2, 3)     turn 0: (0, 1) and (2, 3)     turn 1: (1, 2)

Weights are arrays ``[D, V, B]``, the batch last. A layer gathers what its constraints read as rows
of the flat ``[D * V, B]``, and puts back what it changed by another gather, so nothing is
scattered. Row ``D * V`` of what is gathered from stands for a value that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.transforms.take import take


class Places(NamedTuple):
    """Of T turns: which rows are read, and whence each row comes afterwards."""

    read: np.ndarray  # int32[T, X]: rows of the flat weights, or the row after the last
    back: np.ndarray  # int32[T, D * V]: rows of the X that were read, then of the flat weights


def turns(scopes: Sequence[Sequence[int]]) -> list[list[int]]:
    """The constraints of each turn: greedily, the first turn in which all variables are free."""
    taken: list[set[int]] = []
    members: list[list[int]] = []
    for c, scope in enumerate(scopes):
        wanted = set(scope)
        for busy, turn in zip(taken, members, strict=True):
            if not busy & wanted:
                busy |= wanted
                turn.append(c)
                break
        else:
            taken.append(wanted)
            members.append([c])
    return members


def places(cells: np.ndarray, size: int, variables: int) -> Places:
    """From the cells ``int[T, X]`` that are read: ``value * V + variable``, or -1 for none."""
    total = size * variables
    read = np.where(cells < 0, total, cells).astype(np.int32)
    back = np.tile(np.arange(total, dtype=np.int32) + cells.shape[1], (len(cells), 1))
    for turn, row in enumerate(cells):
        there = np.flatnonzero(row >= 0)
        back[turn, row[there]] = there
    return Places(read, back)


def gather(weights: jax.Array, read: jax.Array) -> jax.Array:
    """The rows ``[X, B]`` that a turn reads of weights ``[D, V, B]``; -inf where there is none."""
    flat = weights.reshape(-1, weights.shape[-1])
    nothing = jnp.full((1, flat.shape[1]), -jnp.inf, flat.dtype)
    return take(jnp.concatenate([flat, nothing]), read)


def put_back(weights: jax.Array, rows: jax.Array, back: jax.Array) -> jax.Array:
    """The weights ``[D, V, B]`` with the rows ``[X, B]`` in place of those that were read."""
    flat = weights.reshape(-1, weights.shape[-1])
    return take(jnp.concatenate([rows, flat]), back).reshape(weights.shape)
