"""What a semiring makes of a question: probabilities of models, or something of its proofs.

    q :- a. q :- b.   0.5::a. 0.4::b.      real, log     over worlds: P(q) = 0.7
    proofs of q: {a}, {b}                  max_times     the best proof: 0.5
                                           counting      how many proofs: 2
                                           add_mult      min(1, 0.5 + 0.4) = 0.9
                                           top_k_proofs  P(some of the k best) = 0.5 for k = 1

A semiring in which a model would count twice if two proofs told of it, and may not, reads worlds;
all others read the least proofs: ⊕ over proofs of ⊗ over what each of them chooses, each choice
once. This file answers by Python alone; `ProgramQuery.__call__` is the same in JAX.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from neurosym.circuits.evaluation.plain import best_model
from neurosym.circuits.sources.decisions import FALSE, TRUE, Decisions
from neurosym.programs.dependence import components_of
from neurosym.programs.ground import NO_CHOICE
from neurosym.programs.ordering import ordered
from neurosym.programs.proofs import Proof, Proofs
from neurosym.programs.question import ProgramQuery
from neurosym.programs.syntax import ProgramError

MAX_PROOF_NODES = 2_000_000
"""Nodes of the diagrams of proofs."""

COUNT_LIMIT = 2**31 - 1
"""A count of this value says "at least", as in COUNTING."""


class Explanation(NamedTuple):
    """The most probable world in which a query and the evidence hold."""

    probability: float
    chosen: tuple[tuple[int, int], ...]
    """Every choice and its value; empty where there is no such world."""


class ProofReader:
    """The proofs of a question's queries, together with the evidence."""

    def __init__(self, question: ProgramQuery) -> None:
        self.question = question
        program = question.ground
        parts = components_of(program)
        kept = [atom for _, atom in program.queries if atom >= 0]
        blocks, _ = ordered(program.rules, kept)
        order = list(dict.fromkeys(b.choice for b in blocks if b.choice != NO_CHOICE))
        order += [c for c in range(len(program.choices)) if c not in set(order)]
        levels = {choice: level for level, choice in enumerate(order)}
        self.diagrams = Decisions(
            [program.choices[c].size + 1 for c in order], max_nodes=MAX_PROOF_NODES
        )
        with self.diagrams.deep():
            self.proofs = Proofs(program, parts, self.diagrams, levels)
            evidence = self.diagrams.conjoin_all(
                self.proofs.literal(1 + atom if seen else -1 - atom) if atom >= 0 else int(not seen)
                for _, atom, seen in program.evidence
            )
            holds = [
                self.diagrams.conjoin(self.proofs.true[atom], evidence) if atom >= 0 else FALSE
                for _, atom in program.queries
            ]
            self.families = [self.proofs.least(node) for node in holds]

    def best(self, query: int, weights: Sequence[Sequence[float]], k: int) -> list[Proof]:
        """The k likeliest proofs of a query, fewer where there are fewer."""
        return list(itertools.islice(self.proofs.best(self.families[query], weights), k))

    def count(self, query: int) -> int:
        """How many proofs there are, at most `COUNT_LIMIT`."""
        return min(int(self._fold(query, lambda choice, value, below: below, 1, 0)), COUNT_LIMIT)

    def sum_of_products(self, query: int, weights: Sequence[Sequence[float]]) -> float:
        """The sum over proofs of the products of probabilities."""
        return self._fold(
            query, lambda choice, value, below: math.exp(weights[choice][value]) * below, 1.0, 0.0
        )

    def strongest(self, query: int, weights: Sequence[Sequence[float]]) -> float:
        """The largest, over proofs, of their smallest probability."""
        found: dict[int, float] = {TRUE: 1.0, FALSE: 0.0}
        for node, choice, children in self._nodes(query):
            ways = [found[children[-1]]]
            ways += [
                min(math.exp(w), found[child])
                for w, child in zip(weights[choice], children[:-1], strict=False)
            ]
            found[node] = max(ways)
        return found[self.families[query]]

    def any_of_best(self, query: int, weights: Sequence[Sequence[float]], k: int) -> float:
        """The probability that some of the k likeliest proofs holds, exactly."""
        proofs = self.best(query, weights, k)
        order = sorted({choice for proof in proofs for choice, _ in proof.chosen})
        levels = {choice: level for level, choice in enumerate(order)}
        sizes = [self.question.ground.choices[c].size for c in order]
        diagrams = Decisions(sizes)
        root = diagrams.disjoin_all(
            diagrams.conjoin_all(diagrams.literal(levels[c], [v]) for c, v in proof.chosen)
            for proof in proofs
        )
        found: dict[int, float] = {TRUE: 1.0, FALSE: 0.0}
        for node in diagrams.reachable([root]):
            own = weights[order[diagrams.levels[node]]]
            found[node] = math.fsum(
                math.exp(w) * found[child]
                for w, child in zip(own, diagrams.children[node], strict=False)
            )
        return found[root]

    def _fold(
        self,
        query: int,
        product: Callable[[int, int, float], float],
        one: float,
        zero: float,
    ) -> float:
        found: dict[int, float] = {TRUE: one, FALSE: zero}
        for node, choice, children in self._nodes(query):
            total = found[children[-1]]
            for value, child in enumerate(children[:-1]):
                if child != FALSE:
                    total += product(choice, value, found[child])
            found[node] = total
        return found[self.families[query]]

    def _nodes(self, query: int) -> list[tuple[int, int, tuple[int, ...]]]:
        diagrams = self.diagrams
        return [
            (node, self.proofs.choice_at[diagrams.levels[node]], diagrams.children[node])
            for node in diagrams.reachable([self.families[query]])
        ]


def explanation(question: ProgramQuery, query: int) -> Explanation:
    """The most probable world in which a query holds, and the evidence."""
    weights = question.plain_weights()
    width = question.compiled.width
    weight, literals = best_model(question.compiled.graph, [x for w in weights for x in w], query)
    if weight == -math.inf:
        return Explanation(0.0, ())
    chosen = {(n - 1) // width: (n - 1) % width for n in literals}
    for choice, own in enumerate(weights):
        if choice not in chosen:  # the query does not depend on it: its likeliest value
            chosen[choice] = max(range(len(own)), key=own.__getitem__)
            weight += own[chosen[choice]]
    return Explanation(math.exp(weight), tuple(sorted(chosen.items())))


PLAIN = ("real", "log", "counting", "min_plus", "max_min", "max_times", "add_mult", "top_k_proofs")
"""Semirings that `read` knows without JAX."""

OF_WORLDS = ("real", "log")
"""Those that it reads over worlds, by the compiled question."""


def read(question: ProgramQuery, semiring: str) -> list[float]:
    """The value of each query, by Python alone.

    Args:
      question: compiled or not.
      semiring: a name of `PLAIN`; ``top_k_proofs:3`` has its number behind a colon.

    Returns:
      Numbers as people read them: "max_times" gives the probability of the best proof, "log" a
      log-probability, "min_plus" the cost ``-log p`` of the cheapest proof.

    Raises:
      ProgramError: if there is no such name, or its number is missing.
    """
    name, _, number = semiring.partition(":")
    weights = question.plain_weights()
    if name not in PLAIN:
        raise ProgramError(f"there is no semiring {semiring!r} here; there are {', '.join(PLAIN)}")
    if (name == "top_k_proofs") != bool(number) or (number and not number.isdigit()):
        raise ProgramError("top_k_proofs has a number: top_k_proofs:3")
    if number and int(number) < 1:
        raise ProgramError("top_k_proofs keeps at least one proof")
    if name in OF_WORLDS:
        logs = question.log_probabilities()
        return [logs[a] if name == "log" else math.exp(logs[a]) for a in question.answers]
    reader = ProofReader(question)
    return [
        _of_proofs(reader, name, n, weights, int(number or 1)) for n in range(len(question.answers))
    ]


def _of_proofs(
    reader: ProofReader, name: str, query: int, weights: Sequence[Sequence[float]], k: int
) -> float:
    if name == "counting":
        return reader.count(query)
    if name == "max_min":
        return reader.strongest(query, weights)
    if name == "add_mult":
        return min(1.0, reader.sum_of_products(query, weights))
    if name == "top_k_proofs":
        return reader.any_of_best(query, weights, k)
    best = reader.best(query, weights, 1)
    if name == "min_plus":
        return -best[0].weight if best else math.inf
    return math.exp(best[0].weight) if best else 0.0
