"""`Graph`: a circuit in negation normal form as other compilers make it, checked and made smooth.

What a sum of products over a circuit needs to be right (Darwiche and Marquis 2002, "A knowledge
compilation map", https://doi.org/10.1613/jair.989):

- *decomposable*: the parts of an "and" share no variable. Checked; without it nothing is right.
- *smooth*: the branches of an "or" speak of the same variables. Made so: to a branch that says
  nothing of a variable comes the ⊕ of the weights of its two literals.
- *deterministic*: no model satisfies two branches of an "or". Proved where two branches always
  contradict each other in a literal that both imply, which is so for decisions; in general it is
  as hard as satisfiability. Idempotent semirings do not need it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

from neurosym.circuits.evaluation.sums import ONE, ZERO, Rows, Term

FALSE, TRUE, LITERAL, AND, OR = "false", "true", "literal", "and", "or"

NOTHING: Term = (ZERO, ZERO)


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A circuit in negation normal form; children come before their parents.

    Attributes:
      variables: how many there are, numbered from 1.
      kinds: "false", "true", "literal", "and" or "or", for each node.
      literals: ``v`` or ``-v`` for each literal, 0 for other nodes.
      children: the nodes that an "and" or "or" joins.
      root: the node whose models are meant.
      order: the variables in an order in which those that occur together are near.
      places: where each node is written, "FILE:LINE", for errors; empty if nowhere.
      frames: for some "and" nodes the variables that each child is to speak of, ``(start, stop)``
        in the order. Where many branches have the same frames, what makes them smooth is shared.
    """

    variables: int
    kinds: Sequence[str]
    literals: Sequence[int]
    children: Sequence[tuple[int, ...]]
    root: int
    order: Sequence[int]
    places: Sequence[str] = ()
    frames: Mapping[int, Sequence[tuple[int, int]]] = dataclasses.field(default_factory=dict)

    def error(self, node: int, message: str) -> ValueError:
        """An error, to be raised, about a node."""
        return ValueError(f"{self.places[node]}: {message}" if self.places else message)

    def scopes(self) -> list[int]:
        """The variables of each node as bits, in the order of `order`.

        Raises:
          ValueError: if the parts of an "and" share a variable.
        """
        bit = {variable: 1 << n for n, variable in enumerate(self.order)}
        scopes: list[int] = []
        for node, kind in enumerate(self.kinds):
            scope = bit[abs(self.literals[node])] if kind == LITERAL else 0
            for child in self.children[node]:
                both = scope & scopes[child]
                if kind == AND and both:
                    variable = self.order[both.bit_length() - 1]
                    raise self.error(
                        node, f"not decomposable: two parts of an and-node speak of {variable}"
                    )
                scope |= scopes[child]
            scopes.append(scope)
        return scopes

    def deterministic(self) -> int | None:
        """None if the branches of every "or" are seen to exclude each other, else such an "or"."""
        bit = {v: 1 << n for n, v in enumerate(self.order)}
        implied: list[tuple[int, int]] = []  # literals, as bits of those that are true and false
        for node, kind in enumerate(self.kinds):
            own = [implied[child] for child in self.children[node]]
            if kind == LITERAL:
                literal = self.literals[node]
                implied.append((bit[literal], 0) if literal > 0 else (0, bit[-literal]))
            elif kind == AND:
                implied.append((_union(p for p, _ in own), _union(n for _, n in own)))
            elif kind == FALSE:
                implied.append((-1, -1))  # everything
            else:
                for (p, n), (q, m) in itertools.combinations(own, 2):
                    if not (p & m or n & q):
                        return node
                positive, negative = (-1, -1) if kind == OR else (0, 0)
                for p, n in own:
                    positive, negative = positive & p, negative & n
                implied.append((positive, negative))
        return None


def rows_of(graph: Graph, leaf: dict[int, int], leaves: int) -> tuple[Rows, int]:
    """The graph as rows, made smooth over all its variables.

    Args:
      graph: decomposable.
      leaf: the row of each literal, `ONE` where its weight is always one.
      leaves: the number of rows that are leaves.

    Returns:
      The rows, and that of the root.
    """
    scopes = graph.scopes()
    rows = Rows(leaves)
    gaps = _Gaps(rows, graph.order, leaf)
    terms: list[Term] = []  # of each node
    for node, kind in enumerate(graph.kinds):
        # What is false speaks of no variables, and no other branch has to speak of its own.
        own = [child for child in graph.children[node] if kind == AND or terms[child] != NOTHING]
        scope = _union(scopes[child] for child in own)
        if kind in (FALSE, TRUE):
            term = NOTHING if kind == FALSE else (ONE, ONE)
        elif kind == LITERAL:
            scope, term = scopes[node], (leaf[graph.literals[node]], ONE)
        elif kind == AND:
            factors = [_row(rows, terms[child]) for child in own]
            if node in graph.frames and ZERO not in factors:
                for n, (start, stop) in enumerate(graph.frames[node]):
                    frame = (1 << stop) - (1 << start)
                    missing = gaps.row(frame & ~scopes[own[n]])
                    factors[n] = _row(rows, rows.product([factors[n], missing]))
                    scope |= frame
            term = rows.product(factors)
        else:
            filled = [
                _joined(rows, terms[child], gaps.row(scope & ~scopes[child])) for child in own
            ]
            term = filled[0] if len(filled) == 1 else (rows.sum(filled), ONE)
        if ZERO in term:
            scope, term = 0, NOTHING
        scopes[node] = scope
        terms.append(term)
    everything = (1 << len(graph.order)) - 1
    missing = gaps.row(everything & ~scopes[graph.root])
    return rows, _row(rows, _joined(rows, terms[graph.root], missing))


def _row(rows: Rows, term: Term) -> int:
    return rows.sum([term])


def _joined(rows: Rows, term: Term, factor: int) -> Term:
    """The term with one more factor; it needs a row of its own only if it has two already."""
    if factor == ONE or ZERO in term:
        return term
    return rows.product([*term, factor] if ONE in term else [_row(rows, term), factor])


class _Gaps:
    """Products, over sets of variables, of the ⊕ of both weights; halves are shared."""

    def __init__(self, rows: Rows, order: Sequence[int], leaf: dict[int, int]) -> None:
        self.rows, self.order, self.leaf = rows, order, leaf
        self.known: dict[int, int] = {0: ONE}

    def row(self, scope: int, low: int = 0, high: int | None = None) -> int:
        """The row for a set of variables, whose bits lie within [low, high)."""
        if scope in self.known:
            return self.known[scope]
        high = len(self.order) if high is None else high
        if high - low == 1:
            variable = self.order[low]
            found = self.rows.sum([(self.leaf[s * variable], ONE) for s in (1, -1)])
        else:
            middle = (low + high) // 2
            below = scope & ((1 << middle) - 1)
            halves = [self.row(below, low, middle), self.row(scope & ~below, middle, high)]
            found = _row(self.rows, self.rows.product(halves))
        self.known[scope] = found
        return found


def _union(bits: Iterable[int]) -> int:
    found = 0
    for x in bits:
        found |= x
    return found
