"""`RestrictedReasoner`: the part of a network that propagation left, in the whole one's layout.

sudoku with 30 givens          81 variables of 9 values: too wide to eliminate
propagation                    most variables are certain, the rest has two or three values
restricted network             narrow: exact after all, for this instance
weights [81, 9] ─▶ [81, 3] ─▶ marginals [81, 3] ─▶ [81, 9], zero where propagation ruled out
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.bits.domains import Domains
from neurosym.circuits.circuit import Circuit
from neurosym.problems.network import Network
from neurosym.problems.variable import Variable
from neurosym.reasoning.network import NetworkReasoner
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG, REAL, log_normalised
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import inference
from neurosym.soft.effort import DEFAULT_EFFORT, Effort
from neurosym.soft.restriction import RestrictedNetwork, restricted


@dataclasses.dataclass(frozen=True, eq=False)
class RestrictedReasoner:
    """Exact inference over the values that are left of one instance.

    Evidence is the allowed values bool[V, D]; a value that is not left is not allowed in any case.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> left = jnp.array([[True, True, False], [False, False, True]])
    >>> reasoner = restrict(problem.compile(), left)
    >>> reasoner.marginals(jnp.zeros((2, 3)), None).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]

    Attributes:
      network: the whole one.
      small: what is left of it.
      circuit: the same compiled; None: variables are eliminated.
      effort: what elimination may cost.
    """

    network: Network
    small: RestrictedNetwork
    circuit: Circuit | None = None
    effort: Effort = DEFAULT_EFFORT

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """bool[V, D]: the value index exists in the variable's domain, left or not."""
        return NetworkReasoner(self.network).exists

    def total(self, log_weights: Array, evidence: Any, *, semiring: Semiring = LOG) -> Elements:
        """As `neurosym.total`, of log-weights float[V, D] within the evidence."""
        if semiring.from_log is None:
            raise ValueError(f"semiring {semiring.name} does not read log-probabilities")
        weights = self._weights(log_weights, evidence, semiring)
        if self.circuit is not None:
            return self.circuit.total(weights, semiring=semiring)
        return inference.total(self.small, weights, semiring=semiring, effort=self.effort)

    def marginals(self, log_weights: Array, evidence: Any) -> Array:
        """As `neurosym.marginals`, of log-weights float[V, D] within the evidence."""
        weights = self._weights(log_weights, evidence, LOG)
        if self.circuit is not None:
            found = self.circuit.marginals(weights)
        else:
            found = inference.marginals(self.small, weights, effort=self.effort)
        return self.small.spread(REAL, found)

    def query(self, log_weights: Array, evidence: Any, *, target: Variable | str | int) -> Array:
        """As `neurosym.query`, of log-weights float[V, D] within the evidence."""
        row = self.network.index(target)
        weights = self._weights(log_weights, evidence, LOG)
        if self.circuit is not None:
            support = self.circuit.support(weights)
        else:
            support = inference.support(self.small, weights, effort=self.effort)
        # By the plan of the total, which is known to be affordable.
        through = self.small.spread(LOG, weights + support)[row]
        return log_normalised(through[: len(self.network.structure.domains[row])])

    def _weights(self, log_weights: Array, evidence: Any, semiring: Semiring) -> Elements:
        """Elements ``[V, D']`` of what is left."""
        if evidence is not None:
            mask = evidence.mask if isinstance(evidence, Domains) else evidence
            log_weights = jnp.where(mask, log_weights, -jnp.inf)
        assert semiring.from_log is not None
        return self.small.weights(semiring, semiring.from_log(log_weights))


def restrict(
    network: Network,
    domains: Domains | Array | np.ndarray,
    *,
    circuit: Circuit | None = None,
    effort: Effort = DEFAULT_EFFORT,
) -> RestrictedReasoner:
    """The reasoner of what is left of a network.

    Args:
      network: the whole one.
      domains: the values that are left, concrete.
      circuit: that of the restricted network, if it was compiled.
      effort: what elimination may cost.

    Raises:
      ValueError: as for `neurosym.restricted`.
    """
    return RestrictedReasoner(network, restricted(network, domains), circuit, effort)
