"""Bodies of clauses: alternatives of goals, in which negations and findall speak of one atom.

a, (b ; c)               two bodies: a, b and a, c
d(X), \\+ (e(X, Y), f)    d(X), not $1(X), with a clause $1(X) :- e(X, Y), f.
findall(Y, e(X, Y), L)   the answers of $2(X, Y), with a clause $2(X, Y) :- e(X, Y).
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Callable, Collection, Sequence

from neurosym.programs.builtins import BUILTINS, UNSUPPORTED
from neurosym.programs.clauses import FOLDS, Goal, Signature, unknown
from neurosym.programs.heads import parts_of
from neurosym.programs.syntax import Place
from neurosym.programs.terms import (
    Term,
    Variable,
    is_callable,
    show,
    signature,
    subterms,
    variables_of,
)

MOST_BODIES = 4096

Bodies = tuple[tuple[Goal, ...], ...]


class BodyReader:
    """Reads bodies; what a goal stands for becomes a clause of its own, which is handed on.

    Attributes:
      shown: what the atoms that stand for something else say; as of `Clauses`.
    """

    def __init__(
        self,
        defined: Collection[Signature],
        foreign: Collection[Signature],
        add: Callable[[Term, Bodies, Sequence[Term], Place], None],
    ) -> None:
        """Takes the signatures that there are, and who takes the clauses ``atom :- bodies``."""
        self.defined, self.foreign, self.add = defined, foreign, add
        self.shown: dict[str, tuple[Term, tuple[Variable, ...]]] = {}

    def read(self, body: Term, place: Place, whole: Sequence[Term]) -> Bodies:
        """The alternatives of a body; ``whole`` is all that shares its variables."""
        if body is None:
            return ((),)
        counts = collections.Counter(
            x for term in whole for x in subterms(term) if isinstance(x, Variable)
        )
        return tuple(self._alternatives(body, place, counts))

    def fresh(self, shown: Term, variables: Sequence[Variable] = ()) -> str:
        """A name of no atom of the program, which stands for what is shown."""
        name = f"${len(self.shown) + 1}"
        self.shown[name] = (shown, tuple(variables))
        return name

    def _alternatives(
        self, term: Term, place: Place, counts: collections.Counter[Variable]
    ) -> list[tuple[Goal, ...]]:
        if isinstance(term, tuple) and term[0] == "," and len(term) == 3:
            parts = [self._alternatives(x, place, counts) for x in parts_of(term, ",")]
            if math.prod(map(len, parts)) > MOST_BODIES:
                raise place.error(
                    f"the disjunctions of this body multiply to more than {MOST_BODIES:,} bodies: "
                    "give some of them rules of their own"
                )
            return [tuple(itertools.chain(*own)) for own in itertools.product(*parts)]
        if isinstance(term, tuple) and term[0] == ";" and len(term) == 3:
            return [
                own for x in parts_of(term, ";") for own in self._alternatives(x, place, counts)
            ]
        if term == "true":
            return [()]
        if term in ("fail", "false"):
            return []
        return [(self._goal(term, place, counts),)]

    def _goal(self, term: Term, place: Place, counts: collections.Counter[Variable]) -> Goal:
        if isinstance(term, Variable):
            raise place.error(f"a variable ({term.name}) cannot be called")
        if not is_callable(term):
            raise place.error(f"{show(term)} is not a goal")
        key = signature(term)
        if key == ("\\+", 1):
            return self._negation(term[1], place, counts)
        if key == ("forall", 2):
            return self._negation((",", term[1], ("\\+", term[2])), place, counts, whole=term)
        if key == ("findall", 3):
            return self._fold("findall", term[1], term[2], term[3], place, counts)
        if key == ("aggregate_all", 3):
            how = term[1]
            kind, template = how if isinstance(how, tuple) and len(how) == 2 else (how, 0)
            if kind not in FOLDS[1:] or (kind == "count") != (how == "count"):
                raise place.error(
                    f"aggregate_all({show(how)}, ...) is not supported: count, sum(X), min(X), "
                    "max(X), bag(X) and set(X) are"
                )
            return self._fold(kind, template, term[2], term[3], place, counts)
        if key == ("call", 1) and is_callable(term[1]):
            return self._goal(term[1], place, counts)
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

    def _negation(
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
        atom = self._apart(whole or inner, shared)
        terms = [atom, inner]
        self.add(atom, self.read(inner, place, terms), terms, place)
        return Goal("not", atom)

    def _fold(
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
        atom = self._apart(inner, variables_of(inner))
        terms = [atom, inner]
        self.add(atom, self.read(inner, place, terms), terms, place)
        return Goal(kind, atom, template, result)

    def _apart(self, shown: Term, variables: Sequence[Variable]) -> Term:
        name = self.fresh(shown, variables)
        return (name, *variables) if variables else name
