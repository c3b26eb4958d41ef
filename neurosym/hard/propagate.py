"""`propagate`: every constraint prunes until nothing changes, for a whole batch at once.

A round gathers the domains of each constraint's scope, lets each group of constraints say what it
still allows, gathers for each variable the messages that touch it and intersects them. Rounds only
ever clear bits, so the loop ends: at a fixpoint, or where a domain is wiped out.

The batch is the last axis of every array of the loop, and there is no scatter in it.
"""

import enum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from neurosym.bits import lanes as bits
from neurosym.bits.domains import Domains
from neurosym.problems.network import Network


class Status(enum.IntEnum):
    """How propagation ended."""

    FIXPOINT = 0
    WIPED_OUT = 1


class Propagation(NamedTuple):
    """What propagation found."""

    domains: Domains  # lanes uint64[V, W]; all zeros where wiped out
    status: jax.Array  # int32[]: a `Status`
    rounds: jax.Array  # int32[]: rounds that removed a value


def propagate(network: Network, domains: Domains | jax.Array | None = None) -> Propagation:
    """Removes values that no constraint supports, until nothing changes.

    Sound: it never removes a value that some solution within ``domains`` uses. Each constraint
    alone is exact up to what its own documentation says; a network is exact where its constraints
    are Berge-acyclic. Works inside a caller's jit, vmap (also nested) and next to a gradient, with
    x64 off; under vmap the whole batch runs as one loop.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(5))
    >>> problem.add(x + y == 7)
    >>> result = propagate(problem.compile())
    >>> result.domains.mask.astype(int).tolist()
    [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]

    Args:
      network: the compiled problem.
      domains: the values to start from, `Domains` or ``bool[V, D]``; the declared ones if None.

    Returns:
      Domains, status and number of rounds.

    Raises:
      ValueError: if ``domains`` has another shape.
    """
    start = network.domains
    if domains is not None:
        given = domains if isinstance(domains, Domains) else Domains.from_mask(domains)
        if given.lanes.shape != start.lanes.shape or given.size != network.size:
            shape = [*given.lanes.shape[:-1], given.size]
            raise ValueError(
                f"domains have shape [V, D] = [{network.variables}, {network.size}], not {shape}; "
                "for a batch use jax.vmap"
            )
        start = start & given
    arrays = jax.tree.map(_as_array, (network.groups, network.incidence))
    with jax.enable_x64(True):
        narrowed = bits.narrow(start.lanes, bits.lane_dtype(network.size))
        lanes, wiped_out, rounds = _propagate(arrays, narrowed)
        lanes = bits.narrow(lanes, np.dtype(np.uint64))
    status = jnp.where(wiped_out, Status.WIPED_OUT, Status.FIXPOINT).astype(jnp.int32)
    return Propagation(Domains(lanes=lanes, size=network.size), status, rounds)


@custom_vmap
def _propagate(arrays: Any, lanes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Lanes ``[V, W]`` or ``[B, V, W]`` to lanes, ``bool[...]`` and ``int32[...]``."""
    with jax.enable_x64(True):
        single = lanes.ndim == 2
        batch = lanes[None] if single else lanes
        batch, wiped_out, rounds = _fixpoint(arrays, jnp.moveaxis(batch, 0, -1))
        batch = jnp.moveaxis(batch, -1, 0)
        return (batch[0], wiped_out[0], rounds[0]) if single else (batch, wiped_out, rounds)


@_propagate.def_vmap
def _propagate_vmap(axis_size: int, in_batched: list, arrays: Any, lanes: jax.Array) -> tuple:
    arrays_batched, lanes_batched = in_batched
    if any(jax.tree.leaves(arrays_batched)):  # a batch of networks: nothing is shared, so in turn
        axes = jax.tree.map(lambda batched: 0 if batched else None, arrays_batched)
        with jax.enable_x64(True):
            spread = jax.tree.map(
                lambda x, axis: x if axis == 0 else jnp.broadcast_to(x, (axis_size, *x.shape)),
                (arrays, lanes),
                (axes, 0 if lanes_batched else None),
                is_leaf=lambda x: x is None,
            )
            return jax.lax.map(lambda pair: _propagate(*pair), spread), (True, True, True)
    if lanes.ndim == 3:
        return _propagate(arrays, lanes), (True, True, True)
    with jax.enable_x64(True):
        outer, inner = lanes.shape[:2]
        flat = lanes.reshape(outer * inner, *lanes.shape[2:])
        results = _propagate(arrays, flat)
        folded = tuple(x.reshape(outer, inner, *x.shape[1:]) for x in results)
    return folded, (True, True, True)


@jax.jit
def _fixpoint(arrays: Any, lanes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Lanes ``[V, W, B]`` to their fixpoint, ``bool[B]`` wiped out, ``int32[B]`` rounds."""
    batch = lanes.shape[-1]

    def active(carry: tuple) -> jax.Array:
        return jnp.any(carry[1])

    def step(carry: tuple) -> tuple:
        lanes, _running, rounds = carry
        pruned = _clear(_round(arrays, lanes))
        changed = jnp.any(pruned != lanes, axis=(0, 1))
        return pruned, changed, rounds + changed.astype(jnp.int32)

    lanes = _clear(lanes)
    carry = (lanes, jnp.ones(batch, jnp.bool_), jnp.zeros(batch, jnp.int32))
    lanes, _, rounds = jax.lax.while_loop(active, step, carry)
    return lanes, _wiped_out(lanes), rounds


def _round(arrays: Any, lanes: jax.Array) -> jax.Array:
    """What all constraints together allow, lanes ``[V, W, B]``."""
    groups, incidence = arrays
    if not groups:
        return lanes
    tail = lanes.shape[1:]
    messages = []
    for group in groups:
        scoped = _take(lanes, group.scope)  # [C, K, W, B]
        messages.append(group.prune(scoped).reshape(-1, *tail))
    everything = bits.everything(lanes.dtype)
    stacked = jnp.concatenate([*messages, jnp.full((1, *tail), everything)])
    touching = _take(stacked, incidence)  # [V, M, W, B]
    return lanes & jax.lax.reduce(touching, everything, jax.lax.bitwise_and, (1,))


def _as_array(leaf: jax.Array) -> jax.Array:
    """A leaf of a network as a JAX array; of its unsigned integers, all are lanes."""
    if jnp.issubdtype(leaf.dtype, jnp.unsignedinteger):
        return bits.as_lanes(leaf)
    return jnp.asarray(leaf)


def _take(rows: jax.Array, index: jax.Array) -> jax.Array:
    return rows.at[index].get(mode="promise_in_bounds")


def _wiped_out(lanes: jax.Array) -> jax.Array:
    return jnp.any(jnp.all(lanes == 0, axis=1), axis=0)


def _clear(lanes: jax.Array) -> jax.Array:
    """An instance with an empty domain is all zeros."""
    return jnp.where(_wiped_out(lanes), bits.nothing(lanes.dtype), lanes)
