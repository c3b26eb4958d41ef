"""Messages along the wiring of a factor graph, as flat arrays: one round, edge by edge.

    weights [D, V], messages from the factors [D, R]  ─▶ `to_factors`   messages to them, beliefs
    messages to the factors [D, R]                    ─▶ `from_factors` messages from them

A variable tells one factor what it hears from all other factors, by exclusive products and never by
a division, so that impossible values (-inf) stay exact. All of this is for semirings that are
log-encoded: LOG and MAX_TIMES.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra import rule
from neurosym.semirings.algebra.semiring import Binary, Semiring
from neurosym.soft.factor_messages import Prepared
from neurosym.soft.wiring import MAX_WRITTEN_OUT, Wiring
from neurosym.transforms.take import take

FOLDED = 16
"""Rows of a vector that are compared with each other before it is reduced to a number: XLA on CPU
reduces to a scalar without vector instructions."""


def to_factors(
    semiring: Semiring, wiring: Wiring, weights: jax.Array, messages: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The messages of the variables, given the messages of the factors.

    Args:
      semiring: log-encoded.
      wiring: of V variables and R edges.
      weights: ``[D, V]``.
      messages: from the factors, ``[D, R]``.

    Returns:
      Messages to the factors ``[D, R]``, the weights included, and beliefs ``[D, V]``.
    """
    if wiring.edges < len(wiring.sources):
        neutral = jnp.full_like(messages, semiring.one, shape=(messages.shape[0], 1))
        messages = jnp.concatenate([messages, neutral], axis=1)
    heard = columns(messages, wiring.sources)
    said, beliefs = exclusive(semiring, wiring, columns(weights, wiring.order), heard)
    back = np.argsort(wiring.order)
    return columns(said, wiring.slots), columns(beliefs, back)


def exclusive(
    semiring: Semiring, wiring: Wiring, weights: jax.Array, heard: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Class by class: each slot's product of the weight and of all other slots, and of all slots.

    Args:
      semiring: any.
      wiring: of V variables and L slots.
      weights: ``[D, V]`` in the order of the classes.
      heard: ``[D, L]``.

    Returns:
      ``[D, L]`` and ``[D, V]``.
    """
    said, beliefs = [], []
    first = begin = 0
    for alike in wiring.classes:
        number, width = len(alike.variables), alike.width
        own = weights[:, first : first + number]
        x = heard[:, begin : begin + width * number].reshape(len(heard), width, number)
        if width <= MAX_WRITTEN_OUT:
            parts, whole = _written_out(semiring, own, [x[:, s] for s in range(width)])
            said.append(_side_by_side(parts, own))
        else:
            others = semiring.mul(own[:, None], rule.exclusive_products(semiring, x, 1))
            whole = semiring.mul(others[:, 0], x[:, 0])
            said.append(others.reshape(len(own), -1))
        beliefs.append(whole)
        first, begin = first + number, begin + width * number
    return _joined(said), _joined(beliefs)


def from_factors(
    semiring: Semiring, wiring: Wiring, prepared: Sequence[Prepared], said: jax.Array
) -> jax.Array:
    """The replies of the factors to messages ``[D, R]``: supports ``[D, R]``, not normalised."""
    parts = [said[:, :0]]
    for group, start, arrays in zip(wiring.groups, wiring.starts, prepared, strict=True):
        count, arity = group.scope.shape
        given = [said[:, start + k * count : start + (k + 1) * count] for k in range(arity)]
        zero = jnp.asarray(semiring.zero, said.dtype)
        for found in group.support(semiring, arrays, given):
            missing = wiring.size - found.shape[0]
            parts.append(jax.lax.pad(found, zero, [(0, missing, 0), (0, 0, 0)]))
    supports = jnp.concatenate(parts, axis=1)
    return jnp.where(wiring.present(wiring.owners), supports, semiring.zero)


def factor_totals(
    semiring: Semiring, wiring: Wiring, said: jax.Array, supports: jax.Array
) -> jax.Array:
    """The total of each factor, ``[number of factors]``, read at its first position."""
    first = [
        np.arange(start, start + len(group.scope))
        for group, start in zip(wiring.groups, wiring.starts, strict=True)
    ]
    edges = np.concatenate([np.zeros(0, np.int32), *first])
    return semiring.sum(semiring.mul(columns(said, edges), columns(supports, edges)), 0)


def start(wiring: Wiring, dtype: jnp.dtype) -> jax.Array:
    """Messages ``[D, R]`` that say nothing."""
    return jnp.where(wiring.present(wiring.owners), 0, -jnp.inf).astype(dtype)


def normalise(messages: jax.Array) -> jax.Array:
    """Messages with the largest entry of each at 0; contradictions stay -inf."""
    highest = over_values(jnp.maximum, messages)
    return messages - jnp.where(highest > -jnp.inf, highest, 0)


def damp(before: jax.Array, after: jax.Array, damping: float) -> jax.Array:
    """``damping`` parts of the messages before, the rest of those after, normalised."""
    return after if damping == 0 else normalise(damping * before + (1 - damping) * after)


def change(before: jax.Array, after: jax.Array) -> jax.Array:
    """The largest change of an entry of a normalised message, whose largest entry is one.

    Not of its logarithm: the logarithm of a value that the messages rule out falls for ever.
    """
    moved = jnp.abs(jnp.exp(after) - jnp.exp(before))
    return largest(over_values(jnp.maximum, moved))


def largest(x: jax.Array) -> jax.Array:
    """The maximum of numbers ``[R]`` that are not negative; 0 of none."""
    while len(x) > 4 * FOLDED:
        whole = len(x) // FOLDED * FOLDED
        parts = x[:whole].reshape(FOLDED, -1)
        folded = functools.reduce(jnp.maximum, [parts[n] for n in range(FOLDED)])
        x = jnp.concatenate([folded, x[whole:]])
    return jnp.max(x, initial=0)


def over_values(function: Binary, x: jax.Array) -> jax.Array:
    """A fold of a commutative function along the first axis; halves are combined first.

    XLA's reductions on CPU are slow where few rows are reduced; written out they are not.
    """
    while len(x) > 1:
        half = len(x) // 2
        folded = function(x[:half], x[half : 2 * half])
        x = jnp.concatenate([folded, x[2 * half :]]) if len(x) % 2 else folded
    return x[0]


def columns(x: jax.Array, wanted: np.ndarray) -> jax.Array:
    """``x[:, wanted]`` for columns that are known to exist."""
    if np.array_equal(wanted, np.arange(x.shape[1])):
        return x
    return take(x, np.asarray(wanted, np.int32), axis=1)


def _side_by_side(parts: list[jax.Array], like: jax.Array) -> jax.Array:
    """The slots of one class of degrees, ``[D, S * N]``."""
    if not parts:
        return like[:, :0]
    return jnp.stack(parts, axis=1).reshape(like.shape[0], -1)


def _joined(parts: list[jax.Array]) -> jax.Array:
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=1)


def _written_out(
    semiring: Semiring, own: jax.Array, x: list[jax.Array]
) -> tuple[list[jax.Array], jax.Array]:
    """Prefix products, the weight included, times suffix products."""
    before = [own]
    for part in x:
        before.append(semiring.mul(before[-1], part))
    others = before[:-1]
    if x:
        after = x[-1]
        for s in reversed(range(len(x) - 1)):
            others[s] = semiring.mul(others[s], after)
            after = semiring.mul(after, x[s])
    return others, before[-1]
