"""The tensor road: relations over finite domains as dense tensors of a semiring.

    reach(Y) :- source(Y).                 reach[y] = source[y] ⊕ (⊕_x reach[x] ⊗ edge[x, y])
    reach(Y) :- reach(X), edge(X, Y).      source[N], edge[N, N] and reach[N] are tensors

A rule is an `einsum`, the rules of a predicate add up, and predicates that depend on themselves
are a fixpoint with its own derivative. Nothing is grounded, so recursion over many facts is cheap,
and relations ``t(_)::edge(X, Y).`` are arguments: arrays that may be learned.

Here ⊕ and ⊗ go over *derivations*: a fact that a derivation uses twice is multiplied twice, and two
derivations that overlap are not told apart. That is the value of the other road where ⊕ and ⊗ are
idempotent (BOOLEAN, MAX_MIN). In other semirings it has to be asked for: in MIN_PLUS it is the
cheapest derivation, in COUNTING their number, in REAL the sum of their products.

References:
  Green, Karvounarakis, Tannen. Provenance Semirings. PODS 2007.
  https://doi.org/10.1145/1265530.1265535
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.programs.clauses import Clause, Learnable, Signature
from neurosym.programs.probabilities import probability
from neurosym.programs.specialisation import is_open, relevant, restored, specialised
from neurosym.programs.syntax import ProgramError, parse_term
from neurosym.programs.tensor_domains import domains_of, name_of
from neurosym.programs.tensor_rules import TensorRule, evaluation_order, tensor_rule
from neurosym.programs.tensor_values import derived, fact_table, zeros
from neurosym.programs.terms import Term, Variable, is_ground, signature, unify
from neurosym.semirings.algebra.elements import is_structured
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.fixpoints.fixpoint import MAX_ROUNDS, FixpointStatus, fixpoint

if TYPE_CHECKING:
    from neurosym.programs.program import Program


class TensorAnswer(NamedTuple):
    """Elements with how the recursion ended."""

    value: Any  # elements [Q], in the order of `TensorQuery.answers`
    status: jax.Array  # int32[]: the worst `FixpointStatus` of the components
    rounds: jax.Array  # int32[]: steps of the longest fixpoint


class TensorQuery:
    """A question to a program, as tensors; made by `Program.tensors`.

    Attributes:
      domains: the terms of each argument of each predicate, by "name/arity".
      open: the relations that are given with each call, by name, and their shapes.
      answers: the atoms that are asked, in the order of the values.
    """

    def __init__(
        self, program: Program, query: str, domains: Mapping[str, Sequence[Sequence[Any]]]
    ) -> None:
        clauses, atom, dropped = specialised(program.clauses.clauses, parse_term(query))
        self._key = key = signature(atom)
        kept = relevant(clauses, key)
        heads = [own.heads[0].atom for own in kept if is_open(own)]
        self._given = {head[0]: signature(head) for head in heads}
        self._domains = domains_of(kept, atom, domains)
        self._facts: dict[Signature, dict[tuple[int, ...], list[float]]] = {}
        self._rules: dict[Signature, list[TensorRule]] = {}
        for own in kept:
            if not is_open(own):
                self._add(own)
        self._order = evaluation_order(self._rules, key)
        found, texts = [], []
        sizes = self._domains.of(key)
        arguments = atom[1:] if isinstance(atom, tuple) else ()
        for values in itertools.product(*[enumerate(own) for own in sizes]):
            bindings: dict[Variable, Term] = {}
            pairs = zip(arguments, values, strict=True)
            if all(unify(x, value, bindings) for x, (_, value) in pairs):
                found.append([n for n, _ in values])
                texts.append(restored(atom, [x for _, x in values], dropped))
        self._asked = np.asarray(found, np.int32).reshape(len(found), len(sizes))
        self.answers = tuple(texts)

    @property
    def open(self) -> dict[str, tuple[int, ...]]:
        """The relations that a call gives, and their shapes."""
        return {name: self._domains.shape(key) for name, key in self._given.items()}

    @property
    def domains(self) -> dict[str, tuple[tuple[Term, ...], ...]]:
        """The terms of each argument, by "name/arity"."""
        return self._domains.by_name()

    def __call__(
        self, *, semiring: Semiring, max_rounds: int = MAX_ROUNDS, **relations: jax.Array
    ) -> TensorAnswer:
        """The value of each answer; jit, vmap and grad pass through.

        Args:
          semiring: whose elements are arrays.
          max_rounds: steps of a fixpoint.
          **relations: elements of the semiring for each open relation, of the shapes of `open`.

        Raises:
          ProgramError: a relation is missing, is not open or has another shape.
        """
        if is_structured(semiring) or semiring.broken_laws:
            raise ProgramError(
                f"the tensor road has no {semiring.name}: its elements are no arrays"
            )
        tables = self._open_tables(relations, semiring)
        for key, own in self._facts.items():
            tables[key] = fact_table(self._domains.shape(key), own, semiring)
        status = jnp.asarray(FixpointStatus.CONVERGED, jnp.int32)
        rounds = jnp.zeros((), jnp.int32)
        for part, recursive in self._order:
            start = {key: tables.get(key) for key in part}
            if not recursive:
                (key,) = part
                tables[key] = self._derived(key, tables, start[key], semiring)
                continue
            zero = {name_of(key): zeros(self._domains.shape(key), semiring) for key in part}

            def step(x: Any, params: Any, start: Any = start, part: Any = part) -> Any:
                now = {**params, **{key: x[name_of(key)] for key in part}}
                return {name_of(key): self._derived(key, now, start[key], semiring) for key in part}

            lower = {key: own for key, own in tables.items() if key not in part}
            closed = functools.partial(_with, lower, step)
            found = fixpoint(closed, zero, (), semiring=semiring, max_rounds=max_rounds)
            for key in part:
                tables[key] = found.value[name_of(key)]
            status, rounds = jnp.maximum(status, found.status), jnp.maximum(rounds, found.rounds)
        table = tables.get(self._key)
        if table is None:
            table = zeros(self._domains.shape(self._key), semiring)
        return TensorAnswer(table[tuple(self._asked.T)], status, rounds)

    def _open_tables(self, relations: Mapping[str, Any], semiring: Semiring) -> dict[Any, Any]:
        tables: dict[Any, Any] = {}
        for name in relations:
            if name not in self._given:
                there = ", ".join(self._given) or "none"
                raise ProgramError(f"the question has no open relation {name!r}; it has {there}")
        for name, key in self._given.items():
            if name not in relations:
                raise ProgramError(f"the relation {name} is open: give its tensor as {name}=...")
            own = semiring.asarray(relations[name])
            shape = self._domains.shape(key)
            if own.shape != shape:
                raise ProgramError(
                    f"the relation {name} is {list(shape)} over its domains, not {list(own.shape)}"
                )
            tables[key] = own
        return tables

    def _derived(
        self, key: Signature, tables: Mapping[Any, Any], start: Any, semiring: Semiring
    ) -> Any:
        return derived(self._rules[key], tables, start, self._domains, semiring)

    def _add(self, clause: Clause) -> None:
        """One clause, as a fact or as a rule for each of its bodies."""
        head, place = clause.heads[0], clause.place
        if len(clause.heads) > 1 or clause.neural:
            raise place.error("the tensor road has no annotated disjunctions and networks")
        if isinstance(head.label, Learnable):
            raise place.error("on the tensor road t(_) stands alone: t(_)::name(X, Y).")
        weight = 1.0 if head.label is None else probability(head.label, {}, place)
        log = float(np.log(weight)) if weight > 0 else -np.inf
        key = signature(head.atom)
        arguments = head.atom[1:] if isinstance(head.atom, tuple) else ()
        for body in clause.bodies:
            if not body and is_ground(head.atom):
                index = tuple(self._domains.index[key, n][x] for n, x in enumerate(arguments))
                self._facts.setdefault(key, {}).setdefault(index, []).append(log)
                continue
            if weight == 0:
                continue
            self._rules.setdefault(key, []).append(tensor_rule(clause, body, log, self._domains))
        if key in self._facts:
            self._rules.setdefault(key, [])


def _with(lower: Any, step: Any, x: Any, _: Any) -> Any:
    return step(x, lower)
