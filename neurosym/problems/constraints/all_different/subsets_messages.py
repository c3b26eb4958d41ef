"""All messages of an `AllDifferent` at once: the permanents of its minors, by sets of values.

Message passing asks, round by round and for many constraints, for the support of every value given
the beliefs about all other variables. That is one pass over the sets of values forward and one
backward (Held and Karp 1962, https://doi.org/10.1137/0110015), in real coordinates with the batch
last:

    weights ─▶ scaled by rows and columns ─▶ sets taken before, sets taken after ─▶ supports

    x, y, z over {1, 2, 3}
    before y {1}: x1, {2}: x2, {3}: x3     before z {1 2}: x1 y2 + x2 y1, ...
    after y {1 2}: z3, {1 3}: z2, ...      after x {1}: y2 z3 + y3 z2, ...
    support of y = 2 is x1 z3 + x3 z1: before y {1} by after y {1 2}, before y {3} by after y {2 3}

Both passes go step by step at once, one array above the other, and all supports are one more sum,
so there are as many kernels as steps. Supports are the derivatives of one number, so the matrix of
their own derivatives is symmetric: the pass that pushes tangents forward pulls cotangents back.

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
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.chain_lowering import Chain, scanned_supports
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.batch_last import batch_last
from neurosym.transforms.linear_map import symmetric_map
from neurosym.transforms.take import take

SWEEPS = 4
"""Times that rows and columns are scaled."""

MAX_TERMS = 2**14
"""Terms of the sums over sets that are written out; 6,912 for nine values."""

WIDEST = 12
"""Terms that one kernel adds up for each of its sums; longer sums are made of portions."""

PACKED = 32
"""Instances whose bits share a word."""

BLOCK = 256
"""Instances whose messages are made at once: what a pass stores stays in a core's cache."""

EXACT_BLOCK = 16
"""Instances that are read at once in the semiring itself."""


class Sums(NamedTuple):
    """N sums of products: ``Σ_m left[i[n, m]] right[j[n, m]]``, made of P portions of M terms.

    Absent terms have the number of rows of the left array, as if zeros stood there.
    """

    left: np.ndarray  # int32[P, M]
    right: np.ndarray  # int32[P, M]
    portions: np.ndarray | None  # int32[N, C], P where one is absent; None: each is its own sum

    @classmethod
    def of(cls, left: np.ndarray, right: np.ndarray, there: np.ndarray, rows: int) -> Sums:
        """From the pairs ``[N, L]`` that are ``there``, of a left array with so many rows."""
        counts = there.sum(1)
        order = np.argsort(~there, axis=1, kind="stable")
        kept = np.take_along_axis(there, order, 1)
        left = np.where(kept, np.take_along_axis(left, order, 1), rows)
        right = np.where(kept, np.take_along_axis(right, order, 1), 0)
        longest = int(counts.max(initial=1))
        if longest <= WIDEST:
            return cls(_indices(left[:, :longest]), _indices(right[:, :longest]), None)

        def cost(width: int) -> float:
            needed = np.maximum(1, -(-counts // width))
            return float(needed.sum() * width + len(counts) * needed.max() / 2)

        width = min(range(WIDEST // 2, WIDEST + 1), key=cost)
        each = -(-longest // width)
        padding = [(0, 0), (0, max(0, each * width - left.shape[1]))]
        left = np.pad(left, padding, constant_values=rows)[:, : each * width].reshape(-1, width)
        right = np.pad(right, padding)[:, : each * width].reshape(-1, width)
        needed = np.arange(each) < np.maximum(1, -(-counts // width))[:, None]
        number = np.cumsum(needed.ravel()).reshape(needed.shape) - 1
        portions = np.where(needed, number, needed.sum())
        used = needed.ravel()
        return cls(_indices(left[used]), _indices(right[used]), _indices(portions))


@dataclasses.dataclass(frozen=True, eq=False)
class SetLattice:
    """The sums of all passes, made once for the values of a constraint; compared by identity.

    Attributes:
      chain: the steps from set to set, K of them.
      steps: K - 1 sums of the messages so far and of the weights: step i gives those of the sets
        before position i + 1 and, below them, those after position K - 2 - i.
      supports: sums of all messages, one below the other, by themselves.
      places: ``int32[K, C]``, the weight of each position and column; ``Σ D_k`` where there is
        none.
      entries: ``int32[Σ D_k]``, the other way round.
      square: all columns are taken by every assignment, so they may be scaled.
    """

    chain: Chain
    steps: tuple[Sums, ...]
    supports: Sums
    places: np.ndarray
    entries: np.ndarray
    square: bool

    @classmethod
    def of(cls, chain: Chain, maps: Sequence[tuple[int, ...]]) -> SetLattice | None:
        """From the chain of a constraint; None where it has too many terms, or no assignment."""
        before = [len(table) for table in chain.targets]
        after = [len(rows) for rows in chain.sources]
        there = [table < n for table, n in zip(chain.targets, after, strict=True)]
        if 3 * sum(int(t.sum()) for t in there) > MAX_TERMS or not all(t.any() for t in there):
            return None
        count, begin = len(before), np.cumsum([0, *chain.sizes])
        steps = []
        for k in range(count - 1):
            last = count - 1 - k
            ahead, behind = chain.sources[k], chain.targets[last]
            missing = ahead >= before[k] * chain.sizes[k]
            values = np.broadcast_to(np.arange(chain.sizes[last]), behind.shape)
            steps.append(
                Sums.of(
                    _stacked(ahead // chain.sizes[k], before[k] + behind),
                    _stacked(begin[k] + ahead % chain.sizes[k], begin[last] + values),
                    _stacked(~missing, there[last]),
                    before[k] + after[last],
                )
            )
        starts = np.cumsum([0, *(before[k] + after[-1 - k] for k in range(count))])
        lefts, rights, kept = [], [], []
        for k in range(count):
            rows = np.broadcast_to(np.arange(before[k])[:, None], there[k].shape)
            mirrored = count - 1 - k
            lefts.append(starts[k] + rows.T)
            rights.append(starts[mirrored] + before[mirrored] + chain.targets[k].T)
            kept.append(there[k].T)
        supports = Sums.of(_stacked(*lefts), _stacked(*rights), _stacked(*kept), int(starts[-1]))
        used = sorted(set().union(*maps))
        square = len(used) == len(maps)
        columns = [np.searchsorted(used, row) if square else np.arange(len(row)) for row in maps]
        places = np.full((count, 1 + max(map(max, columns))), begin[-1], np.int32)
        for k, row in enumerate(columns):
            places[k, row] = begin[k] + np.arange(len(row))
        entries = np.concatenate([k * places.shape[1] + row for k, row in enumerate(columns)])
        return cls(chain, tuple(steps), supports, places, _indices(entries), square)


def _stacked(*parts: np.ndarray) -> np.ndarray:
    """One below the other, filled up with zeros on the right."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(x, [(0, 0), (0, width - x.shape[1])]) for x in parts])


def _indices(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, np.int32)


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
        found, lost = _by_blocks(self._scaled, BLOCK, weights)
        return jax.lax.cond(jnp.any(lost), self._exactly, lambda weights: found, weights)

    def _scaled(self, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The supports, and for which instances ``bool[B]`` all of their total is lost."""
        coordinates = self.semiring.coordinates
        assert coordinates is not None
        lattice = self.lattice
        shift, whole = jax.lax.stop_gradient(_scales(lattice, weights))
        # Twice where: an impossible value has derivative zero.
        there = weights != self.semiring.zero
        encoded = jnp.where(there, coordinates.encode(jnp.where(there, weights - shift, 0)), 0)
        encoded = _layer(encoded)
        found = _layer(_supports(lattice, encoded))
        possible = _possible(lattice, there)
        least = float(jnp.finfo(weights.dtype).tiny)
        decoded = coordinates.decode(jnp.where(possible & ~(found <= least), found, least))
        decoded = jnp.where(possible, decoded + whole - shift, self.semiring.zero)
        first = lattice.chain.sizes[0]
        total = jnp.sum(found[:first] * encoded[:first], 0)
        satisfiable = jnp.any(possible[:first] & there[:first], 0)
        return decoded, satisfiable & (total < least * 2.0**24)

    def _exactly(self, weights: jax.Array) -> jax.Array:
        """The same, a few instances at a time: a branch that is not taken costs its memory too."""

        def supports(weights: jax.Array) -> tuple[jax.Array]:
            rows = jnp.split(weights, np.cumsum(self.lattice.chain.sizes)[:-1])
            found = scanned_supports(self.semiring, self.lattice.chain, rows)
            return (jnp.concatenate(found),)

        return _by_blocks(supports, EXACT_BLOCK, weights)[0]


def _by_blocks(
    function: Callable[[jax.Array], tuple[jax.Array, ...]], most: int, weights: jax.Array
) -> tuple[jax.Array, ...]:
    """``function`` of ``[..., B]``, of so many instances at a time at most."""
    batch = weights.shape[-1]
    if batch <= most:
        return function(weights)
    blocks = -(-batch // most)
    size = -(-batch // blocks)
    padded = jnp.pad(weights, [(0, 0), (0, blocks * size - batch)])
    split = jnp.moveaxis(padded.reshape(-1, blocks, size), 1, 0)

    def whole(found: jax.Array) -> jax.Array:
        return jnp.moveaxis(found, 0, -2).reshape(*found.shape[1:-1], -1)[..., :batch]

    return jax.tree.map(whole, jax.lax.map(function, split))


def _scales(lattice: SetLattice, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What is subtracted from each weight ``[Σ D_k, B]``, and from every assignment ``[B]``.

    That is a number of its row, and one of its column, which every assignment has once.
    """
    count, width = lattice.places.shape
    full = lattice.places.size == len(weights)
    table = weights
    if not (full and (np.diff(lattice.places.ravel()) == 1).all()):
        nothing = jnp.full_like(weights, -jnp.inf, shape=(1, weights.shape[1]))
        table = take(jnp.concatenate([weights, nothing]), lattice.places.ravel())
    table = _layer(table).reshape(count, width, -1)
    heights = jnp.zeros_like(table[0])
    highest = _finite(jnp.max(table, 1))
    if lattice.square:
        heights = _finite(jnp.max(table - highest[:, None], 0))
        for _ in range(SWEEPS - 1):
            highest = _layer(_finite(jnp.max(table - heights, 1)))
            heights = _layer(_finite(jnp.max(table - highest[:, None], 0)))
    scales = (highest[:, None] + heights).reshape(count * width, -1)
    if not (np.diff(lattice.entries) == 1).all():
        scales = take(scales, lattice.entries)
    return scales, jnp.sum(highest, 0) + jnp.sum(heights, 0)


def _finite(x: jax.Array) -> jax.Array:
    return jnp.where(jnp.isfinite(x), x, 0)


class _Ring(NamedTuple):
    """What a pass adds and multiplies with, elementwise; zero is zero."""

    add: Callable[[jax.Array, jax.Array], jax.Array]
    mul: Callable[[jax.Array, jax.Array], jax.Array]


_REAL = _Ring(jnp.add, jnp.multiply)
_BITS = _Ring(jnp.bitwise_or, jnp.bitwise_and)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _supports(lattice: SetLattice, weights: jax.Array) -> jax.Array:
    """The supports of all values ``[Σ D_k, B]`` of real weights."""
    joined = _joined(_messages(_REAL, lattice, weights))
    return _sum(_REAL, lattice.supports, [(joined, joined)])


@_supports.defjvp
def _supports_jvp(lattice: SetLattice, primals: tuple, tangents: tuple) -> tuple:
    (weights,), (moves,) = primals, tangents
    messages = _messages(_REAL, lattice, weights)
    joined = _joined(messages)

    def rise(flat: jax.Array) -> jax.Array:
        moves = flat.reshape(weights.shape)
        moved = [jnp.zeros_like(messages[0])]
        for sums, message in zip(lattice.steps, messages, strict=False):
            given = [(message, moves)] + [(moved[-1], weights)] * (len(moved) > 1)
            moved.append(_layer(_sum(_REAL, sums, given)))
        every = _joined(moved)
        return _sum(_REAL, lattice.supports, [(every, joined), (joined, every)]).ravel()

    rises = symmetric_map(rise, moves.ravel()).reshape(weights.shape)
    return _sum(_REAL, lattice.supports, [(joined, joined)]), rises


def _messages(ring: _Ring, lattice: SetLattice, weights: jax.Array) -> list[jax.Array]:
    """The messages before and after each step."""
    one = jnp.ones_like(weights[:1]) if ring is _REAL else ~jnp.zeros_like(weights[:1])
    found = [jnp.concatenate([one, one])]
    for sums in lattice.steps:
        found.append(_layer(_sum(ring, sums, [(found[-1], weights)])))
    return found


def _joined(messages: Sequence[jax.Array]) -> jax.Array:
    """All messages, one below the other, and zeros at the end."""
    return _layer(jnp.concatenate([*messages, jnp.zeros_like(messages[0][:1])]))


def _layer(x: jax.Array) -> jax.Array:
    """Computed once: XLA would fuse it into every sum that uses it, at many times the work."""
    return jax.lax.optimization_barrier(x)


def _sum(ring: _Ring, sums: Sums, pairs: Sequence[tuple[jax.Array, jax.Array]]) -> jax.Array:
    """The sums ``[N, B]`` of products of rows of two arrays; of several pairs, all added up."""
    absent = int(sums.left.max(initial=0))
    padded = [(_with_zeros(x) if absent == len(x) else x, y) for x, y in pairs]
    rows, width = sums.left.shape
    # Gathered at once and stored: XLA's newer emitters would make a kernel for each of the slices.
    index = sums.left.T.ravel(), sums.right.T.ravel()
    gathered = [(_layer(take(x, index[0])), _layer(take(y, index[1]))) for x, y in padded]
    spans = [slice(m * rows, (m + 1) * rows) for m in range(width)]
    found = functools.reduce(ring.add, [ring.mul(x[s], y[s]) for s in spans for x, y in gathered])
    if sums.portions is None:
        return found
    parts = _with_zeros(_layer(found))
    number, each = sums.portions.shape
    terms = _layer(take(parts, sums.portions.T.ravel()))
    return functools.reduce(ring.add, [terms[c * number : (c + 1) * number] for c in range(each)])


def _with_zeros(x: jax.Array) -> jax.Array:
    return jnp.concatenate([x, jnp.zeros_like(x[:1])])


def _possible(lattice: SetLattice, there: jax.Array) -> jax.Array:
    """Which supports are not zero: the same passes on bits, of 32 instances a word."""
    batch = there.shape[1]
    words = -(-batch // PACKED)
    places = jnp.arange(PACKED, dtype=jnp.uint32)
    bits = jnp.pad(there, [(0, 0), (0, words * PACKED - batch)]).reshape(-1, words, PACKED)
    packed = _layer(jnp.sum(bits.astype(jnp.uint32) << places, -1, dtype=jnp.uint32))
    joined = _joined(_messages(_BITS, lattice, packed))
    found = _layer(_sum(_BITS, lattice.supports, [(joined, joined)]))
    lanes = found[..., None] >> places
    return ((lanes & 1) != 0).reshape(len(there), -1)[:, :batch]
