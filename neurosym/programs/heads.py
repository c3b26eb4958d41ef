"""Heads of clauses: which stand for several, which are a network's, and which cannot be heads.

0.6::h(1); 0.4::t(1)               two heads, each with its label
p(1..3)                            p(1), p(2) and p(3): three clauses
nn(net, [X], Y, [0..9])::d(X, Y)   a network says which value of Y holds
X is 3 + 4, q(X + 1)               are refused: the first is built in, the second not computed
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator

from neurosym.programs.arithmetic import OPERATORS
from neurosym.programs.builtins import BUILTINS, REDEFINABLE
from neurosym.programs.clauses import Neural, Signature
from neurosym.programs.syntax import Place, expanded
from neurosym.programs.terms import (
    Float,
    Term,
    Variable,
    from_list,
    is_callable,
    is_ground,
    show,
    signature,
    subterms,
    variables_of,
)


def heads_of(head: Term) -> list[Term]:
    """The heads of a disjunction, with their labels."""
    return parts_of(head, ";")


def parts_of(term: Term, functor: str) -> list[Term]:
    """The parts of what is right-associative."""
    found = []
    while isinstance(term, tuple) and term[0] == functor and len(term) == 3:
        found.append(term[1])
        term = term[2]
    return [*found, term]


def expanded_heads(head: Term, place: Place) -> Iterator[tuple[Term, Term]]:
    """The heads that a head with ranges stands for."""
    ranges = [x for x in subterms(head) if isinstance(x, tuple) and x[0] == ".." and len(x) == 3]
    if not ranges:
        yield head, head
        return
    for values in itertools.product(*[expanded(x, place) for x in ranges]):
        stock = list(values)[::-1]
        order = list(ranges)
        yield _with_values(head, order, stock), head


def check_head(atom: Term, foreign: Container[Signature], place: Place) -> None:
    """Raises `ProgramError` for what cannot be the head of a clause."""
    if not is_callable(atom):
        raise place.error(f"{show(atom)} cannot be the head of a clause: it is not an atom")
    key = signature(atom)
    if isinstance(atom, tuple) and atom[0] in (",", "->", "\\+", ";", "::", ".."):
        raise place.error(f"{show(atom)} cannot be the head of a clause")
    if (key in BUILTINS and key not in REDEFINABLE) or atom in ("true", "fail", "false", "!"):
        raise place.error(f"{key[0]}/{key[1]} is built in and cannot be defined")
    if key[0] in ("findall", "aggregate_all", "forall", "query", "evidence"):
        raise place.error(f"{key[0]}/{key[1]} is built in and cannot be defined")
    if key in foreign:
        raise place.error(f"{key[0]}/{key[1]} is a Python function, and has a clause as well")
    for argument in atom[1:] if isinstance(atom, tuple) else ():
        for part in subterms(argument):
            if _computes(part):
                raise place.error(
                    f"{show(part)} in a head is not computed: bind a variable to it in the "
                    f"body, as in X is {show(part)}"
                )


def neural_of(label: Term, atom: Term, place: Place) -> Neural | None:
    """The network of a label ``nn(...)``; None of other labels.

    Raises:
      ProgramError: if it is not written as one of its three forms.
    """
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
