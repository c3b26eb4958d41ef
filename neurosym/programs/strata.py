"""Which predicates depend on which: components, in the order in which they can be known."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from neurosym.programs.clauses import Clause, Clauses, Signature
from neurosym.programs.terms import Term, signature

Node = TypeVar("Node", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Strata:
    """The component of each predicate; those that it depends on have lower numbers."""

    numbers: Mapping[Signature, int]

    def below(self, atom: Term, clause: Clause | None) -> bool:
        """Whether an atom is known before the heads of a clause are."""
        if clause is None:
            return True
        own = self.numbers[signature(clause.heads[0].atom)]
        return self.numbers[signature(atom)] < own


@dataclasses.dataclass(frozen=True)
class PredicateGraph:
    """Which predicates need which.

    Attributes:
      names: "name/arity".
      edges: from a predicate to one that it needs; True where it is negated or collected.
      components: predicates that depend on each other, each after those that it needs.
    """

    names: tuple[str, ...]
    edges: Mapping[tuple[int, int], bool]
    components: tuple[tuple[int, ...], ...]

    def recursive(self) -> set[int]:
        """The predicates that depend on themselves."""
        return {n for own in self.components for n in own if len(own) > 1 or (n, n) in self.edges}


def predicate_graph(clauses: Clauses) -> PredicateGraph:
    """The predicates as they are written: what stands for a negation is passed through."""
    direct: dict[Signature, dict[Signature, bool]] = {}
    for clause in clauses.clauses:
        for head in clause.heads:
            own = direct.setdefault(signature(head.atom), {})
            for goals in clause.bodies:
                for goal in goals:
                    if goal.kind not in ("builtin", "foreign"):
                        key = signature(goal.atom)
                        own[key] = own.get(key, False) or goal.kind != "call"
                        direct.setdefault(key, {})
    shown = [key for key in direct if not key[0].startswith("$")]
    number = {key: n for n, key in enumerate(shown)}
    edges: dict[tuple[int, int], bool] = {}
    for key in shown:
        stack = list(direct[key].items())[::-1]
        seen: set[tuple[Signature, bool]] = set()
        while stack:
            other, negated = stack.pop()
            if (other, negated) in seen:
                continue
            seen.add((other, negated))
            if other in number:
                place = (number[key], number[other])
                edges[place] = edges.get(place, False) or negated
            else:
                stack += [(n, negated or own) for n, own in direct[other].items()]
    needs = {n: [b for a, b in edges if a == n] for n in range(len(shown))}
    return PredicateGraph(
        tuple(f"{name}/{arity}" for name, arity in shown),
        edges,
        tuple(tuple(sorted(own)) for own in components(needs)),
    )


def strata_of(clauses: Clauses) -> Strata:
    """The components of the predicates of a program."""
    found: dict[Signature, int] = {}
    for number, component in enumerate(components(dependencies(clauses))):
        found |= dict.fromkeys(component, number)
    return Strata(found)


def dependencies(clauses: Clauses) -> dict[Signature, list[Signature]]:
    """What each predicate calls, negates or collects; the heads of one clause depend on each other,
    since they are one choice."""
    found: dict[Signature, dict[Signature, None]] = {}
    for clause in clauses.clauses:
        heads = [signature(head.atom) for head in clause.heads]
        called = [
            signature(goal.atom)
            for goals in clause.bodies
            for goal in goals
            if goal.kind not in ("builtin", "foreign")
        ]
        for head in heads:
            found.setdefault(head, {}).update(dict.fromkeys(called))
    for own in list(found.values()):
        for key in own:
            found.setdefault(key, {})
    return {key: list(own) for key, own in found.items()}


def components(edges: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """Strongly connected components, each after those that it points to.

    Tarjan 1972, "Depth-first search and linear graph algorithms",
    https://doi.org/10.1137/0201010; without recursion.
    """
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    found: list[list[Node]] = []
    for start in edges:
        if start in number:
            continue
        number[start] = low[start] = len(number)
        stack.append(start)
        on_stack.add(start)
        work = [(start, iter(edges[start]))]
        while work:
            node, rest = work[-1]
            for child in rest:
                if child not in number:
                    number[child] = low[child] = len(number)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(edges[child])))
                    break
                if child in on_stack:
                    low[node] = min(low[node], number[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    own = []
                    while True:
                        last = stack.pop()
                        on_stack.discard(last)
                        own.append(last)
                        if last == node:
                            break
                    found.append(own)
    return found


def path_between(
    start: Node, goal: Node, edges: Mapping[Node, Iterable[Node]], within: Iterable[Node]
) -> list[Node]:
    """A shortest way from one node to another inside of a set; both ends are in it."""
    allowed = set(within)
    before: dict[Node, Node] = {}
    level = [start]
    while level:
        following = []
        for node in level:
            for child in edges[node]:
                if child in allowed and child not in before:
                    before[child] = node
                    following.append(child)
                    if child == goal:
                        way = [child]
                        while way[-1] != start or len(way) == 1:
                            way.append(before[way[-1]])
                            if way[-1] == start:
                                break
                        return way[::-1]
        level = following
    return []
