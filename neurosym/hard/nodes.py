"""Nodes of a search as columns of 64-bit rows, which is how a pool stores and moves them.

Propagation wants the narrowest lanes; moving a node wants few and wide ones, since a gather costs
by the element. Four domains in 16-bit lanes are one row here.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import union_rows

CACHE = 2**17  # bytes

WORK, NARROWEST = 2**20, 16
"""Elements that a front may take where constraints are laborious, and the least nodes in it."""

_BLOCK, _MOST_BLOCKS = 32, 128


class Layout(NamedTuple):
    """Static facts of a node: lanes ``[V, W]`` of one dtype."""

    variables: int  # V
    words: int  # W
    dtype: str
    most: int = 2048  # nodes to propagate at once, whatever their size

    @property
    def together(self) -> int:
        """Lanes in a row."""
        return 8 // np.dtype(self.dtype).itemsize

    @property
    def rows(self) -> int:
        """R, the rows of a node."""
        return -(-self.variables * self.words // self.together)

    @property
    def bytes(self) -> int:
        """Of one node in lanes."""
        return self.variables * self.words * np.dtype(self.dtype).itemsize


def default_width(layout: Layout) -> int:
    """Nodes to propagate at once, a power of two.

    On CPU as many as lie in an eighth of a megabyte; more would leave the cache between two
    constraints. On an accelerator 64 times as many, to fill it.
    """
    fitting = max(1, CACHE // layout.bytes)
    width = min(layout.most, max(64, 1 << (fitting.bit_length() - 1)))
    return width if jax.default_backend() == "cpu" else 64 * width


def most_nodes(propagators: Iterable[Any]) -> int:
    """Nodes to propagate at once, a power of two: fewer where a propagator is laborious.

    Most propagators take about as much as their domains. One that takes far more says how many
    elements, as ``work``.
    """
    most = Layout._field_defaults["most"]
    work = sum(getattr(propagator, "work", 0) for propagator in propagators)
    if work:
        most = min(
            most, max(NARROWEST, 1 << ((WORK // work).bit_length() - 1 if work < WORK else 0))
        )
    return most


def to_columns(layout: Layout, lanes: jax.Array) -> jax.Array:
    """Lanes ``[V, W, B]`` as columns ``uint64[R, B]``."""
    flat = lanes.reshape(-1, lanes.shape[-1])
    if layout.together == 1:
        return flat
    missing = layout.rows * layout.together - flat.shape[0]
    flat = jnp.pad(flat, ((0, missing), (0, 0)))
    planes = flat.reshape(layout.together, layout.rows, -1).astype(jnp.uint64)
    return union_rows(planes << _shifts(layout), 0, alone=True)


def to_lanes(layout: Layout, columns: jax.Array) -> jax.Array:
    """Columns ``uint64[R, B]`` as lanes ``[V, W, B]``."""
    if layout.together > 1:
        columns = (columns[None] >> _shifts(layout)).astype(layout.dtype)
    count = layout.variables * layout.words
    flat = columns.reshape(-1, columns.shape[-1])[:count]
    return flat.reshape(layout.variables, layout.words, -1)


def with_domain(
    layout: Layout, columns: jax.Array, variable: jax.Array, domain: jax.Array
) -> jax.Array:
    """Columns with the domain of one variable ``int32[B]`` of each replaced by ``[W, B]``."""
    if layout.together == 1:
        here = jnp.arange(layout.variables)[:, None, None] == variable
        lanes = columns.reshape(layout.variables, layout.words, -1)
        return jnp.where(here, domain, lanes).reshape(columns.shape)
    rows = jnp.int32(layout.rows)
    row, plane = jax.lax.rem(variable, rows), jax.lax.div(variable, rows)
    shift = (plane * (64 // layout.together)).astype(jnp.uint64)
    gap = jnp.uint64(bits.everything(np.dtype(layout.dtype))) << shift
    changed = (columns & ~gap) | (domain[0].astype(jnp.uint64) << shift)
    return jnp.where(jnp.arange(layout.rows)[:, None] == row, changed, columns)


def compact(chosen: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The indices of the chosen of each row of ``bool[M, L]``, in order and filled up with 0, and
    their numbers ``int32[M]``."""
    several, length = chosen.shape
    place = running_counts(chosen)
    row = jnp.arange(several, dtype=jnp.int32)[:, None] * length
    target = jnp.where(chosen, row + place - 1, several * length)
    lane = jnp.broadcast_to(jnp.arange(length, dtype=jnp.int32), chosen.shape)
    index = jnp.zeros(several * length, jnp.int32)
    index = index.at[target.ravel()].set(lane.ravel(), mode="drop")
    return index.reshape(several, length), place[:, -1]


def running_counts(chosen: jax.Array) -> jax.Array:
    """How many of ``bool[M, L]`` are chosen up to each column, with it: ``int32[M, L]``.

    By two small matrix products, within blocks of columns and over blocks: XLA compiles them in a
    fraction of the time that `jnp.cumsum` takes, which becomes a chain of reductions.
    """
    several, length = chosen.shape
    blocks = -(-length // _BLOCK)
    if blocks > _MOST_BLOCKS:
        return jnp.cumsum(chosen, axis=1, dtype=jnp.int32)
    filled = jnp.pad(chosen, ((0, 0), (0, blocks * _BLOCK - length))).astype(jnp.float32)
    exact = jax.lax.Precision.HIGHEST
    upper = np.triu(np.ones((_BLOCK, _BLOCK), np.float32))
    within = jnp.matmul(filled.reshape(several * blocks, _BLOCK), upper, precision=exact)
    within = within.reshape(several, blocks, _BLOCK)
    above = np.triu(np.ones((blocks, blocks), np.float32), 1)
    before = jnp.matmul(within[:, :, -1], above, precision=exact)
    counts = (within + before[:, :, None]).astype(jnp.int32)
    return counts.reshape(several, blocks * _BLOCK)[:, :length]


def _shifts(layout: Layout) -> jax.Array:
    width = 64 // layout.together
    return (jnp.arange(layout.together, dtype=jnp.uint64) * jnp.uint64(width))[:, None, None]
