"""`Gathered`: a propagator inside of another one; its rows see some positions of outer rows.

    outer scopes [C, K]      row 0: variables 4 7 9
    inner scopes [R, L]      row 0: variables 9 4             a constraint on two of them
    sources      [R, L]      row 0: positions 2 0             where the inner row reads
    touching     [C, K, M]   position 0: message 1, position 1: none, position 2: message 0

It serves relations that are made of others: conditional ones and joint ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import intersect_rows
from neurosym.problems.constraints.propagator import Propagator
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.constraints.rounding import WIDTHS, rounded
from neurosym.transforms.take import take


@flax.struct.dataclass
class Gathered:
    """One inner constraint for each of C outer rows, each as one or more rows of a propagator."""

    propagator: Propagator  # R rows over L positions
    sources: jax.Array  # int32[R, L]: where they are among the C · K positions
    touching: jax.Array  # int32[C, K, M]: the messages, of R · L and an empty one, on each position

    def prune(self, domains: jax.Array) -> jax.Array:
        """What the inner constraints allow, lanes ``[C, K, W, B]``, of the outer positions."""
        tail = domains.shape[2:]
        scoped = take(domains.reshape(-1, *tail), self.sources)
        messages = self.propagator.prune(scoped).reshape(-1, *tail)
        silent = jnp.full((1, *tail), bits.everything(domains.dtype))
        return intersect_rows(take(jnp.concatenate([messages, silent]), self.touching), 2)


def gather(
    propagator: Propagator,
    placed: Sequence[Placed],
    scope: np.ndarray,
    present: np.ndarray,
    size: int,
) -> Gathered:
    """Links a propagator to the positions of outer rows.

    Args:
      propagator: of ``placed``.
      placed: the inner relation of each outer row, over variables of that row.
      scope: the variables of the outer rows, ``int32[C, K]``.
      present: which of them there are, ``bool[C, K]``.
      size: the number of values of the largest domain.
    """
    variables, there = np.asarray(propagator.scope), np.asarray(propagator.present)
    owners = np.arange(len(scope))
    if len(variables) != len(scope):
        alone = [type(one.relation).group([one], size) for one in placed]
        owners = np.repeat(owners, [len(one.scope) for one in alone])
    sources = np.zeros(variables.shape, np.int32)
    touching: list[list[int]] = [[] for _ in range(scope.size)]
    arity = scope.shape[1]
    for row, position in np.argwhere(there).tolist():
        owner = owners[row]
        (places,) = np.nonzero(present[owner] & (scope[owner] == variables[row, position]))
        source = owner * arity + places[0]
        sources[row, position] = source
        touching[source].append(row * variables.shape[1] + position)
    table = np.full(
        (scope.size, rounded(max(map(len, touching)), among=WIDTHS)), variables.size, np.int32
    )
    for source, messages in enumerate(touching):
        table[source, : len(messages)] = messages
    return Gathered(
        propagator=propagator,
        sources=jax.device_put(sources),
        touching=jax.device_put(table.reshape(*scope.shape, -1)),
    )
