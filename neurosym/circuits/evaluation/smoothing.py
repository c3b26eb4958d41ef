"""From a graph to sums of products that are smooth, which is the form that is evaluated.

    or(x1, and(not x1, x2))    over x1, x2 with weights w1, v1 and w2, v2 (true and false)
    row 6 = w2 + v2            the branch x1 does not mention x2
    row 7 = w1 * row 6 + v1 * w2

An "and" becomes a term of the sum above it, an "or" a sum. A variable that is missing in a branch
is filled in by the ⊕ of its two literals; products of these over sets of variables are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurosym.circuits.evaluation.sums import ONE, ZERO, Sums, Term
from neurosym.circuits.graph import AND, FALSE, LITERAL, OR, TRUE, Graph, union

NOTHING: Term = (ZERO, ZERO)
"""What is false, as the term of a sum."""

NONE: Term = (ZERO, ONE)
"""The one term of a root that has no model."""


def sums_of(graph: Graph, leaf: Mapping[int, int], leaves: int) -> tuple[Sums, list[list[Term]]]:
    """The graph as sums, made smooth over all its variables unless it says that it is smooth.

    Args:
      graph: decomposable.
      leaf: the row of each literal, `ONE` where its weight is always one.
      leaves: the number of rows that are leaves.

    Returns:
      The sums, and the terms of each root. Those of a single root that is filled up are one row;
      other roots do not share their last sum, and their terms stand apart.
    """
    if graph.smooth:
        return _as_it_is(graph, leaf, leaves)
    scopes = graph.scopes()
    sums = Sums(leaves)
    gaps = _Gaps(sums, graph.order, leaf)
    terms: list[Term] = []  # of each node
    for node, kind in enumerate(graph.kinds):
        # What is false speaks of no variables, and no other branch has to speak of its own.
        own = [child for child in graph.children[node] if kind == AND or terms[child] != NOTHING]
        scope = union(scopes[child] for child in own)
        if kind in (FALSE, TRUE):
            term = NOTHING if kind == FALSE else (ONE, ONE)
        elif kind == LITERAL:
            scope, term = scopes[node], (leaf[graph.literals[node]], ONE)
        elif kind == AND:
            factors = [_row(sums, terms[child]) for child in own]
            if node in graph.frames and ZERO not in factors:
                for n, (start, stop) in enumerate(graph.frames[node]):
                    frame = (1 << stop) - (1 << start)
                    missing = gaps.row(frame & ~scopes[own[n]])
                    factors[n] = _row(sums, sums.product([factors[n], missing]))
                    scope |= frame
            term = sums.product(factors)
        else:
            filled = [
                _joined(sums, terms[child], gaps.row(scope & ~scopes[child])) for child in own
            ]
            term = filled[0] if len(filled) == 1 else (sums.sum(filled), ONE)
        if ZERO in term:
            scope, term = 0, NOTHING
        scopes[node] = scope
        terms.append(term)
    everything = (1 << len(graph.order)) - 1

    def whole(node: int) -> Term:
        return _joined(sums, terms[node], gaps.row(everything & ~scopes[node]))

    if len(graph.roots) == 1:
        return sums, [[(_row(sums, whole(graph.root)), ONE)]]
    return sums, [
        [whole(node) for node in _terms_apart(graph, root) if terms[node] != NOTHING] or [NONE]
        for root in graph.roots
    ]


def _as_it_is(graph: Graph, leaf: Mapping[int, int], leaves: int) -> tuple[Sums, list[list[Term]]]:
    """The same for a graph in which nothing is missing."""
    sums = Sums(leaves)
    terms: list[Term] = []
    for kind, literal, children in zip(graph.kinds, graph.literals, graph.children, strict=True):
        if kind == AND:
            terms.append(sums.product([_row(sums, terms[child]) for child in children]))
        elif kind == OR:
            terms.append((sums.sum([terms[child] for child in children]), ONE))
        elif kind == LITERAL:
            terms.append((leaf[literal], ONE))
        else:
            terms.append(NOTHING if kind == FALSE else (ONE, ONE))
    return sums, [
        [terms[node] for node in _terms_apart(graph, root) if ZERO not in terms[node]] or [NONE]
        for root in graph.roots
    ]


def _terms_apart(graph: Graph, root: int) -> Sequence[int]:
    """The nodes whose terms a root adds up: the branches of an "or", else the root itself."""
    return graph.children[root] if graph.kinds[root] == OR else [root]


def _row(sums: Sums, term: Term) -> int:
    """The row of a term; it is there already unless the term is a product."""
    return term[0] if term[1] == ONE else sums.sum([term])


def _joined(sums: Sums, term: Term, factor: int) -> Term:
    """The term with one more factor; it needs a row of its own only if it has two already."""
    if factor == ONE or ZERO in term:
        return term
    return sums.product([*term, factor] if ONE in term else [_row(sums, term), factor])


class _Gaps:
    """Products, over sets of variables, of the ⊕ of both weights; halves are shared."""

    def __init__(self, sums: Sums, order: Sequence[int], leaf: Mapping[int, int]) -> None:
        self.sums, self.order, self.leaf = sums, order, leaf
        self.known: dict[int, int] = {0: ONE}

    def row(self, scope: int, low: int = 0, high: int | None = None) -> int:
        """The row for a set of variables, whose bits lie within [low, high)."""
        if scope in self.known:
            return self.known[scope]
        high = len(self.order) if high is None else high
        if high - low == 1:
            variable = self.order[low]
            found = self.sums.sum([(self.leaf[s * variable], ONE) for s in (1, -1)])
        else:
            middle = (low + high) // 2
            below = scope & ((1 << middle) - 1)
            halves = [self.row(below, low, middle), self.row(scope & ~below, middle, high)]
            found = _row(self.sums, self.sums.product(halves))
        self.known[scope] = found
        return found
