"""The k best solutions of a network, by the K_BEST semiring.

It is the usual total, read in a semiring whose elements are the k best weights with the assignments
that they stand for. `neurosym.hard.solve_best` finds one optimum by search, which scales further.
"""

from typing import Unpack

import jax
import jax.numpy as jnp

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.semirings.algebra.k_best import (
    K_BEST,
    BestSolutions,
    best_solutions,
    candidates,
    key_words,
)
from neurosym.soft.effort import DEFAULT_EFFORT, Effort, Limits
from neurosym.soft.inference import total
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.soft.weights import domain_mask
from neurosym.transforms.conversion import as_floats


def k_best(
    network: Network | RestrictedNetwork,
    weights: jax.Array,
    *,
    k: int,
    domains: Domains | jax.Array | None = None,
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
      effort, limits: as for `neurosym.soft.total`.

    Returns:
      `BestSolutions`.

    Raises:
      ValueError: if k is below 1, or weights or domains have another shape or dtype.
      TooWideError: as for `neurosym.soft.total`.
    """
    weights = as_floats(weights, what="an array of log-weights")
    if weights.shape != (network.variables, network.size):
        raise ValueError(
            f"weights have shape [V, D] = {[network.variables, network.size]}, "
            f"not {list(weights.shape)}; for a batch use jax.vmap"
        )
    if domains is not None:
        weights = jnp.where(domain_mask(network, domains), weights, -jnp.inf)
    sizes = [len(domain) for domain in network.structure.domains]
    semiring = K_BEST(k, key_words(sizes))
    elements = candidates(semiring, weights, sizes)
    best = total(network, elements, semiring=semiring, effort=effort.but(limits))
    return best_solutions(best, sizes)
