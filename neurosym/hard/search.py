"""`solve` and `count`: complete search over a batch of instances of one network.

domains ─▶ pool of nodes (`pool.py`): propagate, branch, record ─▶ assignments, counts, status
"""

import enum
import functools
import math
import numbers
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.domains import Domains
from neurosym.hard import prepared, rounds
from neurosym.hard.branching import SMALLEST_DOMAIN, Heuristic
from neurosym.hard.enumeration import MOST, Enumeration, assignments_of
from neurosym.hard.nodes import Layout, default_width
from neurosym.hard.parts import Part, parts_of, product
from neurosym.hard.pool import Batch, Plan, least_capacity, search
from neurosym.hard.prepared import Prepared, TakesLong, batch_of, few, in_a_form, on_device
from neurosym.problems.network import Network
from neurosym.transforms.concrete import concrete
from neurosym.transforms.conversion import as_array
from neurosym.transforms.one_program import one_program
from neurosym.transforms.quick import quickly_compiled

LEVELS = 16
"""Widths that a pool holds."""

POOL_BYTES = 2**28
"""What the pool of a few instances may take to hold a width for each variable, which is as deep as
a search goes: with a larger pool, after this one was full, it would be another program."""

NARROWEST = 8
"""Nodes that are propagated at once, at least."""

MOST_LOGGED = 2**16
"""Solutions of a batch that are read off a log by NumPy."""

MOST_BYTES = 2**33
"""Of a pool that is made larger because it was full."""


class SearchStatus(enum.IntEnum):
    """How the search of an instance ended."""

    SOLVED = 0  # all that was asked for, or all there is
    UNSATISFIABLE = 1  # proven: there is no solution
    LIMIT = 2  # stopped at the limit on nodes
    CAPACITY = 3  # the pool was full; a larger one may do


@flax.struct.dataclass
class Solutions:
    """What a search found; with batch axes in front where the domains had them."""

    assignment: jax.Array  # int32[k, V]: value indices; -1 beyond the solutions found
    count: jax.Array  # int32[]: solutions found, at most k
    status: jax.Array  # int32[]: a `SearchStatus`
    nodes: jax.Array  # int32[]: nodes that were propagated to their end


@flax.struct.dataclass
class Tally:
    """How many solutions there are; with batch axes in front where the domains had them."""

    count: jax.Array  # int32[]: solutions found; 2**31 - 1 means at least so many
    status: jax.Array  # int32[]: a `SearchStatus`; SOLVED and UNSATISFIABLE are exact
    nodes: jax.Array  # int32[]


def solve(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | None = None,
    *,
    solutions: int = 1,
    heuristic: Heuristic = SMALLEST_DOMAIN,
    value_weights: jax.Array | None = None,
    node_limit: int | jax.Array | None = None,
    width: int | None = None,
    capacity: int | None = None,
) -> Solutions:
    """Finds up to ``solutions`` assignments that satisfy every constraint, or proves there is none.

    The search is complete. It propagates at every node and shares one pool of nodes among the whole
    batch, whether that comes by vmap or by leading axes; it works inside a caller's jit. Which
    solutions come first, and how many nodes it took, may differ between a batch and its instances
    alone.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(5))
    >>> problem.add(x + y == 7, x < y)
    >>> network = problem.compile()
    >>> result = solve(network, solutions=2)
    >>> network.decode(result.assignment[0]), int(result.count), SearchStatus(int(result.status))
    ({'x[0]': 3, 'x[1]': 4}, 1, <SearchStatus.SOLVED: 0>)

    Args:
      network: the compiled problem.
      domains: the values to search in, `Domains` or ``bool[..., V, D]``; the declared ones if None.
      solutions: k, how many to find at most.
      heuristic: which variable to branch on.
      value_weights: ``float32[V, D]``: values of greater weight are tried first, instead of those
        of lower index.
      node_limit: nodes that one instance may take; None for no limit.
      width: nodes that are propagated at once; chosen by the size of a node if None.
      capacity: nodes that the pool holds; if None, 16 widths, and outside of a trace a pool that
        was full is retried with a larger one.

    Returns:
      Assignments, count, status and nodes.

    Raises:
      ValueError: if ``domains`` or ``value_weights`` have another shape, or a number is too small.
    """
    _check_number("the number of solutions to find", solutions)
    preference = None
    if value_weights is not None:
        # Nothing flows back through the order of values.
        preference = jax.lax.stop_gradient(
            as_array(value_weights, jnp.float32, what="an array of value weights")
        )
        if preference.shape != (network.variables, network.size):
            raise ValueError(
                f"value weights have shape [V, D] = [{network.variables}, {network.size}], "
                f"not {list(preference.shape)}"
            )
    start = rounds.start_domains(network, domains)
    task = _Task(heuristic, int(solutions), int(solutions), preference)
    return Solutions(*_search(network, start, task, node_limit, width, capacity))


def count(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | None = None,
    *,
    at_most: int | None = None,
    heuristic: Heuristic = SMALLEST_DOMAIN,
    node_limit: int | jax.Array | None = None,
    width: int | None = None,
    capacity: int | None = None,
) -> Tally:
    """Counts the assignments that satisfy every constraint, by complete search.

    The same number as `neurosym.total` in COUNTING, without the memory that this takes for wide
    problems. Where the problem falls into parts that share no variable, each is searched by itself
    and the counts multiply. A count of 2**31 - 1 means "at least so many".

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> int(count(problem.compile()).count)
    12

    Args and errors as for `solve`; ``at_most`` stops the search of an instance at that count.
    """
    if at_most is not None:
        _check_number("a count to stop at", at_most)
    start = rounds.start_domains(network, domains)
    wanted = MOST if at_most is None else int(at_most)
    task = _Task(heuristic, wanted, 0, None)
    parts, free = parts_of(network)
    if wanted and (parts or free):
        return _count_parts(start, parts, free, task, node_limit, width, capacity)
    return Tally(*_search(network, start, task, node_limit, width, capacity)[1:])


class _Task(NamedTuple):
    """What is searched for."""

    heuristic: Heuristic
    wanted: int
    kept: int
    preference: jax.Array | None


def _count_parts(
    start: Domains,
    parts: tuple[Part, ...],
    free: tuple[int, ...],
    task: _Task,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> Tally:
    """The product of the counts of parts that share no variable, and of the free variables."""
    array: Any = np if concrete(start) else jnp
    mask = array.asarray(start.mask)
    counts: list[Any] = [array.sum(mask[..., i, :], axis=-1).astype(np.int32) for i in free]
    statuses: list[Any] = []
    nodes: Any = array.zeros(mask.shape[:-2], np.int32)
    for rows, network in parts:
        inside = mask[..., list(rows), : network.size]
        begin = rounds.start_domains(network, inside)
        _, number, status, visited = _search(network, begin, task, node_limit, width, capacity)
        counts.append(number)
        statuses.append(status)
        nodes = nodes + visited
    total = jnp.minimum(product(counts), task.wanted)
    worst = jnp.full_like(total, SearchStatus.SOLVED)
    for status in statuses:
        worst = jnp.maximum(worst, jnp.where(status >= SearchStatus.LIMIT, status, worst))
    none = [status == SearchStatus.UNSATISFIABLE for status in statuses]
    none += [number == 0 for number in counts[: len(free)]]
    worst = jnp.where(total >= task.wanted, SearchStatus.SOLVED, worst)
    for empty in none:
        worst = jnp.where(empty, SearchStatus.UNSATISFIABLE, worst)
    return Tally(jnp.asarray(total), worst.astype(np.int32), jnp.asarray(nodes, np.int32))


def _search(
    network: Network,
    start: Domains,
    task: _Task,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> tuple[jax.Array, ...]:
    """Assignments, counts, status and nodes.

    Few instances outside of a trace go through the one program of their shapes; others get a
    program for what they want, which does less and leaves nothing to NumPy.
    """
    instances = math.prod(start.lanes.shape[:-2])
    seen = concrete(start, node_limit, task.preference)
    if seen and few(network, instances) and instances * task.kept <= MOST_LOGGED:
        return _search_few(network, start, task, node_limit, width, capacity)
    layout = layout_of(network)
    width = default_width(layout) if width is None else width
    limit, room = check_search(node_limit, width, capacity, levels=LEVELS)

    def run(room: int, lanes: jax.Array) -> tuple[jax.Array, ...]:
        with jax.enable_x64(True):
            plan = Plan(layout, width, room, task.heuristic, node_limit is not None)
            searcher = _searcher(plan, task.kept, task.preference is not None)
            for _ in lanes.shape[:-2]:
                searcher = jax.vmap(searcher, in_axes=(None, 0))
            narrowed = bits.narrow(lanes, np.dtype(layout.dtype))
            weights = jnp.zeros(()) if task.preference is None else task.preference
            shared = (rounds.constraints_of(network), limit, jnp.int32(task.wanted), weights)
            return searcher(shared, narrowed)

    return retry_when_full(run, (start.lanes,), capacity is None, room)


def _search_few(
    network: Network,
    start: Domains,
    task: _Task,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> tuple[jax.Array, ...]:
    """As `_search`, in a program for all that may be wanted of domains of these shapes."""
    batch = start.lanes.shape[:-2]
    lanes = np.asarray(start.lanes).reshape(-1, *start.lanes.shape[-2:])

    def search_in(form: Prepared) -> tuple[np.ndarray, ...]:
        return _search_in(form, lanes, task, node_limit, width, capacity)

    return tuple(on_device(x, batch) for x in in_a_form(network, task.heuristic, search_in))


def _search_in(
    form: Prepared,
    lanes: np.ndarray,
    task: _Task,
    node_limit: Any,
    width: int | None,
    capacity: int | None,
) -> tuple[np.ndarray, ...]:
    """Assignments, counts, status and nodes, of lanes ``[N, V, W]``; or raises `TakesLong`."""
    layout = form.layout
    width = _width(layout, batch_of(len(lanes))) if width is None else width
    limit, room = check_search(node_limit, width, capacity, levels=_levels(layout, width))
    limit = np.int32(MOST if node_limit is None else limit)
    weights = None if task.preference is None else form.weights(task.preference, 0.0)

    def run(room: int, lanes: np.ndarray) -> tuple[np.ndarray, ...]:
        filled = form.lanes(lanes)
        slots = len(filled) * task.kept
        slots = width if slots <= width else 1 << (slots - 1).bit_length()
        searcher = _shared_searcher(Plan(layout, width, room, task.heuristic, True), width + slots)
        wanted, kept = np.int32(task.wanted), np.int32(task.kept)
        with jax.enable_x64(True):
            limits = (limit, np.int32(form.steps), wanted, kept)
            data = (form.constraints, filled, limits, weights)
            found, status, visited, steps = jax.device_get(searcher(*data))
        form.spent.steps += int(steps)
        if steps >= form.steps:
            raise TakesLong
        values = assignments_of(layout, found, len(lanes), task.kept)
        several = (values[..., : form.variables], found.number, status, visited)
        return tuple(x[: len(lanes)] for x in several)

    return retry_few_when_full(run, (lanes,), capacity is None, room)


def _width(layout: Layout, instances: int) -> int:
    """As `default_width`, narrower where a pool as deep as a search goes would not fit otherwise.

    One instance needs no wide front: of 36x36 sudoku, one of 16 nodes finds a solution after a
    quarter of the nodes of one of 64.
    """
    width, node = default_width(layout), 8 * layout.rows
    while width > max(NARROWEST, instances) and width * node * _depth(layout) > POOL_BYTES:
        width //= 2
    return width


def _depth(layout: Layout) -> int:
    """Nodes that the search of one instance stacks for each node of its width."""
    return layout.variables + 8


def _levels(layout: Layout, width: int) -> int:
    fitting = POOL_BYTES // max(1, width * 8 * layout.rows)
    return max(LEVELS, min(_depth(layout), fitting))


def check_search(
    node_limit: int | jax.Array | None, width: int, capacity: int | None, *, levels: int
) -> tuple[Any, int]:
    """The limit on nodes as an array, -1 for none, and the nodes that the pool holds.

    Raises:
      ValueError: if a number is too small.
    """
    if width < 1:
        raise ValueError(f"the width of a search is positive, not {width}")
    room = levels * width if capacity is None else capacity
    if room < least_capacity(width):
        raise ValueError(f"a pool of width {width} holds at least {least_capacity(width)} nodes")
    if node_limit is None:
        return np.int32(-1), room
    if np.ndim(node_limit) != 0:
        raise ValueError(
            "a limit on nodes is one number; for a limit of each instance use jax.vmap"
        )
    if not isinstance(node_limit, jax.core.Tracer):
        _check_number("a limit on nodes", node_limit)
    traced = isinstance(node_limit, jax.core.Tracer)
    return (jnp if traced else np).asarray(node_limit, np.int32), room


def _check_number(what: str, number: Any) -> None:
    whole = isinstance(number, numbers.Integral) or (
        isinstance(number, jax.Array | np.ndarray) and jnp.issubdtype(number.dtype, jnp.integer)
    )
    if not whole or isinstance(number, bool) or not 0 <= int(number) <= MOST:
        raise ValueError(f"{what} is an integer from 0 to {MOST}, not {number}")


def retry_when_full(
    run: Any, instances: tuple[jax.Array, ...], growing: bool, room: int
) -> tuple[jax.Array, ...]:
    """Runs ``run(room, *instances)``, again with four times the room for those that need it.

    The status is the last but one of the results. Under a trace, or if not ``growing``, it is left
    at that; and where a pool would take more than `MOST_BYTES`, the status stays CAPACITY.
    """
    bytes_each = 8 * math.prod(instances[0].shape[-2:])
    results = run(room, *instances)
    status = results[-2]
    if not growing or isinstance(status, jax.core.Tracer):
        return results
    batch = status.shape

    def flat(x: jax.Array) -> jax.Array:
        return x.reshape(status.size, *x.shape[len(batch) :])

    while np.any(full := np.asarray(status).ravel() == SearchStatus.CAPACITY):
        room *= 4
        if room * bytes_each > MOST_BYTES:
            break
        index = np.flatnonzero(full)
        # Filled up to a power of two, so that few programs are compiled.
        filled = np.resize(index, 1 << (len(index) - 1).bit_length())
        again = run(room, *(flat(x)[filled] for x in instances))
        results = tuple(
            flat(x).at[index].set(y[: len(index)]).reshape(x.shape)
            for x, y in zip(results, again, strict=True)
        )
        status = results[-2]
    return results


def retry_few_when_full(
    run: Any, instances: tuple[np.ndarray, ...], growing: bool, room: int
) -> tuple[np.ndarray, ...]:
    """As `retry_when_full`, for NumPy arrays of one batch axis each."""
    bytes_each = 8 * math.prod(instances[0].shape[-2:])
    results = tuple(np.array(x) for x in run(room, *instances))
    while growing and np.any(full := results[-2] == SearchStatus.CAPACITY):
        room *= 4
        if room * bytes_each > MOST_BYTES:
            break
        again = run(room, *(x[full] for x in instances))
        for x, y in zip(results, again, strict=True):
            x[full] = y
    return results


def layout_of(network: Network) -> Layout:
    """How a node of the network lies in narrow lanes."""
    return prepared.layout_of(network.variables, network.size, network.groups)


@functools.lru_cache(maxsize=256)
def _searcher(plan: Plan, kept: int, preferring: bool) -> Any:
    """The search as a function of arrays, for one instance ``[V, W]`` or a batch ``[N, V, W]``."""

    @jax.jit
    def batched(
        shared: tuple[Any, jax.Array, jax.Array, jax.Array], lanes: jax.Array
    ) -> tuple[jax.Array, ...]:
        constraints, limit, wanted, weights = shared
        goal = Enumeration(plan.layout, plan.width, wanted, kept, weights if preferring else None)
        state = goal.start(lanes.shape[0])
        pool, unfinished = search(plan, goal, Batch(constraints, lanes, limit), state)
        found = pool.goal.number
        status = search_status(found > 0, found >= wanted, pool.dropped, unfinished)
        return goal.assignments(pool.goal), found, status, pool.visited

    return one_program(batched, x64=True)


@functools.lru_cache(maxsize=256)
def _shared_searcher(plan: Plan, room: int) -> Any:
    """The search as a function of arrays, where whatever is wanted is one of them."""

    @quickly_compiled()
    def searched(
        constraints: Any,
        lanes: jax.Array,
        limits: tuple[jax.Array, ...],  # int32[]: nodes, steps, solutions, those that are kept
        weights: jax.Array | None,
    ) -> tuple[Any, ...]:
        limit, steps, wanted, kept = limits
        goal = Enumeration(plan.layout, plan.width, wanted, kept, weights, room=room)
        state = goal.start(lanes.shape[0])
        pool, unfinished = search(plan, goal, Batch(constraints, lanes, limit, steps), state)
        found = pool.goal.number
        status = search_status(found > 0, found >= wanted, pool.dropped, unfinished)
        return pool.goal, status, pool.visited, pool.steps

    return searched


def search_status(
    found: jax.Array, enough: jax.Array, dropped: jax.Array, unfinished: jax.Array
) -> jax.Array:
    """The `SearchStatus` of each instance, ``int32[N]``."""
    ended = jnp.where(found, SearchStatus.SOLVED, SearchStatus.UNSATISFIABLE)
    status = jnp.where(dropped, SearchStatus.LIMIT, ended)
    status = jnp.where(unfinished, SearchStatus.CAPACITY, status)
    return jnp.where(enough, SearchStatus.SOLVED, status).astype(jnp.int32)
