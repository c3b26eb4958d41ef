"""The k best solutions of a network, by the K_BEST semiring.

It is the usual total, read in a semiring whose elements are the k best weights with the assignments
that they stand for. `neurosym.hard.solve_best` finds one optimum by search, which scales further.
"""

from collections.abc import Sequence
from typing import Unpack

import jax
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.k_best import (
    K_BEST,
    BestSolutions,
    best_solutions,
    candidates,
    key_words,
)
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.effort import DEFAULT_EFFORT, Effort, Limits
from neurosym.soft.elimination import Elimination, eliminate_within
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.soft.tables import (
    LogTables,
    given_potentials,
    log_tables,
    scopes_of,
    table_elements,
)
from neurosym.soft.weights import checked_mask, declared_values, refuse_faults, within
from neurosym.transforms.conversion import as_floats
from neurosym.transforms.quick import quickly_compiled


def k_best(
    network: Network | RestrictedNetwork,
    weights: jax.Array,
    *,
    k: int,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> BestSolutions:
    """The k assignments of largest weight among those that satisfy the constraints.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x[0] != x[1])
    >>> weights = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]]))
    >>> print(k_best(problem.compile(), weights, k=2).assignments)
    [[0 1]
     [1 0]]

    The log-weights are differentiable: the gradient of each is the indicator of its assignment.

    Args:
      network: the compiled problem.
      weights: log-weights ``float32[V, D]``.
      k: how many solutions, at least 1.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all if None.
      potentials: soft factors over several variables.
      effort, limits: as for `neurosym.soft.total`.

    Returns:
      `BestSolutions`.

    Raises:
      ValueError: if k is below 1, weights or domains have another shape or dtype, or potentials do
        not fit the network.
      TooWideError: as for `neurosym.soft.total`.
    """
    weights = as_floats(weights, what="an array of log-weights")
    if weights.shape != (network.variables, network.size):
        raise ValueError(
            f"weights have shape [V, D] = {[network.variables, network.size]}, "
            f"not {list(weights.shape)}; for a batch use jax.vmap"
        )
    mask = checked_mask(network, domains)
    sizes = tuple(len(domain) for domain in network.structure.domains)
    semiring = K_BEST(k, key_words(sizes))
    exists = declared_values(network)
    refuse_faults(network, semiring, weights, mask if isinstance(mask, np.ndarray) else exists)
    bytes_each = elements.size(semiring) * weights.dtype.itemsize
    given = given_potentials(network, potentials)
    elimination = eliminate_within(
        network, None, scopes_of(given), bytes_each=bytes_each, effort=effort.but(limits)
    )
    return _k_best(elimination, semiring, sizes, weights, mask, log_tables(given))


@quickly_compiled(
    static_argnums=(0, 1, 2),
    when=lambda elimination, semiring, *_: elimination.is_small(semiring),
)
def _k_best(
    elimination: Elimination,
    semiring: Semiring,
    sizes: tuple[int, ...],
    weights: jax.Array,
    mask: jax.Array | np.ndarray | None,
    logs: LogTables,
) -> BestSolutions:
    given = candidates(semiring, within(LOG, weights, mask), sizes)
    tables = table_elements(semiring, logs, given)
    return best_solutions(elimination.total(semiring, given, tables), sizes)
