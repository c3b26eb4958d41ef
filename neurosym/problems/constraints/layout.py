"""How relations in their places become arrays: groups by kind, and the incidence of their messages.

    x != y, y != z, x + z == 4      one group of all-differents, one of sums
    groups      arrays of both, with a row for each relation
    incidence   for each variable the rows of their messages that touch it

A network lays out the relations of a problem so, and a relation that is made of others lays out its
parts (`neurosym.problems.constraints.composite`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import jax
import numpy as np

from neurosym.bits.reductions import MAX_ROWS
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.constraints.rounding import ROWS, WIDTHS, rounded

Arrays = tuple[tuple[Propagator, ...], tuple[Coupled, ...], tuple[jax.Array, ...]]

Alike = dict[tuple[str, Hashable], list[Placed]]


def alike(placed: Sequence[Placed]) -> Alike:
    """Relations that may share arrays, by kind and bucket."""
    found: Alike = {}
    for one in placed:
        found.setdefault((one.kind, one.relation.bucket), []).append(one)
    return found


def lay_out(members: Alike, size: int, variables: int) -> Arrays:
    """Groups, coupled and incidence."""
    groups: list[Propagator] = []
    coupled: list[Coupled] = []
    heard: list[int] = []  # rows of each group whose messages count
    for same in members.values():
        kind = type(same[0].relation)
        together = kind.couple(same, size, variables)
        if together is not None:
            coupled.append(together)
            continue
        group = kind.group(same, size)
        heard.append(group.scope.shape[0])
        missing = rounded(heard[-1], among=ROWS) - heard[-1]
        if missing:
            each = kind.group(same[-1:], size).scope.shape[0]
            group = kind.group([*same, *same[-1:] * (missing // each)], size)
        groups.append(group)
    stages = _incidence(groups, heard, variables)
    return tuple(groups), tuple(coupled), tuple(jax.device_put(stage) for stage in stages)


def _incidence(
    groups: Sequence[Propagator], heard: Sequence[int], variables: int
) -> list[np.ndarray]:
    """For each variable the messages that touch it, padded with the row after the last message.

    Where a variable has more than `MAX_ROWS` of them, they are united in portions first, so that a
    few busy variables do not widen the row of every other. Of each group the first rows are
    ``heard``.
    """
    if not groups:
        return []
    scope = np.concatenate([np.asarray(group.scope).ravel() for group in groups])
    there = [
        np.asarray(group.present) & (np.arange(group.scope.shape[0]) < rows)[:, None]
        for group, rows in zip(groups, heard, strict=True)
    ]
    present = np.concatenate([rows.ravel() for rows in there])
    rows = np.flatnonzero(present)
    rows = rows[np.argsort(scope[rows], kind="stable")]
    counts = np.bincount(scope[rows], minlength=variables)
    stages, available = [], len(present)
    while counts.max(initial=1) > MAX_ROWS:
        portions = -(-counts // MAX_ROWS)
        sizes = np.full(portions.sum(), MAX_ROWS)
        filled = portions > 0
        sizes[np.cumsum(portions)[filled] - 1] = counts[filled] - (portions[filled] - 1) * MAX_ROWS
        fill = np.zeros(rounded(len(sizes), among=ROWS) - len(sizes), sizes.dtype)
        stages.append(_rows_of(rows, np.concatenate([sizes, fill]), available))
        rows, counts, available = np.arange(len(sizes)), portions, len(sizes) + len(fill)
    return [*stages, _rows_of(rows, counts, available)]


def _rows_of(items: np.ndarray, counts: np.ndarray, fill: int) -> np.ndarray:
    """Consecutive items, ``counts[n]`` of them in row ``n``, filled up with ``fill``."""
    width = rounded(max(1, counts.max(initial=1)), MAX_ROWS, among=WIDTHS[1:])
    table = np.full((len(counts), width), fill, np.int32)
    row = np.repeat(np.arange(len(counts)), counts)
    column = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[row, column] = items
    return table
