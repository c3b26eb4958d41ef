"""`propagate`: every constraint prunes until nothing changes, for a whole batch at once.

Rounds (`rounds.py`) only ever clear bits, so the loop ends: at a fixpoint, or where a domain is
wiped out.
"""

import enum
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.domains import Domains
from neurosym.hard import rounds
from neurosym.hard.nodes import Layout, default_width, most_nodes
from neurosym.hard.prepared import few, on_device, prepare
from neurosym.problems.network import Network
from neurosym.transforms.concrete import concrete
from neurosym.transforms.loops import while_loop
from neurosym.transforms.one_program import one_program
from neurosym.transforms.quick import quickly_compiled


class Status(enum.IntEnum):
    """How propagation ended."""

    FIXPOINT = 0
    WIPED_OUT = 1
    ROUNDS = 2  # it was stopped by the number of rounds that a trace holds


class Propagation(NamedTuple):
    """What propagation found; with batch axes in front where the domains had them."""

    domains: Domains  # lanes uint64[V, W]; all zeros where wiped out
    status: jax.Array  # int32[]: a `Status`
    rounds: jax.Array  # int32[]: rounds that removed a value
    trace: Domains | None = None  # lanes uint64[R + 1, V, W]: the start, and after each round


def propagate(
    network: Network,
    domains: Domains | jax.Array | np.ndarray | None = None,
    *,
    trace: int | None = None,
) -> Propagation:
    """Removes values that no constraint supports, until nothing changes.

    Sound: it never removes a value that some solution within ``domains`` uses. Each constraint
    alone is exact up to what its own documentation says; a network is exact where its constraints
    are Berge-acyclic. Works inside a caller's jit, vmap (also nested) and next to a gradient, with
    x64 off; a batch runs as one loop, whether it comes by vmap or by leading axes.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(5))
    >>> problem.add(x + y == 7)
    >>> result = propagate(problem.compile())
    >>> result.domains.mask.astype(int).tolist()
    [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]

    Args:
      network: the compiled problem.
      domains: the values to start from, `Domains` or ``bool[..., V, D]``; the declared ones if
        None.
      trace: record the domains of this many rounds. They are then run one by one, no more than
        that many.

    Returns:
      Domains, status, number of rounds, and the trace if one was asked for: after the last round
      that changed something it repeats.

    Raises:
      ValueError: if ``domains`` has another shape, or ``trace`` is negative.
    """
    start = rounds.start_domains(network, domains)
    if trace is not None and trace < 0:
        raise ValueError(f"a trace holds a number of rounds, not {trace}")
    instances = math.prod(start.lanes.shape[:-2])
    if trace is None and few(network, instances) and concrete(start):
        return _propagate_few(network, start)
    constraints = rounds.constraints_of(network)
    with jax.enable_x64(True):
        narrowed = bits.narrow(start.lanes, bits.lane_dtype(network.size))
        run = _propagate if trace is None else _traced(trace)
        for _ in start.lanes.shape[:-2]:
            run = jax.vmap(run, in_axes=(None, 0))
        lanes, status, count, *history = run(constraints, narrowed)

        def widened(lanes: jax.Array) -> Domains:
            return Domains(bits.narrow(lanes, np.dtype(np.uint64)), network.size)

        return Propagation(widened(lanes), status, count, *map(widened, history))


def _propagate_few(network: Network, start: Domains) -> Propagation:
    """As `propagate`, in a program that networks and batches of about these sizes share."""
    form = prepare(network)
    with jax.enable_x64(True):
        filled = form.lanes(start.lanes)
        lanes, status, count = jax.device_get(_few_in_blocks(form.constraints, filled))
    words = start.lanes.shape[-1]
    lanes = lanes[:, : form.variables, :words].astype(np.uint64)
    # Of an instance that is wiped out all lanes are cleared, those that were filled up as well.
    held, status, count = (on_device(x, start.lanes.shape[:-2]) for x in (lanes, status, count))
    return Propagation(Domains(held, network.size), status, count)


def _in_blocks(constraints: Any, lanes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Lanes ``[B, V, W]`` to their fixpoint, as many at once as a cache holds."""
    batch, variables, words = lanes.shape
    most = most_nodes(constraints.groups)
    width = default_width(Layout(variables, words, lanes.dtype.name, most))

    def block(lanes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        found, status, count = _fixpoint(constraints, jnp.moveaxis(lanes, 0, -1))
        return jnp.moveaxis(found, -1, 0), status, count

    if batch <= width:
        return block(lanes)
    blocks = -(-batch // width)
    lanes = jnp.pad(lanes, ((0, blocks * width - batch), (0, 0), (0, 0)))
    results = jax.lax.map(block, lanes.reshape(blocks, width, variables, words))
    return tuple(x.reshape(-1, *x.shape[2:])[:batch] for x in results)


_few_in_blocks = quickly_compiled()(_in_blocks)

_propagate = one_program(jax.jit(_in_blocks), x64=True)
"""Lanes ``[V, W]`` to lanes, status and rounds ``int32[]``; batches in blocks."""


def _fixpoint(constraints: Any, lanes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Lanes ``[V, W, B]`` to their fixpoint, with status and rounds ``int32[B]``."""
    batch = lanes.shape[-1]

    def active(carry: tuple) -> jax.Array:
        return jnp.any(carry[1])

    def step(carry: tuple) -> tuple:
        lanes, _running, _failed, count = carry
        pruned = rounds.revise_all(constraints, lanes)
        changed, failed = rounds.changed_and_wiped_out(lanes, pruned)
        return rounds.cleared(pruned, failed), changed & ~failed, failed, count + changed

    failed = rounds.wiped_out(lanes)
    carry = (rounds.cleared(lanes, failed), ~failed, failed, jnp.zeros(batch, jnp.int32))
    lanes, _, failed, count = while_loop(active, step, carry)
    return lanes, _status(failed), count


@functools.lru_cache(maxsize=64)
def _traced(length: int) -> Any:
    """As `_propagate` for one instance, over at most ``length`` rounds, which it returns too."""

    @jax.jit
    def run(constraints: Any, lanes: jax.Array) -> tuple[jax.Array, ...]:
        lanes = lanes[..., None]
        lanes = rounds.cleared(lanes, rounds.wiped_out(lanes))

        def step(before: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            after = rounds.revise_all(constraints, before)
            after = rounds.cleared(after, rounds.wiped_out(after))
            return after, (after, jnp.any(before != after))

        last, (history, changed) = jax.lax.scan(step, lanes, None, length=length)
        more = rounds.revise_all(constraints, last)
        failed = rounds.wiped_out(last)
        running = jnp.any(more != last) & ~failed
        status = jnp.where(running, jnp.int32(Status.ROUNDS), _status(failed))[0]
        history = jnp.concatenate([lanes[None], history])[..., 0]
        return last[..., 0], status, jnp.sum(changed, dtype=jnp.int32), history

    return run


def _status(failed: jax.Array) -> jax.Array:
    return jnp.where(failed, Status.WIPED_OUT, Status.FIXPOINT).astype(jnp.int32)
