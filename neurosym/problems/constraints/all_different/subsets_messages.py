"""All messages of an `AllDifferent` at once: the permanents of its minors, by sets of values.

Message passing asks, round by round and for many constraints, for the support of every value given
the beliefs about all other variables. That is one pass over the sets of values forward and one
backward (Held and Karp 1962, https://doi.org/10.1137/0110015), in real coordinates with the batch
last:

    weights ─▶ scaled by rows and columns ─▶ sets taken before, sets taken after ─▶ supports

Beliefs are often many orders of magnitude apart, and products of them underflow. Scaling rows and
columns in turn, which multiplies every term by the same number where there are as many values as
variables (Sinkhorn 1964, https://doi.org/10.1214/aoms/1177703591), brings the best assignment near
one. Bits decide apart which supports are possible at all. A support that is possible but below the
least positive number counts as that number: it adds less than 2^-24 of the total to any belief, the
rounding error of a float32. Where even the total is lost, all of it is read in the semiring itself,
which is slow.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.chain_lowering import Chain, scanned_supports
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.batch_last import batch_last
from neurosym.transforms.take import take

SWEEPS = 4
"""Times that rows and columns are scaled."""

MAX_TERMS = 2**14
"""Terms of the sums over sets that are written out; 2,304 for nine values."""

PORTION = 7
"""Terms that a support's sum adds up in one go; of nine values each layer's number divides by it
or is small."""

PACKED = 32
"""Instances whose bits share a word."""

BLOCK = 16
"""Instances that are read at once in the semiring itself."""


class Pairs(NamedTuple):
    """One sum for each row, over pairs of rows of two arrays; padded with the rows after them."""

    left: np.ndarray  # int32[N, M]
    right: np.ndarray  # int32[N, M]


@dataclasses.dataclass(frozen=True, eq=False)
class SetLattice:
    """The sums of all passes, made once for the values of a constraint; compared by identity.

    Attributes:
      chain: the steps from set to set.
      forward: of step k: sets before it and its values, for each set after it.
      backward: sets after it and its values, for each set before it.
      meet: sets before it and after it, for each of its values.
      columns: the values of each step as columns ``int[D_k]``, where all columns are taken by
        every assignment, so that they may be scaled; else None.
    """

    chain: Chain
    forward: tuple[Pairs, ...]
    backward: tuple[Pairs, ...]
    meet: tuple[Pairs, ...]
    columns: tuple[np.ndarray, ...] | None

    @classmethod
    def of(cls, chain: Chain, maps: Sequence[tuple[int, ...]]) -> SetLattice | None:
        """From the chain of a constraint; None where it has too many terms, or no assignment."""
        forward, backward, meet = [], [], []
        for targets, sources in zip(chain.targets, chain.sources, strict=True):
            states, values = targets.shape
            after = len(sources)
            there = targets < after
            if not there.any():
                return None
            missing = sources >= states * values
            forward.append(
                Pairs(
                    np.where(missing, states, sources // values).astype(np.int32),
                    np.where(missing, values, sources % values).astype(np.int32),
                )
            )
            every = np.broadcast_to(np.arange(values), targets.shape)
            rows = np.broadcast_to(np.arange(states)[:, None], targets.shape)
            backward.append(_compressed(targets, every, there, after, values))
            meet.append(_compressed(rows.T, targets.T, there.T, states, after))
        if sum(pairs.left.size for pairs in (*forward, *backward, *meet)) > MAX_TERMS:
            return None
        used = sorted(set().union(*maps))
        square = len(used) == len(maps)
        columns = tuple(np.searchsorted(used, row) for row in maps) if square else None
        return cls(chain, tuple(forward), tuple(backward), tuple(meet), columns)


def _compressed(
    left: np.ndarray, right: np.ndarray, there: np.ndarray, no_left: int, no_right: int
) -> Pairs:
    """The pairs of each row that are there, moved to the front; as many columns as are needed."""
    order = np.argsort(~there, axis=1, kind="stable")[:, : int(there.sum(axis=1).max())]
    kept = np.take_along_axis(there, order, 1)
    left = np.where(kept, np.take_along_axis(left, order, 1), no_left)
    right = np.where(kept, np.take_along_axis(right, order, 1), no_right)
    return Pairs(left.astype(np.int32), right.astype(np.int32))


def set_messages(
    semiring: Semiring, lattice: SetLattice, weights: Sequence[jax.Array]
) -> list[jax.Array]:
    """The support of every value of every position, ``[D_k]`` for each position.

    Args:
      semiring: with shifted real coordinates.
      lattice: of the constraint.
      weights: elements ``[D_k]`` for each position.
    """
    sizes = lattice.chain.sizes
    found = batch_last(_Messages(semiring, lattice), jnp.concatenate(list(weights)))
    return jnp.split(found, np.cumsum(sizes)[:-1])


@dataclasses.dataclass(frozen=True)
class _Messages:
    """Weights ``[Σ D_k, B]`` to supports of the same shape."""

    semiring: Semiring
    lattice: SetLattice

    def __call__(self, weights: jax.Array) -> jax.Array:
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        lattice = self.lattice
        rows = jnp.split(weights, np.cumsum(lattice.chain.sizes)[:-1])
        scales, whole = jax.lax.stop_gradient(_scales(rows, lattice.columns))
        # Twice where: an impossible value has derivative zero.
        there = weights != self.semiring.zero
        shift = jnp.concatenate(scales)
        encoded = jnp.where(there, coordinates.encode(jnp.where(there, weights - shift, 0)), 0)
        encoded = _layer(encoded)
        parts = jnp.split(encoded, np.cumsum(lattice.chain.sizes)[:-1])
        found = _layer(jnp.concatenate(_supports(lattice, parts, _real_sum)))
        possible = _possible(lattice, there)
        least = float(jnp.finfo(weights.dtype).tiny)
        decoded = coordinates.decode(jnp.where(possible & ~(found <= least), found, least))
        fast = jnp.where(possible, decoded + whole - shift, self.semiring.zero)
        first = lattice.chain.sizes[0]
        total = jnp.sum(found[:first] * encoded[:first], 0)
        satisfiable = jnp.any(possible[:first] & there[:first], 0)
        lost = jnp.any(satisfiable & (total < least * 2.0**24))

        return jax.lax.cond(lost, self._exactly, lambda weights: fast, weights)

    def _exactly(self, weights: jax.Array) -> jax.Array:
        """The same, a few instances at a time: a branch that is not taken costs its memory too."""
        count, batch = weights.shape
        blocks = -(-batch // BLOCK)
        padded = jnp.pad(weights, [(0, 0), (0, blocks * BLOCK - batch)])

        def block(weights: jax.Array) -> jax.Array:
            rows = jnp.split(weights, np.cumsum(self.lattice.chain.sizes)[:-1])
            found = scanned_supports(self.semiring, self.lattice.chain, rows)
            return jnp.concatenate(found)

        found = jax.lax.map(block, jnp.moveaxis(padded.reshape(count, blocks, BLOCK), 1, 0))
        return jnp.moveaxis(found, 0, 1).reshape(count, -1)[:, :batch]


def _scales(
    rows: Sequence[jax.Array], columns: tuple[np.ndarray, ...] | None
) -> tuple[list[jax.Array], jax.Array]:
    """What is subtracted from each weight ``[D_k, B]``, and from every assignment ``[B]``.

    That is a number of its row, and one of its column, which every assignment has once.
    """
    highest = [_finite(jnp.max(x, 0)) for x in rows]
    if columns is None:
        scales = [jnp.broadcast_to(h, x.shape) for h, x in zip(highest, rows, strict=True)]
        return scales, functools.reduce(jnp.add, highest)
    count = len(rows)
    heights = jnp.zeros((count, *rows[0].shape[1:]), rows[0].dtype)
    for sweep in range(SWEEPS):
        if sweep:
            shifted = [
                jnp.max(x - heights[place], 0) for x, place in zip(rows, columns, strict=True)
            ]
            highest = [_finite(x) for x in shifted]
        # Each column's largest, over the rows that have it.
        best = jnp.full_like(heights, -jnp.inf)
        for x, h, place in zip(rows, highest, columns, strict=True):
            best = (
                best.at[place].max(x - h)
                if len(place) < count
                else jnp.maximum(best, (x - h)[np.argsort(place)])
            )
        heights = _finite(best)
    scales = [h + heights[place] for h, place in zip(highest, columns, strict=True)]
    return scales, functools.reduce(jnp.add, highest) + jnp.sum(heights, 0)


def _finite(x: jax.Array) -> jax.Array:
    return jnp.where(jnp.isfinite(x), x, 0)


Sum = Callable[[jax.Array, jax.Array, Pairs], jax.Array]


def _supports(lattice: SetLattice, weights: Sequence[jax.Array], sum_of: Sum) -> list[jax.Array]:
    """Supports of all positions from both passes, in the algebra of ``sum_of``."""
    count = len(weights)
    one = jnp.ones_like(weights[0][:1])
    before, after = [one], [one]
    for k in range(count - 1):
        before.append(_layer(sum_of(before[-1], weights[k], lattice.forward[k])))
    for k in reversed(range(1, count)):
        after.append(_layer(sum_of(after[-1], weights[k], lattice.backward[k])))
    after.reverse()
    return [sum_of(before[k], after[k], lattice.meet[k]) for k in range(count)]


def _layer(x: jax.Array) -> jax.Array:
    """Computed once: XLA would fuse it into every sum that uses it, at many times the work."""
    return jax.lax.optimization_barrier(x)


def _real_sum(left: jax.Array, right: jax.Array, pairs: Pairs) -> jax.Array:
    """``Σ_m left[pairs.left[n, m]] right[pairs.right[n, m]]``, ``[N, B]``; what is absent is 0."""
    rows, width = pairs.left.shape
    if (pairs.left >= len(left)).any() or (pairs.right >= len(right)).any():
        left, right = _padded(left), _padded(right)
    if rows >= width or width <= PORTION:
        return functools.reduce(
            jnp.add,
            [take(left, pairs.left[:, m]) * take(right, pairs.right[:, m]) for m in range(width)],
        )
    # Few sums of many terms: portions of them side by side first.
    portions = -(-width // PORTION)
    while width % portions and portions < width:
        portions += 1
    each = width // portions
    split = Pairs(pairs.left.reshape(rows * portions, each), pairs.right.reshape(-1, each))
    parts = _layer(_real_sum(left, right, split)).reshape(rows, portions, -1)
    return functools.reduce(jnp.add, [parts[:, n] for n in range(portions)])


def _padded(x: jax.Array) -> jax.Array:
    return jnp.concatenate([x, jnp.zeros_like(x[:1])])


def _possible(lattice: SetLattice, there: jax.Array) -> jax.Array:
    """Which supports are not zero: the same passes on bits, of 32 instances a word."""
    chain, batch = lattice.chain, there.shape[1]
    words = -(-batch // PACKED)
    bits = jnp.pad(there, [(0, 0), (0, words * PACKED - batch)])
    bits = bits.reshape(-1, words, PACKED).astype(jnp.uint32) << jnp.arange(
        PACKED, dtype=jnp.uint32
    )
    packed = functools.reduce(jnp.bitwise_or, [bits[..., n] for n in range(PACKED)])
    states = max(len(table) for table in chain.targets)
    values, count = max(chain.sizes), len(chain.sizes)
    widest = max(pairs.left.shape[1] for pairs in (*lattice.forward, *lattice.backward))
    begin = np.cumsum([0, *chain.sizes])
    weights = jnp.stack(
        [
            jnp.pad(packed[begin[k] : begin[k + 1]], [(0, values + 1 - chain.sizes[k]), (0, 0)])
            for k in range(count)
        ]
    )

    def tables(steps: Sequence[Pairs], lengths: Sequence[int]) -> jax.Array:
        """int32[K, 2, S, M]: absent pairs point to rows of zeros."""
        found = np.full((len(steps), 2, states, widest), states, np.int32)
        found[:, 1] = values
        for k, (pairs, length) in enumerate(zip(steps, lengths, strict=True)):
            rows, width = pairs.left.shape
            absent = pairs.left >= length
            found[k, 0, :rows, :width] = np.where(absent, states, pairs.left)
            found[k, 1, :rows, :width] = np.where(absent, values, pairs.right)
        return jnp.asarray(found)

    before = [len(table) for table in chain.targets]
    after = [len(rows) for rows in chain.sources]
    first = jnp.zeros((states + 1, words), jnp.uint32).at[0].set(~jnp.uint32(0))

    def step(message: jax.Array, given: Any) -> tuple[jax.Array, jax.Array]:
        own, table = given
        terms = [take(message, table[0, :, m]) & take(own, table[1, :, m]) for m in range(widest)]
        reached = functools.reduce(jnp.bitwise_or, terms)
        return jnp.concatenate([reached, jnp.zeros_like(reached[:1])]), message

    _, ahead = jax.lax.scan(step, first, (weights, tables(lattice.forward, before)))
    _, behind = jax.lax.scan(step, first, (weights, tables(lattice.backward, after)), reverse=True)
    found = []
    for k, pairs in enumerate(lattice.meet):
        width = pairs.left.shape[1]
        absent = pairs.left >= before[k]
        left = jnp.asarray(np.where(absent, states, pairs.left).astype(np.int32))
        right = jnp.asarray(np.where(absent, states, pairs.right).astype(np.int32))
        both = ahead[k][left] & behind[k][right]  # [D, M, words]
        while width > 1:
            half = width // 2
            folded = both[:, :half] | both[:, half : 2 * half]
            both = jnp.concatenate([folded, both[:, 2 * half :]], 1) if width % 2 else folded
            width = both.shape[1]
        found.append(both[:, 0])
    lanes = jnp.concatenate(found)[..., None] >> jnp.arange(PACKED, dtype=jnp.uint32)
    return ((lanes & 1) != 0).reshape(len(there), -1)[:, :batch]
