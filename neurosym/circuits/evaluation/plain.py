"""A graph read once, by Python alone: for a command that answers before JAX would be imported.

Sums of products of log-weights, node by node. Whatever is asked more than once, in batches, with
gradients or in another semiring goes through `circuit_of`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from neurosym.circuits.graph import AND, FALSE, LITERAL, OR, Graph


def log_totals(graph: Graph, weights: Sequence[float]) -> list[float]:
    """The log of the sum, over the models of each root, of the products of their weights.

    Args:
      graph: deterministic, decomposable and smooth.
      weights: log-weights of the positive literals, by variable.
    """
    return _read(graph, weights, log_sum)


def largest(graph: Graph, weights: Sequence[float]) -> list[float]:
    """The same with the largest in place of the sum."""
    return _read(graph, weights, lambda terms: max(terms, default=-math.inf))


def log_sum(terms: Iterable[float]) -> float:
    """``log(sum(exp(terms)))``, right where all of them underflow."""
    own = [x for x in terms if x != -math.inf]
    if len(own) <= 1:
        return own[0] if own else -math.inf
    top = max(own)
    return top + math.log(math.fsum(math.exp(x - top) for x in own))


def _read(
    graph: Graph, weights: Sequence[float], add: Callable[[list[float]], float]
) -> list[float]:
    values: list[float] = []
    for kind, literal, children in zip(graph.kinds, graph.literals, graph.children, strict=True):
        if kind == OR:
            values.append(add([values[child] for child in children]))
        elif kind == AND:
            values.append(sum([values[child] for child in children]))
        elif kind == LITERAL:
            values.append(weights[literal - 1])
        else:
            values.append(-math.inf if kind == FALSE else 0.0)
    return [values[root] for root in graph.roots]


def best_model(graph: Graph, weights: Sequence[float], root: int) -> tuple[float, set[int]]:
    """The likeliest model of a root: its log-weight, and its positive literals, by variable.

    -inf and no literals where there is none. Args as of `log_totals`; ``root`` is its number.
    """
    values: list[float] = []
    for kind, literal, children in zip(graph.kinds, graph.literals, graph.children, strict=True):
        own = [values[child] for child in children]
        if kind == LITERAL:
            values.append(weights[literal - 1])
        elif kind == OR:
            values.append(max(own, default=-math.inf))
        else:
            values.append(-math.inf if kind == FALSE else sum(own))
    found: set[int] = set()
    start = graph.roots[root]
    stack = [start] if values[start] != -math.inf else []
    while stack:
        node = stack.pop()
        children = graph.children[node]
        if graph.kinds[node] == LITERAL:
            found.add(graph.literals[node])
        elif graph.kinds[node] == OR:
            stack.append(max(children, key=lambda child: values[child]))
        else:
            stack.extend(children)
    return values[start], found
