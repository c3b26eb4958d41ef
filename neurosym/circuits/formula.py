"""`Formula`: clauses over Boolean variables, which is what compilers read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

Clause = tuple[int, ...]
"""Literals of which one holds: ``v`` says that variable v is true, ``-v`` that it is false."""


@dataclasses.dataclass(frozen=True)
class Formula:
    """A formula in conjunctive normal form.

    >>> Formula([(1, -2), (2, 3)], variables=3).clauses
    ((1, -2), (2, 3))

    Attributes:
      clauses: what must hold, all of them; an empty clause cannot hold.
      variables: how many there are, numbered from 1. Those that occur in no clause are free.

    Raises:
      ValueError: if a clause names a variable that does not exist.
    """

    clauses: tuple[Clause, ...]
    variables: int

    def __init__(self, clauses: Iterable[Sequence[int]], variables: int) -> None:
        own = tuple(tuple(map(int, clause)) for clause in clauses)
        for clause in own:
            for literal in clause:
                if not 1 <= abs(literal) <= variables:
                    raise ValueError(
                        f"the clause {clause} has the literal {literal}; a literal is v or -v "
                        f"for a variable v from 1 to {variables:,}"
                    )
        object.__setattr__(self, "clauses", own)
        object.__setattr__(self, "variables", int(variables))
