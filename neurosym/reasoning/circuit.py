"""`CircuitReasoner`: a compiled circuit as estimators ask for it.

Evidence is the number of the root that was observed, int[] (``circuit.answers.index(...)``); None
where the circuit has only one.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.circuits.circuit import Circuit
from neurosym.problems.variable import Variable
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import BOOLEAN, LOG
from neurosym.semirings.algebra.k_best import BestSolutions
from neurosym.semirings.algebra.semiring import Semiring


@dataclasses.dataclass(frozen=True, eq=False)
class CircuitReasoner:
    """Sums, best assignments and judgement over one circuit.

    Variables that a root does not speak of are free in it: nothing is asked of them, and best
    assignments give them their first value.

    >>> import jax.numpy as jnp
    >>> from neurosym.circuits import from_state_machine
    >>> circuit = from_state_machine(
    ...     domains=[range(3)] * 2,
    ...     start=0,
    ...     step=lambda total, position, value: total + value,
    ...     answer=lambda total, position: total if position == 2 else None,
    ... )
    >>> reasoner = CircuitReasoner(circuit)
    >>> weights = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]]))
    >>> reasoner.best(weights, circuit.answers.index(2)).tolist()
    [0, 2]

    Attributes:
      circuit: deterministic, over weights ``[V, D]``.
    """

    circuit: Circuit

    def __post_init__(self) -> None:
        if not isinstance(self.circuit, Circuit):
            raise ValueError(f"{self.circuit!r} is not a circuit: compile one (neurosym.circuits)")

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """bool[V, D]: the value index exists in the variable's domain."""
        return np.arange(self.circuit.shape[1]) < np.asarray(self.circuit.sizes)[:, None]

    def total(self, log_weights: Array, evidence: Any, *, semiring: Semiring = LOG) -> Elements:
        """The observed root's total, of log-weights float[V, D].

        Raises:
          ValueError: if the semiring does not read log-probabilities, or as `Circuit.total`.
        """
        if semiring.from_log is None:
            raise ValueError(f"semiring {semiring.name} does not read log-probabilities")
        weights = semiring.from_log(log_weights)
        return self.circuit.total(weights, root=evidence, semiring=semiring)

    def marginals(self, log_weights: Array, evidence: Any) -> Array:
        """As `Circuit.marginals` of the observed root, of log-weights float[V, D]."""
        return self.circuit.marginals(log_weights, root=evidence)

    def query(self, log_weights: Array, evidence: Any, *, target: Variable | str | int) -> Array:
        """As `Circuit.query` of the observed root, of log-weights float[V, D]."""
        return self.circuit.query(log_weights, target=target, root=evidence)

    def best(self, log_weights: Array, evidence: Any) -> Array:
        """int32[V]: of equal ones the first, compared value by value; -1 where there is nothing."""
        return self.k_best(jax.lax.stop_gradient(log_weights), evidence, k=1).assignments[0]

    def k_best(self, log_weights: Array, evidence: Any, *, k: int) -> BestSolutions:
        """As `Circuit.k_best` of the observed root, of log-weights float[V, D]."""
        return self.circuit.k_best(log_weights, k=k, root=evidence)

    def holds(self, assignment: Array, evidence: Any, *, observed: Array | None = None) -> Array:
        """bool[]: some model of the observed root agrees with int32[V] where ``observed``."""
        chosen = assignment[:, None] == jnp.arange(self.circuit.shape[1])
        if observed is not None:
            chosen = chosen | ~observed[:, None]
        return self.circuit.total(chosen, root=evidence, semiring=BOOLEAN)
