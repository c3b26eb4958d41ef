"""Terms: what programs speak of.

    42            int                      alice, 'Alice'   str
    0.5           Float(0.5)               "a text"         Text("a text")
    f(a, X)       ("f", "a", Variable)     [1, 2]           (".", 1, (".", 2, "[]"))

A compound is a plain tuple whose first entry is its functor, because grounding hashes and compares
terms more than anything else. A float has a class of its own, since for Python 1 and 1.0 are equal,
and here they are two terms.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Term = Any
"""int, str, `Float`, `Text`, `Variable`, or a tuple of a functor and terms."""

NIL = "[]"
DOT = "."

_PLAIN = re.compile(r"[a-z][A-Za-z0-9_]*\Z|\[\]\Z")
_INFIX = {
    ":-": 1200,
    ";": 1100,
    "->": 1050,
    ",": 1000,
    "::": 990,
    "=": 700,
    "\\=": 700,
    "==": 700,
    "\\==": 700,
    "@<": 700,
    "@=<": 700,
    "@>": 700,
    "@>=": 700,
    "is": 700,
    "=:=": 700,
    "=\\=": 700,
    "<": 700,
    "=<": 700,
    ">": 700,
    ">=": 700,
    "+": 500,
    "-": 500,
    "*": 400,
    "/": 400,
    "//": 400,
    "mod": 400,
    "rem": 400,
    "**": 200,
    "^": 200,
}
"""How tightly operators bind, for writing terms; `grammar.lark` is how they are read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Float:
    """A number with a point."""

    value: float


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text in double quotes."""

    value: str


class Variable:
    """A variable of one clause or call; it is equal to itself alone."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    @property
    def anonymous(self) -> bool:
        """It was written ``_``."""
        return self.name == "_"


Bindings = dict[Variable, Term]


def variables_of(term: Term) -> list[Variable]:
    """The variables of a term, in the order in which they are met, each once."""
    found: dict[Variable, None] = {}
    stack = [term]
    while stack:
        own = stack.pop()
        if isinstance(own, Variable):
            found[own] = None
        elif isinstance(own, tuple):
            stack.extend(own[:0:-1])
    return list(found)


def is_ground(term: Term) -> bool:
    """Whether there is no variable in a term."""
    if isinstance(term, tuple):
        return all(is_ground(x) for x in term[1:])
    return not isinstance(term, Variable)


def resolve(term: Term, bindings: Bindings) -> Term:
    """The term with variables replaced by what they are bound to."""
    if isinstance(term, tuple):
        return (term[0], *[resolve(x, bindings) for x in term[1:]])
    while isinstance(term, Variable):
        if term not in bindings:
            return term
        term = bindings[term]
        if isinstance(term, tuple):
            return resolve(term, bindings)
    return term


def substituted(term: Term, bindings: Bindings) -> Term:
    """The term with variables replaced at once; what they are replaced by stays as it is."""
    if isinstance(term, tuple):
        return (term[0], *[substituted(x, bindings) for x in term[1:]])
    return bindings.get(term, term) if isinstance(term, Variable) else term


def unify(left: Term, right: Term, bindings: Bindings) -> bool:
    """Makes two terms equal by binding variables in place; False where that cannot be.

    After False the bindings are of no use. There is an occurs check.
    """
    stack = [(left, right)]
    while stack:
        x, y = stack.pop()
        while isinstance(x, Variable) and x in bindings:
            x = bindings[x]
        while isinstance(y, Variable) and y in bindings:
            y = bindings[y]
        if x is y:
            continue
        if isinstance(x, Variable):
            if isinstance(y, tuple) and x in variables_of(resolve(y, bindings)):
                return False
            bindings[x] = y
        elif isinstance(y, Variable):
            if isinstance(x, tuple) and y in variables_of(resolve(x, bindings)):
                return False
            bindings[y] = x
        elif isinstance(x, tuple) and isinstance(y, tuple):
            if x[0] != y[0] or len(x) != len(y):
                return False
            stack.extend(zip(x[1:], y[1:], strict=True))
        elif x != y:
            return False
    return True


def signature(term: Term) -> tuple[str, int]:
    """Functor and number of arguments of an atom of the logic."""
    return (term[0], len(term) - 1) if isinstance(term, tuple) else (term, 0)


def is_callable(term: Term) -> bool:
    """Whether a term may be an atom of the logic: a name, or a compound."""
    return isinstance(term, str | tuple)


def to_list(items: Sequence[Term], tail: Term = NIL) -> Term:
    """The list of some terms."""
    for item in reversed(items):
        tail = (DOT, item, tail)
    return tail


def from_list(term: Term) -> list[Term] | None:
    """The items of a list; None where a term is not a whole list."""
    items = []
    while isinstance(term, tuple) and term[0] == DOT and len(term) == 3:
        items.append(term[1])
        term = term[2]
    return items if term == NIL else None


def to_python(term: Term) -> Any:
    """A ground term as Python functions get it: numbers, str, and lists.

    Other compounds stay tuples ``(functor, ...)``.
    """
    if isinstance(term, Float | Text):
        return term.value
    items = from_list(term) if isinstance(term, tuple) or term == NIL else None
    if items is not None:
        return [to_python(x) for x in items]
    if isinstance(term, tuple):
        return (term[0], *[to_python(x) for x in term[1:]])
    return term


def from_python(value: Any) -> Term:
    """The term that Python functions mean by a value.

    Raises:
      ValueError: if there is none.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Text | Float):
        return value
    if isinstance(value, list):
        return to_list([from_python(x) for x in value])
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return (value[0], *[from_python(x) for x in value[1:]])
    if hasattr(value, "__index__"):
        return int(value)
    if hasattr(value, "__float__"):
        return Float(float(value))
    raise ValueError(f"{value!r} is not a term: use numbers, str, lists, or ('functor', ...)")


def order_key(term: Term) -> tuple[Any, ...]:
    """For sorting in the standard order: variables, numbers, names, texts, compounds.

    Numbers by value, a float before an equal integer; compounds by arity, functor, arguments.
    """
    if isinstance(term, Variable):
        return (0, id(term))
    if isinstance(term, Float):
        return (1, term.value, 0)
    if isinstance(term, int):
        return (1, term, 1)
    if isinstance(term, str):
        return (2, term)
    if isinstance(term, Text):
        return (3, term.value)
    return (4, len(term), term[0], *[order_key(x) for x in term[1:]])


def show(term: Term) -> str:
    """The term as it is written."""
    return _show(term, 999)


def show_all(terms: Iterable[Term]) -> str:
    """Several terms, with commas."""
    return ", ".join(show(x) for x in terms)


def subterms(term: Term) -> Iterator[Term]:
    """The term itself and all terms in it."""
    stack = [term]
    while stack:
        own = stack.pop()
        yield own
        if isinstance(own, tuple):
            stack.extend(own[1:])


def _show(term: Term, most: int) -> str:
    if isinstance(term, Variable):
        return term.name
    if isinstance(term, Float):
        return repr(term.value)
    if isinstance(term, Text):
        return '"' + term.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(term, int):
        return str(term)
    if isinstance(term, str):
        return _show_name(term)
    if term[0] == DOT and len(term) == 3:
        return _show_list(term)
    if len(term) == 3 and term[0] in _INFIX:
        level = _INFIX[term[0]]
        left = _show(term[1], level if level in (400, 500) else level - 1)
        right = _show(term[2], level if level >= 1000 else level - 1)
        if (level < 500 and not term[0].isalpha()) or term[0] == "::":
            text = f"{left}{term[0]}{right}"
        else:
            text = f"{left}{', ' if term[0] == ',' else f' {term[0]} '}{right}"
        return f"({text})" if level > most else text
    if term[0] == "\\+" and len(term) == 2:
        return f"\\+{_show(term[1], 900)}"
    if term[0] == "-" and len(term) == 2:
        return f"-{_show(term[1], 200)}"
    return f"{_show_name(term[0])}({', '.join(_show(x, 999) for x in term[1:])})"


def _show_name(name: str) -> str:
    if _PLAIN.match(name):
        return name
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _show_list(term: Term) -> str:
    items = []
    while isinstance(term, tuple) and term[0] == DOT and len(term) == 3:
        items.append(_show(term[1], 999))
        term = term[2]
    rest = "" if term == NIL else f"|{_show(term, 999)}"
    return f"[{', '.join(items)}{rest}]"
