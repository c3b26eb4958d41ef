"""`AllDifferent` for the soft engine: the permanent, by recursion over subsets of the values.

After k variables the state is the set of the values that they took and that later variables may
still want (Held and Karp 1962, "A dynamic programming approach to sequencing problems",
https://doi.org/10.1137/0110015). Where all variables but one are private the recursion runs inside,
layer by layer of sets of one size: about ``n 2^n`` products for n variables and n values. Otherwise
the sets are hidden indices, and the masks from one layer to the next are tensors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence

import numpy as np

from neurosym.problems.constraints.chain_lowering import Chain, ChainLowering
from neurosym.problems.constraints.lowering import DenseLowering, Lowering, chain_labels

MAX_DENSE = 2**12
"""Entries of a mask over all variables that is laid out whole."""

MAX_STATES = 2**17
"""Sets of values in a layer for which the recursion runs inside."""


def lower_all_different(maps: tuple[tuple[int, ...], ...], private: frozenset[int]) -> Lowering:
    """The tensors of ``maps[k][x_k]`` that differ pairwise; see `Relation.lower`."""
    arity = len(maps)
    if math.prod(len(row) for row in maps) <= MAX_DENSE or arity <= 2:
        return DenseLowering([tuple(range(arity))], lambda: [_mask(maps)])
    if len(private) >= arity - 1:
        chain = chain_of_sets(maps)
        if chain is not None:
            opened = next((k for k in range(arity) if k not in private), 0)
            return ChainLowering(chain, opened)
    return _lower_masks(maps)


def _mask(maps: Sequence[tuple[int, ...]]) -> np.ndarray:
    sizes = tuple(len(row) for row in maps)
    mask = np.ones(sizes, np.bool_)
    for j, k in itertools.combinations(range(len(maps)), 2):
        same = np.asarray(maps[j])[:, None] == np.asarray(maps[k])[None, :]
        shape = [size if n in (j, k) else 1 for n, size in enumerate(sizes)]
        mask &= ~same.reshape(shape)
    return mask


def chain_of_sets(maps: Sequence[tuple[int, ...]]) -> Chain | None:
    """The recursion as a chain, or None where the values or their sets are too many."""
    if max(max(row) for row in maps) >= 63:
        return None
    bits = [np.int64(1) << np.asarray(row, np.int64) for row in maps]
    wanted = [np.int64(0)]  # the values that position k and later ones may take, from the end
    for row in reversed(bits):
        wanted.append(wanted[-1] | np.bitwise_or.reduce(row))
    wanted = wanted[::-1]
    layer, steps = np.zeros(1, np.int64), []
    for k, row in enumerate(bits):
        free = (layer[:, None] & row) == 0
        after = (layer[:, None] | row) & wanted[k + 1]
        states, place = np.unique(after[free], return_inverse=True)
        if len(states) > MAX_STATES:
            return None
        table = np.full(free.shape, len(states), np.int32)
        table[free] = place
        steps.append(table)
        layer = states
    if len(layer) == 0:  # no assignment
        steps[-1] = np.ones_like(steps[-1])
    return Chain.of(steps)


def _lower_masks(maps: Sequence[tuple[int, ...]]) -> DenseLowering:
    """A chain of sets of used values: exactly one path for each allowed assignment."""
    arity = len(maps)
    later = [set().union(*maps[k:]) for k in range(arity + 1)]
    layers: list[dict[frozenset[int], int]] = [{frozenset(): 0}]
    for k in range(arity - 1):
        reached = {
            (used | {value}) & later[k + 1]
            for used in layers[-1]
            for value in maps[k]
            if value not in used
        }
        layers.append({used: n for n, used in enumerate(sorted(reached, key=sorted))})
    hidden: dict[Hashable, int] = {("state", k): max(1, len(layers[k])) for k in range(1, arity)}

    def masks() -> list[np.ndarray]:
        steps = []
        for k, row in enumerate(maps):
            last = k == arity - 1
            width = 1 if last else hidden["state", k + 1]
            step = np.zeros((max(1, len(layers[k])), len(row), width), np.bool_)
            for used, state in layers[k].items():
                for v, value in enumerate(row):
                    if value not in used:
                        after = 0 if last else layers[k + 1][(used | {value}) & later[k + 1]]
                        step[state, v, after] = True
            step = step[..., 0] if last else step
            steps.append(step[0] if k == 0 else step)
        return steps

    return DenseLowering(chain_labels(arity), masks, hidden)
