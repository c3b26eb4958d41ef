"""The goal of finding solutions: the first, up to k, or all; recorded or only counted."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.hard import nodes as columns
from neurosym.hard.pool import Front
from neurosym.transforms.take import take

MOST = 2**31 - 1
"""A count of so many means at least so many."""


class Found(NamedTuple):
    """The solutions so far. Those that are kept are appended to a log, whatever their instance."""

    number: jax.Array  # int32[N]: of each instance
    winner: jax.Array  # int64[N]: the last ticket that a node of the instance drew
    step: jax.Array  # int64[]
    log: jax.Array  # uint64[R, S]
    owner: jax.Array  # int32[S]: the instance of each entry
    rank: jax.Array  # int32[S]: its number among the instance's
    logged: jax.Array  # int32[]


class Enumeration:
    """Up to ``wanted`` solutions an instance; the first ``kept`` of them are recorded."""

    def __init__(
        self,
        layout: columns.Layout,
        width: int,
        wanted: jax.Array,  # int32[]
        kept: int | jax.Array,  # or int32[], with ``room``
        preference: jax.Array | None = None,  # float32[V, D]: values of higher weight come first
        *,
        room: int | None = None,  # entries of the log; as many as ``kept`` needs if None
    ) -> None:
        self.layout, self.width, self.stop, self.kept = layout, width, wanted, kept
        self.preference, self.room = preference, room

    def start(self, instances: int) -> Found:
        """Nothing found yet."""
        room = self.room
        if room is None:
            room = instances * int(self.kept) + self.width if self.kept else 1
        return Found(
            number=jnp.zeros(instances, jnp.int32),
            winner=jnp.full(instances, -1, jnp.int64),
            step=jnp.int64(0),
            log=jnp.zeros((self.layout.rows, room), jnp.uint64),
            owner=jnp.zeros(room, jnp.int32),
            rank=jnp.zeros(room, jnp.int32),
            logged=jnp.int32(0),
        )

    def wanted(self, state: Found, owner: jax.Array) -> jax.Array:
        return take(state.number, owner) < self.stop

    def review(self, state: Found, front: Front) -> tuple[jax.Array, None]:
        return front.lanes, None

    def leave(self, state: Found, front: Front, dropped: jax.Array) -> Found:
        return state

    def score(self, notes: None) -> None:
        return None

    def choose(self, front: Front, variable: jax.Array, domain: jax.Array) -> jax.Array:
        if self.preference is None:
            return lowest_value(domain)
        return heaviest_value(domain, take(self.preference, variable).T)

    def record(self, state: Found, front: Front, notes: None, solved: jax.Array) -> Found:
        return jax.lax.cond(
            jnp.any(solved), lambda: self._record(state, front, solved), lambda: state
        )

    def _record(self, state: Found, front: Front, solved: jax.Array) -> Found:
        if self.room is None:
            return (self._logged if self.kept else self._counted)(state, front, solved)
        return jax.lax.cond(
            self.kept > 0,
            lambda: self._logged(state, front, solved),
            lambda: self._counted(state, front, solved),
        )

    def _counted(self, state: Found, front: Front, solved: jax.Array) -> Found:
        # Saturating: an addition that wraps around becomes negative.
        count = state.number.at[front.owner].add(solved.astype(jnp.int32))
        count = jnp.where(count < state.number, MOST, count)
        return state._replace(number=jnp.minimum(count, self.stop))

    def _logged(self, state: Found, front: Front, solved: jax.Array) -> Found:
        before = take(state.number, front.owner)
        if self.room is None:
            state, rank = self._rank(state, front.owner, solved)
        else:
            rank = _rank_of_few(state.number.shape[0], front.owner, solved)
        rank = before + rank
        new = solved & (rank < self.stop)
        count = state.number.at[front.owner].add(new.astype(jnp.int32))
        (index,), (added,) = columns.compact((new & (rank < self.kept))[None])
        block = take(front.columns, index, axis=1)
        place = (state.logged,)
        return state._replace(
            number=count,
            log=jax.lax.dynamic_update_slice(state.log, block, (jnp.int32(0), *place)),
            owner=jax.lax.dynamic_update_slice(state.owner, take(front.owner, index), place),
            rank=jax.lax.dynamic_update_slice(state.rank, take(rank, index), place),
            logged=state.logged + added,
        )

    def _rank(self, state: Found, owner: jax.Array, solved: jax.Array) -> tuple[Found, jax.Array]:
        """Numbers the solved nodes of each instance from 0; at once where each has but one."""
        length = owner.shape[0]
        lane = jnp.arange(length, dtype=jnp.int64)
        ticket = jnp.where(solved, state.step * length + lane, -1)
        winner = state.winner.at[owner].max(ticket)
        alone = jnp.all(~solved | (take(winner, owner) == ticket))

        def sorted_rank() -> jax.Array:
            instance = jnp.where(solved, owner, jnp.int32(MOST))
            order = jnp.argsort(instance, stable=True)
            sorted_owner = take(instance, order)
            place = jnp.arange(length, dtype=jnp.int32)
            first = jnp.concatenate([jnp.ones(1, jnp.bool_), sorted_owner[1:] != sorted_owner[:-1]])
            begin = jax.lax.cummax(jnp.where(first, place, 0))
            return jnp.zeros(length, jnp.int32).at[order].set(place - begin)

        rank = jax.lax.cond(alone, lambda: jnp.zeros(length, jnp.int32), sorted_rank)
        return state._replace(winner=winner, step=state.step + 1), rank

    def assignments(self, state: Found) -> jax.Array:
        """The recorded solutions as value indices ``int32[N, kept, V]``; -1 where there is none."""
        assert isinstance(self.kept, int)
        instances = state.number.shape[0]
        if not self.kept:
            return jnp.zeros((instances, 0, self.layout.variables), jnp.int32)
        slots = instances * self.kept
        entry = jnp.arange(state.owner.shape[0], dtype=jnp.int32)
        slot = jnp.where(entry < state.logged, state.owner * self.kept + state.rank, slots)
        source = jnp.full(slots, -1, jnp.int32).at[slot].set(entry, mode="drop")
        filled = source >= 0
        picked = take(state.log, jnp.where(filled, source, 0), axis=1)
        values = values_of(columns.to_lanes(self.layout, picked))  # [V, slots]
        values = jnp.where(filled, values, -1).T
        return values.reshape(instances, self.kept, -1)


def _rank_of_few(instances: int, owner: jax.Array, solved: jax.Array) -> jax.Array:
    """Numbers the solved nodes of each instance from 0, by a row for each instance."""
    own = solved & (owner == jnp.arange(instances, dtype=jnp.int32)[:, None])
    return jnp.sum(jnp.where(own, columns.running_counts(own) - 1, 0), axis=0, dtype=jnp.int32)


def assignments_of(layout: columns.Layout, found: Found, instances: int, kept: int) -> np.ndarray:
    """As `Enumeration.assignments`, by NumPy: ``int32[instances, kept, V]``."""
    values = np.full((instances, kept, layout.variables), -1, np.int32)
    logged = int(found.logged)
    log = np.asarray(found.log)[:, :logged]
    each = np.uint64(64 // layout.together)
    planes = [(log >> (each * np.uint64(n))).astype(layout.dtype) for n in range(layout.together)]
    flat = np.concatenate(planes)[: layout.variables * layout.words]
    lanes = flat.reshape(layout.variables, layout.words, logged)
    below = np.bitwise_count(lanes - lanes.dtype.type(1)).astype(np.int32)
    offset = np.arange(layout.words, dtype=np.int32)[:, None] * (8 * lanes.dtype.itemsize)
    held = np.where(lanes != 0, below + offset, 0).sum(axis=1)  # [V, logged]
    values[np.asarray(found.owner)[:logged], np.asarray(found.rank)[:logged]] = held.T
    return values


def lowest_value(domain: jax.Array) -> jax.Array:
    """The lowest value of domains ``[W, L]``, as lanes."""
    lowest = domain & (~domain + domain.dtype.type(1))
    if domain.shape[0] == 1:
        return lowest
    before = jnp.cumsum(domain != 0, axis=0) - (domain != 0)
    return jnp.where(before == 0, lowest, bits.nothing(domain.dtype))


def heaviest_value(domain: jax.Array, weights: jax.Array) -> jax.Array:
    """The value of greatest weight ``float32[D, L]`` of domains ``[W, L]``, as lanes."""
    size = weights.shape[0]
    there = bits.unpack(domain, size, axis=0)
    # Not jnp.argmax, whose indices are int64 here and int32 where a caller's jit is lowered.
    best = jax.lax.argmax(jnp.where(there, weights, -jnp.inf), 0, jnp.int32)
    # A weight of -inf is not a reason to choose a value that is not there.
    chosen = jnp.arange(size, dtype=jnp.int32)[:, None] == best
    lanes = bits.pack(chosen, axis=0, dtype=domain.dtype)
    inside = jnp.any(lanes & domain != 0, axis=0)
    return jnp.where(inside, lanes, lowest_value(domain))


def values_of(lanes: jax.Array) -> jax.Array:
    """The values ``int32[V, B]`` of lanes ``[V, W, B]`` that hold one each."""
    word = bits.word_bits(lanes)
    below = jax.lax.population_count(lanes - lanes.dtype.type(1)).astype(jnp.int32)
    if lanes.shape[1] == 1:
        return below[:, 0]
    offset = jnp.arange(lanes.shape[1], dtype=jnp.int32)[:, None] * word
    return jnp.sum(jnp.where(lanes != 0, below + offset, 0), axis=1, dtype=jnp.int32)
