"""`bounds`: a log total between two numbers.

from above    `upper_bound` at temperature 1, of what propagation leaves
from below    the solutions that search finds, the best one among them
              without constraints: mean field, the best product of distributions
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.bounding.reparametrisation import ROUNDS, _with_factors, checked
from neurosym.bounding.upper import BoundStatus, upper_bound
from neurosym.hard.propagate import propagate
from neurosym.hard.search import SearchStatus, solve
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.semirings.algebra.instances import LOG

SOLUTIONS = 128
"""That are looked for."""

NODES = 2048
"""That the search for them may take."""

SWEEPS = 100
"""Of mean field."""


def bounds(
    network: Network,
    weights: jax.Array,
    *,
    domains: Domains | jax.Array | np.ndarray | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    rounds: int = ROUNDS,
    solutions: int = SOLUTIONS,
    node_limit: int = NODES,
) -> tuple[jax.Array, jax.Array]:
    """A lower and an upper bound of the log total, for networks that are too wide to be exact.

    Where search finds all solutions both bounds are the total itself. Both are sound whatever the
    number of rounds, up to rounding.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import AllDifferent, Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=4, domain=range(4))
    >>> problem.add(AllDifferent(x), x[0] < x[1])
    >>> lower, upper = bounds(problem.compile(), jnp.zeros((4, 4)))
    >>> print(f"{jnp.exp(lower):.2f} {jnp.exp(upper):.2f}")
    12.00 12.00

    Args:
      network: the compiled problem.
      weights: log-weights ``float[V, D]``; -inf forbids a value.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all if None.
      potentials: soft factors over several variables.
      rounds: of the upper bound.
      solutions: how many to look for at most.
      node_limit: nodes that the search for them may take; 0 for none, which leaves the lower bound
        of a problem with constraints at -inf.

    Raises:
      ValueError: as `upper_bound`, and for a negative number of solutions or nodes.
    """
    weights, given = checked(network, weights, domains, potentials, rounds)
    tables = [_with_factors(one) for one in given]
    mask = weights > -jnp.inf
    left = jax.lax.stop_gradient(propagate(network, mask).domains.mask)
    inside = jnp.where(left, weights, -jnp.inf)
    upper = upper_bound(network, inside, potentials=given, temperature=1, rounds=rounds)
    if not network.structure.relations:
        lower = _mean_field(given, tables, inside)
        lower = jnp.where(upper.status == BoundStatus.TIGHT, upper.value, lower)
        return jnp.minimum(lower, upper.value), upper.value
    found = solve(network, left, solutions=solutions, node_limit=node_limit)
    there = jnp.arange(solutions) < found.count
    values = jnp.maximum(found.assignment, 0)  # [k, V]
    totals = jnp.sum(jnp.take_along_axis(weights[None], values[..., None], 2)[..., 0], axis=1)
    for one, table in zip(given, tables, strict=True):
        for n, scope in enumerate(one.scope):
            own = table[n if len(table) > 1 else 0]
            totals = totals + own[tuple(values[:, scope].T)]
    lower = LOG.sum(jnp.where(there, totals, -jnp.inf), 0)
    ended = (found.status == SearchStatus.UNSATISFIABLE) | (
        (found.status == SearchStatus.SOLVED) & (found.count < solutions)
    )
    tight = upper.status == BoundStatus.TIGHT
    lower = jnp.where(tight & ~ended, upper.value, lower)
    return lower, jnp.where(ended, lower, upper.value)


def _mean_field(
    potentials: Sequence[Potentials], tables: Sequence[jax.Array], weights: jax.Array
) -> jax.Array:
    """The best lower bound that updates of a product of distributions pass, ``float[]``."""

    def field(q: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The expected weight but for that of the variables, and its derivative ``[V, D]``."""

        def expected(q: jax.Array) -> jax.Array:
            total = jnp.zeros((), q.dtype)
            for one, table in zip(potentials, tables, strict=True):
                arity = one.scope.shape[1]
                sizes = table.shape[1:]
                letters = "abcdefghijkl"[:arity]
                operands = [_padded(q[one.scope[:, k]], sizes[k]) for k in range(arity)]
                own = jnp.broadcast_to(table, (len(one.scope), *sizes))
                subscripts = "z" + letters + "," + ",".join("z" + x for x in letters) + "->"
                total = total + jnp.einsum(subscripts, own, *operands)
            return total

        return jax.value_and_grad(expected)(q)

    def bound(q: jax.Array) -> jax.Array:
        own = jnp.sum(jnp.where(q > 0, q * (weights - jnp.log(jnp.where(q > 0, q, 1))), 0))
        return own + field(q)[0]

    def once(_: Any, carry: tuple) -> tuple:
        q, best = carry
        after = jax.nn.softmax(weights + field(q)[1], axis=1)
        q = (q + after) / 2
        found = bound(q)
        return q, jnp.where(found > best, found, best)

    start = jax.nn.softmax(weights, axis=1)
    lowest = jnp.asarray(-jnp.inf, weights.dtype)
    return jax.lax.fori_loop(0, SWEEPS, once, (start, lowest))[1]


def _padded(x: jax.Array, size: int) -> jax.Array:
    missing = size - x.shape[1]
    return jnp.pad(x, ((0, 0), (0, missing))) if missing > 0 else x[:, :size]
