"""`Graph`: what a formula says, as "and" and "or" over literals; no number is computed here.

    graph = GraphBuilder(variables=2)                      # x1 or x2, one branch a case of x1
    x1, not_x1, x2 = (graph.literal(n) for n in (1, -1, 2))
    either = graph.disjoin([x1, graph.conjoin([not_x1, x2])])
    circuit_of(graph.finish(either)).total(weights)        # in any semiring

This is negation normal form. A sum of products needs three properties of it to be right (Darwiche
and Marquis 2002, "A knowledge compilation map", https://doi.org/10.1613/jair.989):

- *decomposable*: the parts of an "and" share no variable. It is checked; without it nothing is
  right.
- *smooth*: the branches of an "or" speak of the same variables. Whoever evaluates a graph makes it
  smooth: a branch that does not mention a variable is multiplied by the ⊕ of the weights of the
  variable's two literals.
- *deterministic*: no model satisfies two branches of an "or". It is proved where two branches
  always contradict each other in a literal that both imply, which is so for decisions; in general
  the proof is as hard as satisfiability. Idempotent semirings do not need it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

FALSE, TRUE, LITERAL, AND, OR = "false", "true", "literal", "and", "or"


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A circuit in negation normal form; children come before their parents.

    Attributes:
      variables: how many there are, numbered from 1.
      kinds: "false", "true", "literal", "and" or "or", for each node.
      literals: ``v`` or ``-v`` for each literal, 0 for other nodes.
      children: the nodes that an "and" or "or" joins. One that joins nothing is true, or false.
      roots: the nodes whose models are meant, one for each answer.
      answers: what each root stands for, distinct. A graph of one formula has one, True.
      order: the variables in an order in which those that occur together are near; by default that
        of their numbers.
      places: where each node is written, "FILE:LINE", for errors; empty if nowhere.
      frames: for some "and" nodes the variables that each child is to speak of, ``(start, stop)``
        in the order. Where many branches have the same frames, what makes them smooth is shared.
      smooth: it is decomposable, smooth and deterministic by the way in which it was made, and
        nothing is checked or filled in: a root says nothing of a variable that it does not name.

    Raises:
      ValueError: if a node is of no kind, a literal names a variable that does not exist, a child
        does not come before its parent, or a root or the answers do not fit.
    """

    variables: int
    kinds: Sequence[str]
    literals: Sequence[int]
    children: Sequence[tuple[int, ...]]
    roots: Sequence[int]
    answers: Sequence[Hashable] = (True,)
    order: Sequence[int] = ()
    places: Sequence[str] = ()
    frames: Mapping[int, Sequence[tuple[int, int]]] = dataclasses.field(default_factory=dict)
    smooth: bool = False

    def __post_init__(self) -> None:
        if not len(self.order):
            object.__setattr__(self, "order", range(1, self.variables + 1))
        nodes = len(self.kinds)
        if not len(self.literals) == len(self.children) == nodes:
            raise ValueError("kinds, literals and children of a graph are as many as its nodes")
        unknown = set(self.kinds) - {FALSE, TRUE, LITERAL, AND, OR}
        if unknown:
            node = next(n for n, kind in enumerate(self.kinds) if kind in unknown)
            raise self.error(node, f"node {node} is of no kind: {self.kinds[node]!r}")
        for node, literal in enumerate(self.literals):
            if self.kinds[node] == LITERAL and not 1 <= abs(literal) <= self.variables:
                raise self.error(
                    node, f"there is no variable {abs(literal)}; there are {self.variables:,}"
                )
        counts = np.fromiter(map(len, self.children), np.int64, nodes)
        below = np.fromiter(itertools.chain.from_iterable(self.children), np.int64)
        parents = np.repeat(np.arange(nodes), counts)
        wrong = np.flatnonzero((below < 0) | (below >= parents))
        if len(wrong):
            node, child = int(parents[wrong[0]]), int(below[wrong[0]])
            raise self.error(node, f"child {child} does not come before its node {node}")
        for root in self.roots:
            if not 0 <= root < nodes:
                raise ValueError(f"root {root} is not a node; there are {nodes:,}")
        if not len(self.roots) or len(self.roots) != len(set(self.answers)):
            raise ValueError(
                f"a graph has one root for each answer, at least one; these are {len(self.roots):,}"
                f" roots and {len(set(self.answers)):,} distinct answers"
            )

    @property
    def root(self) -> int:
        """The only root.

        Raises:
          ValueError: if there are several.
        """
        if len(self.roots) != 1:
            raise ValueError(f"the graph has {len(self.roots):,} roots")
        return self.roots[0]

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
        if self.smooth:
            return None
        bit = {v: 1 << n for n, v in enumerate(self.order)}
        implied: list[tuple[int, int]] = []  # literals, as bits of those that are true and false
        for node, kind in enumerate(self.kinds):
            own = [implied[child] for child in self.children[node]]
            if kind == LITERAL:
                literal = self.literals[node]
                implied.append((bit[literal], 0) if literal > 0 else (0, bit[-literal]))
            elif kind == AND:
                implied.append((union(p for p, _ in own), union(n for _, n in own)))
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


class GraphBuilder:
    """Collects the nodes of a graph; each function returns the number of a node.

    >>> graph = GraphBuilder(variables=2)
    >>> both = graph.conjoin([graph.literal(1), graph.literal(-2)])
    >>> graph.finish(both).kinds
    ('literal', 'literal', 'and')
    """

    def __init__(self, variables: int) -> None:
        """For formulas over so many variables, numbered from 1."""
        self.variables = variables
        self._kinds: list[str] = []
        self._literals: list[int] = []
        self._children: list[tuple[int, ...]] = []
        self._places: list[str] = []
        self._known: dict[int | str, int] = {}

    def literal(self, literal: int, place: str = "") -> int:
        """Variable v is true (``v``) or false (``-v``); one node however often it is asked for."""
        return self._once(literal, LITERAL, literal, place)

    def true(self, place: str = "") -> int:
        """A node that always holds."""
        return self._once(TRUE, TRUE, 0, place)

    def false(self, place: str = "") -> int:
        """A node that never holds."""
        return self._once(FALSE, FALSE, 0, place)

    def conjoin(self, children: Iterable[int], place: str = "") -> int:
        """All of the children hold; they must share no variable."""
        return self._add(AND, 0, tuple(children), place)

    def disjoin(self, children: Iterable[int], place: str = "") -> int:
        """One of the children holds; where models are counted, no two of them at once."""
        return self._add(OR, 0, tuple(children), place)

    def finish(
        self,
        *roots: int,
        answers: Sequence[Hashable] = (True,),
        order: Sequence[int] = (),
        frames: Mapping[int, Sequence[tuple[int, int]]] | None = None,
        smooth: bool = False,
    ) -> Graph:
        """The graph; arguments as the attributes of `Graph`."""
        return Graph(
            variables=self.variables,
            kinds=tuple(self._kinds),
            literals=tuple(self._literals),
            children=tuple(self._children),
            roots=roots,
            answers=answers,
            order=order,
            places=tuple(self._places) if any(self._places) else (),
            frames=frames or {},
            smooth=smooth,
        )

    def _once(self, key: int | str, kind: str, literal: int, place: str) -> int:
        if key not in self._known:
            self._known[key] = self._add(kind, literal, (), place)
        return self._known[key]

    def _add(self, kind: str, literal: int, children: tuple[int, ...], place: str) -> int:
        self._kinds.append(kind)
        self._literals.append(literal)
        self._children.append(children)
        self._places.append(place)
        return len(self._kinds) - 1


def union(bits: Iterable[int]) -> int:
    """All bits that are set somewhere."""
    found = 0
    for x in bits:
        found |= x
    return found
