"""`solve_best`: the satisfying assignment of greatest total weight, by branch and bound.

    weights ─▶ moved at the root until their bound is tight (`tightened.py`) ─▶ an incumbent, and
               the values that can beat it ─▶ one pool of nodes ─▶ the best solution

The bound of a node is the sum over variables of the greatest weight left in their domains: of the
weights as they are given, and of those that the root moved, which bound far more tightly. Each
instance has its own incumbent; the search drops a node whose bound does not exceed the incumbent,
and a value that cannot be part of anything better. The pool branches on the variable with the
largest regret, the difference between its two best values, and goes on with the better one.

The total of a solution is a float32 sum in one fixed order (float64 for whole numbers that need
it). Rounding is monotone, so the bound by the given weights, added up in the same order, is never
below the total of a solution underneath it. The moved weights round differently, and bound with a
slack for that. So the optimum of these sums is exact.
"""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.domains import Domains
from neurosym.bits.reductions import reduce_rows
from neurosym.duals import Ascent, ascent_of
from neurosym.hard import rounds
from neurosym.hard.branching import SMALLEST_DOMAIN, Heuristic
from neurosym.hard.enumeration import MOST, heaviest_value, values_of
from neurosym.hard.nodes import Layout, default_width, to_columns, to_lanes
from neurosym.hard.pool import Batch, Front, Plan, search
from neurosym.hard.prepared import Prepared, TakesLong, few, in_a_form, on_device
from neurosym.hard.search import (
    check_search,
    layout_of,
    retry_few_when_full,
    retry_when_full,
    search_status,
)
from neurosym.hard.tables import with_tables
from neurosym.hard.tightened import Root, in_order, one_value, tighten
from neurosym.hard.whole_numbers import patterns_of, whole_numbers
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials, checked_potentials
from neurosym.transforms.concrete import concrete
from neurosym.transforms.conversion import as_array
from neurosym.transforms.one_program import one_program
from neurosym.transforms.quick import quickly_compiled
from neurosym.transforms.take import take

ROUNDING = 2.0
"""A value is removed if its bound lies so many roundings below the incumbent, times the number of
terms and the size of the weights: that bound is found by a subtraction, which does not round like
the sum. Twice the error of each, and of the subtraction."""

MOST_ELEMENTS = 2**14
"""That one constraint may lay out in a round; larger ones have no part in the moving."""

MOST_CELLS = 2**20
"""Weights that a round may read; with more of them nothing is moved."""

TIGHT_WIDTH = 32
"""Nodes that are propagated at once where the root has a tight bound: few are left of an instance,
and those that come first should find a good solution for the others."""


@flax.struct.dataclass
class Best:
    """What the search found; with batch axes in front where domains or weights had them."""

    assignment: jax.Array  # int32[V]: value indices of the best solution found; -1 if none was
    objective: jax.Array  # float32[]: its total weight; -inf if there is none
    bound: jax.Array  # float32[]: no solution weighs more; the objective itself where SOLVED
    status: jax.Array  # int32[]: a `SearchStatus`; SOLVED means proven best
    nodes: jax.Array  # int32[]: nodes that were propagated to their end

    @property
    def gap(self) -> jax.Array:
        """``float32[]``: how much better than `objective` a solution could be; 0 when proven."""
        wide = self.bound.dtype == np.float64 and concrete(self.bound, self.objective)
        with jax.enable_x64(True) if wide else contextlib.nullcontext():
            none = self.bound == self.objective  # also where both are -inf
            return jnp.where(none, 0, self.bound - jnp.where(none, 0, self.objective))


def solve_best(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | None,
    weights: jax.Array,
    *,
    potentials: Potentials | Sequence[Potentials] = (),
    heuristic: Heuristic | None = None,
    node_limit: int | jax.Array | None = None,
    width: int | None = None,
    capacity: int | None = None,
) -> Best:
    """The assignment of greatest ``Σ_i weights[i, x_i]`` among those that satisfy every constraint.

    With log-probabilities as weights, the likeliest consistent reading of noisy perception. The
    same as `neurosym.total` in MAX_TIMES, for problems that are too wide for that. It works under
    vmap and inside jit; nothing flows back through it. Inside jit, close over the network: where it
    is an argument it may be any network of its shapes, and its constraints move no weight.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x + y == 2)
    >>> result = solve_best(problem.compile(), None, jnp.array([[0.0, 1, 2], [5, 1, 0]]))
    >>> result.assignment.tolist(), float(result.objective)
    ([2, 0], 7.0)

    Args:
      network: the compiled problem.
      domains: the values to search in, `Domains` or ``bool[..., V, D]``; the declared ones if None.
      weights: ``float32[..., V, D]``; entries beyond a domain are ignored, and a value of weight
        -inf is excluded. Leading batch axes as those of the domains, or none. Integers of any size
        are added up exactly outside of a trace: where float32 does not hold their sums, objective
        and bound are float64.
      potentials: soft factors over several variables, whose log-weights are added, in float32.
      heuristic: which variable to branch on; the largest regret if None.
      node_limit: nodes that one instance may take. At the limit the result is the best solution
        found so far, with a bound on all others.
      width: nodes that are propagated at once.
      capacity: nodes that the pool holds; retried larger as in `solve`.

    Raises:
      ValueError: if ``domains`` or ``weights`` have another shape, potentials do not fit the
        network, weights are NaN, +inf or so large that sums overflow (of integers: beyond 2**53),
        or a number is too small. Under a trace, weights are clipped to what sums can hold, and
        where one is NaN so are the objective and the bound; integers are read as float32 there.
    """
    start = rounds.start_domains(network, domains)
    traced = isinstance(network.mask, jax.core.Tracer)
    declared = None if traced else np.asarray(network.mask)
    exact = None
    if declared is not None and concrete(start, weights, node_limit):
        exact = whole_numbers(weights, declared)
    weights = as_array(weights, jnp.float32, what="an array of weights", relevant=declared)
    if weights.shape[-2:] != (network.variables, network.size):
        raise ValueError(
            f"weights have shape [V, D] = [{network.variables}, {network.size}], "
            f"not {list(weights.shape)}"
        )
    if not isinstance(weights, jax.core.Tracer) and declared is not None:
        seen = np.asarray(weights)[..., declared]
        if not np.all(seen < np.inf):
            raise ValueError("a weight is NaN or +inf; use -inf to exclude a value")
        largest = np.max(np.abs(seen), initial=0, where=np.isfinite(seen))
        if largest > _most(network.variables):
            raise ValueError(
                f"a weight of size {largest:.1e}: sums over {network.variables} variables do not "
                "fit float32; exclude a value by -inf"
            )
    if tables := checked_potentials(network.structure, potentials):
        larger, mask, weights = with_tables(network, start.mask, weights, tables)
        found = solve_best(
            larger,
            mask,
            weights,
            heuristic=heuristic,
            node_limit=node_limit,
            width=width,
            capacity=capacity,
        )
        return dataclasses.replace(found, assignment=found.assignment[..., : network.variables])
    given: Any = weights if exact is None else exact
    batch = np.broadcast_shapes(start.lanes.shape[:-2], given.shape[:-2])
    if few(network, math.prod(batch)) and concrete(start, given, node_limit):
        return _best_few(network, start, given, batch, heuristic, node_limit, width, capacity)
    lanes = jnp.broadcast_to(start.lanes, (*batch, *start.lanes.shape[-2:]))
    everywhere = (*batch, *given.shape[-2:])
    held = (jnp if exact is None else np).broadcast_to(given, everywhere)
    layout, ascent = layout_of(network), _ascent(network)
    width = _default_width(layout, network.size, ascent) if width is None else width
    limit, room = check_search(node_limit, width, capacity, levels=_levels(layout))
    with jax.enable_x64(True) if exact is not None else contextlib.nullcontext():
        patterns = patterns_of(held)

    def run(room: int, lanes: jax.Array, patterns: jax.Array) -> tuple[jax.Array, ...]:
        with jax.enable_x64(True):
            plan = Plan(layout, width, room, heuristic or SMALLEST_DOMAIN, node_limit is not None)
            searcher = _searcher(plan, network.size, heuristic is None, ascent)
            for _ in lanes.shape[:-2]:
                searcher = jax.vmap(searcher, in_axes=(None, 0))
            narrowed = bits.narrow(lanes, np.dtype(layout.dtype))
            return searcher((rounds.constraints_of(network), limit, None), (narrowed, patterns))

    return Best(*retry_when_full(run, (lanes, patterns), capacity is None, room))


def _best_few(
    network: Network,
    start: Domains,
    weights: jax.Array,
    batch: tuple[int, ...],
    heuristic: Heuristic | None,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> Best:
    """As `solve_best`, in a program that networks and batches of about these sizes share."""
    count, shape = math.prod(batch), start.lanes.shape[-2:]
    lanes = np.broadcast_to(np.asarray(start.lanes), (*batch, *shape)).reshape(count, *shape)

    def search_in(form: Prepared) -> tuple[np.ndarray, ...]:
        held = form.weights(weights, 0.0)
        shape = held.shape[-2:]
        held = np.broadcast_to(held, (*batch, *shape)).reshape(count, *shape)
        ascent = None if form.filled else _ascent(network)
        return _best_in(form, ascent, lanes, held, heuristic, node_limit, width, capacity)

    return Best(*(on_device(x, batch) for x in in_a_form(network, heuristic, search_in)))


def _best_in(
    form: Prepared,
    ascent: Ascent | None,
    lanes: np.ndarray,
    weights: np.ndarray,
    heuristic: Heuristic | None,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> tuple[np.ndarray, ...]:
    """The parts of `Best`, of lanes ``[N, V, W]`` and weights; or raises `TakesLong`."""
    layout = form.layout
    width = _default_width(layout, form.size, ascent) if width is None else width
    limit, room = check_search(node_limit, width, capacity, levels=_levels(layout))
    limit = np.int32(MOST if node_limit is None else limit)

    def run(room: int, lanes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
        filled = form.lanes(lanes)
        heavy = np.zeros((len(filled), *weights.shape[1:]), weights.dtype)
        heavy[: len(weights)] = weights
        plan = Plan(layout, width, room, heuristic or SMALLEST_DOMAIN, True)
        searcher = _shared_searcher(plan, form.size, heuristic is None, ascent)
        with jax.enable_x64(True):
            shared = (form.constraints, limit, np.int32(form.steps))
            data = (
                shared,
                (filled, heavy.view(np.uint32 if heavy.dtype == np.float32 else np.uint64)),
            )
            *found, steps = jax.device_get(searcher(*data))
        form.spent.steps += int(steps)
        if steps >= form.steps:
            raise TakesLong
        return tuple(x[: len(lanes)] for x in (found[0][:, : form.variables], *found[1:]))

    return retry_few_when_full(run, (lanes, weights), capacity is None, room)


def _default_width(layout: Layout, size: int, ascent: Ascent | None) -> int:
    # The weights of a node take more of the cache than its domains.
    fitting = max(1, 2**21 // (4 * layout.variables * size))
    width = min(default_width(layout), max(32, 2 ** (fitting.bit_length() - 1)))
    return width if ascent is None else min(width, TIGHT_WIDTH)


def _levels(layout: Layout) -> int:
    # Nothing may be given, so a batch may go down to the last variable in step.
    return min(128, max(16, layout.variables))


class Incumbents(NamedTuple):
    """The best solution of each instance so far."""

    objective: jax.Array  # float32[N]
    nodes: jax.Array  # uint64[R, N]
    left: jax.Array  # float32[N]: the greatest bound of nodes that the limit left out


class Notes(NamedTuple):
    """What a review found out."""

    bound: jax.Array  # float[L]: the sum of the best weights
    regret: jax.Array  # float[V, L]


class Maximisation:
    """The goal of the greatest total weight; see `neurosym.hard.pool.Goal`."""

    def __init__(
        self,
        layout: Layout,
        weights: jax.Array,  # [N, V, D]
        by_regret: bool,
        root: Root | None = None,
    ) -> None:
        self.layout, self.weights, self.by_regret = layout, weights, by_regret
        self.root = root

    def start(self) -> Incumbents:
        """Nothing found yet, or what the root gave."""
        instances, dtype = self.weights.shape[0], self.weights.dtype
        nothing = jnp.full(instances, -jnp.inf, dtype)
        if self.root is None:
            empty = jnp.zeros((self.layout.rows, instances), jnp.uint64)
            return Incumbents(nothing, empty, nothing)
        nodes = to_columns(self.layout, one_value(self.layout, self.root.values.T))
        return Incumbents(self.root.objective, nodes, nothing)

    def wanted(self, state: Incumbents, owner: jax.Array) -> jax.Array:
        return jnp.ones(owner.shape, jnp.bool_)

    def review(self, state: Incumbents, front: Front) -> tuple[jax.Array, Notes]:
        weights = self._weights_of(front, self.weights)  # [V, D, L]
        best, second = _two_best(front.lanes, weights)
        plain = bound = in_order(best)
        incumbent = take(state.objective, front.owner)
        size = jnp.sum(jnp.abs(jnp.where(jnp.isfinite(best), best, 0)), axis=0)
        if self.root is not None:
            weights = self._weights_of(front, self.root.weights)
            best, second = _two_best(front.lanes, weights)
            bound = take(self.root.constant, front.owner) + jnp.sum(best, axis=0)
            size = take(self.root.size, front.owner)
        slack = _roundings(best) * (size + jnp.abs(incumbent))
        enough = incumbent - slack - (bound - best)  # what a value must weigh, [V, L]
        # Where the bound is -inf the difference is NaN; such a node is dropped anyway.
        keep = jnp.where(jnp.isfinite(incumbent), weights >= enough[:, None], weights > -jnp.inf)
        keep &= (plain > incumbent)[None, None]
        lanes = front.lanes & bits.pack(keep, axis=1, dtype=front.lanes.dtype)
        return lanes, Notes(plain, best - second)

    def record(
        self, state: Incumbents, front: Front, notes: Notes, solved: jax.Array
    ) -> Incumbents:
        return jax.lax.cond(
            jnp.any(solved), lambda: self._record(state, front, notes, solved), lambda: state
        )

    def _record(
        self, state: Incumbents, front: Front, notes: Notes, solved: jax.Array
    ) -> Incumbents:
        instances, length = state.objective.shape[0], solved.shape[0]
        total = jnp.where(solved, notes.bound, -jnp.inf)
        objective = state.objective.at[front.owner].max(total)
        better = solved & (total == take(objective, front.owner))
        better &= total > take(state.objective, front.owner)
        # Of equals found at once, one is kept.
        lane = jnp.arange(length, dtype=jnp.int32)
        index = jnp.where(better, front.owner, instances)
        last = jnp.full(instances, -1, jnp.int32).at[index].max(lane, mode="drop")
        index = jnp.where(take(last, front.owner) == lane, index, instances)
        nodes = state.nodes.at[:, index].set(front.columns, mode="drop")
        return state._replace(objective=objective, nodes=nodes)

    def choose(self, front: Front, variable: jax.Array, domain: jax.Array) -> jax.Array:
        own = self.weights if self.root is None else self.root.weights
        weights = take(own, front.owner, variable)  # [L, D]
        return heaviest_value(domain, weights.T)

    def score(self, notes: Notes) -> jax.Array | None:
        return -notes.regret if self.by_regret else None

    def leave(self, state: Incumbents, front: Front, dropped: jax.Array) -> Incumbents:
        bound = in_order(_two_best(front.lanes, self._weights_of(front, self.weights))[0])
        if self.root is not None:
            best, _ = _two_best(front.lanes, self._weights_of(front, self.root.weights))
            tight = take(self.root.constant, front.owner) + jnp.sum(best, axis=0)
            spare = _roundings(best) * take(self.root.size, front.owner)
            bound = jnp.minimum(bound, tight + spare)
        bound = jnp.where(dropped, bound, -jnp.inf)
        return state._replace(left=state.left.at[front.owner].max(bound))

    def _weights_of(self, front: Front, weights: jax.Array) -> jax.Array:
        """``float32[V, D, L]``."""
        if weights.shape[0] == 1:
            return jnp.broadcast_to(
                weights[0][..., None], (*weights.shape[1:], front.owner.shape[0])
            )
        return jnp.moveaxis(take(weights, front.owner), 0, -1)


def _most(variables: int) -> float:
    """The largest weight of which so many can be added up."""
    return float(np.finfo(np.float32).max) / (2 * variables)


def _roundings(best: jax.Array) -> float:
    """What sums of weights ``[V, L]`` of size 1 in all may be off by, generously."""
    return ROUNDING * float(jnp.finfo(best.dtype).eps) * (best.shape[0] + 4)


def _two_best(lanes: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The greatest and the second greatest weight in each domain, ``float32[V, L]``."""
    there = bits.unpack(lanes, weights.shape[1], axis=1)
    least = weights.dtype.type(-np.inf)
    offered = jnp.where(there, weights, least)

    def two(a: tuple, b: tuple) -> tuple:
        return (
            jnp.maximum(a[0], b[0]),
            jnp.maximum(jnp.minimum(a[0], b[0]), jnp.maximum(a[1], b[1])),
        )

    best, second = reduce_rows((offered, jnp.full_like(offered, least)), (least, least), two, 1)
    return best, second


def _ascent(network: Network) -> Ascent | None:
    """The constraints of a network that move weight; None where none does.

    They are read from the structure. A network that is traced may stand for several networks of the
    same shapes, with one structure for all of them, so nothing is moved there.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(network)):
        return None
    found = ascent_of(network.structure, most=MOST_ELEMENTS, size=network.size)
    cells = sum(layer.places.read.size for layer in found.layers)
    return found if found.layers and cells <= MOST_CELLS else None


@functools.lru_cache(maxsize=256)
def _searcher(plan: Plan, size: int, by_regret: bool, ascent: Ascent | None) -> Any:
    """The search as a function of arrays, for one instance or a batch."""
    batched = _search_batch(plan, size, by_regret, ascent)
    return one_program(jax.jit(lambda shared, instances: batched(shared, instances)[:-1]), x64=True)


@functools.lru_cache(maxsize=256)
def _shared_searcher(plan: Plan, size: int, by_regret: bool, ascent: Ascent | None) -> Any:
    """The search as a function of arrays, for a batch, which says how many steps it took."""
    return quickly_compiled()(_search_batch(plan, size, by_regret, ascent))


def _search_batch(plan: Plan, size: int, by_regret: bool, ascent: Ascent | None) -> Any:
    def batched(
        shared: tuple[Any, ...], instances: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array | None, ...]:
        (constraints, limit, steps), (lanes, patterns) = shared, instances
        dtype = jnp.float32 if patterns.dtype == jnp.uint32 else jnp.float64
        weights = jax.lax.bitcast_convert_type(patterns, dtype)
        there = bits.unpack(lanes, size, axis=2)
        # Excluded values leave at once, and what lies beyond a domain can hold no NaN.
        unclear = jnp.any(there & jnp.isnan(weights), axis=(1, 2))
        most = _most(plan.layout.variables)
        weights = jnp.where(weights == -jnp.inf, weights, jnp.clip(weights, -most, most))
        weights = jnp.where(there, weights, -jnp.inf)
        lanes = lanes & bits.pack(weights > -jnp.inf, axis=2, dtype=lanes.dtype)
        root = None
        everything = in_order(jnp.max(weights, axis=2).T)  # of nodes that are still in the pool
        if ascent is not None:
            root = tighten(ascent, constraints, plan.layout, weights, lanes)
            lanes = root.lanes
            everything = jnp.minimum(everything, root.bound)
        goal = Maximisation(plan.layout, weights, by_regret, root)
        pool, unfinished = search(plan, goal, Batch(constraints, lanes, limit, steps), goal.start())
        found = pool.goal.objective > -jnp.inf
        open_above = pool.dropped & (pool.goal.left > pool.goal.objective)
        status = search_status(found, jnp.zeros_like(found), open_above, unfinished)
        values = values_of(to_lanes(plan.layout, pool.goal.nodes))
        above = jnp.maximum(pool.goal.left, pool.goal.objective)
        bound = jnp.where(unfinished, jnp.maximum(everything, pool.goal.objective), above)
        assignment = jnp.where(found, values, -1).T
        objective = jnp.where(unclear, jnp.nan, pool.goal.objective)
        bound = jnp.where(unclear, jnp.nan, bound)
        return assignment, objective, bound, status, pool.visited, pool.steps

    return batched
