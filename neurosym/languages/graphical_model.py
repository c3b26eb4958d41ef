"""`GraphicalModel`: a Bayesian network or Markov random field as a network with potentials.

    P(rain), P(wet | rain)      weights of rain, and one table over (rain, wet)
    network                     two variables and no constraint
    ns.marginals(model.network, model.weights, potentials=model.potentials)

Readers of files make one (`neurosym.languages.uai`, `neurosym.languages.bif`). Tables over one
variable are weights; tables of one shape share one `Potentials`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from neurosym.problems import Network, Problem
from neurosym.problems.potentials import Potentials


class Factor(NamedTuple):
    """A table of a model."""

    scope: tuple[int, ...]  # distinct rows of variables
    values: np.ndarray  # float64[D_0, ..., D_{K-1}]: weights, not negative, or their logarithms


@dataclasses.dataclass(frozen=True, eq=False)
class GraphicalModel:
    """A network, and what its assignments weigh.

    Attributes:
      network: the variables; it has no constraints.
      weights: ``float64[V, D]``: log-weights of single values.
      potentials: the tables over several variables.
    """

    network: Network
    weights: np.ndarray
    potentials: tuple[Potentials, ...]

    def log_weight(self, assignment: Sequence[int]) -> float:
        """The logarithm of the weight of value indices ``int[V]``."""
        total = float(sum(self.weights[i, v] for i, v in enumerate(assignment)))
        for one in self.potentials:
            tables = np.asarray(one.log_table, np.float64)
            for table, scope in zip(tables, one.scope.tolist(), strict=True):
                total += float(table[tuple(int(assignment[i]) for i in scope)])
        return total


def graphical_model(
    names: Sequence[str],
    domains: Sequence[Sequence[Hashable]],
    factors: Sequence[Factor],
    *,
    constant: float = 1.0,
    logarithms: bool = False,
) -> GraphicalModel:
    """The model of some tables.

    >>> model = graphical_model(
    ...     ("rain", "wet"),
    ...     (("no", "yes"), ("no", "yes")),
    ...     [
    ...         Factor((0,), np.array([0.8, 0.2])),
    ...         Factor((0, 1), np.array([[0.9, 0.1], [0.2, 0.8]])),
    ...     ],
    ... )
    >>> model.potentials
    (Potentials(1 over 2 variables, table (1, 2, 2)),)

    Args:
      names: of the variables.
      domains: their values.
      factors: tables of weights, whose product an assignment weighs.
      constant: a further factor of every assignment, above 0.
      logarithms: the tables hold logarithms of weights, -inf for a weight of 0.

    Raises:
      ValueError: for a table of another shape than its variables have, or with a value that is
        negative, NaN or infinite.
    """
    problem = Problem()
    for name, domain in zip(names, domains, strict=True):
        problem.variable(name, domain=domain)
    sizes = [len(domain) for domain in domains]
    weights = np.zeros((len(sizes), max(sizes)))
    if constant != 1.0:
        weights[0] += np.log(constant)
    grouped: dict[tuple[int, ...], list[tuple[tuple[int, ...], np.ndarray]]] = {}
    for number, (scope, values) in enumerate(factors):
        if values.shape != tuple(sizes[i] for i in scope):
            raise ValueError(
                f"factor {number} over {', '.join(names[i] for i in scope)} has the shape "
                f"{list(values.shape)}, not {[sizes[i] for i in scope]}"
            )
        right = values < np.inf if logarithms else (values >= 0) & np.isfinite(values)
        if not np.all(right):
            raise ValueError(f"factor {number} has a value that is not a weight")
        with np.errstate(divide="ignore"):
            logs = values if logarithms else np.log(values)
        if len(scope) == 1:
            weights[scope[0], : len(logs)] += logs
        else:
            grouped.setdefault(values.shape, []).append((scope, logs))
    potentials = tuple(
        Potentials(np.asarray([scope for scope, _ in own]), np.stack([logs for _, logs in own]))
        for own in grouped.values()
    )
    return GraphicalModel(problem.compile(), weights, potentials)
