"""`Sums`: a circuit as sums of products of two, which is the form that is evaluated.

    leaves 2, 3, 4, 5                   or(and(2, 3), and(2, 4, 5))
    row 6 = row 4 ⊗ row 5               a product of three needs a row on the way
    row 7 = row 2 ⊗ row 3 ⊕ row 2 ⊗ row 6

Row 0 is the semiring's zero, row 1 its one, then come the leaves, then the inner rows, each a ⊕ of
terms ``a ⊗ b`` of earlier rows. An "and" under an "or" is a term and needs no row of its own, so an
element of an SDD is one term. Equal rows are one row.

For evaluation in steps of one shape no row may have many terms or many uses: long sums become trees
of sums, and a row that is used often is used through copies, ``row ⊗ one``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

ZERO, ONE, FIRST_LEAF = 0, 1, 2

MOST = 16
"""Terms of a row, and uses of a row, that are evaluated at once."""

MOST_IF_SMALL = 4
"""The same for circuits that are SMALL: fewer kinds of rows, which compile in less time."""

SMALL = 4096
"""Terms of a small circuit."""

Term = tuple[int, int]


class Sums:
    """Collects sums, each of which has a row; equal ones have the same row."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.terms: list[tuple[Term, ...]] = []
        self._known: dict[tuple[Term, ...], int] = {}

    def product(self, factors: Sequence[int]) -> Term:
        """The ⊗ of rows as one term, by a balanced tree; (0, 0) where a factor is the zero."""
        if ZERO in factors:
            return ZERO, ZERO
        level = [row for row in factors if row != ONE]
        while len(level) > 2:
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [self.sum([pair]) for pair in pairs] + level[len(level) // 2 * 2 :]
        level += [ONE] * (2 - len(level))
        return max(level), min(level)

    def sum(self, terms: Iterable[Term]) -> int:
        """The row that is the ⊕ of terms; none is made for a constant or a single row."""
        kept = tuple(sorted(term for term in terms if ZERO not in term))
        if not kept:
            return ZERO
        if len(kept) == 1 and ONE in kept[0]:
            return max(kept[0])
        if kept not in self._known:
            self._known[kept] = FIRST_LEAF + self.leaves + len(self.terms)
            self.terms.append(kept)
        return self._known[kept]


@dataclasses.dataclass(frozen=True)
class BoundedSums:
    """Sums that are all needed for some root, with a bounded number of terms and uses each.

    Attributes:
      leaves: how many there are.
      terms: of each inner row, in an order in which rows follow what they use.
      roots: the terms of each root. Their number is not bounded, and they do not count as uses of
        rows.
    """

    leaves: int
    terms: tuple[tuple[Term, ...], ...]
    roots: tuple[tuple[Term, ...], ...]


def bound(sums: Sums, roots: Sequence[Sequence[Term]]) -> BoundedSums:
    """Drops what no root needs, splits long sums and copies what is used often."""
    first = FIRST_LEAF + sums.leaves
    uses: dict[int, int] = {}
    needed = {row for own in roots for term in own for row in term}
    count = 0
    for number in reversed(range(len(sums.terms))):
        if first + number in needed:
            count += len(sums.terms[number])
            for term in sums.terms[number]:
                needed.update(term)
                for row in term:
                    uses[row] = uses.get(row, 0) + 1
    made = _Bounding(first, MOST if count > SMALL else MOST_IF_SMALL)
    for row in range(FIRST_LEAF, first):
        made.offer(row, row, uses.get(row, 0))
    for number, own in enumerate(sums.terms):
        if first + number in needed:
            made.offer(first + number, made.sum(own), uses.get(first + number, 0))
    renamed = made.renamed
    return BoundedSums(
        sums.leaves,
        tuple(made.terms),
        tuple(tuple((renamed[a], renamed[b]) for a, b in own) for own in roots),
    )


class _Bounding:
    """Collects rows of at most ``most`` terms, and hands them out for at most ``most`` uses."""

    def __init__(self, first: int, most: int) -> None:
        self.first, self.most = first, most
        self.terms: list[tuple[Term, ...]] = []
        self.renamed: dict[int, int] = {ZERO: ZERO, ONE: ONE}
        self._offered: dict[int, list[int]] = {ZERO: [], ONE: []}
        self._taken: dict[int, int] = {}

    def sum(self, terms: Sequence[Term]) -> int:
        """The row, or the tree of rows, that sums terms as they were numbered before."""
        level = [(self._take(a), self._take(b)) for a, b in terms]
        while len(level) > self.most:
            portions = -(-len(level) // self.most)
            level = [(self._add(level[n::portions]), ONE) for n in range(portions)]
        return self._add(level)

    def offer(self, row: int, renamed: int, uses: int) -> None:
        """Makes a row available under the number that it had before, with copies as needed."""
        self.renamed[row] = renamed
        level = [renamed]
        while len(level) * self.most < uses:
            wanted = min(-(-uses // self.most), len(level) * self.most)
            level = [self._add([(level[n * len(level) // wanted], ONE)]) for n in range(wanted)]
        self._offered[row] = level
        self._taken[row] = 0

    def _take(self, row: int) -> int:
        if row in (ZERO, ONE):
            return row
        place = self._taken[row] // self.most
        self._taken[row] += 1
        return self._offered[row][place]

    def _add(self, terms: Sequence[Term]) -> int:
        self.terms.append(tuple(terms))
        return self.first + len(self.terms) - 1
