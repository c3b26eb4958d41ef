"""Parts of a network without loops, each of which is summed exactly.

    constraints (a, b) (b, c) (a, c)     part 0: (a, b) and (b, c)     part 1: (a, c) and (a, b)

A constraint that is hard may stand in every part in which it closes no loop, since it holds or does
not; a potential stands in one of them.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.potentials import Scope
from neurosym.problems.structure import Structure
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import messages
from neurosym.soft.wiring import Wiring, wire


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A forest of constraints and potentials over all variables of a network."""

    wiring: Wiring
    rows: tuple[np.ndarray, ...]  # of each `Potentials`: the factors that stand here
    hops: int  # from factor to factor, along the longest path

    def evaluate(
        self, semiring: Semiring, weights: jax.Array, tables: Sequence[jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        """The total, and what each value is part of, not normalised: exact on a forest.

        Args:
          semiring: LOG or MAX_TIMES.
          weights: ``[V, D]``.
          tables: of all potentials, ``[N or 1, D, ...]``.

        Returns:
          ``float[]`` and ``float[D, V]``; -inf where there is no solution.
        """
        wiring = self.wiring
        every = np.arange(len(wiring.sizes))
        own: jax.Array = jnp.where(wiring.present(every), weights.T, -jnp.inf)
        mine = [t[rows] if len(t) > 1 else t[0] for t, rows in zip(tables, self.rows, strict=True)]
        prepared = [group.prepare(semiring, own.dtype, mine) for group in wiring.groups]

        def hop(heard: jax.Array, _: Any) -> tuple[jax.Array, None]:
            said, _ = messages.to_factors(semiring, wiring, own, heard)
            answer = messages.from_factors(semiring, wiring, prepared, said)
            return messages.normalise(answer), None

        heard = messages.start(wiring, own.dtype)
        if wiring.edges:
            heard, _ = jax.lax.scan(hop, heard, None, self.hops)
        heard = jax.lax.stop_gradient(heard)  # the total is stationary in the messages
        said, beliefs = messages.to_factors(semiring, wiring, own, heard)
        supports = messages.from_factors(semiring, wiring, prepared, said)
        of_factors = messages.factor_totals(semiring, wiring, said, supports)
        of_variables = semiring.sum(beliefs, 0)
        none = jnp.any(of_factors == -jnp.inf) | jnp.any(of_variables == -jnp.inf)
        counted = jnp.asarray(1 - wiring.degrees, beliefs.dtype)
        total = jnp.sum(jnp.where(none, 0, of_factors))
        total += jnp.sum(jnp.where(none, 0, of_variables) * counted)
        return jnp.where(none, -jnp.inf, total), jnp.where(none, -jnp.inf, beliefs)


@functools.lru_cache(maxsize=64)
def parts_of(structure: Structure, scopes: tuple[Scope, ...]) -> tuple[Part, ...]:
    """Parts in which every constraint and every potential stands."""
    soft = [(p, n) for p, scope in enumerate(scopes) for n in range(scope.shape[0])]
    over: list[tuple[int, ...]] = [tuple(placed.scope) for placed in structure.relations]
    hard = len(over)
    over += [tuple(scopes[p].rows[n].tolist()) for p, n in soft]
    left = list(range(len(over)))
    parts: list[Part] = []
    while left or not parts:
        forest = _Forest(structure.variables)
        chosen = [c for c in left if forest.joins(over[c])]
        left = [c for c in left if c not in set(chosen)]
        others = [c for c in range(hard) if c not in set(chosen)]
        chosen += [c for c in others if forest.joins(over[c])]
        relations = tuple([structure.relations[c] for c in sorted(chosen) if c < hard])
        rows = tuple(
            np.asarray([soft[c - hard][1] for c in chosen if c >= hard and soft[c - hard][0] == p])
            for p in range(len(scopes))
        )
        pieces = [
            Scope(scope.rows[own.astype(int)]) for scope, own in zip(scopes, rows, strict=True)
        ]
        part = Structure(structure.names, structure.domains, relations)
        reach = _longest([over[c] for c in chosen], structure.variables)
        own = tuple([r.astype(int) for r in rows])
        parts.append(Part(wire(part, tuple(pieces)), own, reach))
    return tuple(parts)


class _Forest:
    """Which variables constraints have joined."""

    def __init__(self, variables: int) -> None:
        self.parent = list(range(variables))

    def joins(self, scope: Sequence[int]) -> bool:
        """Adds a constraint, unless it would close a loop; says whether it was added."""
        roots = [self._root(i) for i in scope]
        if len(set(roots)) < len(roots):
            return False
        for root in roots[1:]:
            self.parent[root] = roots[0]
        return True

    def _root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i


def _longest(scopes: Sequence[tuple[int, ...]], variables: int) -> int:
    """The number of constraints on the longest path of a forest."""
    touching: list[list[int]] = [[] for _ in range(variables)]
    for c, scope in enumerate(scopes):
        for i in scope:
            touching[i].append(c)

    def farthest(start: int) -> tuple[int, int, set[int]]:
        """The variable that is farthest away, how far, and all that are reached."""
        distance, order = {start: 0}, [start]
        used: set[int] = set()
        for i in order:
            for c in touching[i]:
                if c not in used:
                    used.add(c)
                    for j in scopes[c]:
                        if j not in distance:
                            distance[j] = distance[i] + 1
                            order.append(j)
        return order[-1], distance[order[-1]], set(order)

    seen: set[int] = set()
    longest = 0
    for i in range(variables):
        if i not in seen:
            end, _, reached = farthest(i)
            seen |= reached
            longest = max(longest, farthest(end)[1])
    return longest
