"""`LayeredGraph`: what `Regular` constraints look like to the hard engine.

The automaton is unrolled into one layer of states for each position. A pass forward finds the sets
of states that values lead to, a pass backward finds the states from which a word can still end
well; a value stays where these two sets meet. For instance with the states 0 to 2, 2 accepting, and
two positions over "ab", of which "a" leads from 0 to 1 and from 1 to 2:

    forward    {0}  a -> {1}  a -> {2}
    backward   {0} <- {1} <- {2}          so "a" stays at both positions, and "b" at none
"""

from __future__ import annotations

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import union_rows
from neurosym.transforms.take import take

BLOCK = 32
"""States whose transitions are united in one step; longer reductions compile to slow code on a
CPU."""


@flax.struct.dataclass
class LayeredGraph:
    """Regular constraints; see `Propagator`.

    A set of S states is J words of the narrowest dtype that has as many bits. There are M distinct
    tables of transitions, cut into N blocks of L states each.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    which: jax.Array  # int32[C, K]: the table of each position
    tables: jax.Array  # int32[M, N, L, D]: the next state; NOWHERE
    accepting: jax.Array  # bool[C, S]

    @jax.named_scope("regular")
    def prune(self, domains: jax.Array) -> jax.Array:
        size, dtype = self.tables.shape[-1], bits.lane_dtype(self.accepting.shape[1])
        nothing = bits.nothing(dtype)
        goal = bits.pack(self.accepting, dtype=dtype)[..., None]  # [C, J, 1]
        start = jnp.where(jnp.arange(goal.shape[1])[:, None] == 0, dtype.type(1), nothing)
        shape = (*goal.shape[:2], domains.shape[-1])
        start, goal = jnp.broadcast_to(start, shape), jnp.broadcast_to(goal, shape)
        positions = (jnp.moveaxis(domains, 1, 0), self.which.T, self.present.T)

        def forward(reached: jax.Array, position: tuple) -> tuple[jax.Array, jax.Array]:
            lanes, which, _ = position
            images = _images(reached, self._table(which))
            possible = bits.unpack(lanes, size, axis=1)[:, :, None]
            # What follows the last position is never read.
            return union_rows(jnp.where(possible, images, nothing), 1), images

        def backward(alive: jax.Array, position: tuple) -> tuple[jax.Array, jax.Array]:
            (lanes, which, present), images = position
            supported = jnp.any(images & alive[:, None] != nothing, axis=2)  # [C, D, B]
            possible = bits.unpack(lanes, size, axis=1)
            before = _preimages(alive, possible, self._table(which))
            kept = jnp.where(present[:, None, None], before, alive)
            return kept, bits.pack(supported, axis=1, dtype=domains.dtype)

        _, images = jax.lax.scan(forward, start, positions)
        _, kept = jax.lax.scan(backward, goal, (positions, images), reverse=True)
        present = self.present[..., None, None]
        return jnp.where(present, jnp.moveaxis(kept, 0, 1), bits.everything(domains.dtype))

    def _table(self, which: jax.Array) -> jax.Array:
        """The tables of one position of each constraint, block by block: ``int32[N, C, L, D]``."""
        return jnp.moveaxis(take(self.tables, which), 1, 0)


def _images(states: jax.Array, table: jax.Array) -> jax.Array:
    """Where each value leads from sets of states ``[C, J, B]``: sets ``[C, D, J, B]``."""
    dtype, nothing = states.dtype, bits.nothing(states.dtype)
    blocks, count, rows, size = table.shape
    portions = bits.word_bits(states) // rows if blocks > 1 else 1  # blocks in a word
    positions = jnp.arange(rows, dtype=dtype)[:, None]

    def unite(found: jax.Array, block: tuple) -> tuple[jax.Array, None]:
        targets, n = block
        word = jax.lax.dynamic_index_in_dim(states, n // portions, axis=1)
        bit = dtype.type(1) << ((n % portions * rows).astype(dtype) + positions)
        member = (word & bit) != nothing  # [C, L, B]
        sets = _single(targets, states.shape[1], dtype)  # [C, L, D, J]
        chosen = jnp.where(member[:, :, None, None], sets[..., None], nothing)
        return found | jax.lax.reduce(chosen, nothing, jax.lax.bitwise_or, (1,)), None

    start = jnp.zeros((count, size, *states.shape[1:]), dtype)
    if blocks == 1:
        return unite(start, (table[0], jnp.int32(0)))[0]
    return jax.lax.scan(unite, start, (table, jnp.arange(blocks)))[0]


def _preimages(states: jax.Array, possible: jax.Array, table: jax.Array) -> jax.Array:
    """From where a possible value ``bool[C, D, B]`` leads into sets of states ``[C, J, B]``."""
    dtype, nothing = states.dtype, bits.nothing(states.dtype)
    blocks, _, rows, _ = table.shape

    def portion(targets: jax.Array) -> jax.Array:
        sets = _single(targets, states.shape[1], dtype)  # [C, L, D, J]
        moves = jnp.where(possible[:, None, :, None], sets[..., None], nothing)
        met = union_rows(moves, 2) & states[:, None]  # [C, L, J, B]
        return bits.pack(jnp.any(met != nothing, axis=2), axis=1, dtype=dtype)[:, 0]

    if blocks == 1:
        return portion(table[0])[:, None]
    found = jax.lax.map(portion, table)
    found = found.reshape(states.shape[1], -1, *found.shape[1:])
    shifts = jnp.arange(found.shape[1], dtype=dtype) * dtype.type(rows)
    words = found << shifts[:, None, None]
    return jnp.moveaxis(jax.lax.reduce(words, nothing, jax.lax.bitwise_or, (1,)), 0, 1)


def _single(states: jax.Array, words: int, dtype: np.dtype) -> jax.Array:
    """The sets ``[..., J]`` of one state each, empty for `NOWHERE`."""
    word = dtype.itemsize * 8
    here = states[..., None] // word == jnp.arange(words)
    bit = jnp.left_shift(dtype.type(1), (states[..., None] % word).astype(dtype))
    return jnp.where(here & (states[..., None] >= 0), bit, bits.nothing(dtype))
