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
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.programs.builtins import BUILTINS
from neurosym.programs.clauses import Clause, Goal, Learnable, Signature
from neurosym.programs.probabilities import probability
from neurosym.programs.syntax import ProgramError, parse_term
from neurosym.programs.terms import (
    Term,
    Variable,
    from_python,
    is_ground,
    order_key,
    show,
    signature,
    unify,
    variables_of,
)
from neurosym.semirings.algebra.elements import is_structured
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.fixpoints.fixpoint import MAX_ROUNDS, FixpointStatus, fixpoint
from neurosym.semirings.operations.einsum import einsum

if TYPE_CHECKING:
    from neurosym.programs.program import Program

MAX_ENTRIES = 50_000_000
"""Entries of one tensor."""

Place = tuple[Signature, int]


class _Rule(NamedTuple):
    """``head ⊕= einsum(spec, tests, bodies)``; a constant of the head is an index."""

    head: Signature
    places: tuple[int | None, ...]  # of the head: where constants stand
    calls: tuple[tuple[Signature, tuple[int | None, ...]], ...]  # with the indices of constants
    masks: tuple[np.ndarray, ...]  # bool: what is computed, over its variables
    spec: str
    weight: float  # log-probability of the clause


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
        atom = parse_term(query)
        clauses, atom, dropped = _specialised(program.clauses.clauses, atom)
        self._clauses = _relevant(clauses, signature(atom))
        self._given = {
            own.heads[0].atom[0]: signature(own.heads[0].atom)
            for own in self._clauses
            if _is_open(own)
        }
        self._terms = _domains(self._clauses, atom, domains, dropped)
        self._index = {
            place: {x: n for n, x in enumerate(own)} for place, own in self._terms.items()
        }
        self._facts: dict[Signature, dict[tuple[int, ...], list[float]]] = {}
        self._rules: dict[Signature, list[_Rule]] = {}
        for own in self._clauses:
            if not _is_open(own):
                self._add(own)
        self._atom = atom
        self._order = _components(self._rules, signature(atom))
        found, texts = [], []
        sizes = [self._terms[signature(atom), n] for n in range(signature(atom)[1])]
        arguments = atom[1:] if isinstance(atom, tuple) else ()
        for values in itertools.product(*[enumerate(own) for own in sizes]):
            bindings: dict[Variable, Term] = {}
            pairs = zip(arguments, values, strict=True)
            if all(unify(x, value, bindings) for x, (_, value) in pairs):
                found.append([n for n, _ in values])
                texts.append(_restored(atom, [x for _, x in values], dropped))
        self._asked = np.asarray(found, np.int32).reshape(len(found), len(sizes))
        self.answers = tuple(texts)

    @property
    def open(self) -> dict[str, tuple[int, ...]]:
        """The relations that a call gives, and their shapes."""
        return {name: self._shape(key) for name, key in self._given.items()}

    @property
    def domains(self) -> dict[str, tuple[tuple[Term, ...], ...]]:
        """The terms of each argument, by "name/arity"."""
        found: dict[str, list[tuple[Term, ...]]] = {}
        for ((name, arity), _), own in sorted(self._terms.items(), key=lambda x: x[0]):
            found.setdefault(f"{name}/{arity}", []).append(tuple(own))
        return {name: tuple(own) for name, own in found.items()}

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
            tables[key] = self._fact_table(key, own, semiring)
        status = jnp.asarray(FixpointStatus.CONVERGED, jnp.int32)
        rounds = jnp.zeros((), jnp.int32)
        for part, recursive in self._order:
            start = {key: tables.get(key) for key in part}
            if not recursive:
                (key,) = part
                tables[key] = self._derived(key, tables, start, semiring)
                continue
            zero = {_name(key): _zeros(self._shape(key), semiring) for key in part}

            def step(x: Any, params: Any, start: Any = start, part: Any = part) -> Any:
                now = {**params, **{key: x[_name(key)] for key in part}}
                return {_name(key): self._derived(key, now, start, semiring) for key in part}

            lower = {key: own for key, own in tables.items() if key not in part}
            closed = functools.partial(_with, lower, step)
            found = fixpoint(closed, zero, (), semiring=semiring, max_rounds=max_rounds)
            for key in part:
                tables[key] = found.value[_name(key)]
            status, rounds = jnp.maximum(status, found.status), jnp.maximum(rounds, found.rounds)
        key = signature(self._atom)
        table = tables.get(key)
        if table is None:
            table = _zeros(self._shape(key), semiring)
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
            if own.shape != self._shape(key):
                raise ProgramError(
                    f"the relation {name} is {list(self._shape(key))} over its domains, not "
                    f"{list(own.shape)}"
                )
            tables[key] = own
        return tables

    def _fact_table(
        self, key: Signature, own: Mapping[tuple[int, ...], list[float]], semiring: Semiring
    ) -> jax.Array:
        places = np.asarray(list(own), np.int32).reshape(len(own), key[1])
        most = max(map(len, own.values()))
        logs = np.asarray([x + [-np.inf] * (most - len(x)) for x in own.values()], np.float32)
        weights = _from_log(semiring, jnp.asarray(logs))
        values = semiring.sum(weights, axis=1) if most > 1 else weights[:, 0]
        empty = _zeros(self._shape(key), semiring)
        return empty.at[tuple(places.T)].set(values.astype(empty.dtype))

    def _derived(
        self,
        key: Signature,
        tables: Mapping[Any, Any],
        start: Mapping[Any, Any],
        semiring: Semiring,
    ) -> jax.Array:
        shape, total = self._shape(key), start[key]
        for rule in self._rules[key]:
            operands = [_truth(jnp.asarray(mask), semiring) for mask in rule.masks]
            for called, index in rule.calls:
                own = tables.get(called)
                if own is None:
                    own = _zeros(self._shape(called), semiring)
                operands.append(own[tuple(slice(None) if n is None else n for n in index)])
            if rule.weight < 0 or not operands:
                operands.append(_from_log(semiring, jnp.asarray(rule.weight, jnp.float32)))
            spec = rule.spec if len(operands) == rule.spec.count(",") + 1 else "," + rule.spec
            if len(operands) > 1 and spec != rule.spec:
                operands = [operands[-1], *operands[:-1]]
            value = einsum(spec, *operands, semiring=semiring)
            if any(n is not None for n in rule.places):
                empty = _zeros(shape, semiring)
                places = tuple(slice(None) if n is None else n for n in rule.places)
                value = empty.at[places].set(value)
            total = value if total is None else semiring.add(total, value)
        return total

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
                index = tuple(self._index[key, n][x] for n, x in enumerate(arguments))
                self._facts.setdefault(key, {}).setdefault(index, []).append(log)
                continue
            if weight == 0:
                continue
            self._rules.setdefault(key, []).append(self._rule(clause, key, arguments, body, log))
        if key in self._facts:
            self._rules.setdefault(key, [])

    def _rule(
        self, clause: Clause, key: Signature, arguments: Sequence[Term], body: Any, log: float
    ) -> _Rule:
        letters: dict[Variable, str] = {}
        sizes: dict[Variable, Sequence[Term]] = {}

        def letter(x: Variable) -> str:
            if x not in letters:
                letters[x] = string.ascii_letters[len(letters)]
            return letters[x]

        calls, called = [], []
        for goal in body:
            if goal.kind != "call":
                continue
            own, given = signature(goal.atom), goal.atom[1:] if isinstance(goal.atom, tuple) else ()
            calls.append((own, self._places(own, given, clause)))
            called.append("".join(letter(x) for x in given if isinstance(x, Variable)))
            for n, x in enumerate(given):
                if isinstance(x, Variable):
                    sizes[x] = self._terms[own, n]
        heads = [x for x in arguments if isinstance(x, Variable)]
        for n, x in enumerate(arguments):
            if isinstance(x, Variable):
                sizes.setdefault(x, self._terms[key, n])
        masks, masked = [], []
        for goal in body:
            if goal.kind == "builtin":
                mask, used = _mask(goal, sizes, clause)
                masks.append(mask)
                masked.append("".join(letter(x) for x in used))
        parts = [*masked, *called]
        if len(set(heads)) < len(heads) or any(len(set(x)) < len(x) for x in parts):
            raise clause.place.error(
                "on the tensor road a variable stands once in an atom: write X = Y in the body"
            )
        known = set("".join(parts))
        for x in heads:
            if letter(x) not in known:
                raise clause.place.error(f"the variable {x.name} of the head is not bound")
        spec = ",".join(parts) + "->" + "".join(letters[x] for x in heads)
        return _Rule(
            key, self._places(key, arguments, clause), tuple(calls), tuple(masks), spec, log
        )

    def _places(
        self, key: Signature, given: Sequence[Term], clause: Clause
    ) -> tuple[int | None, ...]:
        found: list[int | None] = []
        for n, x in enumerate(given):
            if isinstance(x, Variable):
                found.append(None)
            elif is_ground(x):
                found.append(self._index[key, n][x])
            else:
                raise clause.place.error(f"the tensor road has no compound terms: {show(x)}")
        return tuple(found)

    def _shape(self, key: Signature) -> tuple[int, ...]:
        return tuple(len(self._terms[key, n]) for n in range(key[1]))


def _with(lower: Any, step: Any, x: Any, _: Any) -> Any:
    return step(x, lower)


def _zeros(shape: tuple[int, ...], semiring: Semiring) -> jax.Array:
    return jnp.broadcast_to(semiring.asarray(semiring.zero), shape)


def _truth(holds: jax.Array, semiring: Semiring) -> jax.Array:
    return jnp.where(holds, semiring.asarray(semiring.one), semiring.asarray(semiring.zero))


def _name(key: Signature) -> str:
    return f"{key[0]}/{key[1]}"


def _from_log(semiring: Semiring, logs: jax.Array) -> jax.Array:
    if semiring.from_log is not None:
        return semiring.from_log(logs)
    return _truth(logs > -jnp.inf, semiring)


def _is_open(clause: Clause) -> bool:
    """``t(_)::name(X, Y).``"""
    head = clause.heads[0]
    arguments = head.atom[1:] if isinstance(head.atom, tuple) else ()
    return (
        len(clause.heads) == 1
        and isinstance(head.label, Learnable)
        and clause.bodies == ((),)
        and bool(arguments)
        and all(isinstance(x, Variable) for x in arguments)
        and len(set(arguments)) == len(arguments)
    )


def _relevant(clauses: Sequence[Clause], asked: Signature) -> list[Clause]:
    own: dict[Signature, list[Clause]] = {}
    for clause in clauses:
        for head in clause.heads:
            own.setdefault(signature(head.atom), []).append(clause)
    seen, stack = {asked}, [asked]
    while stack:
        for clause in own.get(stack.pop(), ()):
            for goal in (x for body in clause.bodies for x in body):
                if goal.kind not in ("call", "builtin"):
                    raise clause.place.error(
                        f"the tensor road has rules over relations and comparisons, not {goal.kind}"
                    )
                key = signature(goal.atom)
                if goal.kind == "call" and key not in seen:
                    seen.add(key)
                    stack.append(key)
    return [x for x in clauses if any(signature(head.atom) in seen for head in x.heads)]


def _specialised(
    clauses: Sequence[Clause], atom: Term
) -> tuple[list[Clause], Term, dict[int, Term]]:
    """Drops arguments that a query binds and that the rules only hand on.

    For ``path(0, X)`` and ``path(X, Y) :- path(X, Z), edge(Z, Y).`` one row of the relation is
    enough: the first argument of all that is derived is 0.
    """
    key = signature(atom)
    arguments = atom[1:] if isinstance(atom, tuple) else ()
    own = [x for x in clauses if any(signature(head.atom) == key for head in x.heads)]
    others = [x for x in clauses if x not in own]
    called = {signature(goal.atom) for x in others for body in x.bodies for goal in body}
    fixed = {n: x for n, x in enumerate(arguments) if is_ground(x)}
    if not fixed or key in called or any(_is_open(x) or len(x.heads) > 1 for x in own):
        return list(clauses), atom, {}
    for clause in own:
        head = clause.heads[0].atom
        for goal in (x for body in clause.bodies for x in body):
            if signature(goal.atom) == key and goal.kind != "builtin":
                fixed = {n: x for n, x in fixed.items() if goal.atom[n + 1] == head[n + 1]}
    if not fixed:
        return list(clauses), atom, {}
    kept = [n for n in range(key[1]) if n not in fixed]
    name = f"{key[0]} of {', '.join(show(x) for x in fixed.values())}"

    def cut(term: Any) -> Term:
        return (name, *[term[n + 1] for n in kept]) if kept else name

    changed = []
    for clause in clauses:
        if clause not in own:
            changed.append(clause)
            continue
        head = clause.heads[0]
        bindings: dict[Variable, Term] = {}
        if not all(unify(head.atom[n + 1], x, bindings) for n, x in fixed.items()):
            continue
        bodies = []
        for body in clause.bodies:
            goals = []
            for goal in body:
                same = goal.kind == "call" and signature(goal.atom) == key
                called_ = cut(goal.atom) if same else goal.atom
                goals.append(Goal(goal.kind, _put(called_, bindings), goal.template, goal.result))
            bodies.append(tuple(goals))
        heads = (type(head)(_put(cut(head.atom), bindings), head.label),)
        changed.append(Clause(clause.number, heads, tuple(bodies), clause.variables, clause.place))
    return changed, cut(atom), fixed


def _put(term: Term, bindings: Mapping[Variable, Term]) -> Term:
    if isinstance(term, Variable):
        return bindings.get(term, term)
    if isinstance(term, tuple):
        return (term[0], *[_put(x, bindings) for x in term[1:]])
    return term


def _restored(atom: Term, values: Sequence[Term], dropped: Mapping[int, Term]) -> str:
    name = atom[0] if isinstance(atom, tuple) else atom
    if not dropped:
        return show((name, *values) if values else name)
    rest = iter(values)
    count = len(values) + len(dropped)
    own = [dropped[n] if n in dropped else next(rest) for n in range(count)]
    assert isinstance(name, str)
    return show((name.split(" of ")[0], *own))


def _domains(
    clauses: Sequence[Clause],
    asked: Term,
    stated: Mapping[str, Sequence[Sequence[Any]]],
    dropped: Mapping[int, Term],
) -> dict[Place, list[Term]]:
    """The terms of each argument: arguments that share a variable share their terms."""
    parent: dict[Any, Any] = {}

    def find(x: Any) -> Any:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    terms: dict[Any, dict[Term, None]] = {}
    constants: list[tuple[Place, Term]] = []
    for clause in [*clauses, None]:
        atoms = [asked] if clause is None else [head.atom for head in clause.heads]
        if clause is not None:
            atoms += [x.atom for body in clause.bodies for x in body if x.kind == "call"]
        for atom in atoms:
            for n, x in enumerate(atom[1:] if isinstance(atom, tuple) else ()):
                place = (signature(atom), n)
                find(place)
                if isinstance(x, Variable):
                    other = find((None if clause is None else clause.number, x))
                    parent[other] = find(place)
                else:
                    constants.append((place, x))
    del dropped
    for place, x in constants:
        terms.setdefault(find(place), {})[x] = None
    order: dict[Any, list[Term]] = {}
    for name, arguments in stated.items():
        functor, _, arity = name.rpartition("/")
        if not arity.isdigit() or int(arity) != len(arguments):
            raise ProgramError(f'domains are given by "name/arity", each argument\'s, not {name!r}')
        for n, own in enumerate(arguments):
            place = ((functor, int(arity)), n)
            if place in parent:
                listed = [from_python(x) for x in (range(own) if isinstance(own, int) else own)]
                order.setdefault(find(place), listed)
    for root, listed in order.items():
        known = set(listed)
        beyond = [x for x in terms.get(root, {}) if x not in known]
        if beyond:
            raise ProgramError(f"{show(beyond[0])} is outside of the domain that is stated")
    found: dict[Place, list[Term]] = {}
    sets = {root: sorted(own, key=order_key) for root, own in terms.items()}
    for place in [x for x in parent if isinstance(x[0], tuple)]:
        root = find(place)
        found[place] = order.get(root, sets.get(root, []))
    for key in {place[0] for place in found}:
        entries = int(np.prod([len(found[key, n]) for n in range(key[1])], dtype=float))
        if entries > MAX_ENTRIES:
            raise ProgramError(
                f"the relation {_name(key)} has {entries:,} entries, more than {MAX_ENTRIES:,}"
            )
    return found


def _mask(
    goal: Goal, sizes: Mapping[Variable, Sequence[Term]], clause: Clause
) -> tuple[np.ndarray, list[Variable]]:
    """What a comparison says of all values of its variables."""
    used = list(dict.fromkeys(variables_of(goal.atom)))
    for x in used:
        if x not in sizes:
            raise clause.place.error(
                f"on the tensor road {x.name} of {show(goal.atom)} has to stand in a relation"
            )
    shape = [len(sizes[x]) for x in used]
    function = BUILTINS[signature(goal.atom)]
    mask = np.zeros(shape, bool)
    for index in np.ndindex(*shape):
        put = _put(goal.atom, {x: sizes[x][n] for x, n in zip(used, index, strict=True)})
        arguments = put[1:] if isinstance(put, tuple) else ()
        mask[index] = any(
            all(unify(left, right, {}) for left, right in equations)
            for equations in function(*arguments)
        )
    return mask, used


def _components(
    rules: Mapping[Signature, Sequence[_Rule]], asked: Signature
) -> list[tuple[list[Signature], bool]]:
    """Predicates with rules in the order of their dependence; those that depend on each other."""
    below = {key: {own for x in found for own, _ in x.calls} for key, found in rules.items()}
    order: list[tuple[list[Signature], bool]] = []
    done: set[Signature] = set()

    def reached(start: Iterable[Signature]) -> set[Signature]:
        seen, stack = set(start), list(start)
        while stack:
            for key in below.get(stack.pop(), ()):
                if key not in seen:
                    seen.add(key)
                    stack.append(key)
        return seen

    def visit(key: Signature) -> None:
        if key in done or key not in below:
            return
        part = [x for x in reached(below[key]) if key in reached(below.get(x, ()))]
        part = sorted({*part, key})
        done.update(part)
        for own in part:
            for other in sorted(below[own]):
                visit(other)
        recursive = any(other in part for own in part for other in below[own])
        if any(rules[own] for own in part):
            order.append((part, recursive))

    visit(asked)
    return order
