"""`upper_bound`: of the best solution's weight, or of the log total.

    temperature 0    weight that moved                 constant + Σ_i max_v weights[i, v]
    temperature 1    parts without loops, p = 1..P     Σ_p κ_p log Z_p(weights_p / κ_p)

At temperature 1 the weights are shared out among parts of the network that are summed exactly. With
κ_p = 1 / P the weighted sum of their log totals is never below the log total of the whole (Hölder's
inequality; Wainwright, Jaakkola and Willsky 2005, https://doi.org/10.1109/TIT.2005.850091). The
bound is convex in how the weights are shared out, and least where the parts agree on all marginals;
each round moves shares towards that, and is taken back where the bound would have risen.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.bounding.parts import Part, parts_of
from neurosym.bounding.reparametrisation import (
    ROUNDS,
    _with_factors,
    checked,
    reparametrised,
)
from neurosym.hard.propagate import Status, propagate
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.semirings.algebra.instances import LOG, MAX_TIMES


class BoundStatus(enum.IntEnum):
    """What is known of a bound."""

    TIGHT = 0  # it is the value itself, up to rounding
    SOUND = 1  # the value is not above it
    UNSATISFIABLE = 2  # -inf: there is no solution


class Bound(NamedTuple):
    """An upper bound; with batch axes in front under `jax.vmap`."""

    value: jax.Array  # float[]: differentiable
    status: jax.Array  # int32[]: a `BoundStatus`
    rounds: jax.Array  # int32[]: that lowered it


def upper_bound(
    network: Network,
    weights: jax.Array,
    *,
    domains: Domains | jax.Array | np.ndarray | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    temperature: float = 0.0,
    rounds: int = ROUNDS,
) -> Bound:
    """A number that the best solution's weight, or the log total, does not exceed.

    Sound after any number of rounds, and no round raises it; exact where the constraints and
    potentials have no loops. The gradient is that of the bound with what has moved held fixed,
    which are the marginals of the reparametrised problem: it exists whatever has converged.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> network = problem.compile()
    >>> found = upper_bound(network, jnp.zeros((2, 3)), temperature=1)
    >>> print(f"{jnp.exp(found.value):.2f} {BoundStatus(int(found.status)).name}")
    3.00 TIGHT

    Args:
      network: the compiled problem.
      weights: log-weights ``float[V, D]``; -inf forbids a value.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all if None.
      potentials: soft factors over several variables.
      temperature: 0 for the best solution's weight, 1 for the log total; T in general for
        ``T log Σ exp(weight / T)``.
      rounds: after which the bound is read.

    Raises:
      ValueError: for weights of another shape or with NaN or +inf, domains of another shape,
        potentials that do not fit, or an option out of its range.
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(f"the temperature is a number from 0 up, not {temperature}")
    weights, given = checked(network, weights, domains, potentials, rounds)
    tables = tuple([_with_factors(one) for one in given])
    scopes = tuple([one.static_scope for one in given])
    parts = parts_of(network.structure, scopes)
    if temperature > 0 or len(parts) == 1:
        scale = temperature or 1.0
        cooled = jnp.where(weights > -jnp.inf, weights / scale, -jnp.inf)
        cold = tuple([table / scale for table in tables])
        semiring = MAX_TIMES if temperature == 0 else LOG
        value, lowered = _over_parts(parts, semiring, np.int32(rounds), cooled, cold)
        value = jnp.where(value > -jnp.inf, value * scale, -jnp.inf)
        tight = jnp.full((), len(parts) == 1)
        return Bound(value, _status(value, tight), lowered)
    moved = reparametrised(network, weights, potentials=potentials, rounds=rounds)
    value = moved.bound
    assignment = moved.assignment
    mask = jnp.arange(network.size) == assignment[:, None]
    allowed = propagate(network, mask).status != Status.WIPED_OUT
    reached = moved.total(assignment)
    near = value - reached <= 1e-5 * (1 + jnp.abs(value))
    tight = allowed & near & jnp.all(jnp.max(moved.weights, axis=-1) > -jnp.inf)
    return Bound(value, _status(value, tight), jnp.full((), rounds, jnp.int32))


def _status(value: jax.Array, tight: jax.Array) -> jax.Array:
    status = jnp.where(tight, BoundStatus.TIGHT, BoundStatus.SOUND)
    return jnp.where(value == -jnp.inf, BoundStatus.UNSATISFIABLE, status).astype(jnp.int32)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _over_parts(
    parts: tuple[Part, ...],
    semiring: Any,
    rounds: np.int32,
    weights: jax.Array,
    tables: tuple[jax.Array, ...],
) -> tuple[jax.Array, jax.Array]:
    """The bound, and how many rounds lowered it."""
    count = len(parts)
    if count == 1:
        return parts[0].evaluate(semiring, weights, tables)[0], jnp.int32(0)
    shared_out = jnp.broadcast_to(weights, (count, *weights.shape))  # of part p, times P
    still = jax.lax.stop_gradient((shared_out, tables))

    def look(shares: jax.Array, tables: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        """The bound and the log-marginals ``[P, V, D]``."""
        found = [
            part.evaluate(semiring, shares[p], [count * table for table in tables])
            for p, part in enumerate(parts)
        ]
        totals = jnp.stack([total for total, _ in found])
        beliefs = jnp.stack([belief.T for _, belief in found])
        normaliser = LOG.sum(beliefs, 2)[..., None]
        sane = (beliefs > -jnp.inf) & (normaliser > -jnp.inf)
        beliefs = jnp.where(sane, beliefs - jnp.where(sane, normaliser, 0), -jnp.inf)
        none = jnp.any(totals == -jnp.inf)
        bound = jnp.where(none, -jnp.inf, jnp.sum(jnp.where(none, 0, totals)) / count)
        return bound, beliefs

    def once(_: Any, carry: tuple) -> tuple:
        shares, bound, beliefs, step, lowered = carry
        possible = jnp.all(beliefs > -jnp.inf, axis=0)
        known = jnp.where(possible, beliefs, 0)
        towards = jnp.mean(known, axis=0) - known
        tried = jnp.where(possible, shares + step * towards, -jnp.inf)
        after, seen = look(tried, still[1])
        better = after <= bound
        first = bound == jnp.inf  # nothing has been looked at: a look at the shares as they are
        faster = jnp.where(first, 1, jnp.minimum(1.5 * step, 2.0 * count))
        return (
            jnp.where(better, tried, shares),
            jnp.where(better, after, bound),
            jnp.where(better, seen, beliefs),
            jnp.where(better, faster, step / 2),
            lowered + ((after < bound) & ~first).astype(jnp.int32),
        )

    zero, far = jnp.zeros((), weights.dtype), jnp.asarray(jnp.inf, weights.dtype)
    start = (still[0], far, jnp.zeros_like(still[0]), zero, jnp.int32(0))
    found = jax.lax.fori_loop(0, rounds + 1, once, start)
    shares, bound, beliefs, _, lowered = jax.lax.stop_gradient(found)
    if not tables:  # the derivative is known: the mean of the marginals
        marginals = jnp.mean(jnp.exp(beliefs), axis=0)
        there = weights > -jnp.inf
        change = jnp.where(there, weights - jax.lax.stop_gradient(weights), 0)
        return bound + jnp.sum(change * jnp.where(there, marginals, 0)), lowered
    there = (shares > -jnp.inf) & (still[0] > -jnp.inf)
    change = jnp.where(there, shares - jnp.where(there, still[0], 0), 0)
    final = jnp.where(there, jnp.where(there, shared_out, 0) + change, -jnp.inf)
    return look(final, tables)[0], lowered
