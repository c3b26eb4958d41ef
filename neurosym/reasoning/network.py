"""`NetworkReasoner`: a compiled network, with all engines, as estimators ask for them.

Evidence is the allowed values bool[V, D]; the network's own domains hold in any case. None allows
them all.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.bits.domains import Domains
from neurosym.hard import search
from neurosym.hard.propagate import Status, propagate
from neurosym.problems.network import Network
from neurosym.problems.variable import Variable
from neurosym.reasoning.protocols import Enumerated, Pruned
from neurosym.reasoning.solvers import Solver, branch_and_bound
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import inference
from neurosym.soft.belief_propagation import Beliefs, belief_propagation
from neurosym.soft.effort import DEFAULT_EFFORT, Effort
from neurosym.soft.k_best import BestSolutions, k_best

_WIDTH = 64
"""Nodes that an enumeration propagates at once. Training batches are small and evidence leaves
little to search: a wide pool would mostly propagate nothing (8 sudokus: 18 ms in the default one,
1 in this)."""


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkReasoner:
    """Exact and approximate inference, search and propagation over one network.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> reasoner = NetworkReasoner(problem.compile())
    >>> evidence = jnp.array([[True, True, True], [False, True, False]])
    >>> reasoner.prune(evidence).allowed.astype(int).tolist()
    [[1, 0, 0], [0, 1, 0]]

    Attributes:
      network: the compiled problem.
      solver: finds the best assignment; by default a complete search.
      effort: what exact inference may cost.
    """

    network: Network
    solver: Solver | None = None
    effort: Effort = DEFAULT_EFFORT

    def __post_init__(self) -> None:
        if not isinstance(self.network, Network):
            raise ValueError(
                f"{self.network!r} is not a network: call compile() on a problem first"
            )

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """bool[V, D]: the value index exists in the variable's domain."""
        sizes = np.asarray([len(domain) for domain in self.network.structure.domains])
        return np.arange(self.network.size) < sizes[:, None]

    def allowed(self, evidence: Any) -> Array:
        """The evidence as bool[V, D], within the network's domains.

        Raises:
          ValueError: if it is neither None, nor `Domains`, nor bool[V, D].
        """
        if evidence is None:
            return jnp.asarray(self.exists)
        mask = evidence.mask if isinstance(evidence, Domains) else jnp.asarray(evidence)
        if mask.dtype != jnp.bool_ or mask.shape != self.exists.shape:
            raise ValueError(
                f"evidence is the allowed values, bool[V, D] = {list(self.exists.shape)}, not "
                f"{mask.dtype}{list(mask.shape)}; for a batch use jax.vmap"
            )
        return mask & self.exists

    def total(self, log_weights: Array, evidence: Any, *, semiring: Semiring = LOG) -> Elements:
        """As `neurosym.total`, of log-weights float[V, D] within the evidence.

        Raises:
          ValueError: if the semiring does not read log-probabilities, or shapes do not fit.
          TooWideError: if elimination would take too much memory.
        """
        if semiring.from_log is None:
            raise ValueError(f"semiring {semiring.name} does not read log-probabilities")
        weights = semiring.from_log(log_weights)
        return inference.total(
            self.network,
            weights,
            semiring=semiring,
            domains=self.allowed(evidence),
            effort=self.effort,
        )

    def marginals(self, log_weights: Array, evidence: Any) -> Array:
        """As `neurosym.marginals`, of log-weights float[V, D] within the evidence."""
        return inference.marginals(
            self.network, log_weights, domains=self.allowed(evidence), effort=self.effort
        )

    def query(self, log_weights: Array, evidence: Any, *, target: Variable | str | int) -> Array:
        """As `neurosym.query`, of log-weights float[V, D] within the evidence."""
        return inference.query(
            self.network,
            log_weights,
            target=target,
            domains=self.allowed(evidence),
            effort=self.effort,
        )

    def beliefs(
        self,
        log_weights: Array,
        evidence: Any,
        *,
        rounds: int,
        damping: float,
        tolerance: float = 0.0,
        unroll: bool = True,
    ) -> Beliefs:
        """As `neurosym.belief_propagation`, of log-weights float[V, D] within the evidence."""
        return belief_propagation(
            self.network,
            log_weights,
            domains=self.allowed(evidence),
            damping=damping,
            max_rounds=rounds,
            tolerance=tolerance,
            unroll=unroll,
        )

    def solutions(self, evidence: Any, *, limit: int, node_limit: int | None = None) -> Enumerated:
        """Up to ``limit`` solutions, by complete search.

        Args:
          evidence: bool[V, D].
          limit: K, at least 1. One more is looked for, to know whether these are all.
          node_limit: nodes that the search may take; what it found by then is not complete.
        """
        found = search.solve(
            self.network,
            self.allowed(evidence),
            solutions=limit + 1,
            node_limit=node_limit,
            width=_WIDTH,
        )
        ended = (found.status == search.SearchStatus.SOLVED) | (
            found.status == search.SearchStatus.UNSATISFIABLE
        )
        return Enumerated(
            assignments=found.assignment[:limit],
            found=jnp.minimum(found.count, limit),
            complete=ended & (found.count <= limit),
        )

    def prune(self, evidence: Any) -> Pruned:
        """The values that propagation leaves of bool[V, D]."""
        result = propagate(self.network, self.allowed(evidence))
        return Pruned(result.domains.mask, result.status == Status.WIPED_OUT)

    def best(self, log_weights: Array, evidence: Any) -> Array:
        """int32[V]: the assignment that the reasoner's solver finds; -1 where there is nothing."""
        solver = self.solver or branch_and_bound(self.network)
        return solver(jax.lax.stop_gradient(log_weights), self.allowed(evidence))

    def k_best(self, log_weights: Array, evidence: Any, *, k: int) -> BestSolutions:
        """As `neurosym.k_best`, of log-weights float[V, D] within the evidence."""
        return k_best(
            self.network, log_weights, k=k, domains=self.allowed(evidence), effort=self.effort
        )

    def holds(self, assignment: Array, evidence: Any, *, observed: Array | None = None) -> Array:
        """bool[]: the assignment int32[V], where it is observed, extends to a solution.

        With all variables observed that is for propagation alone to say; else search looks for
        one solution.
        """
        chosen = assignment[:, None] == jnp.arange(self.network.size)
        domains = self.allowed(evidence)
        if observed is None:
            result = propagate(self.network, domains & chosen)
            return result.status == Status.FIXPOINT
        domains = domains & (chosen | ~observed[:, None])
        return search.count(self.network, domains, at_most=1).count > 0
