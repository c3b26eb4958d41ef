"""The propagators of `Linear`: bounds for ``<=`` and ``!=``, sets of reachable sums for ``==``.

    x + y == 3, x in {0, 2}, y in {0, 1}     partial sums as bits: {0} ─▶ {0, 2} ─▶ {0, 1, 2, 3}
    backwards from the goal                  {3} ─▶ {2, 3} ─▶ {0, 1, 2, 3}, cut to what was reached
    supported: a value that leads from a reached sum to one from which the goal is reached
    so x loses 0 and y loses 0

A set of sums is a row of bits, so one shift moves all sums by an offset at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.propagator import padded_scopes, shared_length
from neurosym.transforms.take import take_along

Places = tuple[int, ...]
Offsets = tuple[tuple[int, ...], ...]


LABORIOUS = 2**15
"""Offsets of a group from which on a search has a narrower front."""


class Bounded(NamedTuple):
    """``Σ_k offsets[k][x_k]`` is at most ``bound``, or is not equal to it."""

    scope: Places
    offsets: Offsets
    bound: int
    unequal: bool


@flax.struct.dataclass
class LinearBounds:
    """Linear ``<=`` and ``!=`` (and too wide ``==``, by bounds only); see `Propagator`."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    offsets: jax.Array  # int32[C, K, D], or int64 where sums are wider
    bound: jax.Array  # int32[C], or int64
    unequal: jax.Array  # bool[C]: != instead of <=

    @classmethod
    def build(cls, rows: Sequence[Bounded], size: int) -> LinearBounds:
        """From rows that each say ``Σ offsets <= bound``, or ``!= bound``."""
        reach = max(sum(max(row) for row in each.offsets) for each in rows)
        dtype = np.int32 if reach < 2**31 - 1 else np.int64
        given = [(row.scope, row.offsets) for row in rows]
        scope, present, offsets = _padded(given, size, dtype)
        with jax.enable_x64(True):
            return cls(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                offsets=jax.device_put(offsets),
                bound=jax.device_put(np.asarray([row.bound for row in rows], dtype)),
                unequal=jax.device_put(np.asarray([row.unequal for row in rows])),
            )

    @property
    def work(self) -> int:
        """Elements that one node takes, where they are so many that the cache holds few nodes."""
        return self.offsets.size if self.offsets.size >= LABORIOUS else 0

    @jax.named_scope("linear_bounds")
    def prune(self, domains: jax.Array) -> jax.Array:
        offsets = self.offsets[..., None]
        possible = bits.unpack(domains, self.offsets.shape[2], axis=2)  # [C, K, D, B]
        possible &= self.present[..., None, None]
        far = jnp.asarray(np.iinfo(self.offsets.dtype).max, self.offsets.dtype)
        low = jnp.min(jnp.where(possible, offsets, far), axis=2)
        low = jnp.where(low == far, 0, low)  # absent, or wiped out and cleared by the caller
        high = jnp.max(jnp.where(possible, offsets, 0), axis=2)
        others_low = (jnp.sum(low, axis=1, keepdims=True) - low)[:, :, None]
        others_high = (jnp.sum(high, axis=1, keepdims=True) - high)[:, :, None]
        bound = self.bound[:, None, None, None]
        least = offsets + others_low
        fits = least <= bound
        # Unequal: only when the others can make one sum alone does a value meet the bound for sure.
        differs = (others_low != others_high) | (least != bound)
        keep = jnp.where(self.unequal[:, None, None, None], differs, fits)
        keep |= ~self.present[..., None, None]
        lanes = bits.pack(keep, axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))


@flax.struct.dataclass
class LinearSums:
    """Linear ``==``, exact by reachable sums; see `Propagator`. S is the words of a sum set."""

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    offsets: jax.Array  # int32[C, K, D]; absent positions have the single offset 0
    start: jax.Array  # uint64[S]: the set {0}
    goal: jax.Array  # uint64[C, S]: the set {bound}, empty where no sum can meet it

    @classmethod
    def build(
        cls, rows: Sequence[tuple[Places, Offsets, int]], words: int, size: int
    ) -> LinearSums:
        """From scopes, offsets and bounds; ``words`` hold the partial sums that matter."""
        beyond = words * bits.WORD  # no set reaches so far
        near = [
            (scope, tuple(tuple(min(offset, beyond) for offset in row) for row in offsets))
            for scope, offsets, _ in rows
        ]
        scope, present, offsets = _padded(near, size, np.int32)
        bounds = np.asarray([bound for _, _, bound in rows])
        # A bound below 0 or beyond every sum is an empty set, which leaves no value a support.
        meetable = (bounds >= 0) & (bounds < words * bits.WORD)
        goal = np.where(meetable[:, None], bits.single(np.where(meetable, bounds, 0), words), 0)
        with jax.enable_x64(True):
            return cls(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                offsets=jax.device_put(offsets),
                start=jax.device_put(bits.single(np.asarray(0), words)),
                goal=jax.device_put(goal.astype(np.uint64)),
            )

    @jax.named_scope("linear_sums")
    def prune(self, domains: jax.Array) -> jax.Array:
        first = jnp.arange(self.offsets.shape[2]) == 0
        possible = bits.unpack(domains, self.offsets.shape[2], axis=2)
        possible = jnp.where(self.present[..., None, None], possible, first[:, None])
        possible = jnp.moveaxis(possible, 1, 0)  # bool[K, C, D, B]
        offsets = jnp.moveaxis(self.offsets, 1, 0)
        shape = (*self.goal.shape, domains.shape[-1])
        start = jnp.broadcast_to(self.start[None, :, None], shape)
        goal = jnp.broadcast_to(self.goal[..., None], shape)
        nothing = jnp.uint64(0)

        def forward(sums: jax.Array, here: tuple) -> tuple[jax.Array, jax.Array]:
            offset, bit = here
            moved = jnp.where(bit[:, :, None], _shift(sums, offset, up=True), nothing)
            return _union(moved), sums

        def backward(sums: jax.Array, here: tuple) -> tuple[jax.Array, jax.Array]:
            offset, bit, before = here
            moved = _shift(sums, offset, up=False)
            supported = jnp.any(moved & before[:, None] != nothing, axis=2)
            return _union(jnp.where(bit[:, :, None], moved, nothing)), supported

        _, reached = jax.lax.scan(forward, start, (offsets, possible))
        _, supported = jax.lax.scan(backward, goal, (offsets, possible, reached), reverse=True)
        lanes = bits.pack(jnp.moveaxis(supported, 0, 1), axis=2, dtype=domains.dtype)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(domains.dtype))


def _padded(
    rows: Sequence[tuple[Places, Offsets]], size: int, dtype: type
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scope, present and offsets ``[C, K, size]`` of the dtype."""
    arity = shared_length(max(len(scope) for scope, _ in rows))
    scope, present = padded_scopes([scope for scope, _ in rows], arity)
    offsets: np.ndarray = np.zeros((len(rows), arity, size), dtype)
    for c, (_, values) in enumerate(rows):
        for position, row in enumerate(values):
            offsets[c, position, : len(row)] = row
    return scope, present, offsets


def _shift(sums: jax.Array, offsets: jax.Array, *, up: bool) -> jax.Array:
    """Adds (or subtracts) each offset ``int32[C, D]`` to the sets ``uint64[C, S, B]``: one
    ``uint64[C, D, S, B]`` set a value."""
    words = sums.shape[1]
    whole, part = offsets // bits.WORD, (offsets % bits.WORD).astype(jnp.uint64)
    sums = sums[:, None]
    if words == 1:
        near = jnp.where((whole == 0)[..., None, None], sums, jnp.uint64(0))
        far = jnp.zeros_like(near)
    else:
        sign = -1 if up else 1
        source = jnp.arange(words) + sign * whole[..., None]  # [C, D, S]
        near, far = _words(sums, source), _words(sums, source + sign)
    part = part[..., None, None]
    rest = (jnp.uint64(bits.WORD) - part) % jnp.uint64(bits.WORD)
    carried = jnp.where(part == 0, jnp.uint64(0), far >> rest if up else far << rest)
    return (near << part if up else near >> part) | carried


def _words(sums: jax.Array, source: jax.Array) -> jax.Array:
    """Words ``source`` of each set; empty where they lie outside."""
    inside = (source >= 0) & (source < sums.shape[2])
    index = jnp.where(inside, source, 0)[..., None]
    taken = take_along(sums, index, axis=2)
    return jnp.where(inside[..., None], taken, jnp.uint64(0))


def _union(sets: jax.Array) -> jax.Array:
    """The union over values of ``uint64[C, D, S, B]``."""
    return jax.lax.reduce(sets, np.uint64(0), jax.lax.bitwise_or, (1,))
