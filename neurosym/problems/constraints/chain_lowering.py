"""Constraints that read their variables one after the other, with a state in between.

A prefix of the variables matters only by the state that it leads to: a state of an automaton
(`Regular`), the set of values that are taken (`AllDifferent`). Where at most one variable is not
private, all others are summed out by forward and backward messages over the states (Rabiner 1989,
"A tutorial on hidden Markov models", https://doi.org/10.1109/5.18626), in any semiring: the cost is
that of the transitions, and no tensor over two sets of states is made. Long chains are scans, so
that they compile as fast as short ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.lowering import Labels, Lowering
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.multilinear import Algebra, evaluate

MAX_UNROLLED = 20
"""Steps that are written out one by one; longer chains are scans over steps of one size."""


@dataclasses.dataclass(frozen=True, eq=False)
class Chain:
    """Steps from one start to one end; compared by identity.

    Attributes:
      targets: of each step, ``int32[S, D]``: the state after it, for each state before it and each
        value; the number of states after it where the value is not allowed. There is one state
        before the first step and one after the last.
      sources: the same the other way round, ``int32[T, M]``: for each state after the step the
        pairs of state and value, numbered row by row, that lead there; ``S D`` fills up.
    """

    targets: tuple[np.ndarray, ...]
    sources: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, targets: Sequence[np.ndarray], ends: int = 1) -> Chain:
        """From the targets alone; ``ends`` states follow the last step."""
        after = [len(table) for table in targets[1:]] + [ends]
        sources = [_sources(table, n) for table, n in zip(targets, after, strict=True)]
        return cls(tuple(np.asarray(table, np.int32) for table in targets), tuple(sources))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each step."""
        return tuple(table.shape[1] for table in self.targets)

    @property
    def element_count(self) -> int:
        """Elements that messages in both directions make."""
        pairs = zip(self.targets, self.sources, strict=True)
        return sum(2 * table.size + rows.size for table, rows in pairs)

    @property
    def terms(self) -> int:
        """Products that are summed, added up over the steps of both messages."""
        pairs = zip(self.targets, self.sources, strict=True)
        return sum(table.shape[0] + table.shape[1] + rows.shape[1] for table, rows in pairs)


class ChainLowering(Lowering):
    """A chain of which all positions but one are summed out."""

    def __init__(self, chain: Chain, opened: int) -> None:
        """``opened`` is the position that stays."""
        self.chain, self.opened = chain, opened
        self.labels: tuple[Labels, ...] = ((opened,),)
        self.sizes: dict[Hashable, int] = {}
        self.inner = [k for k in range(len(chain.sizes)) if k != opened]
        self.absorbed = frozenset(self.inner)
        self.element_count = chain.element_count

    def supports(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        found = evaluate(semiring, ChainSupports(self.chain, None), *weights)
        ends = np.cumsum(self.chain.sizes).tolist()
        starts = [0, *ends[:-1]]
        return [elements.at(found, slice(*span)) for span in zip(starts, ends, strict=True)]

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        inner = [weights[k] for k in self.inner]
        return [evaluate(semiring, ChainTotals(self.chain, self.opened), *inner)]

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        inner = [weights[k] for k in self.inner]
        found = evaluate(semiring, ChainSupports(self.chain, self.opened), *inner, outer[0])
        supports, start = {}, 0
        for k in self.inner:
            end = start + self.chain.sizes[k]
            supports[k] = elements.at(found, slice(start, end))
            start = end
        return supports


@dataclasses.dataclass(frozen=True)
class ChainTotals:
    """From the weights of all other positions ``[D_k, B]`` to the support of one, ``[D, B]``."""

    chain: Chain
    opened: int

    @property
    def terms(self) -> int:
        return self.chain.terms

    @property
    def work(self) -> None:
        return None

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        weights = list(operands)
        # Its weights enter no message to itself.
        dtype, batch = _like(algebra, operands[0])
        size = self.chain.sizes[self.opened]
        weights.insert(self.opened, algebra.semiring.ones((size, batch), dtype))
        return _supports(algebra, self.chain, weights, [self.opened])[0]

    def scale(self, *shifts: jax.Array) -> jax.Array:
        return _total(shifts)


@dataclasses.dataclass(frozen=True)
class ChainSupports:
    """From the weights of all other positions ``[D_k, B]``, and last those of one, to the supports
    of the others, one after the other ``[Σ D_k, B]``.

    Where no position is set apart: from the weights of all positions to the supports of all.
    """

    chain: Chain
    opened: int | None

    @property
    def terms(self) -> int:
        return self.chain.terms

    @property
    def work(self) -> None:
        return None

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        weights = list(operands)
        if self.opened is not None:
            weights.insert(self.opened, weights.pop())
        wanted = [k for k in range(len(weights)) if k != self.opened]
        parts = _supports(algebra, self.chain, weights, wanted)
        return elements.concatenate(algebra.semiring, parts)

    def scale(self, *shifts: jax.Array) -> jax.Array:
        total = _total(shifts)
        sizes = [size for k, size in enumerate(self.chain.sizes) if k != self.opened]
        rows = zip(shifts, sizes, strict=False)
        return jnp.concatenate(
            [jnp.broadcast_to(total - x, (size, *total.shape)) for x, size in rows]
        )


def scanned_supports(
    semiring: Semiring, chain: Chain, weights: Sequence[Elements]
) -> list[Elements]:
    """The supports of all positions ``[D_k, B]``, in the semiring itself, as a compact program."""
    found = _scanned(Algebra(semiring), chain, weights)
    return _positions(semiring, chain, found, range(len(weights)))


def _supports(
    algebra: Algebra, chain: Chain, weights: Sequence[Elements], wanted: Sequence[int]
) -> list[Elements]:
    """The supports of positions, from the messages that arrive at them from both sides."""
    if len(weights) > MAX_UNROLLED:
        found = _scanned(algebra, chain, weights)
        return _positions(algebra.semiring, chain, found, wanted)
    dtype, batch = _like(algebra, weights[0])
    forward = [algebra.semiring.ones((1, batch), dtype)]
    for k in range(max(wanted)):
        forward.append(_forward(algebra, forward[-1], weights[k], chain.sources[k]))
    backward = {len(weights): algebra.semiring.ones((1, batch), dtype)}
    for k in range(len(weights) - 1, min(wanted), -1):
        backward[k] = _backward(algebra, backward[k + 1], weights[k], chain.targets[k])
    return [_meet(algebra, forward[k], backward[k + 1], chain.targets[k]) for k in wanted]


def _scanned(algebra: Algebra, chain: Chain, weights: Sequence[Elements]) -> Elements:
    """Supports of all positions ``[K, D, B]``: all steps brought to one size, in three loops."""
    semiring, count = algebra.semiring, len(weights)
    dtype, batch = _like(algebra, weights[0])
    values = max(chain.sizes)
    states = max(1, *(len(table) for table in chain.targets))
    width = max(rows.shape[1] for rows in chain.sources)
    targets = np.full((count, states, values), states, np.int32)
    sources = np.full((count, states, width), states * values, np.int32)
    for k, (table, rows) in enumerate(zip(chain.targets, chain.sources, strict=True)):
        before, here = table.shape
        targets[k, :before, :here] = np.where(table < len(rows), table, states)
        numbers = rows // here * values + rows % here
        numbers = np.where(rows < before * here, numbers, states * values)
        sources[k, : len(rows), : rows.shape[1]] = numbers
    padded = [
        elements.pad(semiring, x, [(0, values - elements.shape(semiring, x)[0], 0), (0, 0, 0)])
        for x in weights
    ]
    stacked = elements.stack(semiring, padded)
    first = semiring.indicator(jnp.arange(states)[:, None] == 0, dtype)
    first = elements.broadcast_to(semiring, first, (states, batch))

    def forward(message: Elements, step: Any) -> tuple[Elements, Elements]:
        weights, rows = step
        return _forward(algebra, message, weights, rows), message

    def backward(message: Elements, step: Any) -> tuple[Elements, Elements]:
        weights, table = step
        return _backward(algebra, message, weights, table), message

    def meet(step: Any) -> Elements:
        return _meet(algebra, *step)

    tables = jnp.asarray(targets)
    _, before = jax.lax.scan(forward, first, (stacked, jnp.asarray(sources)))
    _, after = jax.lax.scan(backward, first, (stacked, tables), reverse=True)
    return jax.lax.map(meet, (before, after, tables))


def _positions(
    semiring: Semiring, chain: Chain, supports: Elements, wanted: Sequence[int]
) -> list[Elements]:
    """``[D_k, B]`` for each wanted position, of supports ``[K, D, B]``."""
    return [elements.at(supports, (k, slice(0, chain.sizes[k]))) for k in wanted]


def _forward(algebra: Algebra, message: Elements, weights: Elements, rows: Any) -> Elements:
    """``⊕ message[s] ⊗ weights[v]`` over the pairs that lead to a state, ``[T, B]``."""
    semiring = algebra.semiring
    states, batch = elements.shape(semiring, message)
    values = elements.shape(semiring, weights)[0]
    pairs = algebra.mul(
        elements.expand_dims(semiring, message, 1), elements.expand_dims(semiring, weights, 0)
    )
    pairs = elements.reshape(semiring, pairs, (states * values, batch))
    pairs = elements.pad(semiring, pairs, [(0, 1, 0), (0, 0, 0)])
    return algebra.sum(elements.take(semiring, pairs, rows), 1)


def _backward(algebra: Algebra, message: Elements, weights: Elements, table: Any) -> Elements:
    """``⊕_v weights[v] ⊗ message[table[s, v]]``, ``[S, B]``."""
    semiring = algebra.semiring
    ahead = _ahead(algebra, message, table)
    return algebra.sum(algebra.mul(elements.expand_dims(semiring, weights, 0), ahead), 1)


def _meet(algebra: Algebra, before: Elements, after: Elements, table: Any) -> Elements:
    """``⊕_s before[s] ⊗ after[table[s, v]]``, ``[D, B]``."""
    ahead = _ahead(algebra, after, table)
    before = elements.expand_dims(algebra.semiring, before, 1)
    return algebra.sum(algebra.mul(before, ahead), 0)


def _ahead(algebra: Algebra, message: Elements, table: Any) -> Elements:
    """``message[table[s, v]]``, zero where that is not a state, ``[S, D, B]``."""
    message = elements.pad(algebra.semiring, message, [(0, 1, 0), (0, 0, 0)])
    return elements.take(algebra.semiring, message, table)


def _sources(table: np.ndarray, states: int) -> np.ndarray:
    """For each state, the positions in the flat table that hold it, filled up with its size."""
    flat = table.ravel()
    pairs = np.flatnonzero(flat < states)
    pairs = pairs[np.argsort(flat[pairs], kind="stable")]
    counts = np.bincount(flat[pairs], minlength=states)
    rank = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((states, int(counts.max(initial=1))), flat.size, np.int32)
    rows[flat[pairs], rank] = pairs
    return rows


def _like(algebra: Algebra, x: Elements) -> tuple[Any, int]:
    """The dtype and the batch of elements ``[D, B]``."""
    return elements.dtype(algebra.semiring, x), elements.shape(algebra.semiring, x)[1]


def _total(shifts: Sequence[jax.Array]) -> jax.Array:
    total = shifts[0]
    for shift in shifts[1:]:
        total = total + shift
    return total
