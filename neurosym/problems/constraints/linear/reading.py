"""`Reading`: what a variable that is compared with a sum sees of the sum's distribution.

    x == s, x in 0, 2, 4     places (0, 2, 4), sums (p0, p1, p2, p3, p4)
    read                     (p0, p2, p4)
    x >= s                   the same places, "<=": (p0, p0+p1+p2, p0+p1+p2+p3+p4)

No mask over values and sums is made, however many of both there are.
"""

from __future__ import annotations

import dataclasses

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.operations.convolution import placed, prefixes, read
from neurosym.semirings.operations.multilinear import Algebra


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a variable with one value a place sees of the sums that are comparable with it: the sum
    at the place (``==``), all others (``!=``), or those up to the place (``<=``)."""

    relation: str
    places: tuple[int, ...]

    def element_count(self, size: int) -> int:
        """Elements that are made of ``size`` sums."""
        passes = {"==": 0, "<=": 1, "!=": 2}[self.relation]
        return len(self.places) + passes * size * max(1, size.bit_length())

    def read(self, algebra: Algebra, sums: Elements) -> Elements:
        """From all sums ``[S, B]`` to what each value sees, ``[V, B]``."""
        size = elements.shape(algebra.semiring, sums)[0]
        if self.relation == "==":
            return read(algebra, sums, self.places)
        below = [min(place, size - 1) for place in self.places]
        if self.relation == "<=":
            return read(algebra, prefixes(algebra, sums), below)
        below = [min(place - 1, size - 1) for place in self.places]
        above = [max(place + 1, 0) for place in self.places]
        parts = [
            read(algebra, prefixes(algebra, sums), below),
            read(algebra, prefixes(algebra, sums, reverse=True), above),
        ]
        return algebra.sum_of(parts)

    def transposed(self, algebra: Algebra, outer: Elements, size: int) -> Elements:
        """The transpose: from elements ``[V, B]`` to ``[S, B]``."""
        if self.relation == "==":
            return placed(algebra, outer, self.places, size)
        below = [min(place, size - 1) for place in self.places]
        if self.relation == "<=":
            return prefixes(algebra, placed(algebra, outer, below, size), reverse=True)
        below = [min(place - 1, size - 1) for place in self.places]
        above = [max(place + 1, 0) for place in self.places]
        parts = [
            prefixes(algebra, placed(algebra, outer, below, size), reverse=True),
            prefixes(algebra, placed(algebra, outer, above, size)),
        ]
        return algebra.sum_of(parts)
