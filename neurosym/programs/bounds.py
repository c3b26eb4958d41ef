"""Lower and upper bounds of each query that are sound at any time, and closer the longer it runs.

    a share of the time: compile, and answer exactly
    then sweep over the rules again and again, with 2^6, 2^8, 2^10, ... states at once
        what has made the query true is certainly true, what was dropped may be either way

A sweep (`sweep`) passes the probability of every state on. Where there are more states than allowed
the least likely ones are dropped, and their probability is counted as undecided: what is true so
far is a lower bound, and with what is undecided an upper bound. Both hold in every program with
stratified negation, and where nothing was dropped they meet.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from neurosym.circuits.sources.decisions import DiagramTooLargeError
from neurosym.programs.compilation import compile_program, relevant_blocks
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule
from neurosym.programs.ordering import ordered
from neurosym.programs.question import ProgramQuery
from neurosym.programs.sweep import HOLDS, Block, Plan, State, advance, plan_of
from neurosym.programs.syntax import ProgramError

EXACT_SHARE = 0.4
"""Of the time, that compiling may take."""

FIRST_STATES, GROWTH = 64, 4


class Bounds(NamedTuple):
    """What is known of one query."""

    lower: float
    upper: float

    @property
    def exact(self) -> bool:
        """The bounds meet, up to rounding."""
        return self.upper - self.lower <= 1e-12

    def and_also(self, other: Bounds) -> Bounds:
        """Both are sound, so the closer ends are."""
        return Bounds(max(self.lower, other.lower), min(self.upper, other.upper))


def bounds(
    question: ProgramQuery, *, seconds: float, try_exact: bool = True, most_states: int = 2**22
) -> list[Bounds]:
    """Bounds of the probability of each query given the evidence.

    Args:
      question: without networks.
      seconds: the time that may pass, apart from grounding; a little more where it is very short.
      try_exact: compile first.
      most_states: after a sweep with so many states at once it ends.

    Raises:
      ProgramError: negation is not stratified, or the evidence is inconsistent.
    """
    start = time.monotonic()
    stop = start + seconds
    if try_exact:
        try:
            deadline = start + EXACT_SHARE * seconds
            question.use(compile_program(question.ground, deadline=deadline))
            values = question.probabilities().values()
            return [Bounds(value, value) for value in values]
        except DiagramTooLargeError:
            pass
        except ProgramError as error:
            if "too large" not in str(error):
                raise
    sweeps = _Sweeps(question.ground, question.plain_choices())
    found = [Bounds(0.0, 1.0) for _ in question.ground.queries]
    states = FIRST_STATES
    while states <= most_states and not all(own.exact for own in found):
        for number, own in enumerate(found):
            if not own.exact:
                found[number] = own.and_also(sweeps.query(number, states, stop))
        if time.monotonic() > stop:
            break
        states *= GROWTH
    return found


class _Sweeps:
    """The sweeps of a ground program's queries, planned once."""

    def __init__(self, program: GroundProgram, weights: Sequence[Sequence[float]]) -> None:
        self.program, self.weights = program, weights
        asked = [atom for _, atom in program.queries] + [atom for _, atom, _ in program.evidence]
        kept = list(dict.fromkeys(atom for atom in asked if atom >= 0))
        self.blocks, _ = ordered(program.rules, kept)
        self.seen = [
            (atom + 1) * (1 if value else -1) for _, atom, value in program.evidence if atom >= 0
        ]
        self.impossible = any(atom < 0 and value for _, atom, value in program.evidence)
        if self.impossible:
            raise ProgramError("the evidence is inconsistent: an atom of it is never true")
        self._plans: dict[tuple[int, ...], Plan] = {}

    def query(self, number: int, states: int, stop: float) -> Bounds:
        """Bounds of one query given the evidence."""
        atom = self.program.queries[number][1]
        if atom < 0:
            return Bounds(0.0, 0.0)
        with_query = self.literals([atom + 1, *self.seen], states, stop)
        if not self.seen:
            return with_query
        without = self.literals([-1 - atom, *self.seen], states, stop)
        if with_query.upper + without.upper <= 0:
            raise ProgramError("the evidence is inconsistent: its probability is 0")
        return Bounds(
            _ratio(with_query.lower, without.upper, 0.0),
            _ratio(with_query.upper, without.lower, 1.0),
        )

    def literals(self, literals: Sequence[int], states: int, stop: float) -> Bounds:
        """Bounds of the probability that some literals hold together."""
        key = tuple(sorted(set(literals)))
        if any(-x in key for x in key):
            return Bounds(0.0, 0.0)
        if key not in self._plans:
            root = len(self.program.atoms)
            first = Block(NO_CHOICE, (Rule(root, key, NO_CHOICE, 0, -1),))
            sizes = {c: choice.size for c, choice in enumerate(self.program.choices)}
            own = relevant_blocks(self.blocks, key)
            self._plans[key] = plan_of([first, *own], root, sizes)
        return _swept(self._plans[key], self.weights, states, stop)


def _swept(plan: Plan, weights: Sequence[Sequence[float]], most: int, stop: float) -> Bounds:
    states: dict[State, float] = {((),) * plan.width: 1.0}
    true, undecided = 0.0, 0.0
    for step in plan.steps:
        if time.monotonic() > stop:
            return _bounds(true, undecided + math.fsum(states.values()))
        following: dict[State, float] = {}
        values = (1.0,) if step.choice == NO_CHOICE else weights[step.choice]
        for state, mass in states.items():
            for clauses, weight in zip(step.clauses, values, strict=False):
                if weight == 0:
                    continue
                new = advance(state, clauses, step, plan.width)
                if new[plan.root] == HOLDS:
                    true += mass * weight
                else:
                    following[new] = following.get(new, 0.0) + mass * weight
        if len(following) > most:
            kept = heapq.nlargest(most, following.items(), key=lambda item: item[1])
            undecided += math.fsum(following.values()) - math.fsum(mass for _, mass in kept)
            following = dict(kept)
        states = following
    return _bounds(true, undecided)


def _bounds(true: float, undecided: float) -> Bounds:
    return Bounds(min(true, 1.0), min(true + max(undecided, 0.0), 1.0))


def _ratio(own: float, other: float, unknown: float) -> float:
    return own / (own + other) if own + other > 0 else unknown
