"""Predicates that need no rules: comparison, arithmetic, unification, ranges, lists.

Each is a function from its arguments, as far as they are bound, to the ways in which it holds: it
yields pairs of terms that have to be equal. ``X is 1 + 2`` yields ``[(X, 3)]``; ``2 < 1`` yields
nothing; ``between(1, 3, X)`` yields three.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from neurosym.programs.arithmetic import EvaluationError, evaluate, number_term
from neurosym.programs.terms import (
    DOT,
    Float,
    Term,
    Text,
    Variable,
    from_list,
    is_ground,
    order_key,
    show,
    to_list,
    unify,
)

Equations = Sequence[tuple[Term, Term]]
Builtin = Callable[..., Iterator[Equations]]

MAX_LENGTH = 1_000_000
"""Numbers that between/3 may run through."""


def _compares(function: Callable[[float, float], bool]) -> Builtin:
    def builtin(x: Term, y: Term) -> Iterator[Equations]:
        if function(evaluate(x), evaluate(y)):
            yield ()

    return builtin


def _orders(function: Callable[[Any, Any], Any]) -> Builtin:
    def builtin(x: Term, y: Term) -> Iterator[Equations]:
        if not (is_ground(x) and is_ground(y)):
            raise EvaluationError("terms with unbound variables have no order")
        if function(order_key(x), order_key(y)):
            yield ()

    return builtin


def _has_type(function: Callable[[Term], bool]) -> Builtin:
    def builtin(x: Term) -> Iterator[Equations]:
        if function(x):
            yield ()

    return builtin


def _is(x: Term, y: Term) -> Iterator[Equations]:
    yield [(x, number_term(evaluate(y)))]


def _unifies(x: Term, y: Term) -> Iterator[Equations]:
    yield [(x, y)]


def _same(x: Term, y: Term) -> Iterator[Equations]:
    if x == y:
        yield ()


def _differs(x: Term, y: Term) -> Iterator[Equations]:
    if x != y:
        yield ()


def _cannot_unify(x: Term, y: Term) -> Iterator[Equations]:
    if not unify(x, y, {}):
        yield ()


def _between(low: Term, high: Term, x: Term) -> Iterator[Equations]:
    first = evaluate(low)
    if high in ("inf", "infinite"):
        raise EvaluationError("between/3 without an end has infinitely many answers")
    last = evaluate(high)
    if not (isinstance(first, int) and isinstance(last, int)):
        raise EvaluationError("between/3 needs integers")
    if isinstance(x, Variable):
        if last - first >= MAX_LENGTH:
            raise EvaluationError(f"between/3 would run through more than {MAX_LENGTH:,} integers")
        for n in range(first, last + 1):
            yield [(x, n)]
    elif isinstance(x, int) and first <= x <= last:
        yield ()


def _succ(x: Term, y: Term) -> Iterator[Equations]:
    if isinstance(x, int):
        yield [(y, x + 1)]
    elif isinstance(y, int) and y > 0:
        yield [(x, y - 1)]
    elif isinstance(x, Variable) and isinstance(y, Variable):
        raise EvaluationError("succ/2 needs one of its integers")


def _plus(x: Term, y: Term, z: Term) -> Iterator[Equations]:
    if not isinstance(x, Variable) and not isinstance(y, Variable):
        yield [(z, number_term(evaluate(("+", x, y))))]
    elif not isinstance(x, Variable):
        yield [(y, number_term(evaluate(("-", z, x))))]
    else:
        yield [(x, number_term(evaluate(("-", z, y))))]


def _items(term: Term, name: str) -> list[Term]:
    found = from_list(term)
    if found is None:
        raise EvaluationError(f"{name} needs a list, not {show(term)}")
    return found


def _member(x: Term, items: Term) -> Iterator[Equations]:
    for item in _items(items, "member/2"):
        yield [(x, item)]


def _memberchk(x: Term, items: Term) -> Iterator[Equations]:
    if not is_ground(x):
        raise EvaluationError("memberchk/2 needs a bound first argument; use member/2")
    if x in _items(items, "memberchk/2"):
        yield ()


def _append(x: Term, y: Term, z: Term) -> Iterator[Equations]:
    first = from_list(x)
    if first is not None:
        yield [(to_list(first, y), z)]
        return
    whole = _items(z, "append/3 with an open first list")
    for n in range(len(whole) + 1):
        yield [(x, to_list(whole[:n])), (y, to_list(whole[n:]))]


def _select(x: Term, items: Term, rest: Term) -> Iterator[Equations]:
    own = _items(items, "select/3")
    for n, item in enumerate(own):
        yield [(x, item), (rest, to_list(own[:n] + own[n + 1 :]))]


def _length(items: Term, n: Term) -> Iterator[Equations]:
    found = from_list(items)
    if found is not None:
        yield [(n, len(found))]
        return
    known, tail = 0, items
    while isinstance(tail, tuple) and tail[0] == DOT and len(tail) == 3:
        known, tail = known + 1, tail[2]
    if not isinstance(n, int) or not isinstance(tail, Variable):
        raise EvaluationError("length/2 needs a list or its length")
    if n >= known:
        yield [(tail, to_list([Variable("_") for _ in range(n - known)]))]


def _nth(first: int) -> Builtin:
    def builtin(n: Term, items: Term, x: Term) -> Iterator[Equations]:
        own = _items(items, f"nth{first}/3")
        if isinstance(n, int):
            if 0 <= n - first < len(own):
                yield [(x, own[n - first])]
            return
        for place, item in enumerate(own):
            yield [(n, place + first), (x, item)]

    return builtin


def _last(items: Term, x: Term) -> Iterator[Equations]:
    own = _items(items, "last/2")
    if own:
        yield [(x, own[-1])]


def _of_list(name: str, function: Callable[[list[Term]], Term | None]) -> Builtin:
    def builtin(items: Term, x: Term) -> Iterator[Equations]:
        found = function(_items(items, name))
        if found is not None:
            yield [(x, found)]

    return builtin


def _numlist(low: Term, high: Term, items: Term) -> Iterator[Equations]:
    first, last = evaluate(low), evaluate(high)
    if isinstance(first, int) and isinstance(last, int) and last - first < MAX_LENGTH:
        if first <= last:
            yield [(items, to_list(range(first, last + 1)))]
        return
    raise EvaluationError("numlist/3 needs integers that are not too far apart")


def _delete(items: Term, x: Term, rest: Term) -> Iterator[Equations]:
    yield [(rest, to_list([item for item in _items(items, "delete/3") if item != x]))]


def _subtract(items: Term, other: Term, rest: Term) -> Iterator[Equations]:
    without = set(_items(other, "subtract/3"))
    yield [(rest, to_list([x for x in _items(items, "subtract/3") if x not in without]))]


def sorted_set(items: list[Term]) -> list[Term]:
    """In the standard order, each once."""
    return sorted(dict.fromkeys(items), key=order_key)


def sum_of(items: Sequence[Term]) -> Term:
    """The sum of numbers."""
    return number_term(sum(evaluate(x) for x in items))


def extreme(items: Sequence[Term], *, largest: bool) -> Term | None:
    """The largest or smallest number; None where there is none."""
    if not items:
        return None
    return number_term((max if largest else min)(evaluate(x) for x in items))


BUILTINS: dict[tuple[str, int], Builtin] = {
    ("<", 2): _compares(operator.lt),
    ("=<", 2): _compares(operator.le),
    (">", 2): _compares(operator.gt),
    (">=", 2): _compares(operator.ge),
    ("=:=", 2): _compares(operator.eq),
    ("=\\=", 2): _compares(operator.ne),
    ("is", 2): _is,
    ("=", 2): _unifies,
    ("\\=", 2): _cannot_unify,
    ("==", 2): _same,
    ("\\==", 2): _differs,
    ("@<", 2): _orders(operator.lt),
    ("@=<", 2): _orders(operator.le),
    ("@>", 2): _orders(operator.gt),
    ("@>=", 2): _orders(operator.ge),
    ("between", 3): _between,
    ("succ", 2): _succ,
    ("plus", 3): _plus,
    ("var", 1): _has_type(lambda x: isinstance(x, Variable)),
    ("nonvar", 1): _has_type(lambda x: not isinstance(x, Variable)),
    ("atom", 1): _has_type(lambda x: isinstance(x, str)),
    ("number", 1): _has_type(lambda x: isinstance(x, int | Float)),
    ("integer", 1): _has_type(lambda x: isinstance(x, int)),
    ("float", 1): _has_type(lambda x: isinstance(x, Float)),
    ("string", 1): _has_type(lambda x: isinstance(x, Text)),
    ("atomic", 1): _has_type(lambda x: not isinstance(x, Variable | tuple)),
    ("compound", 1): _has_type(lambda x: isinstance(x, tuple)),
    ("callable", 1): _has_type(lambda x: isinstance(x, tuple | str)),
    ("ground", 1): _has_type(is_ground),
    ("is_list", 1): _has_type(lambda x: from_list(x) is not None),
    ("member", 2): _member,
    ("memberchk", 2): _memberchk,
    ("append", 3): _append,
    ("select", 3): _select,
    ("length", 2): _length,
    ("nth0", 3): _nth(0),
    ("nth1", 3): _nth(1),
    ("last", 2): _last,
    ("reverse", 2): _of_list("reverse/2", lambda items: to_list(items[::-1])),
    ("sum_list", 2): _of_list("sum_list/2", sum_of),
    ("sumlist", 2): _of_list("sumlist/2", sum_of),
    ("max_list", 2): _of_list("max_list/2", lambda items: extreme(items, largest=True)),
    ("min_list", 2): _of_list("min_list/2", lambda items: extreme(items, largest=False)),
    ("msort", 2): _of_list("msort/2", lambda items: to_list(sorted(items, key=order_key))),
    ("sort", 2): _of_list("sort/2", lambda items: to_list(sorted_set(items))),
    ("list_to_set", 2): _of_list("list_to_set/2", lambda items: to_list([*dict.fromkeys(items)])),
    ("numlist", 3): _numlist,
    ("delete", 3): _delete,
    ("subtract", 3): _subtract,
}
"""By name and number of arguments; a program that defines one of the list predicates itself uses
its own."""

REDEFINABLE = frozenset(
    key
    for key in BUILTINS
    if key[0].replace("_", "").replace("0", "").replace("1", "").isalpha()
    and key not in {("is", 2), ("between", 3), ("var", 1), ("nonvar", 1)}
)

_UNSUPPORTED_NAMES = (
    "assert",
    "asserta",
    "assertz",
    "retract",
    "retractall",
    "abolish",
    "once",
    "ignore",
    "bagof",
    "setof",
    "copy_term",
    "functor",
    "arg",
    "write",
    "writeln",
    "print",
    "nl",
    "format",
    "read",
    "consult",
    "subquery",
    "subquery_in_scope",
    "sample_uniform1",
    "select_weighted",
    "select_uniform",
    "nb_setval",
    "b_setval",
    "catch",
    "throw",
    "halt",
    "tab",
    "maplist",
    "foldl",
    "exclude",
    "include",
    "atom_codes",
    "atom_chars",
    "atom_number",
    "atom_length",
    "number_codes",
    "sub_atom",
    "atom_concat",
    "term_to_atom",
    "cov",
    "clause",
    "current_op",
    "op",
    "dynamic",
    "discontiguous",
    "table",
    "external",
    "trace",
    "spy",
    "possible",
)

UNSUPPORTED: dict[str, str] = {
    "!": "the cut (!)",
    "*->": "the soft cut (*->)",
    "=..": "=../2",
    "\\=@=": "\\=@=/2",
    "=@=": "=@=/2",
} | {name: name for name in _UNSUPPORTED_NAMES}
"""Names of Prolog and ProbLog that programs here cannot use unless they define them."""
