"""A network with weights and potentials, asked once: exact where it is narrow, else said not to be.

    partition     the logarithm of the sum of all weights
    marginals     the probability of each value
    best          the assignment of greatest weight

Where elimination would be too wide, the first two are those of belief propagation, whose status
says whether it converged, and the third is that of a branch and bound, whose status says whether it
ended.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard.best import solve_best
from neurosym.hard.search import SearchStatus
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.soft import inference
from neurosym.soft.belief_propagation import Beliefs, belief_propagation
from neurosym.soft.effort import DEFAULT_EFFORT, Effort
from neurosym.soft.elimination import TooWideError
from neurosym.soft.k_best import k_best

DAMPING = 0.3
"""Of belief propagation: the fields that are too wide for elimination have many loops."""


class Standing(enum.StrEnum):
    """How far an answer is to be trusted."""

    EXACT = "EXACT"
    CONVERGED = "CONVERGED"  # belief propagation came to a fixed point: an approximation
    NOT_CONVERGED = "NOT_CONVERGED"  # it did not: less than that
    LIMIT = "LIMIT"  # the best assignment that was found; the bound is for all others
    IMPOSSIBLE = "IMPOSSIBLE"  # no assignment has a weight above zero


class Weighed(NamedTuple):
    """An answer, and how far it is to be trusted."""

    value: np.ndarray  # float[], float[V, D] or int[V]
    standing: Standing
    log_weight: float | None = None  # of an assignment
    bound: float | None = None  # no assignment has a greater logarithm of its weight


class Model(NamedTuple):
    """A network, and what its assignments weigh."""

    network: Network
    weights: jax.Array  # float[V, D]: log-weights
    potentials: Sequence[Potentials] = ()


def partition(
    model: Model, domains: Domains | jax.Array | None = None, effort: Effort = DEFAULT_EFFORT
) -> Weighed:
    """The logarithm of the sum of the weights of all assignments within ``domains``."""
    network, weights, potentials = model
    try:
        total = np.asarray(
            inference.total(network, weights, domains=domains, potentials=potentials, effort=effort)
        )
    except TooWideError:
        found = _propagated(model, domains)
        return Weighed(np.asarray(found.log_partition), _standing(found))
    return Weighed(total, Standing.EXACT if total > -np.inf else Standing.IMPOSSIBLE)


def marginals(
    model: Model, domains: Domains | jax.Array | None = None, effort: Effort = DEFAULT_EFFORT
) -> Weighed:
    """The probability of each value, ``float[V, D]``, among the assignments within ``domains``."""
    network, weights, potentials = model
    try:
        value = np.asarray(
            inference.marginals(
                network, weights, domains=domains, potentials=potentials, effort=effort
            )
        )
    except TooWideError:
        found = _propagated(model, domains)
        return Weighed(np.asarray(found.marginals), _standing(found))
    return Weighed(value, Standing.EXACT if value.any() else Standing.IMPOSSIBLE)


def best(
    model: Model,
    domains: Domains | jax.Array | None = None,
    effort: Effort = DEFAULT_EFFORT,
    *,
    node_limit: int = 2**18,
) -> Weighed:
    """The assignment of greatest weight within ``domains``, value indices ``int[V]``.

    Args:
      model: what is asked.
      domains: the values that are possible.
      effort: what elimination may cost.
      node_limit: of the branch and bound, where elimination is too wide.
    """
    network, weights, potentials = model
    try:
        found = k_best(network, weights, k=1, domains=domains, potentials=potentials, effort=effort)
    except TooWideError:
        search = solve_best(network, domains, weights, potentials=potentials, node_limit=node_limit)
        there = bool(np.isfinite(search.objective))
        ended = int(search.status) in (SearchStatus.SOLVED, SearchStatus.UNSATISFIABLE)
        standing = Standing.EXACT if ended else Standing.LIMIT
        return Weighed(
            np.asarray(search.assignment),
            standing if there or not ended else Standing.IMPOSSIBLE,
            float(search.objective),
            float(search.bound),
        )
    weight = float(found.log_weights[0])
    standing = Standing.EXACT if int(found.found) else Standing.IMPOSSIBLE
    return Weighed(np.asarray(found.assignments[0]), standing, weight, weight)


def _propagated(model: Model, domains: Domains | jax.Array | None) -> Beliefs:
    return belief_propagation(
        model.network,
        model.weights,
        domains=domains,
        potentials=model.potentials,
        damping=DAMPING,
        max_rounds=1000,
        tolerance=1e-6,
    )


def _standing(found: Beliefs) -> Standing:
    if bool(found.contradiction):
        return Standing.IMPOSSIBLE
    return Standing.CONVERGED if bool(found.converged) else Standing.NOT_CONVERGED
