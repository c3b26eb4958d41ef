"""From sentences to clauses: what each sentence means, checked, with negation and findall unfolded.

    0.3::a(X); t(_)::b(X) :- c(X), \\+ (d(X), e).

is a `Clause` with two heads, and the body ``c(X), not $1(X)``, where ``$1(X) :- d(X), e.`` is a
clause of its own: a negation always speaks of one atom. A disjunction makes several bodies of one
clause, which share its choice.
"""

from __future__ import annotations

import collections
import dataclasses
import difflib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from neurosym.programs.arithmetic import OPERATORS, EvaluationError, evaluate
from neurosym.programs.builtins import BUILTINS, REDEFINABLE, UNSUPPORTED
from neurosym.programs.syntax import Place, ProgramError, Sentence, expanded
from neurosym.programs.terms import (
    Bindings,
    Float,
    Term,
    Variable,
    from_list,
    is_callable,
    is_ground,
    resolve,
    show,
    signature,
    substituted,
    subterms,
    variables_of,
)

Signature = tuple[str, int]

FOLDS = ("findall", "count", "sum", "min", "max", "bag", "set")
"""What collects the answers of a goal; the last six as aggregate_all/3."""

_LIBRARIES = frozenset({"lists", "aggregate", "apply"})
MOST_BODIES = 4096
TOLERANCE = 1e-9
"""By how much the probabilities of an annotated disjunction may exceed one."""


@dataclasses.dataclass(frozen=True)
class Goal:
    """One part of a body.

    Attributes:
      kind: "call", "not", "builtin", "foreign", or one of `FOLDS`.
      atom: what is called or computed; for a fold the atom whose answers are collected.
      template, result: of a fold, the term that each answer makes, and what the whole is equal to.
    """

    kind: str
    atom: Term
    template: Term = None
    result: Term = None


@dataclasses.dataclass(frozen=True)
class Learnable:
    """A probability ``t(...)`` that is learned.

    Attributes:
      initial: where learning starts; None for ``t(_)``.
    """

    initial: float | None


@dataclasses.dataclass(frozen=True)
class Neural:
    """A network's say, ``nn(name, inputs, output, values)``.

    Attributes:
      name: of the network.
      inputs: the terms that it reads.
      output: the variable that the values are of; None for nn/2, whose network says true or false.
      values: ground terms.
    """

    name: str
    inputs: tuple[Term, ...]
    output: Term | None
    values: tuple[Term, ...]


@dataclasses.dataclass(frozen=True)
class Head:
    """One head of a clause and its label: None (certain), `Learnable`, or an expression."""

    atom: Term
    label: Term | Learnable | None


@dataclasses.dataclass(frozen=True)
class Clause:
    """A fact, rule or annotated disjunction.

    Attributes:
      number: its place among the clauses.
      heads: of which at most one holds, for every grounding of the variables.
      bodies: of which one has to hold; a clause without a body has one that is empty.
      variables: those of the clause, in order.
      place: where it is written.
      neural: of a neural clause; its one head is an atom with the network's output variable.
    """

    number: int
    heads: tuple[Head, ...]
    bodies: tuple[tuple[Goal, ...], ...]
    variables: tuple[Variable, ...]
    place: Place
    neural: Neural | None = None

    @property
    def certain(self) -> bool:
        """There is nothing to choose."""
        return self.neural is None and self.heads[0].label is None

    @property
    def learnable(self) -> bool:
        """Some label is ``t(...)``."""
        return any(isinstance(head.label, Learnable) for head in self.heads)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A query or a piece of evidence: an atom, under a body.

    Attributes:
      atom: what is asked, or was seen.
      bodies: the ways in which it is asked; as of a clause.
      value: what was seen; None of a query.
      place: where it is written.
    """

    atom: Term
    bodies: tuple[tuple[Goal, ...], ...]
    value: bool | None
    place: Place


@dataclasses.dataclass(frozen=True)
class Clauses:
    """A program, read and checked.

    Attributes:
      clauses: in order, with those that stand for negations and findall.
      queries, evidence: as they are written in the text.
      shown: what the atoms that stand for something else say, by functor, and which variables of
        that their arguments are.
      foreign: the signatures that Python functions define.
    """

    clauses: tuple[Clause, ...]
    queries: tuple[Asked, ...]
    evidence: tuple[Asked, ...]
    shown: Mapping[str, tuple[Term, tuple[Variable, ...]]]

    def show(self, atom: Term) -> str:
        """An atom as it is written."""
        return show_atom(atom, self.shown)

    foreign: frozenset[Signature]

    def by_signature(self) -> dict[Signature, list[Clause]]:
        """The clauses of each predicate, each once."""
        found: dict[Signature, list[Clause]] = {}
        for clause in self.clauses:
            for key in dict.fromkeys(signature(head.atom) for head in clause.heads):
                found.setdefault(key, []).append(clause)
        return found


def show_atom(atom: Term, shown: Mapping[str, tuple[Term, tuple[Variable, ...]]]) -> str:
    """An atom as it is written, also where it stands for something else."""
    name, *arguments = atom if isinstance(atom, tuple) else (atom,)
    if name == "$state":
        return "(what was collected so far)"
    if name not in shown:
        return show(atom)
    term, variables = shown[name]
    return show(substituted(term, dict(zip(variables, arguments, strict=True))))


def read_clauses(sentences: Iterable[Sentence], foreign: Iterable[Signature] = ()) -> Clauses:
    """The clauses, queries and evidence of a program.

    Raises:
      ProgramError: naming file, line and column of what is wrong.
    """
    return _Reader(list(sentences), frozenset(foreign)).read()


def unknown(atom: Term, known: Iterable[Signature], place: Place) -> ProgramError:
    """The error that a predicate is not defined, with near names."""
    name, arity = signature(atom)
    signatures = [key for key in known if not key[0].startswith("$")]
    same = sorted(n for other, n in signatures if other == name)
    if same:
        hint = f"; there is {', '.join(f'{name}/{n}' for n in same)}"
    else:
        names = sorted({other for other, _ in signatures})
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
        full = [f"{other}/{n}" for other in near for o, n in signatures if o == other]
        hint = f"; did you mean {' or '.join(full)}?" if full else ""
    return place.error(f"no clause defines {name}/{arity}{hint}")


class _Reader:
    def __init__(self, sentences: list[Sentence], foreign: frozenset[Signature]) -> None:
        self.sentences, self.foreign = sentences, foreign
        self.clauses: list[Clause] = []
        self.queries: list[Asked] = []
        self.evidence: list[Asked] = []
        self.shown: dict[str, tuple[Term, tuple[Variable, ...]]] = {}
        self.defined: set[Signature] = set()

    def read(self) -> Clauses:
        for sentence in self.sentences:
            if sentence.kind != "directive":
                for head in _heads(sentence.head):
                    atom = head[2] if isinstance(head, tuple) and head[0] == "::" else head
                    if is_callable(atom):
                        self.defined.add(signature(atom))
        for sentence in self.sentences:
            self.sentence(sentence)
        return Clauses(
            tuple(self.clauses),
            tuple(self.queries),
            tuple(self.evidence),
            self.shown,
            self.foreign,
        )

    def sentence(self, sentence: Sentence) -> None:
        place, head = sentence.place, sentence.head
        if sentence.kind == "directive":
            self.directive(sentence.body, place)
            return
        if isinstance(head, tuple) and head[0] in ("query", "evidence") and len(head) <= 3:
            self.asked(sentence)
            return
        for atom, labels in _ranges(head, place):
            self.clause(atom, sentence.body, place, labels)

    def directive(self, body: Term, place: Place) -> None:
        if isinstance(body, tuple) and body[0] == "use_module" and len(body) == 2:
            library = body[1]
            if isinstance(library, tuple) and library[0] == "library" and library[1] in _LIBRARIES:
                return
            raise place.error(f"the module {show(library)} is not supported")
        raise place.error(f"the directive :- {show(body)} is not supported")

    def asked(self, sentence: Sentence) -> None:
        place, head = sentence.place, sentence.head
        assert isinstance(head, tuple)
        atom, value = head[1], None
        if head[0] == "evidence":
            value = True
            if len(head) == 3:
                if head[2] not in ("true", "false"):
                    raise place.error(
                        f"evidence is true or false, not {show(head[2])}: write "
                        "evidence(atom, true)"
                    )
                value = head[2] == "true"
            while isinstance(atom, tuple) and atom[0] == "\\+":
                atom, value = atom[1], not value
        elif len(head) == 3:
            raise place.error("query has one argument, the atom that is asked")
        elif isinstance(atom, tuple) and atom[0] == "\\+":
            name = self.fresh(atom)
            self.add([Head(name, None)], self.bodies(atom, place, [atom]), [], place)
            atom = name
        if not is_callable(atom) or (isinstance(atom, tuple) and atom[0] in (",", ";", "::")):
            raise place.error(f"{show(atom)} is not one atom: give it a rule of its own")
        if signature(atom) in BUILTINS and signature(atom) not in self.defined:
            raise place.error(f"{show(atom)} is built in: it is not asked about")
        bodies = self.bodies(sentence.body, place, [head, sentence.body])
        asked = Asked(atom, bodies, value, place)
        (self.queries if value is None else self.evidence).append(asked)

    def clause(self, head: Term, body: Term, place: Place, whole: Term) -> None:
        heads, neural = [], None
        parts = _heads(head)
        for part in parts:
            label: Term | Learnable | None = None
            atom = part
            if isinstance(part, tuple) and part[0] == "::":
                label, atom = part[1], part[2]
                neural = neural or self.neural(label, atom, place)
                label = _label(label, place) if neural is None else None
            elif len(parts) > 1:
                raise place.error(
                    f"{show(part)} has no probability; every head of a disjunction has one"
                )
            self.check_head(atom, place)
            heads.append(Head(atom, label))
        if neural is not None and len(heads) > 1:
            raise place.error("a neural predicate stands alone: nn(...) :: atom")
        _check_sum(heads, place)
        terms = [head, *([body] if body is not None else [])]
        self.add(heads, self.bodies(body, place, terms), terms, place, neural)

    def add(
        self,
        heads: list[Head],
        bodies: tuple[tuple[Goal, ...], ...],
        terms: list[Term],
        place: Place,
        neural: Neural | None = None,
    ) -> None:
        used = dict.fromkeys(v for term in terms for v in variables_of(term))
        for head in heads:
            used |= dict.fromkeys(variables_of(head.atom))
        number = len(self.clauses)
        self.clauses.append(Clause(number, tuple(heads), bodies, tuple(used), place, neural))

    def check_head(self, atom: Term, place: Place) -> None:
        if not is_callable(atom):
            raise place.error(f"{show(atom)} cannot be the head of a clause: it is not an atom")
        key = signature(atom)
        if isinstance(atom, tuple) and atom[0] in (",", "->", "\\+", ";", "::", ".."):
            raise place.error(f"{show(atom)} cannot be the head of a clause")
        if (key in BUILTINS and key not in REDEFINABLE) or atom in ("true", "fail", "false", "!"):
            raise place.error(f"{key[0]}/{key[1]} is built in and cannot be defined")
        if key[0] in ("findall", "aggregate_all", "forall", "query", "evidence"):
            raise place.error(f"{key[0]}/{key[1]} is built in and cannot be defined")
        if key in self.foreign:
            raise place.error(f"{key[0]}/{key[1]} is a Python function, and has a clause as well")
        for argument in atom[1:] if isinstance(atom, tuple) else ():
            for part in subterms(argument):
                if _computes(part):
                    raise place.error(
                        f"{show(part)} in a head is not computed: bind a variable to it in the "
                        f"body, as in X is {show(part)}"
                    )

    def neural(self, label: Term, atom: Term, place: Place) -> Neural | None:
        """The network of a label ``nn(...)``; None of other labels."""
        if not isinstance(label, tuple) or label[0] != "nn":
            return None
        if not 3 <= len(label) <= 5:
            raise place.error(
                "a neural predicate is nn(net, [inputs]) :: atom, nn(net, [inputs], Y) :: atom, or "
                "nn(net, [inputs], Y, [values]) :: atom"
            )
        name, inputs = label[1], from_list(label[2])
        if not isinstance(name, str):
            raise place.error(f"the network of nn is a name, not {show(name)}")
        if inputs is None:
            raise place.error(f"the inputs of nn are a list, not {show(label[2])}")
        if len(label) == 3:
            return Neural(name, tuple(inputs), None, ("true", "false"))
        output = label[3]
        if not isinstance(output, Variable) or output not in variables_of(atom):
            raise place.error(
                f"the output of nn is a variable of the atom {show(atom)}, not {show(output)}"
            )
        if len(label) == 4:
            return Neural(name, tuple(inputs), output, (0, 1))
        values = from_list(label[4])
        if not values or not all(is_ground(x) for x in values):
            raise place.error(f"the values of nn are a list of constants, not {show(label[4])}")
        if len(set(values)) < len(values):
            raise place.error("the values of nn are distinct")
        return Neural(name, tuple(inputs), output, tuple(values))

    def bodies(
        self, body: Term, place: Place, whole: Sequence[Term]
    ) -> tuple[tuple[Goal, ...], ...]:
        """The alternatives of a body; ``whole`` is all that shares its variables."""
        if body is None:
            return ((),)
        counts = collections.Counter(
            x for term in whole for x in subterms(term) if isinstance(x, Variable)
        )
        return tuple(self.alternatives(body, place, counts))

    def alternatives(
        self, term: Term, place: Place, counts: collections.Counter[Variable]
    ) -> list[tuple[Goal, ...]]:
        if isinstance(term, tuple) and term[0] == "," and len(term) == 3:
            parts = [self.alternatives(x, place, counts) for x in _flat(term, ",")]
            if math.prod(map(len, parts)) > MOST_BODIES:
                raise place.error(
                    f"the disjunctions of this body multiply to more than {MOST_BODIES:,} bodies: "
                    "give some of them rules of their own"
                )
            return [tuple(itertools.chain(*own)) for own in itertools.product(*parts)]
        if isinstance(term, tuple) and term[0] == ";" and len(term) == 3:
            return [own for x in _flat(term, ";") for own in self.alternatives(x, place, counts)]
        if term == "true":
            return [()]
        if term in ("fail", "false"):
            return []
        return [(self.goal(term, place, counts),)]

    def goal(self, term: Term, place: Place, counts: collections.Counter[Variable]) -> Goal:
        if isinstance(term, Variable):
            raise place.error(f"a variable ({term.name}) cannot be called")
        if not is_callable(term):
            raise place.error(f"{show(term)} is not a goal")
        key = signature(term)
        if key == ("\\+", 1):
            return self.negation(term[1], place, counts)
        if key == ("forall", 2):
            return self.negation((",", term[1], ("\\+", term[2])), place, counts, whole=term)
        if key == ("findall", 3):
            return self.fold("findall", term[1], term[2], term[3], place, counts)
        if key == ("aggregate_all", 3):
            how = term[1]
            kind, template = how if isinstance(how, tuple) and len(how) == 2 else (how, 0)
            if kind not in FOLDS[1:] or (kind == "count") != (how == "count"):
                raise place.error(
                    f"aggregate_all({show(how)}, ...) is not supported: count, sum(X), min(X), "
                    "max(X), bag(X) and set(X) are"
                )
            return self.fold(kind, template, term[2], term[3], place, counts)
        if key == ("call", 1) and is_callable(term[1]):
            return self.goal(term[1], place, counts)
        if key in self.foreign:
            return Goal("foreign", term)
        if key in self.defined:
            return Goal("call", term)
        if key in BUILTINS:
            return Goal("builtin", term)
        if key[0] == "->":
            raise place.error(
                "if-then-else (->) is not supported: write two clauses, with C and with \\+ C"
            )
        if key[0] in UNSUPPORTED or key[0] in ("findall", "aggregate_all", "call", "forall"):
            what = UNSUPPORTED.get(key[0], key[0])
            raise place.error(
                f"{what if not what.isalpha() else f'{key[0]}/{key[1]}'} is not "
                "supported in programs here"
            )
        if key[0] in ("..", "::"):
            raise place.error(
                f"{show(term)} is not a goal; a range stands in a list or a fact, else use "
                "between/3"
            )
        raise unknown(term, {*self.defined, *BUILTINS, *self.foreign}, place)

    def negation(
        self,
        inner: Term,
        place: Place,
        counts: collections.Counter[Variable],
        whole: Term | None = None,
    ) -> Goal:
        own = collections.Counter(x for x in subterms(inner) if isinstance(x, Variable))
        local = [v for v in own if own[v] == counts[v]]
        plain = is_callable(inner) and signature(inner) in self.defined
        if plain and not local:
            return Goal("not", inner)
        shared = [v for v in own if v not in set(local)]
        atom = self.apart(whole or inner, shared)
        terms = [atom, inner]
        self.add([Head(atom, None)], self.bodies(inner, place, terms), terms, place)
        return Goal("not", atom)

    def fold(
        self,
        kind: str,
        template: Term,
        inner: Term,
        result: Term,
        place: Place,
        counts: collections.Counter[Variable],
    ) -> Goal:
        """All variables of the goal are arguments: each of their groundings is one answer."""
        while isinstance(inner, tuple) and inner[0] == "^" and len(inner) == 3:
            inner = inner[2]
        atom = self.apart(inner, variables_of(inner))
        terms = [atom, inner]
        self.add([Head(atom, None)], self.bodies(inner, place, terms), terms, place)
        return Goal(kind, atom, template, result)

    def apart(self, shown: Term, variables: Sequence[Variable]) -> Term:
        name = self.fresh(shown, variables)
        return (name, *variables) if variables else name

    def fresh(self, shown: Term, variables: Sequence[Variable] = ()) -> str:
        name = f"${len(self.shown) + 1}"
        self.shown[name] = (shown, tuple(variables))
        return name


def _heads(head: Term) -> list[Term]:
    return _flat(head, ";")


def _flat(term: Term, functor: str) -> list[Term]:
    """The parts of what is right-associative."""
    found = []
    while isinstance(term, tuple) and term[0] == functor and len(term) == 3:
        found.append(term[1])
        term = term[2]
    return [*found, term]


def _ranges(head: Term, place: Place) -> Iterator[tuple[Term, Term]]:
    """The heads that a head with ranges stands for."""
    ranges = [x for x in subterms(head) if isinstance(x, tuple) and x[0] == ".." and len(x) == 3]
    if not ranges:
        yield head, head
        return
    for values in itertools.product(*[expanded(x, place) for x in ranges]):
        stock = list(values)[::-1]
        order = list(ranges)
        yield _with_values(head, order, stock), head


def _with_values(term: Term, ranges: list[Term], values: list[int]) -> Term:
    if not isinstance(term, tuple):
        return term
    for n, own in enumerate(ranges):
        if own is term:
            return values[len(values) - 1 - n]
    return (term[0], *[_with_values(x, ranges, values) for x in term[1:]])


def _computes(term: Term) -> bool:
    if not isinstance(term, tuple) or len(term) != 3:
        return False
    if term[0] in OPERATORS:
        return all(isinstance(x, Variable | int | Float) or _computes(x) for x in term[1:])
    return term[0] == "-" and any(isinstance(x, int | Float) for x in term[1:])


def _label(label: Term, place: Place) -> Term | Learnable:
    """A label that is no network: ``t(...)`` or an expression, whose value is checked if known."""
    if isinstance(label, tuple) and label[0] == "t":
        if len(label) != 2:
            raise place.error("a learnable probability is t(_) or t(0.3)")
        if isinstance(label[1], Variable):
            return Learnable(None)
        return Learnable(probability(label[1], {}, place))
    if isinstance(label, tuple) and label[0] in (
        "normal",
        "gaussian",
        "uniform",
        "beta",
        "poisson",
        "exponential",
        "gamma",
        "dirichlet",
    ):
        raise place.error(f"the distribution {label[0]} is not supported: choices are discrete")
    if is_ground(label):
        probability(label, {}, place)
    return label


def probability(label: Term, bindings: Bindings, place: Place) -> float:
    """The value of a label.

    Raises:
      ProgramError: if it has none, or one outside [0, 1].
    """
    term = resolve(label, bindings)
    try:
        value = float(evaluate(term))
    except EvaluationError as error:
        raise place.error(f"this probability cannot be computed: {error}") from None
    if not 0 <= value <= 1:
        raise place.error(f"a probability lies in [0, 1]; this one is {value:g}")
    return value


def check_total(values: Sequence[float], place: Place) -> None:
    """Raises `ProgramError` where the probabilities of a disjunction exceed one."""
    if math.fsum(values) > 1 + TOLERANCE:
        raise place.error(
            f"the probabilities of this annotated disjunction sum to {math.fsum(values):g}, more "
            "than 1"
        )


def _check_sum(heads: Sequence[Head], place: Place) -> None:
    values = []
    for head in heads:
        if isinstance(head.label, Learnable):
            values.append(head.label.initial or 0.0)
        elif head.label is not None and is_ground(head.label):
            values.append(probability(head.label, {}, place))
    check_total(values, place)


__all__ = ["Clause", "Clauses", "Goal", "Head", "Learnable", "Neural", "ProgramError"]
