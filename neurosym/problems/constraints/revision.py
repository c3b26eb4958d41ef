"""One round of propagation over arrays: every constraint once, on all domains of a batch.

The batch is the last axis of every array, and nothing is scattered: a round gathers the domains of
each constraint's scope, lets each group of constraints say what it still allows, gathers for each
variable the messages that touch it and intersects them. The hard engine runs such rounds over a
network, and a relation that is made of others runs them over its parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.transforms.take import take


def revise(
    groups: Sequence[Propagator],
    coupled: Sequence[Coupled],
    incidence: Sequence[jax.Array],
    lanes: jax.Array,
) -> jax.Array:
    """What all constraints allow of lanes ``[V, W, B]``; a subset of them."""
    for group in coupled:
        lanes = group.revise(lanes)
    if not groups:
        return lanes
    rows = jnp.concatenate(
        [group.prune(take(lanes, group.scope)).reshape(-1, *lanes.shape[1:]) for group in groups]
    )
    everything = jnp.full((1, *lanes.shape[1:]), bits.everything(lanes.dtype))
    for stage in incidence:
        rows = _intersect_messages(jnp.concatenate([rows, everything]), stage)
    return lanes & rows


def _intersect_messages(rows: jax.Array, stage: jax.Array) -> jax.Array:
    """The intersection over M of ``rows[stage[V, M]]``.

    Written out, since XLA fuses the end of a propagator into a reduction and then compiles scalar
    code for CPU; so it is ten times faster.
    """
    parts = [take(rows, stage[:, m]) for m in range(stage.shape[1])]
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [a & b for a, b in pairs] + parts[len(parts) // 2 * 2 :]
    return parts[0]
