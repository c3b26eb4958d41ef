"""Complete search by one pool of nodes that a whole batch shares.

A node is the domains of one instance. The pool is a stack; each step takes its top L nodes at once,
propagates them together, drops the failed nodes, hands solutions to the goal and puts the other
nodes back: where propagation has settled, it branches on a variable, and the node becomes two
nodes, the one with the chosen value on top. When fewer than L nodes are left, further instances of
the batch come in. So no lane waits for a straggler, and the memory is that of the pool, whatever
the batch.

Propagation runs until half of the nodes have failed or settled; the others go on in the next step.
Before a step could overflow the stack the search stops and says so: nothing is overwritten.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import any_row, union_rows
from neurosym.hard import nodes as columns
from neurosym.hard import rounds
from neurosym.hard.branching import Heuristic, View, choose_variable, open_degrees
from neurosym.transforms.loops import fori_loop, while_loop
from neurosym.transforms.take import take, take_along

AT_ONCE = 2
"""Rounds of propagation between two looks at which nodes have settled."""

DECAY = 0.999
"""Of the failures that a heuristic sees, a step."""


class Plan(NamedTuple):
    """Static facts of a search."""

    layout: columns.Layout
    width: int  # L, nodes that a step takes
    capacity: int  # Q, nodes that the stack holds
    heuristic: Heuristic
    limited: bool = False  # there is a limit on nodes


class Batch(NamedTuple):
    """What a search is given."""

    constraints: rounds.Constraints
    lanes: jax.Array  # [N, V, W]: where each instance starts
    limit: jax.Array  # int32[]: nodes that an instance may take, if the plan is limited
    steps: jax.Array | None = None  # int32[]: after so many the search stops; None for no limit


class Front(NamedTuple):
    """The nodes that a step works on."""

    lanes: jax.Array  # [V, W, L]
    columns: jax.Array  # uint64[R, L]: the same
    owner: jax.Array  # int32[L]: the instance of each
    live: jax.Array  # bool[L]


class Pool(NamedTuple):
    """The state of a search."""

    nodes: jax.Array  # uint64[R, Q]: the stack
    owner: jax.Array  # int32[Q]: the instance of each node; N for none
    top: jax.Array  # int32[]: nodes in the stack
    fed: jax.Array  # int32[]: instances that have come in
    visited: jax.Array  # int32[N]: nodes that were propagated to their end
    dropped: jax.Array  # bool[N]: nodes were left out because of the limit
    failures: jax.Array  # float32[V]
    steps: jax.Array | None  # int32[]: those that were taken, where there is a limit
    goal: Any  # what the goal keeps


class Goal(Protocol):
    """What is searched for. `state` is a pytree that only the goal reads."""

    def wanted(self, state: Any, owner: jax.Array) -> jax.Array:
        """Whether nodes of the instances ``int32[L]`` can still add something: ``bool[L]``."""
        ...

    def review(self, state: Any, front: Front) -> tuple[jax.Array, Any]:
        """The lanes after propagation without what cannot add anything, and notes on the nodes.

        A node that cannot add anything loses all values of some variable.
        """
        ...

    def record(self, state: Any, front: Front, notes: Any, solved: jax.Array) -> Any:
        """The state with the solutions, nodes whose domains hold one value each."""
        ...

    def choose(self, front: Front, variable: jax.Array, domain: jax.Array) -> jax.Array:
        """One value of the domain ``[W, L]`` of the chosen variable of each node, as lanes."""
        ...

    def score(self, notes: Any) -> jax.Array | None:
        """As a heuristic's, ``float32[V, L]``, if the goal has a view on the matter."""
        ...

    def leave(self, state: Any, front: Front, dropped: jax.Array) -> Any:
        """The state after nodes ``bool[L]`` were left out because of the limit."""
        ...


def search(plan: Plan, goal: Goal, batch: Batch, state: Any) -> tuple[Pool, jax.Array]:
    """Searches until the pool is empty or full, or as many steps are taken as there may be.

    Returns:
      The pool at the end, and whether each instance ``bool[N]`` still has nodes in it.
    """
    count = batch.lanes.shape[0]
    pool = Pool(
        nodes=jnp.zeros((plan.layout.rows, plan.capacity), jnp.uint64),
        owner=jnp.full(plan.capacity, count, jnp.int32),
        top=jnp.int32(0),
        fed=jnp.int32(0),
        visited=jnp.zeros(count, jnp.int32),
        dropped=jnp.zeros(count, jnp.bool_),
        failures=jnp.zeros(batch.lanes.shape[1], jnp.float32),
        steps=None if batch.steps is None else jnp.int32(0),
        goal=state,
    )

    def more(pool: Pool) -> jax.Array:
        some = (pool.top > 0) | (pool.fed < count)
        if pool.steps is not None and batch.steps is not None:
            some &= pool.steps < batch.steps
        return some & (pool.top + 2 * plan.width <= plan.capacity)

    pool = while_loop(more, lambda pool: _step(plan, goal, batch, pool), pool)
    waiting = jnp.arange(plan.capacity) < pool.top
    index = jnp.where(waiting, pool.owner, count)
    inside = jnp.zeros(count, jnp.bool_).at[index].set(True, mode="drop")
    return pool, inside | (jnp.arange(count) >= pool.fed)


def least_capacity(width: int) -> int:
    """Nodes without which a search cannot take its first step."""
    return 4 * width


def _step(plan: Plan, goal: Goal, batch: Batch, pool: Pool) -> Pool:
    pool = _feed(plan, batch, pool)
    if pool.steps is not None:
        pool = pool._replace(steps=pool.steps + 1)
    pool, front, start = _take_top(plan, goal, batch, pool)
    lanes, running, failed = _propagate(batch.constraints, front)
    if plan.heuristic.learns:
        failures = pool.failures * DECAY + _wiped_variables(lanes, failed)
        pool = pool._replace(failures=failures)
    front = front._replace(lanes=lanes, live=front.live & ~failed)
    kept, notes = goal.review(pool.goal, front)
    if kept is not lanes:  # what the goal took away has not been propagated
        changed, empty = rounds.changed_and_wiped_out(lanes, kept)
        failed |= front.live & empty
        front = front._replace(lanes=kept, live=front.live & ~empty)
        running = front.live & (running | changed)
    front = front._replace(columns=columns.to_columns(plan.layout, front.lanes))
    return _put_back(plan, goal, batch, pool, front, notes, running, failed, start)


def _feed(plan: Plan, batch: Batch, pool: Pool) -> Pool:
    """Puts further instances on the stack where it holds fewer nodes than a step takes."""
    count = batch.lanes.shape[0]
    several = min(plan.width, count)

    def bring(pool: Pool) -> Pool:
        start = jnp.minimum(pool.fed, count - several)
        block = jax.lax.dynamic_slice_in_dim(batch.lanes, start, several)
        block = columns.to_columns(plan.layout, jnp.moveaxis(block, 0, -1))
        owner = start + jnp.arange(several, dtype=jnp.int32)
        owner = jnp.where(owner < pool.fed, count, owner)  # those that have come in before
        return pool._replace(
            nodes=jax.lax.dynamic_update_slice(pool.nodes, block, (jnp.int32(0), pool.top)),
            owner=jax.lax.dynamic_update_slice(pool.owner, owner, (pool.top,)),
            top=pool.top + several,
            fed=start + several,
        )

    hungry = (pool.top < plan.width) & (pool.fed < count)
    return jax.lax.cond(hungry, bring, lambda pool: pool, pool)


def _take_top(plan: Plan, goal: Goal, batch: Batch, pool: Pool) -> tuple[Pool, Front, jax.Array]:
    """The top nodes that are still wanted, and where they began."""
    count = batch.lanes.shape[0]
    start = jnp.maximum(pool.top - plan.width, 0)
    block = jax.lax.dynamic_slice_in_dim(pool.nodes, start, plan.width, axis=1)
    owner = jax.lax.dynamic_slice_in_dim(pool.owner, start, plan.width)
    live = (jnp.arange(plan.width) < pool.top - start) & (owner < count)
    instance = jnp.where(live, owner, 0)
    live &= goal.wanted(pool.goal, instance)
    lanes = columns.to_lanes(plan.layout, block)
    if not plan.limited:
        front = Front(rounds.cleared(lanes, ~live), block, instance, live)
        return pool, front, start
    over = live & (take(pool.visited, instance) >= batch.limit)
    front = Front(lanes, block, instance, live & ~over)

    def leave(pool: Pool) -> Pool:
        index = jnp.where(over, instance, count)
        return pool._replace(
            dropped=pool.dropped.at[index].set(True, mode="drop"),
            goal=goal.leave(pool.goal, front, over),
        )

    pool = jax.lax.cond(jnp.any(over), leave, lambda pool: pool, pool)
    lanes = rounds.cleared(lanes, ~front.live)
    return pool, front._replace(lanes=lanes), start


def _propagate(
    constraints: rounds.Constraints, front: Front
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Lanes, which nodes still change, which have failed; until half have failed or settled."""
    half = jnp.sum(front.live, dtype=jnp.int32) // 2

    def active(carry: tuple) -> jax.Array:
        _, running, _ = carry
        return jnp.sum(running, dtype=jnp.int32) > half

    def step(carry: tuple) -> tuple:
        lanes, _, _ = carry
        # A loop of its own: its results are stored once, for what compares them and what goes on.
        before, after = fori_loop(
            AT_ONCE,
            lambda _, pair: (pair[1], rounds.revise_all(constraints, pair[1])),
            (lanes,) * 2,
        )
        changed, empty = rounds.changed_and_wiped_out(before, after)
        return after, front.live & changed & ~empty, front.live & empty

    nothing = jnp.zeros_like(front.live)
    lanes, running, failed = while_loop(active, step, (front.lanes, front.live, nothing))
    return lanes, running, failed


def _put_back(
    plan: Plan,
    goal: Goal,
    batch: Batch,
    pool: Pool,
    front: Front,
    notes: Any,
    running: jax.Array,
    failed: jax.Array,
    start: jax.Array,
) -> Pool:
    """Records solutions, branches, and stacks what is left, branches not taken below."""
    lanes = front.lanes
    sizes = bits.popcount(lanes, axis=1)  # [V, L]
    open_variables = sizes > 1
    some_open = _several(lanes)
    settled = front.live & ~running
    solved, branch = settled & ~some_open, settled & some_open
    visited = pool.visited.at[front.owner].add((settled | failed).astype(jnp.int32))
    state = goal.record(pool.goal, front, notes, solved)

    view = View(
        sizes=sizes.astype(jnp.float32),
        degrees=lambda: open_degrees(batch.constraints, open_variables),
        failures=pool.failures,
    )
    score = goal.score(notes)
    if score is None:
        score = plan.heuristic.score(view)
    # A branch of its own: its operands are stored, and not made again for each step of the choice.
    variable = jax.lax.cond(
        jnp.any(branch),
        choose_variable,
        lambda score, _: jnp.zeros(score.shape[1], jnp.int32),
        score,
        open_variables,
    )
    domain = domain_of(lanes, variable)  # [W, L]
    value = goal.choose(front, variable, domain)
    kept = jnp.where(branch, value, domain)

    nodes, owner = pool.nodes, pool.owner
    (below, above), (pushed, stayed) = columns.compact(
        jnp.stack([branch, running & front.live | branch])
    )
    parts = ((below, domain & ~value, start), (above, kept, start + pushed))
    for index, part, place in parts:
        block = take(front.columns, index, axis=1)
        part = take(part, index, axis=1)
        block = columns.with_domain(plan.layout, block, take(variable, index), part)
        nodes = jax.lax.dynamic_update_slice(nodes, block, (jnp.int32(0), place))
        owner = jax.lax.dynamic_update_slice(owner, take(front.owner, index), (place,))
    return pool._replace(
        nodes=nodes, owner=owner, top=start + pushed + stayed, visited=visited, goal=state
    )


def domain_of(lanes: jax.Array, variable: jax.Array) -> jax.Array:
    """The domain ``[W, L]`` of one variable ``int32[L]`` of each node."""
    index = variable[None, None, :]
    return take_along(lanes, index, axis=0)[0]


def _several(lanes: jax.Array) -> jax.Array:
    """Whether some variable of each node has more than one value left, ``bool[L]``."""
    if lanes.shape[1] > 1:
        return any_row(bits.popcount(lanes, axis=1) > 1, 0)
    more = lanes & (lanes - lanes.dtype.type(1))
    return union_rows(more[:, 0], 0, alone=True) != 0


def _wiped_variables(lanes: jax.Array, failed: jax.Array) -> jax.Array:
    """How many of the failed nodes each variable has no value left in, ``float32[V]``."""
    empty = jnp.all(lanes == 0, axis=1) & failed
    return jnp.sum(empty, axis=1, dtype=jnp.float32)
