"""Constraints and potentials that give their max-times messages: max-product linear programming.

    weights of x and y, a table of both      its max-marginals of x and y, all weight included
    x and y get half of them each            the table keeps what is left, 0 at most, 0 somewhere

A factor takes the weights of its K variables and gives each an equal part of the factor's
max-marginals back (Globerson and Jaakkola 2008, "Fixing max-product",
https://papers.nips.cc/paper/3200). What the factor keeps is at most 0 for every assignment, so the
sum of the best weights bounds every total, and no update raises it. In a second step each variable
gets its part of what still is below 0 (the handshake of Tourani et al. 2018,
https://doi.org/10.1007/978-3-030-01261-8_16), which moves no maximum and brings weight on.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.duals.places import Places, gather, places, put_back, turns
from neurosym.problems.constraints.relation import Relation
from neurosym.semirings.algebra.instances import MAX_TIMES


@dataclasses.dataclass(frozen=True, eq=False)
class FactoredLayer:
    """Factors of one shape over K variables; C of them at a turn. A base of two kinds.

    A subclass gives `data` and `supports`.
    """

    places: Places  # rows [K, S, C] of each turn; S is the largest size
    sizes: tuple[int, ...]  # of the positions
    shape: tuple[int, int, int]  # K, S, C
    read: np.ndarray  # int32[T, K, S, C]: cells, -1 where there is none
    members: np.ndarray  # int32[T, C]: the factor in each place; the last one again in the filling

    exact = False

    @staticmethod
    def laid_out(
        scopes: Sequence[tuple[int, ...]], sizes: tuple[int, ...], size: int, variables: int
    ) -> dict[str, Any]:
        """The fields of factors over these scopes."""
        order = turns(scopes)
        number = max(map(len, order))
        arity, longest = len(sizes), max(sizes)
        cells = np.full((len(order), arity, longest, number), -1)
        members = np.zeros((len(order), number), np.int32)
        for turn, row in enumerate(order):
            members[turn] = [*row, *[row[-1]] * (number - len(row))]
            for c, member in enumerate(row):
                for k, variable in enumerate(scopes[member]):
                    values = np.arange(sizes[k])
                    cells[turn, k, : sizes[k], c] = values * variables + variable
        return {
            "places": places(cells.reshape(len(order), -1), size, variables),
            "sizes": sizes,
            "shape": (arity, longest, number),
            "read": cells,
            "members": members,
        }

    def start(self, dtype: np.dtype, batch: int) -> jax.Array:
        """What the factors keep beside their tables, ``[T, K, S, C, B]``: nothing."""
        return jnp.zeros((len(self.members), *self.shape, batch), dtype)

    def data(self, tables: Sequence[jax.Array], dtype: np.dtype) -> Any:
        """Arrays of each turn that `supports` reads."""
        raise NotImplementedError

    def supports(self, data: Any, given: list[jax.Array]) -> list[jax.Array]:
        """Max-times messages ``[S_k, C, B]``, of weights of such shapes."""
        raise NotImplementedError

    def sweep(self, weights: jax.Array, kept: jax.Array, data: Any) -> tuple[jax.Array, jax.Array]:
        """One turn of every factor."""

        def turn(weights: jax.Array, given: tuple) -> tuple[jax.Array, jax.Array]:
            read, back, kept, data = given
            rows = gather(weights, read).reshape(*self.shape, -1)
            whole = rows + kept
            parts = self._parts(whole, data, share=True)
            left = jnp.where(whole > -jnp.inf, whole - _finite(parts), -jnp.inf)
            left = jnp.where(parts > -jnp.inf, left, -jnp.inf)
            parts = parts + self._parts(left, data, share=True)
            parts = jnp.where(whole > -jnp.inf, parts, -jnp.inf)
            kept = jnp.where(parts > -jnp.inf, whole - _finite(parts), 0)
            return put_back(weights, parts.reshape(-1, weights.shape[-1]), back), kept

        return jax.lax.scan(turn, weights, (*self.places, kept, data))

    def _parts(self, whole: jax.Array, data: Any, *, share: bool) -> jax.Array:
        """An equal part of the max-marginals of ``[K, S, C, B]`` for each variable."""
        given = [whole[k, :size] for k, size in enumerate(self.sizes)]
        found = []
        for weight, support in zip(given, self.supports(data, given), strict=True):
            part = (weight + support) / len(self.sizes)
            missing = self.shape[1] - len(part)
            fill = [(0, missing, 0), (0, 0, 0), (0, 0, 0)]
            found.append(jax.lax.pad(part, jnp.asarray(-jnp.inf, part.dtype), fill))
        return jnp.stack(found)

    def constant(self, kept: jax.Array) -> jax.Array:
        """Nothing: what factors keep is at most 0."""
        return jnp.zeros(kept.shape[-1], kept.dtype)

    def spent(self, kept: jax.Array, size: int) -> jax.Array:
        """What factors keep of each value of each variable, ``[D, V, B]``."""
        batch = kept.shape[-1]
        nothing = jnp.zeros((size, self.places.back.shape[1] // size, batch), kept.dtype)

        def turn(spent: jax.Array, given: tuple) -> tuple[jax.Array, None]:
            back, kept = given
            return spent + put_back(nothing, kept.reshape(-1, batch), back), None

        return jax.lax.scan(turn, nothing, (self.places.back, kept))[0]

    def content(self, kept: jax.Array, chosen: jax.Array) -> jax.Array:
        """What factors keep of an assignment, ``[B]``, without their tables."""
        flat = chosen.reshape(-1, chosen.shape[-1])
        flat = jnp.concatenate([flat, jnp.zeros_like(flat[:1])])
        cells = np.where(self.read < 0, len(flat) - 1, self.read)
        return jnp.sum(flat[cells] * kept, axis=(0, 1, 2, 3))


@dataclasses.dataclass(frozen=True, eq=False)
class DenseLayer(FactoredLayer):
    """Factors that are one small table each: hard masks, or potentials that the call brings."""

    masks: np.ndarray | None = None  # bool[N, S_0, ..., S_{K-1}]; None for potentials
    which: np.ndarray | None = None  # int[N']: the mask of each factor
    position: int = 0  # among the potentials of the call

    def data(self, tables: Sequence[jax.Array], dtype: np.dtype) -> Any:
        if self.masks is not None and self.which is not None:
            chosen = self.masks[self.which[self.members]]  # [T, C, S_0, ...]
            hard = np.where(chosen, 0, -np.inf).astype(dtype)
            return np.moveaxis(hard, 1, -1)[..., None]
        table = tables[self.position].astype(dtype)  # [N or 1, D, ..., D, B or 1]
        cut = (slice(None), *(slice(size) for size in self.sizes))
        table = table[cut]
        rows = table[self.members] if len(table) > 1 else table[np.zeros_like(self.members)]
        return jnp.moveaxis(rows, 1, -2)  # [T, S_0, ..., C, B or 1]

    def supports(self, data: Any, given: list[jax.Array]) -> list[jax.Array]:
        arity = len(given)
        found = []
        for k in range(arity):
            terms = data
            for n, x in enumerate(given):
                if n != k:
                    axes = [slice(None) if m == n else None for m in range(arity)]
                    terms = terms + x[tuple(axes)]
            others = tuple(n for n in range(arity) if n != k)
            best = jnp.max(terms, axis=others) if others else terms
            found.append(jnp.broadcast_to(best, given[k].shape))
        return found

    def highest(self, data: Any, kept: jax.Array) -> jax.Array:
        """What factors keep at most, their tables included, ``[B]``: 0 but for rounding."""
        arity, total = len(self.sizes), jnp.zeros(kept.shape[-1], kept.dtype)
        for turn, members in enumerate(self.members):
            real = len(set(members.tolist()))
            terms = data[turn]
            for k, size in enumerate(self.sizes):
                axes = [slice(None) if m == k else None for m in range(arity)]
                terms = terms + kept[turn, k, :size][tuple(axes)]
            best = jnp.max(terms, axis=tuple(range(arity)))
            total += jnp.sum(best[:real], axis=0)
        return total

    def tables_of(self, data: Any, chosen: jax.Array) -> jax.Array:
        """What tables add to an assignment ``[D, V, B]`` of 0 and 1: ``[B]``."""
        flat = chosen.reshape(-1, chosen.shape[-1])
        flat = jnp.concatenate([flat, jnp.zeros_like(flat[:1])])
        cells = np.where(self.read < 0, len(flat) - 1, self.read)
        arity, total = len(self.sizes), jnp.zeros(chosen.shape[-1], chosen.dtype)
        for turn in range(len(self.members)):
            real = len(set(self.members[turn].tolist()))
            here = data[turn]
            for k in range(arity):
                one = flat[cells[turn, k, : self.sizes[k]]]  # [S_k, C, B]
                axes = [slice(None) if m == k else None for m in range(arity)]
                here = jnp.where(one[tuple(axes)] > 0, here, 0)
            total += jnp.sum(here[..., :real, :], axis=tuple(range(arity + 1)))
        return total


@dataclasses.dataclass(frozen=True, eq=False)
class RelationLayer(FactoredLayer):
    """One relation over different scopes, by its own messages."""

    relation: Relation | None = None

    def data(self, tables: Sequence[jax.Array], dtype: np.dtype) -> Any:
        return ()

    def supports(self, data: Any, given: list[jax.Array]) -> list[jax.Array]:
        assert self.relation is not None
        messages = functools.partial(self.relation.messages, MAX_TIMES)
        of_each = jax.vmap(messages, in_axes=1, out_axes=1)
        return jax.vmap(of_each, in_axes=-1, out_axes=-1)(given)


def _finite(x: jax.Array) -> jax.Array:
    return jnp.where(x > -jnp.inf, x, 0)
