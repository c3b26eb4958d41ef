"""Relevant grounding: top-down from queries and evidence, with a table for each call.

    path(1, X) is called   ─▶ table path(1, X); its clauses run, goal by goal, from left to right
    edge(1, Z) is a goal   ─▶ its own table; whoever waits for it goes on with each new answer
    path(Z, X) with Z = 2  ─▶ another table, or one that is there already: loops end

Answers have no variables. Whatever a body used to derive its head becomes one ground rule; the same
rule by two ways is one rule, and the same clause under the same variables is one choice. A
negation waits until all is known of what it negates, where the program's strata allow that; so
certain facts decide it, and it leaves a literal only where the world decides.
(Chen and Warren 1996, "Tabled evaluation with delaying for general logic programs",
https://doi.org/10.1145/227595.227597.)
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import itertools
from collections.abc import Sequence

from neurosym.programs.arithmetic import EvaluationError
from neurosym.programs.asking import Asking
from neurosym.programs.clauses import Asked, Clauses, Goal
from neurosym.programs.computing import Foreign, computed
from neurosym.programs.folding import Fold
from neurosym.programs.gathering import Gathered
from neurosym.programs.ground import GroundProgram, simplified
from neurosym.programs.index import ClauseIndex
from neurosym.programs.limits import MAX_GROUND, Growth, check_depth, deep_recursion
from neurosym.programs.strata import Strata, strata_of
from neurosym.programs.syntax import ProgramError
from neurosym.programs.tables import Frame, Owner, Table, Tables
from neurosym.programs.terms import (
    Bindings,
    Term,
    is_ground,
    resolve,
    show,
    signature,
    unify,
    variables_of,
)


def ground(
    clauses: Clauses,
    *,
    queries: Sequence[Asked] | None = None,
    evidence: Sequence[Asked] | None = None,
    foreign: Foreign | None = None,
    limit: int = MAX_GROUND,
) -> GroundProgram:
    """Grounds what some queries and evidence depend on.

    Args:
      clauses: the program.
      queries, evidence: None takes those of the program's text.
      foreign: the Python functions of ``clauses.foreign``.
      limit: calls, answers and rules, after which grounding counts as infinite.

    Raises:
      ProgramError: a predicate is not defined, an answer or negation has unbound variables, a
        computation fails, grounding does not end, or evidence is not ground.
    """
    asked = clauses.queries if queries is None else queries
    seen = clauses.evidence if evidence is None else evidence
    with deep_recursion():
        return _Grounder(clauses, asked, seen, foreign or {}, limit).run()


class _Grounder:
    def __init__(
        self,
        clauses: Clauses,
        queries: Sequence[Asked],
        evidence: Sequence[Asked],
        foreign: Foreign,
        limit: int,
    ) -> None:
        self.clauses, self.foreign = clauses, foreign
        self.index = ClauseIndex(clauses)
        self.strata: Strata = strata_of(clauses)
        self.growth = Growth(clauses, limit)
        self.found = Gathered(self.growth)
        self.tables = Tables()
        self.ready: collections.deque[tuple[Frame, Term | None, int]] = collections.deque()
        self.delayed: list[tuple[int, int, Frame]] = []
        self.order = itertools.count()
        known = frozenset(self.strata.numbers.keys() | clauses.foreign)
        self.asking = Asking(queries, evidence, known)

    def run(self) -> GroundProgram:
        for number, asked in self.asking.known():
            owner = Owner(None, number, None, asked)
            for goals in asked.bodies:
                self.ready.append((Frame(owner, goals, 0, {}, ()), None, 0))
        self.saturate()
        atoms = self.found.atoms
        made = GroundProgram(
            atoms=tuple(atoms),
            rules=tuple(self.found.rules),
            choices=tuple(self.found.choices),
            queries=tuple(self.asking.queries(atoms)),
            evidence=tuple(self.asking.evidence(atoms, self.strata.numbers)),
            certain=frozenset(),
            places=tuple(clause.place for clause in self.clauses.clauses),
            shown=tuple(self.clauses.shown.items()),
        )
        return dataclasses.replace(simplified(made), warnings=tuple(self.asking.warnings))

    def saturate(self) -> None:
        """Runs until nothing is left to do; negations when all below them is known."""
        while True:
            while self.ready:
                frame, answer, atom = self.ready.popleft()
                if answer is not None:
                    resumed = self.resume(frame, answer, atom)
                    if resumed is None:
                        continue
                    frame = resumed
                self.advance(frame)
            if not self.delayed:
                return
            _, _, frame = heapq.heappop(self.delayed)
            self.decide(frame)

    def advance(self, frame: Frame) -> None:
        """Goes on with a body until it has to wait for answers."""
        owner, goals, position, bindings, literals = frame
        while position < len(goals):
            goal = goals[position]
            frame = Frame(owner, goals, position, bindings, literals)
            if goal.kind == "call":
                self.wait(frame, resolve(goal.atom, bindings))
                return
            if goal.kind == "not":
                atom = resolve(goal.atom, bindings)
                if not is_ground(atom):
                    raise self.unbound(goal.atom, bindings, owner)
                self.table(atom, owner)
                if self.strata.below(goal.atom, owner.clause):
                    self.delay(frame, goal)
                    return
                literals = (*literals, -1 - self.found.atom(atom))
                position += 1
                continue
            if goal.kind in ("builtin", "foreign"):
                ways = [
                    Frame(owner, goals, position + 1, found, literals)
                    for found in computed(goal, bindings, self.foreign, owner.place)
                ]
                if not ways:
                    return
                self.ready.extend((way, None, 0) for way in ways[1:])
                bindings = ways[0].bindings
                position += 1
                continue
            if not self.strata.below(goal.atom, owner.clause):
                raise owner.place.error(
                    f"{goal.kind} over {self.clauses.show(goal.atom)} depends on its own result"
                )
            self.table(resolve(goal.atom, bindings), owner)
            self.delay(frame, goal)
            return
        self.finish(Frame(owner, goals, position, bindings, literals))

    def resume(self, frame: Frame, answer: Term, atom: int) -> Frame | None:
        """The body with the answer to the goal that it waited for."""
        bindings = dict(frame.bindings)
        pattern = frame.goals[frame.position].atom
        if not unify(pattern, answer, bindings):
            return None
        literals = frame.literals
        if atom not in self.found.certain:
            literals = (*literals, 1 + atom)
        return Frame(frame.owner, frame.goals, frame.position + 1, bindings, literals)

    def delay(self, frame: Frame, goal: Goal) -> None:
        stratum = self.strata.numbers[signature(goal.atom)]
        heapq.heappush(self.delayed, (stratum, next(self.order), frame))

    def decide(self, frame: Frame) -> None:
        """A negation, or a collection of answers, now that all is known of them."""
        goal = frame.goals[frame.position]
        call = resolve(goal.atom, frame.bindings)
        table, _ = self.tables.of(call)
        if goal.kind == "not":
            literals = frame.literals
            if table.answers:
                atom = self.found.atoms[call]
                if atom in self.found.certain:
                    return
                literals = (*literals, -1 - atom)
            self.ready.append(
                (frame._replace(position=frame.position + 1, literals=literals), None, 0)
            )
            return
        for result, literal in self.collected(goal, frame, table):
            bindings = dict(frame.bindings)
            if unify(goal.result, result, bindings):
                literals = frame.literals if not literal else (*frame.literals, literal)
                way = Frame(frame.owner, frame.goals, frame.position + 1, bindings, literals)
                self.ready.append((way, None, 0))

    def collected(self, goal: Goal, frame: Frame, table: Table) -> Fold:
        """The values of a collection, each with the literal under which it has that value."""
        template = resolve(goal.template, frame.bindings)
        call = resolve(goal.atom, frame.bindings)
        items = []
        for answer, atom in table.answers.items():
            bindings: Bindings = {}
            if unify(call, answer, bindings):
                literal = 0 if atom in self.found.certain else 1 + atom
                items.append((resolve(template, bindings), literal))
        try:
            return self.found.fold(goal.kind, items)
        except EvaluationError as error:
            raise frame.owner.place.error(str(error)) from None

    def wait(self, frame: Frame, call: Term) -> None:
        """Registers for the answers to a call; those that are there come at once."""
        table = self.table(call, frame.owner)
        table.waiting.append(frame)
        for answer, atom in table.answers.items():
            self.ready.append((frame, answer, atom))

    def table(self, call: Term, owner: Owner) -> Table:
        """The table of a call; a new one starts its clauses."""
        found, new = self.tables.of(call)
        if not new:
            return found
        check_depth(call, owner.place)
        key = found.call
        self.growth.count(signature(key))
        for clause, head, atom, bound in self.index.matching(key):
            bindings: Bindings = dict(bound)
            if not unify(atom, key, bindings):
                continue
            for goals in clause.bodies:
                frame = Frame(Owner(clause, head, found, None), goals, 0, bindings, ())
                self.ready.append((frame, None, 0))
        return found

    def finish(self, frame: Frame) -> None:
        """A body holds: its head is an answer, by one more rule."""
        clause, asked = frame.owner.clause, frame.owner.asked
        if clause is None:
            assert asked is not None
            self.ask(asked, frame.owner.head, frame)
            return
        own, value = clause, frame.owner.head
        body = tuple(sorted(set(frame.literals)))
        if any(-x in body for x in body):
            return
        atom = own.heads[0 if own.neural else value].atom
        head = resolve(atom, frame.bindings)
        if not is_ground(head):
            raise own.place.error(
                f"unsafe: {_open_variables(atom, frame.bindings)} in the head {show(atom)} is not "
                "bound by the body"
            )
        number = self.found.derive(own, value, head, body, frame.bindings)
        if number is None:
            return
        table = frame.owner.table
        assert table is not None
        if head not in table.answers:
            check_depth(head, own.place)
            table.answers[head] = number
            self.growth.count(signature(head))
            for waiting in table.waiting:
                if isinstance(waiting, int):
                    self.asking.named[waiting][head] = None
                else:
                    self.ready.append((waiting, head, number))

    def ask(self, asked: Asked, number: int, frame: Frame) -> None:
        """A query or evidence is asked, under the bindings of its body."""
        atom = resolve(asked.atom, frame.bindings)
        table = self.table(atom, frame.owner)
        if is_ground(atom):
            self.asking.named[number][atom] = None
            return
        if asked.value is not None:
            raise asked.place.error(f"evidence has no variables: {show(atom)}")
        for answer in table.answers:
            self.asking.named[number][answer] = None
        table.waiting.append(number)

    def unbound(self, atom: Term, bindings: Bindings, owner: Owner) -> ProgramError:
        names, said = _open_variables(atom, bindings), self.clauses.show(atom)
        return owner.place.error(
            f'unsafe: {names} in \\+ {said} is not bound before it; write _ for "there is none"'
        )


def _open_variables(term: Term, bindings: Bindings) -> str:
    """The variables of a term that are not bound, by the names that they have in it."""
    names = [v.name for v in variables_of(term) if not is_ground(resolve(v, bindings))]
    return ", ".join(sorted(names))
