"""From sentences to clauses: what each sentence means, checked.

sentences ─ heads ─▶ one clause for each value of a range, with labels and networks
          ─ bodies ─▶ its bodies, and clauses of their own for negations and findall
          ─ query(...), evidence(...) ─▶ what is asked, and what was seen
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from neurosym.programs.bodies import Bodies, BodyReader
from neurosym.programs.builtins import BUILTINS
from neurosym.programs.clauses import Asked, Clause, Clauses, Head, Learnable, Neural, Signature
from neurosym.programs.heads import check_head, expanded_heads, heads_of, neural_of
from neurosym.programs.probabilities import check_heads, label_of
from neurosym.programs.syntax import Place, Sentence
from neurosym.programs.terms import Term, is_callable, show, signature, variables_of

_LIBRARIES = frozenset({"lists", "aggregate", "apply"})


def read_clauses(sentences: Iterable[Sentence], foreign: Iterable[Signature] = ()) -> Clauses:
    """The clauses, queries and evidence of a program.

    Raises:
      ProgramError: naming file, line and column of what is wrong.
    """
    return _Reader(list(sentences), frozenset(foreign)).read()


class _Reader:
    def __init__(self, sentences: list[Sentence], foreign: frozenset[Signature]) -> None:
        self.sentences, self.foreign = sentences, foreign
        self.clauses: list[Clause] = []
        self.queries: list[Asked] = []
        self.evidence: list[Asked] = []
        self.defined = set(_defined(sentences))
        self.bodies = BodyReader(self.defined, foreign, self.stand_for)

    def read(self) -> Clauses:
        for sentence in self.sentences:
            self.sentence(sentence)
        return Clauses(
            tuple(self.clauses),
            tuple(self.queries),
            tuple(self.evidence),
            self.bodies.shown,
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
        for atom, labels in expanded_heads(head, place):
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
            name = self.bodies.fresh(atom)
            self.stand_for(name, self.bodies.read(atom, place, [atom]), [], place)
            atom = name
        if not is_callable(atom) or (isinstance(atom, tuple) and atom[0] in (",", ";", "::")):
            raise place.error(f"{show(atom)} is not one atom: give it a rule of its own")
        if signature(atom) in BUILTINS and signature(atom) not in self.defined:
            raise place.error(f"{show(atom)} is built in: it is not asked about")
        bodies = self.bodies.read(sentence.body, place, [head, sentence.body])
        asked = Asked(atom, bodies, value, place)
        (self.queries if value is None else self.evidence).append(asked)

    def clause(self, head: Term, body: Term, place: Place, whole: Term) -> None:
        heads, neural = [], None
        parts = heads_of(head)
        for part in parts:
            label: Term | Learnable | None = None
            atom = part
            if isinstance(part, tuple) and part[0] == "::":
                label, atom = part[1], part[2]
                neural = neural or neural_of(label, atom, place)
                label = label_of(label, place) if neural is None else None
            elif len(parts) > 1:
                raise place.error(
                    f"{show(part)} has no probability; every head of a disjunction has one"
                )
            check_head(atom, self.foreign, place)
            heads.append(Head(atom, label))
        if neural is not None and len(heads) > 1:
            raise place.error("a neural predicate stands alone: nn(...) :: atom")
        check_heads(heads, place)
        terms = [head, *([body] if body is not None else [])]
        self.add(heads, self.bodies.read(body, place, terms), terms, place, neural)

    def stand_for(self, atom: Term, bodies: Bodies, terms: Sequence[Term], place: Place) -> None:
        """A clause for an atom that stands for something else."""
        self.add([Head(atom, None)], bodies, terms, place)

    def add(
        self,
        heads: list[Head],
        bodies: Bodies,
        terms: Sequence[Term],
        place: Place,
        neural: Neural | None = None,
    ) -> None:
        used = dict.fromkeys(v for term in terms for v in variables_of(term))
        for head in heads:
            used |= dict.fromkeys(variables_of(head.atom))
        number = len(self.clauses)
        self.clauses.append(Clause(number, tuple(heads), bodies, tuple(used), place, neural))


def _defined(sentences: Iterable[Sentence]) -> Iterator[Signature]:
    """The signatures of all heads, those of queries and evidence among them."""
    for sentence in sentences:
        if sentence.kind != "directive":
            for head in heads_of(sentence.head):
                atom = head[2] if isinstance(head, tuple) and head[0] == "::" else head
                if is_callable(atom):
                    yield signature(atom)
