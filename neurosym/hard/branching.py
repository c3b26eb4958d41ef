"""Which variable to branch on: heuristics as values.

A heuristic scores the open variables of every node. The search branches on the variable with the
lowest score, and on the earlier one where scores are equal.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from neurosym.bits.reductions import reduce_rows
from neurosym.hard.rounds import Constraints
from neurosym.transforms.take import take


class View(NamedTuple):
    """What a heuristic may look at, of B nodes."""

    sizes: jax.Array  # int32[V, B]: values left
    degrees: Callable[[], jax.Array]  # float32[V, B]: open variables in its constraints, summed
    failures: jax.Array  # float32[V]: decayed count of the times that its domain was wiped out


@dataclasses.dataclass(frozen=True)
class Heuristic:
    """How to choose a variable.

    Attributes:
      name: what the command line calls it.
      score: from a `View` to ``float32[V, B]``; lower is better.
      learns: it looks at the failures.
    """

    name: str
    score: Callable[[View], jax.Array]
    learns: bool = False


def _smallest(view: View) -> jax.Array:
    return view.sizes - jnp.minimum(view.degrees(), 2047) / 2048


def _weighted(view: View) -> jax.Array:
    return view.sizes / (1 + view.failures[:, None])


def _given(view: View) -> jax.Array:
    return jnp.zeros(view.sizes.shape, jnp.float32)


SMALLEST_DOMAIN = Heuristic("smallest", _smallest)
"""The fewest values left; of those, the most open variables in its constraints (dom+deg, Brélaz
1979, https://doi.org/10.1145/359094.359101)."""

FAILURE_WEIGHTED = Heuristic("failures", _weighted, learns=True)
"""The fewest values for the number of times that the variable's domain was wiped out, in the whole
batch, recent ones counting more. Close to dom/wdeg (Boussemart et al. 2004), with the weight on the
variable and not on the constraint."""

GIVEN_ORDER = Heuristic("order", _given)
"""The first open variable in the order of declaration."""

HEURISTICS = {h.name: h for h in (SMALLEST_DOMAIN, FAILURE_WEIGHTED, GIVEN_ORDER)}
"""The heuristics by the names that the command line uses."""


def choose_variable(score: jax.Array, open_variables: jax.Array) -> jax.Array:
    """The open variable of lowest score in each node, ``int32[B]``; 0 where none is open."""
    far = jnp.float32(jnp.inf)
    most = jnp.finfo(jnp.float32).max
    # A score of infinity, or NaN, is the worst of an open variable, and not that of a closed one.
    scores = jnp.where(score < most, score.astype(jnp.float32), most)
    scores = jnp.where(open_variables, scores, far)
    index = jnp.broadcast_to(jnp.arange(score.shape[0], dtype=jnp.int32)[:, None], score.shape)
    last = jnp.int32(score.shape[0])

    def lower(a: tuple, b: tuple) -> tuple:
        first = (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))
        return jnp.where(first, a[0], b[0]), jnp.where(first, a[1], b[1])

    _, chosen = reduce_rows((scores, index), (far, last), lower, 0)
    # Where all are closed, any will do.
    return jnp.where(chosen == last, 0, chosen)


def open_degrees(constraints: Constraints, open_variables: jax.Array) -> jax.Array:
    """For each variable the open variables in its constraints, summed: ``float32[V, B]``."""
    dtype = jnp.uint16 if _largest_degree(constraints) < 2**16 else jnp.uint32
    ones = open_variables.astype(dtype)
    zero = jnp.zeros((1, ones.shape[1]), dtype)
    total = jnp.zeros(ones.shape, dtype)
    for group in constraints.coupled:
        counts = _sum(_masked(take(ones, group.scope), group.present), 1)  # [C, B]
        total = total + _sum(_masked(take(counts, group.touching), group.touches), 1)
    if constraints.groups:
        rows = []
        for group in constraints.groups:
            counts = _sum(_masked(take(ones, group.scope), group.present), 1)
            each = jnp.broadcast_to(counts[:, None], (*group.scope.shape, ones.shape[1]))
            rows.append(each.reshape(-1, ones.shape[1]))
        stacked = jnp.concatenate(rows)
        for stage in constraints.incidence:
            stacked = _sum(take(jnp.concatenate([stacked, zero]), stage), 1)
        total = total + stacked
    return total.astype(jnp.float32)


def _masked(x: jax.Array, there: jax.Array) -> jax.Array:
    return jnp.where(there[..., None], x, x.dtype.type(0))


def _largest_degree(constraints: Constraints) -> int:
    """What no degree exceeds, from the shapes alone."""
    arity = max((group.scope.shape[1] for group in constraints.groups), default=0)
    of_a_variable = math.prod(stage.shape[1] for stage in constraints.incidence)
    together = (group.scope.shape[1] * group.touching.shape[1] for group in constraints.coupled)
    return arity * of_a_variable + sum(together)


def _sum(x: jax.Array, axis: int) -> jax.Array:
    """The sum of counts, as a loop of its own: see `neurosym.bits.reductions.union_rows`."""

    def both(a: tuple, b: tuple) -> tuple:
        return a[0] + b[0], a[1] | b[1]

    zero = x.dtype.type(0)
    total, some = reduce_rows((x, x), (zero, zero), both, axis)
    return jnp.where(total == zero, some, total)
