"""The questions that estimators ask the symbolic side, for one instance.

A *reasoner* knows the variables and their values, and some of the following: totals, beliefs,
solutions, pruning, the best assignments, whether one holds. Each is a protocol of its own; an
estimator names the protocols that it needs. When it is made, it refuses a reasoner that lacks one.

The *evidence* is whatever was observed of the outcome. Each kind of reasoner has its own form of
it: a network takes the allowed values bool[V, D], a circuit with several roots takes the index of
one root. Whatever a method does, it never goes beyond the evidence: no fallback gives it up.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jax import Array

from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.belief_propagation import Beliefs
from neurosym.soft.k_best import BestSolutions


class Enumerated(NamedTuple):
    """The results of a complete search of one instance."""

    assignments: Array
    """int32[K, V]: value indices; -1 beyond the solutions found."""
    found: Array
    """int32[]: how many there are, at most K."""
    complete: Array
    """bool[]: these are all there are."""


class Pruned(NamedTuple):
    """The result of propagation on one instance."""

    allowed: Array
    """bool[V, D]; all False where it was wiped out."""
    wiped_out: Array
    """bool[]: it was shown that nothing satisfies the constraints."""


@runtime_checkable
class Reasoner(Protocol):
    """The facts that all reasoners know."""

    @property
    def exists(self) -> np.ndarray:
        """bool[V, D]: the value index exists in the variable's domain."""
        ...


@runtime_checkable
class HasTotal(Reasoner, Protocol):
    """Sums over the assignments that the evidence allows."""

    def total(self, log_weights: Array, evidence: Any, *, semiring: Semiring) -> Elements:
        """One element: ⊕ over allowed assignments of ⊗ of the weights, ``from_log`` of float[V, D].

        The semiring's zero where nothing is allowed.
        """
        ...


@runtime_checkable
class HasMarginals(Reasoner, Protocol):
    """Says how probable each value is, and how one variable is distributed."""

    def marginals(self, log_weights: Array, evidence: Any) -> Array:
        """Probabilities float[V, D] given the evidence: rows sum to 1; all 0 if it is impossible.

        Args:
          log_weights: float[V, D]; they need not be normalised.
          evidence: what was observed of the outcome.
        """
        ...

    def query(self, log_weights: Array, evidence: Any, *, target: int) -> Array:
        """Normalised log-probabilities float[D_target] of one row; -inf if all is impossible."""
        ...


@runtime_checkable
class HasBeliefs(Reasoner, Protocol):
    """Approximates marginals by messages."""

    def beliefs(
        self,
        log_weights: Array,
        evidence: Any,
        *,
        rounds: int,
        damping: float,
        tolerance: float,
        unroll: bool,
    ) -> Beliefs:
        """As `neurosym.belief_propagation`, of log-weights float[V, D]."""
        ...


@runtime_checkable
class HasSolutions(Reasoner, Protocol):
    """Enumerates what the evidence allows, whatever the weights."""

    def solutions(self, evidence: Any, *, limit: int, node_limit: int | None = None) -> Enumerated:
        """Up to ``limit`` assignments, and whether there are more."""
        ...


@runtime_checkable
class HasPruning(Reasoner, Protocol):
    """Removes values that no allowed assignment uses; its evidence is bool[V, D]."""

    def prune(self, evidence: Any) -> Pruned:
        """What propagation leaves."""
        ...


@runtime_checkable
class HasBest(Reasoner, Protocol):
    """Finds the best assignment."""

    def best(self, log_weights: Array, evidence: Any) -> Array:
        """int32[V]: of greatest total weight among those that are allowed; -1 where none is."""
        ...


@runtime_checkable
class HasKBest(Reasoner, Protocol):
    """Finds the best assignments."""

    def k_best(self, log_weights: Array, evidence: Any, *, k: int) -> BestSolutions:
        """As `neurosym.k_best`; the log-weights of what it finds are differentiable."""
        ...


@runtime_checkable
class HasJudgement(Reasoner, Protocol):
    """Says whether an assignment holds."""

    def holds(self, assignment: Array, evidence: Any, *, observed: Array | None) -> Array:
        """bool[]: some allowed assignment agrees with ``assignment`` int32[V] where ``observed``.

        Where ``observed`` is None, with all of it.
        """
        ...


def require(reasoner: Any, estimator: str, *capabilities: type) -> None:
    """Refuses a reasoner that cannot do what an estimator needs.

    Raises:
      ValueError: naming what is missing.
    """
    missing = [needed for needed in capabilities if not isinstance(reasoner, needed)]
    if not missing:
        return
    own = set(dir(Reasoner))
    lacks = sorted(
        {name for needed in missing for name in set(dir(needed)) - own if name[0] != "_"}
    )
    raise ValueError(
        f"the estimator {estimator} needs of its reasoner: {', '.join(lacks) or 'exists'}; "
        f"{type(reasoner).__name__} has no such method. A NetworkReasoner has all of them"
    )
