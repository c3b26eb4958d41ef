"""Solvers: functions that find the best assignment, as values that estimators take.

A solver is any function of log-weights and evidence that returns one assignment: complete search,
elimination in the max-product semiring, or anyone's own (a shortest path, an integer program behind
`jax.pure_callback`). Nothing flows back through it; :func:`neurosym.bridge.perturb_and_map` and
:func:`neurosym.bridge.implicit_mle` say what its result means for a gradient.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
from jax import Array

from neurosym.bits.domains import Domains
from neurosym.hard.best import solve_best
from neurosym.problems.network import Network
from neurosym.soft.k_best import k_best


class Solver(Protocol):
    """Finds the best assignment of one instance."""

    def __call__(self, log_weights: Array, evidence: Any) -> Array:
        """The allowed assignment of greatest total weight.

        Args:
          log_weights: float32[V, D]; ``-inf`` excludes a value.
          evidence: what is allowed; of a network bool[V, D].

        Returns:
          int32[V]: value indices; -1 throughout where nothing is allowed.
        """
        ...


def branch_and_bound(network: Network, *, node_limit: int | None = None) -> Solver:
    """Complete search: `neurosym.solve_best`; at the limit, the best that it has found.

    Args:
      network: the compiled problem.
      node_limit: nodes that one instance may take.
    """

    def solver(log_weights: Array, evidence: Any) -> Array:
        weights = jax.lax.stop_gradient(log_weights)
        return solve_best(network, _domains(evidence), weights, node_limit=node_limit).assignment

    return solver


def elimination(network: Network) -> Solver:
    """Max-product elimination: exact, for problems that are narrow enough.

    Of equal solutions it takes the first, compared value by value.
    """

    def solver(log_weights: Array, evidence: Any) -> Array:
        weights = jax.lax.stop_gradient(log_weights)
        return k_best(network, weights, k=1, domains=_domains(evidence)).assignments[0]

    return solver


def _domains(evidence: Any) -> Array | None:
    return evidence.mask if isinstance(evidence, Domains) else evidence
