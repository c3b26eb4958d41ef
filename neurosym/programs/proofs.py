"""The proofs of a query: the least sets of choices that make it true whatever the others do.

    q :- a. q :- b, \\+ c.     proofs of q: {a}, {b, not c}

For a proof a choice has one more value, "open". An atom is proved where a rule's body is, and
disproved where every rule has a part that is disproved; both are monotone in what is chosen, so the
least sets are well defined, and each choice of a proof counts once however often the proof uses it.
The least sets of a monotone diagram are again a diagram (Rauzy 1993, "New algorithms for fault
trees analysis", https://doi.org/10.1016/0951-8320(93)90060-C).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

from neurosym.circuits.graph import Graph, GraphBuilder
from neurosym.circuits.sources.decisions import FALSE, TRUE, Decisions
from neurosym.programs.dependence import Component
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule


class Proof(NamedTuple):
    """One proof."""

    weight: float
    """The sum of the log-probabilities of what is chosen."""
    chosen: tuple[tuple[int, int], ...]
    """Choices and their values."""


class Proofs:
    """The proofs of the atoms of a program, as diagrams whose last value of each choice is open."""

    def __init__(
        self,
        program: GroundProgram,
        parts: Sequence[Component],
        diagrams: Decisions,
        levels: Mapping[int, int],
    ) -> None:
        """Args as of `atom_diagrams`; each level has one value more than its choice."""
        self.diagrams, self.levels = diagrams, levels
        self.choice_at = {level: choice for choice, level in levels.items()}
        self.true = [FALSE] * len(program.atoms)
        self.untrue = [FALSE] * len(program.atoms)
        self._least: dict[int, int] = {FALSE: FALSE, TRUE: TRUE}
        self._left: dict[tuple[int, int], int] = {}
        rules = program.rules_of()
        denied = {-x - 1 for own in rules for rule in own for x in rule.body if x < 0}
        denied |= {atom for _, atom, seen in program.evidence if atom >= 0 and not seen}
        denied = _with_what_they_use(denied, rules)
        for part in parts:
            self._prove(part, rules)
            if denied & set(part.atoms):
                self._disprove(part, rules)

    def literal(self, x: int) -> int:
        """Where a literal is proved."""
        return self.true[x - 1] if x > 0 else self.untrue[-x - 1]

    def least(self, node: int) -> int:
        """The least sets of a monotone diagram, as paths: what is open on a path is not in it."""
        found = self._least.get(node)
        if found is None:
            level, children = self.diagrams.levels[node], self.diagrams.children[node]
            rest = self.least(children[-1])
            own = [self._without(self.least(child), children[-1]) for child in children[:-1]]
            found = self._family(level, (*own, rest))
            self._least[node] = found
        return found

    def graph(
        self,
        roots: Sequence[int],
        answers: Sequence[Hashable],
        numbers: Mapping[int, Sequence[int]],
        variables: int,
    ) -> Graph:
        """Families of sets as sums of products: each set is one product of what is in it."""
        builder = GraphBuilder(variables)
        names = {TRUE: builder.true(), FALSE: builder.false()}
        for node in self.diagrams.reachable(roots):
            level, children = self.diagrams.levels[node], self.diagrams.children[node]
            own = numbers[self.choice_at[level]]
            branches = []
            for value, child in enumerate(children):
                if child == FALSE:
                    continue
                if value == len(own):
                    branches.append(names[child])
                elif child == TRUE:
                    branches.append(builder.literal(own[value]))
                else:
                    branches.append(builder.conjoin([builder.literal(own[value]), names[child]]))
            names[node] = builder.disjoin(branches)
        return builder.finish(*[names[r] for r in roots], answers=tuple(answers), smooth=True)

    def best(self, node: int, weights: Sequence[Sequence[float]]) -> Iterator[Proof]:
        """The proofs of a family of least sets, the likeliest first, by log-weights of values."""
        bound = self._bounds(node, weights)
        order = itertools.count()
        heap: list[tuple[float, int, int, float, tuple[tuple[int, int], ...]]]
        heap = [(-bound[node], next(order), node, 0.0, ())] if node != FALSE else []
        while heap:
            _, _, at, weight, chosen = heapq.heappop(heap)
            if at == TRUE:
                yield Proof(weight, chosen)
                continue
            level, children = self.diagrams.levels[at], self.diagrams.children[at]
            choice = self.choice_at[level]
            for value, child in enumerate(children):
                if child == FALSE or bound[child] == -float("inf"):
                    continue
                if value == len(children) - 1:
                    now, more = weight, chosen
                else:
                    now = weight + weights[choice][value]
                    more = (*chosen, (choice, value))
                    if now == -float("inf"):
                        continue
                heapq.heappush(heap, (-(now + bound[child]), next(order), child, now, more))

    def _bounds(self, node: int, weights: Sequence[Sequence[float]]) -> dict[int, float]:
        """The weight of the best set below each node."""
        found = {TRUE: 0.0, FALSE: -float("inf")}
        for own in self.diagrams.reachable([node]):
            children = self.diagrams.children[own]
            table = weights[self.choice_at[self.diagrams.levels[own]]]
            ways = [found[children[-1]]]
            ways += [x + found[c] for x, c in zip(table, children[:-1], strict=False)]
            found[own] = max(ways)
        return found

    def _prove(self, part: Component, rules: Sequence[Sequence[Rule]]) -> None:
        """The least fixpoint: what no rule proves stays unproved."""

        def proved(atom: int) -> int:
            return self.diagrams.disjoin_all([self._body(rule) for rule in rules[atom]])

        _iterate(part, self.true, proved)

    def _disprove(self, part: Component, rules: Sequence[Sequence[Rule]]) -> None:
        """The greatest fixpoint: a positive loop that nothing else supports is disproved."""

        def disproved(atom: int) -> int:
            return self.diagrams.conjoin_all([self._against(rule) for rule in rules[atom]])

        for atom in part.atoms:
            self.untrue[atom] = TRUE
        _iterate(part, self.untrue, disproved)

    def _body(self, rule: Rule) -> int:
        parts = [self.literal(x) for x in rule.body]
        if rule.choice != NO_CHOICE:
            parts.append(self.diagrams.literal(self.levels[rule.choice], [rule.value]))
        return self.diagrams.conjoin_all(parts)

    def _against(self, rule: Rule) -> int:
        parts = [self.literal(-x) for x in rule.body]
        if rule.choice != NO_CHOICE:
            level = self.levels[rule.choice]
            others = [v for v in range(self.diagrams.sizes[level] - 1) if v != rule.value]
            parts.append(self.diagrams.literal(level, others))
        return self.diagrams.disjoin_all(parts)

    def _family(self, level: int, children: tuple[int, ...]) -> int:
        """A node of a family: what nothing chooses stays open."""
        if all(child == FALSE for child in children[:-1]):
            return children[-1]
        return self.diagrams.node(level, children)

    def _without(self, family: int, holds: int) -> int:
        """The sets of a family under which a monotone diagram does not hold."""
        if family == FALSE or holds == FALSE:
            return family
        if holds == TRUE:
            return FALSE
        if family == TRUE:
            while holds > TRUE:
                holds = self.diagrams.children[holds][-1]
            return FALSE if holds == TRUE else TRUE
        key = (family, holds)
        found = self._left.get(key)
        if found is None:
            own, other = self.diagrams.levels[family], self.diagrams.levels[holds]
            if other < own:
                found = self._without(family, self.diagrams.children[holds][-1])
            else:
                children = self.diagrams.children[family]
                against = self.diagrams.children[holds] if own == other else [holds] * len(children)
                ways = tuple(self._without(x, y) for x, y in zip(children, against, strict=True))
                found = self._family(own, ways)
            self._left[key] = found
        return found


def _iterate(part: Component, values: list[int], step: Callable[[int], int]) -> None:
    """Replaces the values of a component's atoms by what they imply, until none of them changes."""
    changed = True
    while changed:
        changed = False
        for atom in part.atoms:
            found = step(atom)
            if found != values[atom]:
                values[atom], changed = found, part.cyclic


def _with_what_they_use(atoms: set[int], rules: Sequence[Sequence[Rule]]) -> set[int]:
    """The atoms, and all that their rules mention."""
    found: set[int] = set()
    stack = list(atoms)
    while stack:
        atom = stack.pop()
        if atom not in found:
            found.add(atom)
            stack.extend(abs(x) - 1 for rule in rules[atom] for x in rule.body)
    return found
