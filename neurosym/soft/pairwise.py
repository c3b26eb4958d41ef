"""Messages between pairs of variables with few values, without exponentials or logarithms.

Where all factors are potentials over two variables, a message is kept as the ratios of its entries
to its first one, in the real numbers: a round is then one gather, a few products and one division.
That is sound as long as no product of ratios leaves the range of the floats, which follows from the
potentials alone: a message from a table whose entries span a factor ``exp(s)`` spans no more, so
what a variable says spans at most the sum over its tables and its own weights. `sound` checks this
once, for the whole batch; the log-encoded messages of `messages.py` are the other branch.

At temperature 0 the same ratios are differences, and nothing can overflow.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra.instances import MAX_TIMES, REAL
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import messages
from neurosym.soft.factor_messages import Prepared, SoftGroup
from neurosym.soft.wiring import MAX_WRITTEN_OUT, Wiring
from neurosym.transforms.any_in_batch import any_in_batch
from neurosym.transforms.take import take

MARGIN = 8.0
"""How far, in logarithms, ratios stay away from the largest and the smallest float."""


@dataclasses.dataclass(frozen=True)
class Ratios:
    """A semiring with a division, and its logarithms.

    Attributes:
      semiring: whose ⊕ and ⊗ combine ratios.
      encode: from logarithms; decode: back.
      divide: undoes ⊗.
      power: ``x ⊗ ... ⊗ x`` for any real number of factors.
      bounded: a product of ratios may leave the range of the floats.
    """

    semiring: Semiring
    encode: Callable[[jax.Array], jax.Array]
    decode: Callable[[jax.Array], jax.Array]
    divide: Callable[[jax.Array, jax.Array], jax.Array]
    power: Callable[[jax.Array, float], jax.Array]
    bounded: bool


SUMS = Ratios(
    semiring=REAL,
    encode=jnp.exp,
    decode=jnp.log,
    divide=jnp.divide,
    power=lambda x, exponent: jnp.sqrt(x) if exponent == 0.5 else x**exponent,
    bounded=True,
)
"""Sum-product."""

MAXIMA = Ratios(
    semiring=MAX_TIMES,
    encode=lambda x: x,
    decode=lambda x: x,
    divide=jnp.subtract,
    power=lambda x, exponent: x * exponent,
    bounded=False,
)
"""Max-product."""


class Pairs(NamedTuple):
    """Arrays of a pairwise model. L slots, in the order of the wiring's classes."""

    weights: jax.Array  # [D - 1, V]: ratios to the first value, in the order of the classes
    tables: jax.Array  # [D, D, L]: at the slot of the edge that hears; value heard, value that says


class State(NamedTuple):
    """Between two rounds."""

    heard: jax.Array  # [D - 1, L]: messages at the slots
    said: jax.Array  # [D - 1, L]: what the variables say to that
    rounds: jax.Array  # int32[]
    residual: jax.Array  # float[]


def is_pairwise(wiring: Wiring) -> bool:
    """Whether all factors are potentials over two variables."""
    pairs = (isinstance(g, SoftGroup) and g.scope.shape[1] == 2 for g in wiring.groups)
    return wiring.edges > 0 and wiring.size > 1 and all(pairs)


def prepare(
    ratios: Ratios, wiring: Wiring, weights: jax.Array, prepared: Sequence[Prepared]
) -> tuple[Pairs, jax.Array]:
    """The arrays, from log-weights ``[D, V]``, and ``bool[]``: whether using them is sound."""
    table = _edge_tables(wiring, prepared)
    heard, said = wiring.present(wiring.owners), wiring.present(_opposite_owners(wiring))
    valid = heard[:, None] & said[None]
    highest = jnp.max(jnp.where(valid, table, -jnp.inf), (0, 1))
    lowest = jnp.min(jnp.where(valid, table, jnp.inf), (0, 1))
    finite = jnp.all(lowest > -jnp.inf) & jnp.all(weights[0] > -jnp.inf)
    table = jnp.where(valid, table - highest, 0)
    table = jnp.where(heard[:, None], table, table[:1])  # ratios beyond the domain are 1
    neutral = jnp.zeros((*table.shape[:2], 1), table.dtype)
    table = jnp.concatenate([table, neutral], axis=2)
    table = take(table, wiring.sources, axis=2)
    own = messages.columns(weights, wiring.order)
    sound = finite
    if ratios.bounded:
        span = jnp.concatenate([highest - lowest, jnp.zeros(1, table.dtype)])
        spans = take(span, wiring.sources)[None]
        possible = own > -jnp.inf
        range_ = jnp.max(own, axis=0) - jnp.min(jnp.where(possible, own, jnp.inf), axis=0)
        _, reach = messages.exclusive(MAX_TIMES, wiring, range_[None], spans)
        limit = math.log(float(jnp.finfo(table.dtype).max)) - MARGIN - math.log(wiring.size)
        sound &= jnp.max(reach) + jnp.max(span) < limit
    # Nothing is encoded that could overflow: where it is not sound the arrays are not used.
    own = jnp.where(sound, own[1:] - own[:1], 0)
    pairs = Pairs(ratios.encode(own), ratios.encode(jnp.where(sound, table, 0)))
    return pairs, any_in_batch(~sound)


def start(ratios: Ratios, wiring: Wiring, pairs: Pairs) -> State:
    """Messages that say nothing, before the first round."""
    dtype = pairs.weights.dtype
    heard = ratios.semiring.ones((wiring.size - 1, len(wiring.sources)), dtype)
    said, _ = messages.exclusive(ratios.semiring, wiring, pairs.weights, heard)
    return State(heard, said, jnp.zeros((), jnp.int32), jnp.ones((), dtype))


def round_of(
    ratios: Ratios, wiring: Wiring, pairs: Pairs, damping: float
) -> Callable[[State], State]:
    """One round, as a function of the state."""
    semiring = ratios.semiring
    opposite = _opposite_slots(wiring)

    # What the variables say is carried along: stored in one round and gathered in the next. Within
    # one program XLA would fuse the two, and make it again for every gathered element.
    def advance(state: State) -> State:
        told = messages.columns(state.said, opposite)
        totals = [_total(semiring, row, told) for row in pairs.tables]
        after = jnp.stack([ratios.divide(total, totals[0]) for total in totals[1:]])
        moved = jax.lax.stop_gradient(_change(ratios, state.heard, after))
        if damping > 0:
            kept = ratios.power(state.heard, damping)
            after = semiring.mul(kept, ratios.power(after, 1 - damping))
        said, _ = messages.exclusive(semiring, wiring, pairs.weights, after)
        return State(after, said, state.rounds + 1, moved)

    return advance


def to_messages(ratios: Ratios, wiring: Wiring, heard: jax.Array) -> jax.Array:
    """Ratios at the slots as log-encoded messages ``[D, R]``."""
    logs = messages.columns(ratios.decode(heard), wiring.slots)
    logs = jnp.concatenate([jnp.zeros_like(logs[:1]), logs])
    return messages.normalise(jnp.where(wiring.present(wiring.owners), logs, -jnp.inf))


def _total(semiring: Semiring, row: jax.Array, told: jax.Array) -> jax.Array:
    """``row[0] ⊕ row[v] ⊗ told[v - 1] ⊕ ...``; few values are written out."""
    if len(row) <= MAX_WRITTEN_OUT:
        terms = [row[0], *(semiring.mul(row[v + 1], told[v]) for v in range(len(told)))]
        return functools.reduce(semiring.add, terms)
    return semiring.add(row[0], semiring.sum(semiring.mul(row[1:], told), 0))


def _change(ratios: Ratios, before: jax.Array, after: jax.Array) -> jax.Array:
    """As `messages.change`, of ratios."""
    moved = []
    for x, y in zip(_proportions(ratios, before), _proportions(ratios, after), strict=True):
        moved.append(jnp.abs(x - y))
    return messages.largest(functools.reduce(jnp.maximum, moved))


def _proportions(ratios: Ratios, x: jax.Array) -> list[jax.Array]:
    """The entries of messages, the largest of which is one, as real numbers."""
    one = jnp.full_like(x[0], ratios.semiring.one)
    highest = jnp.maximum(messages.over_values(jnp.maximum, x), one)
    entries = [ratios.divide(entry, highest) for entry in (one, *x)]
    return entries if ratios.bounded else [jnp.exp(entry) for entry in entries]


def _edge_tables(wiring: Wiring, prepared: Sequence[Prepared]) -> jax.Array:
    """``[D, D, R]``: value heard, value that says; zeros beyond the tables."""
    tables = []
    for group, unfolded in zip(wiring.groups, prepared, strict=True):
        for table in unfolded:
            high, low = (wiring.size - n for n in table.shape[:2])
            table = jnp.pad(table, [(0, high), (0, low), (0, 0)])
            tables.append(jnp.broadcast_to(table, (*table.shape[:2], len(group.scope))))
    return jnp.concatenate(tables, axis=2)


def _opposite_edges(wiring: Wiring) -> np.ndarray:
    """``int[R]``: the other edge of the same factor."""
    opposite = []
    for group, begin in zip(wiring.groups, wiring.starts, strict=True):
        count = len(group.scope)
        opposite += [begin + count + np.arange(count), begin + np.arange(count)]
    return np.concatenate(opposite)


def _opposite_owners(wiring: Wiring) -> np.ndarray:
    return wiring.owners[_opposite_edges(wiring)]


def _opposite_slots(wiring: Wiring) -> np.ndarray:
    """``int[L]``: the slot of the other edge of the same factor; the padding hears itself."""
    own = np.arange(len(wiring.sources))
    edge = np.minimum(wiring.sources, wiring.edges - 1)
    return np.where(wiring.sources < wiring.edges, wiring.slots[_opposite_edges(wiring)[edge]], own)
