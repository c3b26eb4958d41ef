"""`optimize`: the best solution by the objective of a problem, with a proof, or with a bound.

    costs between 0 and 40, a solution of cost 23 known       look for one of at most 11
    none there: the bound is 12; found one of cost 9: it is the best known; then the next question

Each question is one complete search for a solution below a bound, of the whole batch at once. The
bound is data (`neurosym.problems.objective`), so all of them run in one compiled program. Questions
halve the range between what is excluded and what is known, or ask just below the best known where
halving was too hard; each may take some nodes, and where that is not enough, more the next time.
Integers are exact.
"""

import enum
import time
from typing import Any, NamedTuple

import numpy as np

from neurosym.bits.domains import Domains
from neurosym.hard import rounds
from neurosym.hard.branching import SMALLEST_DOMAIN, Heuristic
from neurosym.hard.search import SearchStatus, solve
from neurosym.problems.network import Network, network_of
from neurosym.problems.objective import Objective
from neurosym.transforms.concrete import concrete

FIRST_NODES = 2**10
"""Nodes that the first question of an instance may take; a question that failed gets more."""

MOST_NODES = 2**30


class OptimizeStatus(enum.IntEnum):
    """How the search for the best solution of an instance ended."""

    OPTIMAL = 0  # proven: no solution is better
    FEASIBLE = 1  # stopped at a limit, with a solution and a bound on all others
    UNSATISFIABLE = 2  # proven: there is no solution
    LIMIT = 3  # stopped at a limit, with no solution yet


class Optimum(NamedTuple):
    """What `optimize` found, as NumPy arrays; with batch axes in front where the domains had them.

    Attributes:
      assignment: ``int32[V]``, the value indices of the best solution found; -1 if there is none.
      objective: ``int64[]``, its objective; `bound` where there is none.
      bound: ``int64[]``, no solution has a better objective; equal to it where OPTIMAL.
      status: ``int32[]``, an `OptimizeStatus`.
      nodes: ``int64[]``, nodes that were propagated.
    """

    assignment: np.ndarray
    objective: np.ndarray
    bound: np.ndarray
    status: np.ndarray
    nodes: np.ndarray


def optimize(
    network: Network,
    domains: Domains | Any | None = None,
    *,
    time_limit: float | None = None,
    node_limit: int | None = None,
    heuristic: Heuristic = SMALLEST_DOMAIN,
) -> Optimum:
    """The solution of the least or greatest objective, as `Problem.minimize` or `maximize` says.

    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(10))
    >>> problem.add(x + y >= 7)
    >>> problem.minimize(x * x + 4 * y)
    >>> result = ns.optimize(problem.compile())
    >>> result.assignment.tolist(), int(result.objective), ns.OptimizeStatus(result.status).name
    ([2, 5], 24, 'OPTIMAL')

    It looks at what is found between searches, so it does not work under jit or vmap; a batch is
    given by leading axes of the domains.

    Args:
      network: a compiled problem with an objective.
      domains: the values to search in, `Domains` or ``bool[..., V, D]``; the declared ones if None.
      time_limit: seconds, after which the best solution so far is returned. Compiling counts. With
        a limit of 0 nothing is searched.
      node_limit: nodes that one instance may take in all.
      heuristic: which variable to branch on.

    Raises:
      ValueError: without an objective, under a trace, for a negative limit, or as `solve`.
    """
    objective = network.objective
    if objective is None:
        raise ValueError("the problem has no objective: call problem.minimize or problem.maximize")
    for what, limit in (("time", time_limit), ("nodes", node_limit)):
        if limit is not None and not limit >= 0:
            raise ValueError(f"a limit on {what} is not negative, as {limit} is")
    start = rounds.start_domains(network, domains)
    if not concrete(network, start):
        raise ValueError("optimize works outside of jit and vmap; give a batch by leading axes")
    mask = np.asarray(start.mask)
    batch = mask.shape[:-2]
    known = _Known(objective, mask.reshape(-1, *mask.shape[-2:]))
    deadline = None if time_limit is None else time.monotonic() + time_limit
    rate = 0.0  # nodes a second of a search, of all instances together
    larger = _bounded(network, objective)
    while len(open_ := known.unfinished(MOST_NODES if node_limit is None else node_limit)):
        allowed = known.allowed[open_]
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if rate:
                allowed = np.minimum(allowed, max(64, int(rate * left / len(open_))))
        if node_limit is not None:
            allowed = np.minimum(allowed, node_limit - known.nodes[open_])
        began = time.monotonic()
        known.learn(larger, open_, int(max(1, allowed.min())), heuristic)
        took = time.monotonic() - began
        rate = max(rate, known.last_nodes / took)
    return known.result(batch)


def _bounded(network: Network, objective: Objective) -> Network:
    """The network with the digits of the bound; made once."""
    kept = vars(network)
    if "_bounded" not in kept:
        kept["_bounded"] = network_of(objective.bounded(network.structure))
    return kept["_bounded"]


class _Known:
    """What is known of each of N instances, in costs."""

    def __init__(self, objective: Objective, mask: np.ndarray) -> None:
        count, self.variables = mask.shape[:2]
        self.objective, self.mask = objective, mask
        # Object arrays hold integers of any size.
        self.least = np.full(count, objective.low, object)  # no cost is smaller
        self.best = np.full(count, objective.high + 1, object)  # of the best solution
        self.assignment = np.full((count, self.variables), -1, np.int32)
        self.nodes = np.zeros(count, np.int64)
        self.allowed = np.full(count, FIRST_NODES, np.int64)
        self.halving = np.zeros(count, np.bool_)  # from the second question on
        self.last_nodes = 0

    def unfinished(self, node_limit: int) -> np.ndarray:
        """The instances of which something is left to ask."""
        return np.flatnonzero((self.least < self.best) & (self.nodes < node_limit))

    def learn(self, network: Network, index: np.ndarray, nodes: int, heuristic: Heuristic) -> None:
        """Asks each of some instances for a solution below a bound."""
        asked = np.where(
            self.halving[index],
            self.least[index] + (self.best[index] - 1 - self.least[index]) // 2,
            self.best[index] - 1,
        )
        mask = np.zeros((len(index), network.variables, network.size), np.bool_)
        mask[:, : self.variables, : self.mask.shape[2]] = self.mask[index]
        for n, cost in enumerate(asked):
            digits = self.objective.written(cost)
            mask[n, range(self.variables, network.variables), digits] = True
        slopes = self.objective.slopes
        weights: Any = None
        if slopes:
            weights = np.zeros((network.variables, network.size), np.float32)
            for row, costs in zip(weights, slopes, strict=False):
                row[: len(costs)] = -np.asarray(costs) / max(1.0, np.abs(costs).max())
        one = len(index) == 1
        found = solve(
            network,
            mask[0] if one else mask,
            value_weights=weights,
            node_limit=nodes,
            heuristic=heuristic,
        )
        status = np.asarray(found.status).reshape(-1)
        values = np.asarray(found.assignment).reshape(len(index), -1)[:, : self.variables]
        visited = np.asarray(found.nodes).reshape(-1)
        self.last_nodes = int(visited.sum())
        for n, i in enumerate(index):
            self.nodes[i] += int(visited[n])
            if status[n] == SearchStatus.UNSATISFIABLE:
                self.least[i] = asked[n] + 1
                self.halving[i] = True
            elif values[n, 0] >= 0:
                self.assignment[i] = values[n]
                self.best[i] = self.objective.cost(values[n])
                self.halving[i] = True
            else:
                # The other question next, with more nodes.
                self.halving[i] = not self.halving[i] and self.best[i] <= self.objective.high
                self.allowed[i] = min(4 * self.allowed[i], MOST_NODES)

    def result(self, batch: tuple[int, ...]) -> Optimum:
        """What is known, in terms of the objective."""
        solved = self.assignment[:, 0] >= 0
        done = self.least >= self.best
        status = np.where(
            solved,
            np.where(done, OptimizeStatus.OPTIMAL, OptimizeStatus.FEASIBLE),
            np.where(done, OptimizeStatus.UNSATISFIABLE, OptimizeStatus.LIMIT),
        )
        bound = np.minimum(self.least, self.best)
        cost = np.where(solved, self.best, bound)
        sense = self.objective.sense
        return Optimum(
            assignment=self.assignment.reshape(*batch, self.variables),
            objective=(sense * cost).astype(np.int64).reshape(batch),
            bound=(sense * bound).astype(np.int64).reshape(batch),
            status=status.astype(np.int32).reshape(batch),
            nodes=self.nodes.reshape(batch),
        )
