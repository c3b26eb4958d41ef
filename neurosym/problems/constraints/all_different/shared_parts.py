"""Pairs of constraints that share variables: values that the first needs there leave the second.

    row 1 of a sudoku: cells a b c d e f g h i      box 1: cells a b c j k l m n o
    shared part {a, b, c};  outside, of the row: d to i;  barred, in the box: j to o
    a value that d to i cannot take is one of a, b, c, so j to o lose it (locked candidates)

Sets of cells whose unions are needed are listed once, however many pairs use them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from neurosym.problems.constraints.rounding import WIDTHS, rounded, with_rows

MAX_PAIRS = 16
"""Ordered pairs of overlapping constraints for each variable, on average, up to which shared values
are propagated; beyond, they would cost more than all the rest."""

MAX_PIECES = 16
"""Cells and single variables that the rest of a constraint may be made of in such a pair."""

Scopes = Sequence[Sequence[int]]


def shared_parts(scopes: Scopes, values: Scopes, variables: int) -> tuple | None:
    """Cells, outside, barring, holding and bound of `Distinct`; None where nothing is shared."""
    on: list[list[int]] = [[] for _ in range(variables)]
    for c, scope in enumerate(scopes):
        for variable in scope if len(scope) > 2 else ():
            on[variable].append(c)
    common: Counter[tuple[int, int]] = Counter()
    for constraints in on:
        common.update(itertools.combinations(constraints, 2))
    members = [frozenset(scope) for scope in scopes]
    overlaps = [pair for pair, shared in common.items() if shared > 1]
    parts = sorted({members[a] & members[b] for a, b in overlaps}, key=sorted)
    cells: dict[frozenset[int], int] = {}

    def pieces(rest: frozenset[int]) -> list[int] | None:
        """Cells that make up the variables in ``rest``."""
        left, chosen = set(rest), []
        for part in parts:
            if part <= left:
                chosen.append(part)
                left -= part
        chosen += [frozenset([variable]) for variable in sorted(left)]
        if not 0 < len(chosen) <= MAX_PIECES:
            return None
        return [cells.setdefault(piece, len(cells)) for piece in chosen]

    outside: list[list[int]] = []
    barred: dict[int, list[int]] = {}
    for first, second in [*overlaps, *((b, a) for a, b in overlaps)]:
        # Values are ranges from 0. The first must take all of its own; of further values, which
        # only the second has, it says nothing.
        if not len(values[second]) <= len(values[first]) == len(scopes[first]):
            continue
        rest, targets = (
            pieces(members[c] - (members[first] & members[second])) for c in (first, second)
        )
        if rest is None or targets is None:
            continue
        for cell in targets:
            barred.setdefault(cell, []).append(len(outside))
        outside.append(rest)
    if not outside or len(outside) > MAX_PAIRS * variables:
        return None
    holding: list[list[int]] = [[] for _ in range(variables)]
    for part, position in cells.items():
        if position in barred:
            for variable in part:
                holding[variable].append(position)
    return (
        with_rows(repeated([sorted(part) for part in cells])),
        with_rows(repeated(outside)),
        with_rows(repeated([barred.get(position, [0]) for position in range(len(cells))])),
        repeated([row or [0] for row in holding]),
        np.asarray([bool(row) for row in holding]),
    )


def repeated(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows filled up with their first entry, which sets do not mind."""
    width = rounded(max(len(row) for row in rows), among=WIDTHS)
    return np.asarray([[*row, *[row[0]] * (width - len(row))] for row in rows], np.int32)
