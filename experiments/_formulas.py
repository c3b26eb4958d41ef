"""The values of formulas: a machine that reads symbols from left to right, and its circuit.

    2 + 3 × 4    reads as    Read(0, 2), Pending(2, 1, ×), Read(2, 3), Pending(2, 3, ×), Read(2, 12)

and is worth 2 + 12. The signs + and - close a sum, after which only its value matters, so that
``2 × 3 +`` and ``6 +`` are one state: the circuit of all formulas shares the parts that the
formulas have in common.
"""

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import neurosym as ns

DIGITS, OPERATORS = ns.datasets.SIGNS[:10], ns.datasets.SIGNS[10:]
SLOTS = 7


class Pending(NamedTuple):
    """A formula that is read up to an operator, worth ``total + (term operator digit)``."""

    total: Fraction
    term: Fraction
    operator: str


class Read(NamedTuple):
    """A formula that is read up to a digit, worth ``total + term``: the term may still grow."""

    total: Fraction
    term: Fraction


def step(state: Read | Pending | None, position: int, symbol: str) -> Read | Pending | None:
    """What is known after one more symbol; None where the formula divides by zero."""
    if state is None:
        return Read(Fraction(0), Fraction(symbol))
    if isinstance(state, Read):
        if symbol in "+-":
            return Pending(state.total + state.term, Fraction(1 if symbol == "+" else -1), "×")
        return Pending(state.total, state.term, symbol)
    digit = Fraction(symbol)
    if state.operator == "×":
        return Read(state.total, state.term * digit)
    return Read(state.total, state.term / digit) if digit else None


def answer(state: Read | Pending | None, position: int) -> tuple[int, Fraction] | None:
    """The length and the value of a formula that ends after a digit."""
    return (position, state.total + state.term) if isinstance(state, Read) else None


@functools.cache
def formula_circuit(slots: int = SLOTS) -> ns.Circuit:
    """The values of all formulas of up to so many symbols, over weights ``[slots, 10]``."""
    domains = [OPERATORS if slot % 2 else DIGITS for slot in range(slots)]
    return ns.circuits.from_state_machine(domains, None, step, answer)


def parse_text(symbols: Sequence[int]) -> str:
    """A formula with its products in brackets: "2 + (3 × 4)"."""
    parts: list[list[str]] = [[]]
    signs = [ns.datasets.SIGNS[symbol] for symbol in symbols]
    for sign in signs:
        if sign in "+-":
            parts += [[sign], []]
        else:
            parts[-1].append(sign)
    texts = [" ".join(part) for part in parts]
    if len(texts) > 1:
        texts = [f"({text})" if " " in text else text for text in texts]
    return " ".join(texts)
