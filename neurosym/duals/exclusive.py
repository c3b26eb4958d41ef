"""The assignment dual of `AllDifferent`: a price for each value of each constraint.

    weights of value d    a: 5  b: 4  c: 0        of the best other value   a: 1  b: 1  c: 2
    advantages            a: 4  b: 3  c: -2       price 3.5: only a still wants d, by 0.5

A value costs its price in every variable of the constraint, and the price is paid back once: where
there are as many values as variables each value is taken exactly once, so no assignment's total
changes; where there are more values, a value is taken at most once, and a price that is not
negative only raises totals. The bound, the sum of the best weights and of the prices, is least for
a price between the two largest advantages of the value (Bertsekas 1988 calls this an auction,
https://doi.org/10.1007/BF02186476); the mean of the two leaves both sides the same margin. The
values of a constraint take turns, so each step lowers the bound or leaves it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.reductions import reduce_rows
from neurosym.duals.places import Places, gather, places, put_back, turns
from neurosym.problems.constraints.all_different.all_different import AllDifferentRelation


@dataclasses.dataclass(frozen=True, eq=False)
class ExclusiveLayer:
    """All-different constraints of one shape: U values, K variables, C of them at a turn."""

    places: Places  # rows [U, K, C] of each turn
    shape: tuple[int, int, int]  # U, K, C
    sign: np.ndarray  # bool[T, U, C]: the price may be negative
    read: np.ndarray  # int32[T, U, K, C]: cells, -1 where there is none

    exact = True
    """Legal assignments keep their total if no price may not be negative."""

    @classmethod
    def build(
        cls,
        placed: Sequence[tuple[AllDifferentRelation, tuple[int, ...]]],
        size: int,
        variables: int,
    ) -> ExclusiveLayer:
        """Of relations in their places, with as many variables each."""
        order = turns([scope for _, scope in placed])
        number = max(map(len, order))
        universe = max(relation.universe for relation, _ in placed)
        arity = len(placed[0][1])
        cells = np.full((len(order), universe, arity, number), -1)
        sign = np.zeros((len(order), universe, number), bool)
        for turn, members in enumerate(order):
            for c, member in enumerate(members):
                relation, scope = placed[member]
                for k, (row, variable) in enumerate(zip(relation.maps, scope, strict=True)):
                    cells[turn, list(row), k, c] = np.arange(len(row)) * variables + variable
                used = sorted(set().union(*relation.maps))
                sign[turn, used, c] = len(used) == arity
        flat = places(cells.reshape(len(order), -1), size, variables)
        return cls(flat, (universe, arity, number), sign, cells)

    def start(self, dtype: np.dtype, batch: int) -> jax.Array:
        """Prices ``[T, U, C, B]`` of nothing."""
        universe, _, number = self.shape
        return jnp.zeros((len(self.sign), universe, number, batch), dtype)

    def sweep(self, weights: jax.Array, prices: jax.Array) -> tuple[jax.Array, jax.Array]:
        """One turn of every constraint."""

        def turn(weights: jax.Array, given: tuple) -> tuple[jax.Array, jax.Array]:
            read, back, sign, price = given
            rows = gather(weights, read).reshape(*self.shape, -1)
            rows, change = _one_turn(rows, sign)
            return put_back(weights, rows.reshape(-1, weights.shape[-1]), back), price + change

        return jax.lax.scan(turn, weights, (*self.places, self.sign, prices))

    def constant(self, prices: jax.Array) -> jax.Array:
        """What is paid back, ``[B]``."""
        return jnp.sum(prices, axis=(0, 1, 2))

    def spent(self, prices: jax.Array, size: int) -> jax.Array:
        """What prices cost each value of each variable, ``[D, V, B]``."""
        universe, arity, number = self.shape
        batch = prices.shape[-1]
        nothing = jnp.zeros((size, self.places.back.shape[1] // size, batch), prices.dtype)

        def turn(spent: jax.Array, given: tuple) -> tuple[jax.Array, None]:
            back, price = given
            rows = jnp.broadcast_to(price[:, None], (universe, arity, number, batch))
            return spent + put_back(nothing, rows.reshape(-1, batch), back), None

        return jax.lax.scan(turn, nothing, (self.places.back, prices))[0]

    def content(self, prices: jax.Array, chosen: jax.Array) -> jax.Array:
        """What an assignment's total lacks beside the constant: 0 where each value is taken once.

        Args:
          prices: ``[T, U, C, B]``.
          chosen: ``[D, V, B]``: 1 where a variable has the value, else 0.
        """
        flat = chosen.reshape(-1, chosen.shape[-1])
        flat = jnp.concatenate([flat, jnp.zeros_like(flat[:1])])
        cells = np.where(self.read < 0, len(flat) - 1, self.read)
        taken = jnp.sum(flat[cells], axis=2)
        return jnp.sum((taken - 1) * prices, axis=(0, 1, 2))


def _one_turn(rows: jax.Array, sign: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The rows ``[U, K, C, B]`` after each value got its price in turn, and the prices."""
    nothing = jnp.full_like(rows[0], -jnp.inf)

    def best_after(best: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.maximum(best, row), best

    _, after = jax.lax.scan(best_after, nothing, rows, reverse=True)

    def value(before: jax.Array, given: tuple) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        row, after, sign = given
        others = jnp.maximum(before, after)
        advantage = jnp.where(row > -jnp.inf, row - others, -jnp.inf)
        price = _price(advantage, sign)
        row = row - price[None]
        return jnp.maximum(before, row), (row, price)

    _, (rows, prices) = jax.lax.scan(value, nothing, (rows, after, sign))
    return rows, prices


def _price(advantage: jax.Array, sign: jax.Array) -> jax.Array:
    """Between the two largest advantages of ``[K, C, B]``; a variable without a choice has inf."""
    least = advantage.dtype.type(-np.inf)

    def two(a: tuple, b: tuple) -> tuple:
        low = jnp.minimum(a[0], b[0])
        return jnp.maximum(a[0], b[0]), jnp.maximum(low, jnp.maximum(a[1], b[1]))

    both = (advantage, jnp.full_like(advantage, least))
    first, second = reduce_rows(both, (least, least), two, 0)
    price = jnp.where(jnp.isfinite(first), (first + second) / 2, second)
    price = jnp.where(jnp.isfinite(second), price, first)
    price = jnp.where(jnp.isfinite(price), price, 0)
    return jnp.where(sign[:, None], price, jnp.maximum(price, 0))
