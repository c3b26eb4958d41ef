"""The parts that a problem falls into, and how their counts multiply.

x < y; z != w; 40 variables without a constraint
parts    x, y and z, w; each is counted by itself
count    of x, y times of z, w times the values of each free variable
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.hard.enumeration import MOST
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import Network, network_of
from neurosym.problems.structure import Structure
from neurosym.transforms.concrete import concrete


class Part(NamedTuple):
    """Variables that constraints link."""

    variables: tuple[int, ...]  # their rows
    network: Network  # of them alone


def parts_of(network: Network) -> tuple[tuple[Part, ...], tuple[int, ...]]:
    """The linked parts of a network, and the rows of the free variables; made once.

    A network that is one part with no free variable, or has no constraint, has no such parts.
    """
    kept = vars(network)
    if "_parts" not in kept:
        kept["_parts"] = _split(network)
    return kept["_parts"]


def product(counts: list[Any]) -> Any:
    """The product of counts, int32 arrays of one shape, which saturates at the largest integer."""
    array: Any = np if concrete(*counts) else jnp
    total = counts[0]
    for count in counts[1:]:
        # Products that do not fit are told by a division, so that no wider integer is needed.
        fits = (count == 0) | (total <= MOST // array.maximum(count, 1))
        total = array.where(fits, total * array.where(fits, count, 0), MOST).astype(np.int32)
    return total


def _split(network: Network) -> tuple[tuple[Part, ...], tuple[int, ...]]:
    structure = network.structure
    leader = list(range(structure.variables))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = i = leader[leader[i]]
        return i

    linked = np.zeros(structure.variables, np.bool_)
    for one in structure.relations:
        first = find(one.scope[0])
        linked[list(one.scope)] = True
        for other in one.scope[1:]:
            leader[find(other)] = first
    groups: dict[int, list[int]] = {}
    for i in np.flatnonzero(linked).tolist():
        groups.setdefault(find(i), []).append(i)
    free = tuple(np.flatnonzero(~linked).tolist())
    if len(groups) + len(free) < 2:
        return (), ()
    relations: dict[int, list[Placed]] = {key: [] for key in groups}
    for one in structure.relations:
        relations[find(one.scope[0])].append(one)
    parts = []
    with jax.ensure_compile_time_eval():
        for key, rows in groups.items():
            place = {i: k for k, i in enumerate(rows)}
            inside = Structure(
                names=tuple(structure.names[i] for i in rows),
                domains=tuple(structure.domains[i] for i in rows),
                relations=tuple(
                    Placed(one.relation, tuple(place[i] for i in one.scope))
                    for one in relations[key]
                ),
            )
            parts.append(Part(tuple(rows), network_of(inside)))
    return tuple(parts), free
