"""`Decisions`: decision diagrams over many-valued variables, which become graphs with many roots.

    diagrams = Decisions(sizes=[3, 2])                  # x of three values above y of two
    either = diagrams.disjoin(diagrams.literal(0, [2]), diagrams.literal(1, [0]))
    diagrams.graph([either])                            # x=2, or x<2 and y=0

Ordered and reduced (Bryant 1986, "Graph-based algorithms for Boolean function manipulation",
https://doi.org/10.1109/TC.1986.1676819), with as many branches at a node as its variable has
values: equal functions are one node, so a fixpoint is seen at once. A value is one literal, not a
code of several, so that weights of values stay weights.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence

from neurosym.circuits.graph import Graph, GraphBuilder

FALSE, TRUE = 0, 1

_EVERY = 4096
"""New nodes between two looks at the clock."""


class DiagramTooLargeError(ValueError):
    """More nodes, or more time, than allowed."""


class Decisions:
    """A store of diagrams; functions take and return the numbers of nodes.

    >>> diagrams = Decisions(sizes=[3, 2])
    >>> x, y = diagrams.literal(0, [2]), diagrams.literal(1, [0])
    >>> diagrams.negate(diagrams.conjoin(x, y)) == diagrams.disjoin(
    ...     diagrams.literal(0, [0, 1]), diagrams.literal(1, [1])
    ... )
    True
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        max_nodes: int | None = None,
        deadline: float | None = None,
    ) -> None:
        """For variables with so many values, the topmost first.

        Args:
          sizes: of the variables.
          max_nodes: beyond which `DiagramTooLargeError` is raised.
          deadline: of `time.monotonic`, after which it is raised.
        """
        self.sizes = tuple(sizes)
        self.levels = [len(sizes), len(sizes)]
        self.children: list[tuple[int, ...]] = [(), ()]
        self.max_nodes = max_nodes or sys.maxsize
        self.deadline = deadline
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._and: dict[tuple[int, int], int] = {}
        self._or: dict[tuple[int, int], int] = {}
        self._not: dict[int, int] = {FALSE: TRUE, TRUE: FALSE}

    def __len__(self) -> int:
        return len(self.levels)

    def literal(self, level: int, values: Iterable[int]) -> int:
        """The variable of a level has one of some values."""
        chosen = set(values)
        return self.node(level, tuple(int(v in chosen) for v in range(self.sizes[level])))

    def node(self, level: int, children: tuple[int, ...]) -> int:
        """The function that is the child of the variable's value; children lie deeper."""
        first = children[0]
        if children.count(first) == len(children):
            return first
        key = (level, children)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.levels)
            self.levels.append(level)
            self.children.append(children)
            if not found % _EVERY:
                self._look()
        return found

    def conjoin(self, f: int, g: int) -> int:
        """Both hold."""
        return self._joined(f, g, TRUE, self._and)

    def disjoin(self, f: int, g: int) -> int:
        """At least one holds."""
        return self._joined(f, g, FALSE, self._or)

    def negate(self, f: int) -> int:
        """It does not hold."""
        found = self._not.get(f)
        if found is None:
            found = self.node(self.levels[f], tuple([self.negate(x) for x in self.children[f]]))
            self._not[f] = found
            self._not[found] = f
        return found

    def conjoin_all(self, parts: Iterable[int]) -> int:
        """All hold; the deepest first, so that the others come on top of a small diagram."""
        found = TRUE
        for part in sorted(parts, key=lambda f: -self.levels[f]):
            found = self.conjoin(found, part)
            if found == FALSE:
                break
        return found

    def disjoin_all(self, parts: Iterable[int]) -> int:
        """At least one holds; joined in pairs."""
        level = sorted(set(parts), key=lambda f: -self.levels[f])
        while len(level) > 1:
            level = [
                self.disjoin(level[n], level[n + 1]) if n + 1 < len(level) else level[n]
                for n in range(0, len(level), 2)
            ]
        return level[0] if level else FALSE

    @contextlib.contextmanager
    def deep(self) -> Iterator[None]:
        """Lets functions recurse as deep as there are variables."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, 4 * len(self.sizes) + 1000))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """The inner nodes below some roots, children before their parents."""
        seen: set[int] = set()
        stack = [root for root in roots if root > TRUE]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(child for child in self.children[node] if child > TRUE)
        return sorted(seen)  # a node is made after its children

    def graph(
        self,
        roots: Sequence[int],
        *,
        answers: Sequence[Hashable] | None = None,
        numbers: Sequence[Sequence[int]] | None = None,
        variables: int | None = None,
    ) -> Graph:
        """The diagrams as one graph, deterministic, decomposable and smooth.

        Each root speaks of the variables that it depends on; a branch that skips one of them is
        multiplied by the ⊕ of its values.

        Args:
          roots: one for each answer.
          answers: by default 0, 1, …
          numbers: the literal of each value of each level; by default counted from 1.
          variables: of the graph, where ``numbers`` are given.
        """
        if numbers is None:
            places = [0]
            for size in self.sizes:
                places.append(places[-1] + size)
            numbers = [
                range(start + 1, start + 1 + size)
                for start, size in zip(places, self.sizes, strict=False)
            ]
            variables = places[-1]
        assert variables is not None
        builder = GraphBuilder(variables)
        made = _Smooth(builder, numbers)
        names = {TRUE: builder.true()}
        scopes = {FALSE: 0, TRUE: 0}
        for node in self.reachable(roots):
            level, children = self.levels[node], self.children[node]
            scope = 0
            for child in set(children):
                scope |= scopes[child]
            scopes[node] = scope | 1 << level
            groups: dict[int, list[int]] = {}
            for value, child in enumerate(children):
                if child != FALSE:
                    groups.setdefault(child, []).append(value)
            branches = []
            for child, values in groups.items():
                parts = [made.values(level, values)]
                if child != TRUE:
                    parts.append(names[child])
                parts += made.gap(scope & ~scopes[child])
                branches.append(builder.conjoin(parts) if len(parts) > 1 else parts[0])
            names[node] = builder.disjoin(branches)
        if FALSE in roots:
            names[FALSE] = builder.false()
        return builder.finish(
            *[names[root] for root in roots],
            answers=tuple(range(len(roots))) if answers is None else tuple(answers),
            smooth=True,
        )

    def _joined(self, f: int, g: int, unit: int, known: dict[tuple[int, int], int]) -> int:
        """By the operation that has this constant as its unit; the other constant absorbs."""
        if f == g or g == unit:
            return f
        if f == unit:
            return g
        if f <= TRUE or g <= TRUE:
            return TRUE - unit
        key = (f, g) if f < g else (g, f)
        found = known.get(key)
        if found is None:
            level, below, joined = self.levels[f], self.levels[g], self._joined
            if level == below:
                pairs = zip(self.children[f], self.children[g], strict=True)
                children = [joined(a, b, unit, known) for a, b in pairs]
            elif level < below:
                children = [joined(a, g, unit, known) for a in self.children[f]]
            else:
                level, children = below, [joined(f, b, unit, known) for b in self.children[g]]
            found = known[key] = self.node(level, tuple(children))
        return found

    def _look(self) -> None:
        if len(self.levels) > self.max_nodes:
            raise DiagramTooLargeError(f"the diagrams have more than {self.max_nodes:,} nodes")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DiagramTooLargeError("the diagrams took more than the time that they have")


class _Smooth:
    """Sets of values, and products of all values of variables, each made once."""

    def __init__(self, builder: GraphBuilder, numbers: Sequence[Sequence[int]]) -> None:
        self.builder, self.numbers = builder, numbers
        self._values: dict[tuple[int, tuple[int, ...]], int] = {}
        self._gaps: dict[int, int] = {}

    def values(self, level: int, values: Sequence[int]) -> int:
        key = (level, tuple(values))
        if key not in self._values:
            own = [self.builder.literal(self.numbers[level][v]) for v in values]
            self._values[key] = own[0] if len(own) == 1 else self.builder.disjoin(own)
        return self._values[key]

    def gap(self, scope: int) -> list[int]:
        """Variables of which a branch does not speak: none, or one node."""
        return [self._gap(scope, 0, len(self.numbers))] if scope else []

    def _gap(self, scope: int, low: int, high: int) -> int:
        found = self._gaps.get(scope)
        if found is None:
            if scope & (scope - 1) == 0:
                level = scope.bit_length() - 1
                found = self.values(level, range(len(self.numbers[level])))
            else:
                middle = (low + high) // 2
                below = scope & ((1 << middle) - 1)
                above = scope & ~below
                if not below:
                    return self._gap(scope, middle, high)
                if not above:
                    return self._gap(scope, low, middle)
                parts = [self._gap(below, low, middle), self._gap(above, middle, high)]
                found = self.builder.conjoin(parts)
            self._gaps[scope] = found
        return found
