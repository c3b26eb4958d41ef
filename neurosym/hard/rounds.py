"""One round of propagation: every constraint once, on all domains of a batch.

The round itself is `neurosym.problems.constraints.revision.revise`; here it meets a network.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.domains import Domains
from neurosym.bits.reductions import reduce_rows, union_rows
from neurosym.problems.constraints.revision import revise
from neurosym.problems.network import Network


class Constraints(NamedTuple):
    """The arrays of a network that propagation reads."""

    groups: tuple[Any, ...]
    coupled: tuple[Any, ...]
    incidence: tuple[jax.Array, ...]


def constraints_of(network: Network) -> Constraints:
    """The constraints of a network as JAX arrays, also where the network holds NumPy's."""
    return as_arrays(Constraints(network.groups, network.coupled, network.incidence))


def as_arrays(constraints: Constraints) -> Constraints:
    """Constraints as JAX arrays."""
    return jax.tree.map(_as_array, constraints)


def start_domains(network: Network, domains: Domains | jax.Array | np.ndarray | None) -> Domains:
    """The declared domains, cut down to those given, with any leading batch axes.

    Raises:
      ValueError: if ``domains`` has another shape.
    """
    start = network.domains
    if domains is None:
        return start
    given = domains if isinstance(domains, Domains) else Domains.from_mask(domains)
    if given.lanes.shape[-2:] != start.lanes.shape or given.size != network.size:
        shape = [*given.lanes.shape[:-1], given.size]
        raise ValueError(
            f"domains have shape [V, D] = [{network.variables}, {network.size}], not {shape}"
        )
    return start & given


def revise_all(constraints: Constraints, lanes: jax.Array) -> jax.Array:
    """What all constraints allow of lanes ``[V, W, B]``; a subset of them."""
    return revise(constraints.groups, constraints.coupled, constraints.incidence, lanes)


def changed_and_wiped_out(before: jax.Array, after: jax.Array) -> tuple[jax.Array, jax.Array]:
    """For each instance ``bool[B]``, of lanes ``[V, W, B]``: some lane differs, some is empty."""
    differs, left = before ^ after, after
    if after.shape[1] > 1:
        differs, left = union_rows(differs, 1)[:, None], union_rows(left, 1)[:, None]

    def both(a: tuple, b: tuple) -> tuple:
        return a[0] | b[0], jax.lax.min(a[1], b[1])

    none, full = bits.nothing(after.dtype), bits.everything(after.dtype)
    differs, least = reduce_rows((differs[:, 0], left[:, 0]), (none, full), both, 0)
    return differs != none, least == none


def wiped_out(lanes: jax.Array) -> jax.Array:
    """``bool[B]``: some domain of lanes ``[V, W, B]`` is empty."""
    return changed_and_wiped_out(lanes, lanes)[1]


def cleared(lanes: jax.Array, instances: jax.Array) -> jax.Array:
    """Lanes with all zeros in the instances ``bool[B]``."""
    return jnp.where(instances, bits.nothing(lanes.dtype), lanes)


def _as_array(leaf: jax.Array) -> jax.Array:
    """A leaf of a network as a JAX array; of its unsigned integers, all are lanes."""
    if np.issubdtype(leaf.dtype, np.unsignedinteger):
        return bits.as_lanes(leaf)
    return jnp.asarray(leaf)
