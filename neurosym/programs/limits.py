"""What stops a grounding that does not end: too much of everything, or terms that nest too deep."""

from __future__ import annotations

import collections
import contextlib
import sys
from collections.abc import Iterator

from neurosym.programs.clauses import Clauses, Signature
from neurosym.programs.syntax import Place, ProgramError
from neurosym.programs.terms import DOT, Term, signature

MAX_GROUND = 500_000
"""Calls, answers and rules of a grounding, unless the caller says otherwise."""

MAX_DEPTH = 400
"""How deep terms may nest while grounding; the items of a list are all as deep as the list."""

MAX_LIST = 5_000
"""Items of a list while grounding."""


class Growth:
    """Counts the calls, answers and rules of a grounding.

    Raises:
      ProgramError: on counting, once there are more than the limit.
    """

    def __init__(self, clauses: Clauses, limit: int) -> None:
        self._clauses, self._limit = clauses, limit
        self._sizes: collections.Counter[Signature] = collections.Counter()
        self._made = 0

    def count(self, own: Signature | None) -> None:
        """One more call or answer of a predicate; None for a rule."""
        self._made += 1
        if own is not None:
            self._sizes[own] += 1
        if self._made > self._limit:
            (name, arity), _ = self._sizes.most_common(1)[0]
            places = [
                clause.place
                for clause in self._clauses.clauses
                if any(signature(head.atom) == (name, arity) for head in clause.heads)
            ]
            where = f"{places[0]}: " if places else ""
            raise ProgramError(
                f"{where}grounding was stopped at {self._limit:,} calls, answers and rules: "
                f"{name}/{arity} keeps growing. Is a recursion without an end? If not, give a "
                "larger limit"
            )


def check_depth(term: Term, place: Place) -> None:
    """Raises `ProgramError` for a term that nests too deep, or has too long a list."""
    level = [term] if isinstance(term, tuple) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        following = []
        for own in level:
            length = 0
            while own[0] == DOT and len(own) == 3 and length < MAX_LIST:
                if isinstance(own[1], tuple):
                    following.append(own[1])
                own, length = own[2], length + 1
                if not isinstance(own, tuple):
                    break
            else:
                if length == MAX_LIST:
                    raise _grows(term, f"lists of more than {MAX_LIST:,} items", place)
                following += [x for x in own[1:] if isinstance(x, tuple)]
        level = following
    raise _grows(term, f"terms that nest {MAX_DEPTH:,} deep", place)


@contextlib.contextmanager
def deep_recursion() -> Iterator[None]:
    """Terms nest deeper than Python's functions by default may."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 10 * (MAX_DEPTH + MAX_LIST)))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _grows(term: Term, what: str, place: Place) -> ProgramError:
    name, arity = signature(term)
    return place.error(f"grounding was stopped at {what}: {name}/{arity} keeps growing")
