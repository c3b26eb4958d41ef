"""`ProgramReasoner`: a question to a program as estimators ask for it.

logits of the networks [I, D] ─▶ weights of all choices [V, D] ─▶ the circuit's own reasoner

The rows are those of the networks, one after the other, each in the order of its inputs; what the
program states of its other choices is filled in. Evidence is the number of the answer that was
observed, int[]; the program's own evidence is a part of every answer.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.programs.question import ProgramQuery
from neurosym.reasoning.circuit import CircuitReasoner
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.k_best import BestSolutions


@dataclasses.dataclass(frozen=True, eq=False)
class ProgramReasoner:
    """Sums and marginals of one question, over the outputs of its networks.

    >>> import jax.numpy as jnp
    >>> from neurosym.programs import Program
    >>> program = Program.parse(
    ...     "nn(net, [X], Y, [0..2]) :: d(X, Y). s(Z) :- d(a, A), d(b, B), Z is A + B."
    ... )
    >>> question = program.compile("s(Z)")
    >>> reasoner = ProgramReasoner(question)
    >>> weights = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]]))
    >>> reasoner.best(weights, question.answers.index("s(2)")).tolist()
    [0, 2]
    """

    question: ProgramQuery

    def __post_init__(self) -> None:
        if not self.question.networks:
            raise ValueError("the question asks no network: there are no logits to reason about")

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """int[I]: the choices of the networks."""
        return np.asarray([row for own in self.question.networks.values() for row in own])

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """bool[I, D]: the value index exists."""
        return self._inner.exists[self.rows]

    @functools.cached_property
    def _inner(self) -> CircuitReasoner:
        return CircuitReasoner(self.question.circuit)

    def total(self, log_weights: Array, evidence: Any, *, semiring: Semiring = LOG) -> Elements:
        """The total of the observed answer, of log-weights float[I, D]."""
        return self._inner.total(self._whole(log_weights), evidence, semiring=semiring)

    def marginals(self, log_weights: Array, evidence: Any) -> Array:
        """Probabilities float[I, D] of the outputs given the observed answer."""
        return self._inner.marginals(self._whole(log_weights), evidence)[self.rows]

    def query(self, log_weights: Array, evidence: Any, *, target: int) -> Array:
        """Log-probabilities float[D_target] of one row given the observed answer."""
        row = int(self.rows[target])
        return self._inner.query(self._whole(log_weights), evidence, target=row)

    def best(self, log_weights: Array, evidence: Any) -> Array:
        """int32[I]: the outputs of the likeliest world with the observed answer."""
        return self._inner.best(self._whole(log_weights), evidence)[self.rows]

    def k_best(self, log_weights: Array, evidence: Any, *, k: int) -> BestSolutions:
        """The k likeliest worlds with the observed answer, by what the networks say in them."""
        found = self._inner.k_best(self._whole(log_weights), evidence, k=k)
        return found._replace(assignments=found.assignments[..., self.rows])

    def holds(self, assignment: Array, evidence: Any, *, observed: Array | None = None) -> Array:
        """bool[]: the answer may be observed when the networks say int32[I] where ``observed``."""
        count = len(self.question.ground.choices)
        seen = jnp.ones(len(self.rows), bool) if observed is None else observed
        whole = jnp.zeros(count, jnp.int32).at[self.rows].set(assignment)
        known = jnp.zeros(count, bool).at[self.rows].set(seen)
        return self._inner.holds(whole, evidence, observed=known)

    def _whole(self, log_weights: Array) -> Array:
        """Log-weights float[V, D] of all choices."""
        tables, start = {}, 0
        for name, rows in self.question.networks.items():
            size = self.question.values(name)
            tables[name] = log_weights[start : start + len(rows), :size]
            start += len(rows)
        return self.question.weights(parameters=None, **tables)
