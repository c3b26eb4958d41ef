"""`Program`: rules as text, asked from Python.

    program = ns.Program.parse("0.3::rain. 0.5::sprinkler. wet :- rain. wet :- sprinkler.")
    program.probabilities("wet")                      {'wet': 0.65}
    program.query("wet")                              [-0.4308], an array of JAX

Parsing checks the text; grounding and compiling happen when something is asked, once for each
question.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosym.programs import kept
from neurosym.programs.clauses import Asked, Clauses, Learnable, Signature
from neurosym.programs.compilation import compile_program
from neurosym.programs.ground import GroundProgram
from neurosym.programs.grounding import MAX_GROUND, ground
from neurosym.programs.question import ProgramQuery
from neurosym.programs.reader import read_clauses
from neurosym.programs.syntax import (
    Place,
    ProgramError,
    ProgramWarning,
    parse_sentences,
    parse_term,
)
from neurosym.programs.terms import Term, is_callable, show

if TYPE_CHECKING:
    import jax

    from neurosym.circuits.compilers.compiler import Compiler
    from neurosym.problems.problem import Problem
    from neurosym.programs.reasoner import ProgramReasoner
    from neurosym.programs.tensors import TensorQuery

Asking = str | Sequence[str] | None
"""Queries, or evidence, as text; None takes those that the program states."""


class Program:
    """A logic program.

    >>> program = Program.parse('''
    ...     0.6::heads(1). 0.5::heads(2).
    ...     win :- heads(_).
    ... ''')
    >>> program.probabilities("win")
    {'win': 0.8}

    Attributes:
      text: as it was written.
      clauses: what it says.
    """

    def __init__(
        self,
        text: str,
        clauses: Clauses,
        foreign: Mapping[Signature, Callable[..., Any]],
        limit: int,
    ) -> None:
        """Use `parse` or `read`."""
        self.text, self.clauses = text, clauses
        self._foreign, self._limit = foreign, limit
        self._compiled: dict[Any, ProgramQuery] = {}

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        foreign: Mapping[str, Callable[..., Any]] | None = None,
        file: str = "<program>",
        limit: int = MAX_GROUND,
    ) -> Program:
        """Reads a text.

        Args:
          text: in the syntax of ProbLog, with DeepProbLog's neural predicates.
          foreign: predicates that Python functions define, by ``"name/arity"``. One of as many
            parameters as arguments is a test; one of one parameter less returns the last argument,
            or a list of its values.
          file: what errors call the text.
          limit: calls, answers and rules of a grounding, after which it counts as infinite.

        Raises:
          ProgramError: with file, line and column of what is wrong.
        """
        known = {_signature(name): function for name, function in (foreign or {}).items()}
        clauses = read_clauses(parse_sentences(text, file), known)
        return cls(text, clauses, known, limit)

    @classmethod
    def read(cls, path: str | Path, **options: Any) -> Program:
        """Reads a file; options as of `parse`.

        Raises:
          ProgramError: with file, line and column of what is wrong.
          OSError: the file cannot be read.
        """
        from neurosym.io.text import read_text

        text = read_text(path)
        return cls.parse(text.content.decode("utf-8"), file=text.name, **options)

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks of its neural predicates."""
        own = (clause.neural.name for clause in self.clauses.clauses if clause.neural)
        return tuple(dict.fromkeys(own))

    @property
    def options(self) -> dict[str, Any]:
        """The options of `parse` that it was made with."""
        named = {f"{name}/{arity}": own for (name, arity), own in self._foreign.items()}
        return {"foreign": named, "limit": self._limit}

    @property
    def learnable(self) -> bool:
        """Some probability is ``t(...)``."""
        return any(
            isinstance(head.label, Learnable)
            for clause in self.clauses.clauses
            for head in clause.heads
        )

    def ground(self, query: Asking = None, *, evidence: Asking = None) -> GroundProgram:
        """The rules without variables on which a query and the evidence depend.

        Raises:
          ProgramError: as of `compile`.
        """
        queries = self.clauses.queries if query is None else _asked(query, None)
        seen = self.clauses.evidence if evidence is None else _asked(evidence, True)
        if not queries:
            raise ProgramError("nothing is asked: give a query, or write query(...) in the program")
        found = ground(
            self.clauses,
            queries=queries,
            evidence=seen,
            foreign=self._foreign,
            limit=self._limit,
        )
        for warning in found.warnings:
            warnings.warn(warning, ProgramWarning, stacklevel=2)
        return found

    def compile(
        self,
        query: Asking = None,
        *,
        evidence: Asking = None,
        compiler: Compiler | None = None,
    ) -> ProgramQuery:
        """A query, grounded and compiled; the same question is compiled once.

        Args:
          query: atoms, which may have variables: ``"path(1, X)"``, or several. None takes the
            queries that the program states.
          evidence: literals that were observed: ``"alarm, \\\\+ burglary"``. None takes the
            evidence that the program states.
          compiler: of clauses, such as ``ns.circuits.d4()``; by default decision diagrams.

        Raises:
          ProgramError: a predicate is not defined, a rule is unsafe, grounding does not end,
            negation is not stratified, or the evidence is inconsistent.
        """
        key = (_key(query), _key(evidence), compiler)
        if key not in self._compiled:
            self._compiled[key] = self._made(query, evidence, compiler)
        return self._compiled[key]

    def _made(self, query: Asking, evidence: Asking, compiler: Compiler | None) -> ProgramQuery:
        """A question that is read from disk, or grounded now and kept once it is compiled."""
        if compiler is not None:
            ground = self.ground(query, evidence=evidence)
            return ProgramQuery(ground, compile_program(ground, compiler=compiler))
        if self._foreign:  # what a function says may change
            return ProgramQuery(self.ground(query, evidence=evidence))
        name = kept.digest(self.text, _key(query), _key(evidence), self._limit)
        found = kept.load(name)
        if found is not None:
            return ProgramQuery(found.program, found)
        start = time.perf_counter()
        ground = self.ground(query, evidence=evidence)
        return ProgramQuery(ground, keep=(name, time.perf_counter() - start))

    def answers(self, query: Asking = None, *, evidence: Asking = None) -> tuple[str, ...]:
        """The atoms that a query asks, in the order of its numbers."""
        return self.compile(query, evidence=evidence).answers

    def probabilities(
        self, query: Asking = None, *, evidence: Asking = None, **networks: Any
    ) -> dict[str, float]:
        """The probability of each answer, given the evidence; in double precision, by Python alone.

        Args:
          query, evidence: as of `compile`.
          **networks: log-probabilities ``[N, K]`` of each network, as of `query`, without a batch.
        """
        return self.compile(query, evidence=evidence).probabilities(**networks)

    def query(
        self,
        query: Asking = None,
        *,
        evidence: Asking = None,
        semiring: Any = None,
        parameters: Mapping[str, jax.Array] | None = None,
        road: str = "circuits",
        **networks: jax.Array,
    ) -> jax.Array:
        """The value of each answer; jit, vmap and grad pass through.

        Args:
          query, evidence: as of `compile`.
          semiring: by default LOG; see `ProgramQuery.__call__`.
          parameters: log-probabilities of learnable clauses, by default those where learning starts
            (`ProgramQuery.initial_parameters`).
          road: "circuits", or "tensors" for ⊕ and ⊗ over derivations, with the answers of
            `tensors`; then what is named are the open relations.
          **networks: log-probabilities ``float[..., N, K]`` of each network: of its N inputs in the
            order of `ProgramQuery.inputs`, and its K values.

        Returns:
          Elements ``[..., Q]``, in LOG log-probabilities given the evidence.
        """
        if road == "tensors":
            return self._by_tensors(query, evidence, semiring, parameters, networks)
        if road != "circuits":
            raise ProgramError(f'a road is "circuits" or "tensors", not {road!r}')
        compiled = self.compile(query, evidence=evidence)
        return compiled(semiring=semiring, parameters=parameters, **networks)

    def _by_tensors(
        self,
        query: Asking,
        evidence: Asking,
        semiring: Any,
        parameters: Mapping[str, jax.Array] | None,
        relations: Mapping[str, jax.Array],
    ) -> jax.Array:
        from neurosym.semirings.algebra.instances import LOG
        from neurosym.semirings.algebra.names import semiring_by_name

        if not isinstance(query, str) or parameters is not None:
            raise ProgramError("the tensor road takes one atom as its query, and no parameters")
        if evidence or (evidence is None and self.clauses.evidence):
            raise ProgramError("the tensor road takes no evidence")
        if isinstance(semiring, str):
            semiring = semiring_by_name(semiring)
        given: dict[str, Any] = dict(relations)
        return self.tensors(query)(semiring=semiring or LOG, **given).value

    def tensors(
        self, query: str, *, domains: Mapping[str, Sequence[Any]] | None = None
    ) -> TensorQuery:
        """The same question over dense tensors: `neurosym.programs.tensors` says when it is.

        Args:
          query: one atom.
          domains: by "name/arity", the values of each argument, or how many (0, 1, ...). Arguments
            that a rule ties share their values; where none are stated, they are those that the
            program mentions.

        Raises:
          ProgramError: the program has what tensors do not do (negation, disjunctions, networks).
        """
        from neurosym.programs.tensors import TensorQuery

        return TensorQuery(self, query, domains or {})

    def problem(self, query: Asking = None) -> Problem:
        """The same question as variables and a constraint, where each world has one answer.

        The variables are the choices that matter, by name (a network's is ``net(input)``, over its
        values), and ``answer``, over `answers`.

        Raises:
          ProgramError: if some world has no answer or several, or there are too many worlds.
        """
        from neurosym.programs.variables import problem_of

        return problem_of(self.compile(query, evidence=""))

    def reasoner(self, query: Asking = None, *, evidence: Asking = None) -> ProgramReasoner:
        """Whom the estimators of `neurosym.bridge` ask; what they observe is the answer's number.

        Raises:
          ProgramError: as of `compile`.
          ValueError: if the query asks no network.
        """
        from neurosym.programs.reasoner import ProgramReasoner

        return ProgramReasoner(self.compile(query, evidence=evidence))

    def __repr__(self) -> str:
        count = len(self.clauses.clauses)
        return f"Program({count:,} clauses, {len(self.clauses.queries):,} queries)"


def _asked(text: str | Sequence[str], value: bool | None) -> list[Asked]:
    """Atoms of a text, or of several; of evidence, literals."""
    found = []
    for own in [text] if isinstance(text, str) else text:
        file = "<query>" if value is None else "<evidence>"
        for term in _conjuncts(parse_term(own, file)) if own.strip() else []:
            seen = value
            while value is not None and isinstance(term, tuple) and term[0] == "\\+":
                term, seen = term[1], not seen
            if not is_callable(term) or (isinstance(term, tuple) and term[0] in ("\\+", ";", "::")):
                what = "a query is an atom" if value is None else "evidence is atoms and \\+ atoms"
                raise ProgramError(f"{file}: {what}, not {show(term)}")
            found.append(Asked(term, ((),), seen, Place(file, 1, 1)))
    return found


def _conjuncts(term: Term) -> Iterable[Term]:
    while isinstance(term, tuple) and term[0] == "," and len(term) == 3:
        yield term[1]
        term = term[2]
    yield term


def _key(asking: Asking) -> Any:
    return asking if asking is None or isinstance(asking, str) else tuple(asking)


def _signature(name: str) -> Signature:
    functor, _, arity = name.rpartition("/")
    if not functor or not arity.isdigit():
        raise ProgramError(f'a foreign predicate is named "name/arity", not {name!r}')
    return functor, int(arity)
