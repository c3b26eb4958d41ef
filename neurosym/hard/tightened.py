"""The root of `solve_best`: weights moved until their bound is tight, and what follows from that.

    weights, domains ─▶ rounds of `neurosym.duals`  ─▶ moved weights, and their best values
                        best values that are legal  ─▶ an incumbent
                        bound through each value    ─▶ values that cannot beat it leave

Instances take rounds in blocks of `BLOCK`. After a few rounds those that are settled, with nothing
left that could beat their incumbent, are set aside, and the others go on in fuller blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.duals import Ascent
from neurosym.duals.exclusive import ExclusiveLayer
from neurosym.hard import rounds
from neurosym.hard.nodes import Layout
from neurosym.transforms.take import take

BLOCK = 32
"""Instances whose weights move together: so many lie in a cache."""

PHASES = (4, 8, 28)
"""Rounds before instances are looked at, and again, and for the last time."""


class Root(NamedTuple):
    """What is known before the search; N instances."""

    weights: jax.Array  # float[N, V, D]: moved, rounded to the dtype of the weights
    constant: jax.Array  # float[N]
    lanes: jax.Array  # [N, V, W]: without values that cannot beat the incumbent
    objective: jax.Array  # float[N]: of the incumbent; -inf for none
    values: jax.Array  # int32[N, V]: the incumbent
    bound: jax.Array  # float[N]: no solution weighs more
    size: jax.Array  # float[N]: of the numbers that add up to a bound


class _Held(NamedTuple):
    """All instances, the batch last."""

    kept: tuple[jax.Array, ...]
    moved: jax.Array  # [D, V, N]
    root: Root


def tighten(
    ascent: Ascent,
    constraints: rounds.Constraints,
    layout: Layout,
    weights: jax.Array,
    lanes: jax.Array,
) -> Root:
    """Moves the weights ``[N, V, D]``, -inf where there is no value, of instances ``[N, V, W]``."""
    count = len(weights)
    block = min(BLOCK, count)
    given = jnp.moveaxis(weights, 0, -1).swapaxes(0, 1)  # [D, V, N]
    start = ascent.start(given)
    unknown = jnp.full(count, -jnp.inf, weights.dtype)
    values = jnp.zeros(weights.shape[:2], jnp.int32)
    zero = jnp.zeros(count, weights.dtype)
    held = _Held(start.kept, given, Root(weights, zero, lanes, unknown, values, -unknown, zero))

    def some(held: _Held, chosen: jax.Array, number: int) -> _Held:
        """One block of instances ``int32[block]`` takes rounds and is looked at."""
        kept = tuple(take(x, chosen, axis=x.ndim - 1) for x in held.kept)
        own = take(given, chosen, axis=2)
        moved = ascent.start(own)._replace(weights=take(held.moved, chosen, axis=2), kept=kept)
        moved = ascent.rounds(moved, number)
        before = jax.tree.map(lambda x: take(x, chosen), held.root)
        root = _look(ascent, constraints, layout, own, moved.kept, before)
        put = held.root
        put = jax.tree.map(lambda all_, new: all_.at[chosen].set(new), put, root)
        return _Held(
            tuple(x.at[..., chosen].set(y) for x, y in zip(held.kept, moved.kept, strict=True)),
            held.moved.at[..., chosen].set(moved.weights),
            put,
        )

    phases = jnp.asarray(PHASES, jnp.int32)

    def more(carry: tuple) -> jax.Array:
        return carry[-1] < len(PHASES)

    def body(carry: tuple) -> tuple:
        held, order, left, begin, phase = carry
        place = jnp.minimum(begin, count - block)
        chosen = jax.lax.dynamic_slice_in_dim(order, place, block)
        held, begin = some(held, chosen, take(phases, phase)), begin + block
        several = jnp.any(bits.popcount(held.root.lanes, axis=2) > 1, axis=1)
        through = begin >= left
        # An instance that is in no fuller block is looked at once more, which takes nothing away.
        order = jnp.where(through, jnp.argsort(~several, stable=True).astype(jnp.int32), order)
        left = jnp.where(through, jnp.sum(several, dtype=jnp.int32), left)
        phase = jnp.where(through, phase + 1, phase)
        phase = jnp.where(left > 0, phase, len(PHASES))
        return held, order, left, jnp.where(through, 0, begin), phase

    order = jnp.arange(count, dtype=jnp.int32)
    first = (held, order, jnp.int32(count), jnp.int32(0), jnp.int32(0))
    return jax.lax.while_loop(more, body, first)[0].root


def _look(
    ascent: Ascent,
    constraints: rounds.Constraints,
    layout: Layout,
    weights: jax.Array,
    kept: tuple[jax.Array, ...],
    root: Root,
) -> Root:
    """What the moved weights say of a block, given its weights ``[D, V, B]``.

    They are made again from what the layers keep, in float64, so that rounding does not add up over
    rounds.
    """
    exact = tuple(x.astype(jnp.float64) for x in kept)
    moved = weights.astype(jnp.float64) - ascent.spent(exact, len(weights))
    moved = jnp.where(weights > -jnp.inf, moved, -jnp.inf)
    pairs = zip(ascent.layers, exact, strict=True)
    constant = sum(
        (layer.constant(x) for layer, x in pairs), jnp.zeros(moved.shape[-1], moved.dtype)
    )
    best = jnp.max(moved, axis=0)  # [V, B]
    values = first_best(moved, best)
    legal = is_legal(constraints, layout, values) & jnp.all(best > -jnp.inf, axis=0)
    own = jnp.max(jnp.where(_at(values, len(weights)), weights, -jnp.inf), axis=0)
    total = jnp.where(legal, in_order(own), -jnp.inf)
    better = total > root.objective
    objective = jnp.maximum(total, root.objective)
    values = jnp.where(better[:, None], values.T, root.values)
    bound = constant + jnp.sum(best, axis=0)
    spare = slack(ascent, weights, kept, objective)
    through = bound - best + moved  # [D, V, B]
    keep = (through >= objective - spare) & (moved > -jnp.inf)
    keep = jnp.where(jnp.isnan(through), moved > -jnp.inf, keep)
    lanes = jnp.moveaxis(bits.pack(keep, axis=0, dtype=root.lanes.dtype), -1, 0)  # [B, W, V]
    lanes = root.lanes & lanes.swapaxes(1, 2)
    moved = jnp.moveaxis(moved, -1, 0).swapaxes(1, 2).astype(weights.dtype)
    spare = jnp.where(jnp.isfinite(bound), 2 * spare, 0)
    bound = jnp.minimum((bound + spare).astype(weights.dtype), root.bound)
    size = jnp.sum(jnp.where(best > -jnp.inf, jnp.abs(best), 0), axis=0)
    for own in kept:
        size += jnp.sum(jnp.abs(own), axis=tuple(range(own.ndim - 1)))
    dtype = weights.dtype
    constant, size = constant.astype(dtype), size.astype(dtype)
    return Root(moved, constant, lanes, objective, values, bound, size)


def slack(
    ascent: Ascent, weights: jax.Array, kept: tuple[jax.Array, ...], objective: jax.Array
) -> jax.Array:
    """How far the sum of weights ``[D, V, B]`` of a solution may be from its total, ``[B]``.

    The total is added up in the dtype of the weights; the moved weights in float64.
    """
    variables = weights.shape[1]
    eps = float(jnp.finfo(weights.dtype).eps)
    there = weights > -jnp.inf
    largest = jnp.sum(jnp.max(jnp.where(there, jnp.abs(weights), 0), axis=0), axis=0)
    # The sizes of a solution's weights add up to twice the positive ones, less the total.
    positive = jnp.sum(jnp.max(jnp.maximum(weights, 0), axis=0), axis=0)
    known = jnp.isfinite(objective)
    of_total = 2 * positive + jnp.abs(jnp.where(known, objective, 0))
    size = jnp.where(known, jnp.minimum(largest, of_total), largest).astype(jnp.float64)
    rounding = variables * eps * size
    for layer, own in zip(ascent.layers, kept, strict=True):
        # Prices are read exactly. What a factor keeps is at most 0 up to the rounding of its parts.
        each = 2.0**-40 if isinstance(layer, ExclusiveLayer) else 16 * eps
        rounding += each * jnp.sum(jnp.abs(own), axis=tuple(range(own.ndim - 1)))
    return rounding + 2.0**-40 * largest


def is_legal(constraints: rounds.Constraints, layout: Layout, values: jax.Array) -> jax.Array:
    """Whether values ``int32[V, B]`` satisfy all constraints: propagation takes none away."""
    lanes = one_value(layout, values)
    changed, empty = rounds.changed_and_wiped_out(lanes, rounds.revise_all(constraints, lanes))
    return ~changed & ~empty


def first_best(weights: jax.Array, best: jax.Array) -> jax.Array:
    """The first value ``int32[V, B]`` that weighs ``best``, of weights ``[D, V, B]``.

    Not an argmax: of float64 it has another form where a caller's jit without 64 bits is lowered.
    """
    size = weights.shape[0]
    index = jnp.arange(size, dtype=jnp.int32)[:, None, None]
    return jnp.min(jnp.where(weights == best, index, jnp.int32(size - 1)), axis=0)


def one_value(layout: Layout, values: jax.Array) -> jax.Array:
    """Lanes ``[V, W, B]`` of one value each, of value indices ``[V, B]``."""
    dtype = np.dtype(layout.dtype)
    width = jnp.int32(dtype.itemsize * 8)
    word = jnp.arange(layout.words, dtype=jnp.int32)[:, None]
    bit = jnp.left_shift(jnp.ones((), dtype), jax.lax.rem(values, width).astype(dtype))
    return jnp.where(
        jax.lax.div(values, width)[:, None] == word, bit[:, None], jnp.zeros((), dtype)
    )


def in_order(weights: jax.Array) -> jax.Array:
    """The sum over variables ``float[V, L]``, always in the same order."""

    def step(total: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
        return total + row, None

    return jax.lax.scan(step, jnp.zeros(weights.shape[1], weights.dtype), weights)[0]


def _at(values: jax.Array, size: int) -> jax.Array:
    """``bool[D, V, B]``: the value of each variable."""
    return jnp.arange(size, dtype=jnp.int32)[:, None, None] == values
