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
import contextlib
import dataclasses
import heapq
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from neurosym.programs.arithmetic import EvaluationError
from neurosym.programs.builtins import BUILTINS, Equations
from neurosym.programs.clauses import Asked, Clause, Clauses, Goal, Signature, unknown
from neurosym.programs.folding import Fold, folded
from neurosym.programs.ground import NO_CHOICE, Choice, GroundProgram, Rule, simplified
from neurosym.programs.index import ClauseIndex
from neurosym.programs.labels import choice_of
from neurosym.programs.strata import Strata, strata_of
from neurosym.programs.syntax import Place, ProgramError
from neurosym.programs.terms import (
    DOT,
    Bindings,
    Term,
    Variable,
    from_python,
    is_ground,
    order_key,
    resolve,
    show,
    signature,
    subterms,
    to_python,
    unify,
    variables_of,
)

MAX_GROUND = 500_000
"""Calls, answers and rules of a grounding, unless the caller says otherwise."""

MAX_DEPTH = 400
"""How deep terms may nest while grounding; the items of a list are all as deep as the list."""

MAX_LIST = 5_000
"""Items of a list while grounding."""

Foreign = Mapping[Signature, Callable[..., Any]]


class Frame(NamedTuple):
    """A body that has come to one of its goals."""

    owner: Owner
    goals: tuple[Goal, ...]
    position: int
    bindings: Bindings
    literals: tuple[int, ...]


class Owner(NamedTuple):
    """Whose body it is: a head of a clause, for a table; or somebody who asks."""

    clause: Clause | None
    head: int
    table: Table | None
    asked: Asked | None

    @property
    def place(self) -> Place:
        return (self.clause or self.asked).place  # type: ignore[union-attr]


class Table:
    """The answers to one call, and who waits for more of them."""

    __slots__ = ("answers", "call", "waiting")

    def __init__(self, call: Term) -> None:
        self.call = call
        self.answers: dict[Term, int] = {}
        self.waiting: list[Frame | int] = []  # bodies, and the numbers of queries


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
    grounder = _Grounder(clauses, foreign or {}, limit)
    with _deep_recursion():
        return grounder.run(
            clauses.queries if queries is None else queries,
            clauses.evidence if evidence is None else evidence,
        )


class _Grounder:
    def __init__(self, clauses: Clauses, foreign: Foreign, limit: int) -> None:
        self.clauses, self.foreign, self.limit = clauses, foreign, limit
        self.index = ClauseIndex(clauses)
        self.strata: Strata = strata_of(clauses)
        self.tables: dict[Term, Table] = {}
        self.ready: collections.deque[tuple[Frame, Term | None, int]] = collections.deque()
        self.delayed: list[tuple[int, int, Frame]] = []
        self.order = itertools.count()
        self.atoms: dict[Term, int] = {}
        self.certain: set[int] = set()
        self.rules: dict[Rule, None] = {}
        self.choices: dict[Any, int] = {}
        self.choice_list: list[Choice] = []
        self.folds: dict[Any, Fold] = {}
        self.asked: dict[int, dict[Term, None]] = {}
        self.sizes: collections.Counter[Signature] = collections.Counter()
        self.count = 0
        self.holes: list[Variable] = []

    def run(self, queries: Sequence[Asked], evidence: Sequence[Asked]) -> GroundProgram:
        warnings = []
        for number, asked in enumerate([*queries, *evidence]):
            self.asked[number] = {}
            known = self.strata.numbers.keys() | self.clauses.foreign
            if signature(asked.atom) not in known:
                if asked.value is None:
                    raise unknown(asked.atom, known, asked.place)
                warnings.append(
                    f"{asked.place}: the evidence {show(asked.atom)} is not defined in the program"
                )
                self.asked[number] = {asked.atom: None}
                continue
            owner = Owner(None, number, None, asked)
            for goals in asked.bodies:
                self.ready.append((Frame(owner, goals, 0, {}, ()), None, 0))
        self.saturate()
        found = GroundProgram(
            atoms=tuple(self.atoms),
            rules=tuple(self.rules),
            choices=tuple(self.choice_list),
            queries=tuple(self._queries(queries)),
            evidence=tuple(self._evidence(evidence, len(queries), warnings)),
            certain=frozenset(),
            places=tuple(clause.place for clause in self.clauses.clauses),
            shown=tuple(self.clauses.shown.items()),
        )
        return dataclasses.replace(simplified(found), warnings=tuple(warnings))

    def _queries(self, queries: Sequence[Asked]) -> Iterator[tuple[Term, int]]:
        seen = set()
        for number, _ in enumerate(queries):
            for term in sorted(self.asked[number], key=order_key):
                if term not in seen:
                    seen.add(term)
                    yield term, self.atoms.get(term, -1)

    def _evidence(
        self, evidence: Sequence[Asked], start: int, warnings: list[str]
    ) -> Iterator[tuple[Term, int, bool]]:
        for number, asked in enumerate(evidence, start=start):
            for term in self.asked[number]:
                atom = self.atoms.get(term, -1)
                defined = signature(term) in self.strata.numbers
                if atom < 0 and defined:
                    warnings.append(
                        f"{asked.place}: the evidence {show(term)} is not defined: no clause makes "
                        "it true"
                    )
                yield term, atom, bool(asked.value)

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
                literals = (*literals, -1 - self.atom(atom))
                position += 1
                continue
            if goal.kind in ("builtin", "foreign"):
                ways = [
                    Frame(owner, goals, position + 1, found, literals)
                    for found in self.computed(goal, bindings, owner)
                ]
                if not ways:
                    return
                self.ready.extend((way, None, 0) for way in ways[1:])
                bindings = ways[0].bindings
                position += 1
                continue
            if not self.strata.below(goal.atom, owner.clause):
                raise owner.place.error(
                    f"{goal.kind} over {self.shown(goal.atom)} depends on its own result"
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
        if atom not in self.certain:
            literals = (*literals, 1 + atom)
        return Frame(frame.owner, frame.goals, frame.position + 1, bindings, literals)

    def delay(self, frame: Frame, goal: Goal) -> None:
        stratum = self.strata.numbers[signature(goal.atom)]
        heapq.heappush(self.delayed, (stratum, next(self.order), frame))

    def decide(self, frame: Frame) -> None:
        """A negation, or a collection of answers, now that all is known of them."""
        goal = frame.goals[frame.position]
        call = resolve(goal.atom, frame.bindings)
        table = self.tables[self.canonical(call)]
        if goal.kind == "not":
            literals = frame.literals
            if table.answers:
                atom = self.atoms[call]
                if atom in self.certain:
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
                items.append((resolve(template, bindings), 0 if atom in self.certain else 1 + atom))
        key = (goal.kind, tuple(items))
        if key not in self.folds:
            try:
                self.folds[key] = folded(goal.kind, items, self.state_atom, self.state_rule)
            except EvaluationError as error:
                raise frame.owner.place.error(str(error)) from None
        return self.folds[key]

    def state_atom(self, layer: int, number: int) -> int:
        return self.atom(("$state", len(self.folds), layer, number))

    def state_rule(self, head: int, body: Sequence[int]) -> None:
        self.rule(Rule(head, tuple(sorted(set(body))), NO_CHOICE, 0, -1))

    def wait(self, frame: Frame, call: Term) -> None:
        """Registers for the answers to a call; those that are there come at once."""
        table = self.table(call, frame.owner)
        table.waiting.append(frame)
        for answer, atom in table.answers.items():
            self.ready.append((frame, answer, atom))

    def table(self, call: Term, owner: Owner) -> Table:
        """The table of a call; a new one starts its clauses."""
        key = self.canonical(call)
        found = self.tables.get(key)
        if found is not None:
            return found
        _check_depth(call, owner.place)
        found = self.tables[key] = Table(key)
        own = signature(key)
        self.grow(own)
        for clause, head, atom, bound in self.index.matching(key):
            bindings: Bindings = dict(bound)
            if not unify(atom, key, bindings):
                continue
            for goals in clause.bodies:
                frame = Frame(Owner(clause, head, found, None), goals, 0, bindings, ())
                self.ready.append((frame, None, 0))
        return found

    def canonical(self, call: Term) -> Term:
        """The call with its variables numbered: the same for calls that differ only in names."""
        if not isinstance(call, tuple) or is_ground(call):
            return call
        names: Bindings = {}
        for term in subterms(call):
            if isinstance(term, Variable) and term not in names:
                while len(self.holes) <= len(names):
                    self.holes.append(Variable(f"_{len(self.holes)}"))
                names[term] = self.holes[len(names)]
        return _renamed(call, names)

    def computed(self, goal: Goal, bindings: Bindings, owner: Owner) -> Iterator[Bindings]:
        """The ways in which a built-in or foreign predicate holds."""
        atom = resolve(goal.atom, bindings)
        arguments = atom[1:] if isinstance(atom, tuple) else ()
        try:
            if goal.kind == "foreign":
                ways = _call_foreign(self.foreign[signature(atom)], arguments)
            else:
                ways = BUILTINS[signature(atom)](*arguments)
            for equations in ways:
                own = dict(bindings)
                if all(unify(x, y, own) for x, y in equations):
                    yield own
        except EvaluationError as error:
            raise owner.place.error(f"in {show(resolve(goal.atom, bindings))}: {error}") from None

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
        choice = NO_CHOICE
        if not own.certain:
            key, made = choice_of(own, frame.bindings)
            if key not in self.choices:
                self.choices[key] = len(self.choice_list)
                self.choice_list.append(made())
            choice = self.choices[key]
            weight = self.choice_list[choice].probabilities[value]
            if not own.learnable:  # what is learned may become anything
                if weight == 0:
                    return
                if weight == 1:
                    choice = NO_CHOICE
        number = self.atom(head)
        sure = choice == NO_CHOICE and not body
        if sure and number not in self.certain:
            self.certain.add(number)
        self.rule(Rule(number, body, choice, value if choice != NO_CHOICE else 0, own.number))
        table = frame.owner.table
        assert table is not None
        if head not in table.answers:
            _check_depth(head, own.place)
            table.answers[head] = number
            self.grow(signature(head))
            for waiting in table.waiting:
                if isinstance(waiting, int):
                    self.asked[waiting][head] = None
                else:
                    self.ready.append((waiting, head, number))

    def ask(self, asked: Asked, number: int, frame: Frame) -> None:
        """A query or evidence is asked, under the bindings of its body."""
        atom = resolve(asked.atom, frame.bindings)
        table = self.table(atom, frame.owner)
        if is_ground(atom):
            self.asked[number][atom] = None
            return
        if asked.value is not None:
            raise asked.place.error(f"evidence has no variables: {show(atom)}")
        for answer in table.answers:
            self.asked[number][answer] = None
        table.waiting.append(number)

    def atom(self, term: Term) -> int:
        return self.atoms.setdefault(term, len(self.atoms))

    def rule(self, rule: Rule) -> None:
        if rule not in self.rules:
            self.rules[rule] = None
            self.grow(None)

    def grow(self, own: Signature | None) -> None:
        """Counts what was made; stops what does not end."""
        self.count += 1
        if own is not None:
            self.sizes[own] += 1
        if self.count > self.limit:
            (name, arity), _ = self.sizes.most_common(1)[0]
            places = [
                clause.place
                for clause in self.clauses.clauses
                if any(signature(head.atom) == (name, arity) for head in clause.heads)
            ]
            where = f"{places[0]}: " if places else ""
            raise ProgramError(
                f"{where}grounding was stopped at {self.limit:,} calls, answers and rules: "
                f"{name}/{arity} keeps growing. Is a recursion without an end? If not, give a "
                "larger limit"
            )

    def unbound(self, atom: Term, bindings: Bindings, owner: Owner) -> ProgramError:
        return owner.place.error(
            f"unsafe: {_open_variables(atom, bindings)} in \\+ {self.shown(atom)} is not bound "
            'before it; write _ for "there is none"'
        )

    def shown(self, atom: Term) -> str:
        return self.clauses.show(atom)


def _renamed(term: Term, names: Bindings) -> Term:
    if isinstance(term, Variable):
        return names[term]
    if isinstance(term, tuple):
        return (term[0], *[_renamed(x, names) for x in term[1:]])
    return term


def _open_variables(term: Term, bindings: Bindings) -> str:
    """The variables of a term that are not bound, by the names that they have in it."""
    names = [v.name for v in variables_of(term) if not is_ground(resolve(v, bindings))]
    return ", ".join(sorted(names))


def _check_depth(term: Term, place: Place) -> None:
    """Raises `ProgramError` for a term that nests too deep, or has too long a list."""
    level = [term] if isinstance(term, tuple) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        following = []
        for own in level:
            length = 0
            while own[0] == DOT and len(own) == 3 and length < MAX_LIST:
                if isinstance(own[1], tuple):
                    following.append(own[1])
                own, length = own[2], length + 1
                if not isinstance(own, tuple):
                    break
            else:
                if length == MAX_LIST:
                    raise _grows(term, f"lists of more than {MAX_LIST:,} items", place)
                following += [x for x in own[1:] if isinstance(x, tuple)]
        level = following
    raise _grows(term, f"terms that nest {MAX_DEPTH:,} deep", place)


def _grows(term: Term, what: str, place: Place) -> ProgramError:
    name, arity = signature(term)
    return place.error(f"grounding was stopped at {what}: {name}/{arity} keeps growing")


def _call_foreign(function: Callable[..., Any], arguments: Sequence[Term]) -> Iterator[Equations]:
    """The ways in which a Python function holds.

    One of as many parameters as the predicate has arguments is a test; one of one parameter less
    gives the value of the last argument, or a list of its values.

    Raises:
      EvaluationError: if an argument that it reads is not bound, or it has other parameters.
    """
    count = len(inspect.signature(function).parameters)
    inputs = arguments[:count]
    if count not in (len(arguments), len(arguments) - 1):
        raise EvaluationError(
            f"the Python function has {count} parameters, and the predicate {len(arguments)} "
            "arguments: it has as many, or one less and returns the last argument"
        )
    if not all(is_ground(x) for x in inputs):
        raise EvaluationError("an argument that a Python function reads is not bound")
    found = function(*map(to_python, inputs))
    if count == len(arguments):
        if found:
            yield ()
        return
    for value in found if isinstance(found, list) else [found]:
        yield [(arguments[-1], from_python(value))]


@contextlib.contextmanager
def _deep_recursion() -> Iterator[None]:
    """Terms nest deeper than Python's functions by default may."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 10 * (MAX_DEPTH + MAX_LIST)))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
