"""From bounded sums to the tables of both passes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import numpy as np

from neurosym.circuits.evaluation.passes import Tables
from neurosym.circuits.evaluation.roots import Roots
from neurosym.circuits.evaluation.schedule import Inputs, schedule
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ONE, BoundedSums, Term


def lay_out(bounded: BoundedSums, inputs: Sequence[int], weights: int) -> Tables:
    """Schedules both passes.

    Args:
      bounded: the sums.
      inputs: where the weight of each leaf stands, distinct.
      weights: how many weights there are.

    Returns:
      The tables.
    """
    first = FIRST_LEAF + bounded.leaves
    size = len(bounded.terms)
    needs = [[row - first for term in own for row in term if row >= first] for own in bounded.terms]
    counts = np.fromiter((len(own) for own in bounded.terms), np.int64, size)
    upward = schedule(Inputs.of(needs), counts)
    renamed = np.concatenate([np.arange(first), first + upward.position])
    factors = [
        upward.table(Inputs(counts, renamed[[term[side] for own in bounded.terms for term in own]]))
        for side in (0, 1)
    ]
    # Going down, a row waits for every row that uses it. Constants have no support.
    parents: list[list[int]] = [[] for _ in range(first + size)]
    siblings: list[list[int]] = [[] for _ in range(first + size)]
    for number, own in enumerate(bounded.terms):
        for a, b in own:
            for row, sibling in ((a, b), (b, a)):
                parents[row].append(first + number)
                siblings[row].append(sibling)
    users = Inputs.of(parents[FIRST_LEAF:])
    beside = Inputs.of(siblings[FIRST_LEAF:])
    downward = schedule(Inputs(users.counts, users.values - FIRST_LEAF), users.counts)
    below = np.concatenate([np.zeros(FIRST_LEAF, np.int64), 1 + downward.position])
    own_rows = np.zeros(downward.steps * downward.width, np.int32)
    own_rows[downward.position] = renamed[FIRST_LEAF:]
    outputs = np.zeros(weights, np.int32)
    outputs[np.asarray(inputs, np.int64)] = below[FIRST_LEAF:first]
    count = first + upward.steps * upward.width
    roots = [[(int(renamed[a]), int(renamed[b])) for a, b in own] for own in bounded.roots]
    return Tables(
        inputs=jax.device_put(np.asarray(inputs, np.int32)),
        factors=jax.device_put(np.concatenate(factors, axis=1)),
        own=jax.device_put(own_rows.reshape(downward.steps, downward.width)),
        parent=jax.device_put(downward.table(Inputs(users.counts, renamed[users.values]))),
        above=jax.device_put(downward.table(Inputs(users.counts, below[users.values]))),
        sibling=jax.device_put(downward.table(Inputs(beside.counts, renamed[beside.values]))),
        outputs=jax.device_put(outputs),
        roots=Roots.of(roots, count),
        upward=upward.classes,
        downward=downward.classes,
    )


def read_back(tables: Tables) -> tuple[tuple[Term, ...], ...]:
    """The terms of each row that tables lay out, rows after what they use; outside of jit.

    Rows are numbered without the empty places of the schedule: constants, leaves, then these. Roots
    come last, except for a single root that is a constant or a leaf.
    """
    roots, first = tables.roots, tables.first
    width = sum(places for _, places in tables.upward)
    terms: dict[int, list[Term]] = {}
    for step, row in enumerate(np.asarray(tables.factors)):
        left, right = np.split(row, 2)
        column, position = 0, first + step * width
        for room, places in tables.upward:
            for place in range(places):
                at = column + place + places * np.arange(room)
                own = [(int(left[n]), int(right[n])) for n in at if left[n]]
                if own:
                    terms[position + place] = own
            column, position = column + room * places, position + places
    left, right, start = (np.asarray(x).tolist() for x in (roots.left, roots.right, roots.start))
    pairs = list(zip(left, right, strict=True))
    apart = [pairs[a:b] for a, b in itertools.pairwise(start)]
    order = list(terms)
    if len(apart) == 1 and len(apart[0]) == 1 and apart[0][0][1] == ONE:  # it is a row itself
        root = apart.pop()[0][0]
        if root not in terms:
            return ()
        order = [*(row for row in order if row != root), root]
    number = {row: first + n for n, row in enumerate(order)}
    rows = [*(terms[row] for row in order), *apart]
    return tuple(tuple((number.get(a, a), number.get(b, b)) for a, b in own) for own in rows)
