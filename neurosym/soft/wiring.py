"""The wiring of a factor graph: which edge stands where among the messages.

    factors (a, b) and (b, c)        edges 0: a  1: b  2: b  3: c
    classes of degrees               degree 1: a, c     degree 2: b
    slots, class by class            a, c │ b's first, b's second      sources 0 3 1 2

An *edge* joins a factor to one of its variables; edges are numbered group by group of factors. For
a variable to hear all its factors, its edges are gathered side by side, so variables of one degree
form one array ``[D, S, N]`` of S slots for each of N variables.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.propagator import power_of_two
from neurosym.problems.potentials import Scope
from neurosym.problems.structure import Structure
from neurosym.soft.factor_messages import FactorGroup, factor_groups

MAX_WRITTEN_OUT = 8
"""Slots whose exclusive products are written out; more are padded to a power of two and scanned."""


@dataclasses.dataclass(frozen=True, eq=False)
class DegreeClass:
    """Variables of one degree, or of degrees that are padded to one."""

    variables: np.ndarray  # int[N]
    width: int  # slots of each


@dataclasses.dataclass(frozen=True, eq=False)
class Wiring:
    """What touches what; all of it static."""

    sizes: np.ndarray  # int[V]: the values of each variable
    groups: tuple[FactorGroup, ...]
    starts: tuple[int, ...]  # the first edge of each group; position k of factor c is k * C + c
    owners: np.ndarray  # int[R]: the variable of each edge
    classes: tuple[DegreeClass, ...]
    sources: np.ndarray  # int32[L]: the edge in each slot, class by class; R in the padding
    slots: np.ndarray  # int32[R]: the slot of each edge

    @property
    def edges(self) -> int:
        """R."""
        return len(self.owners)

    @property
    def size(self) -> int:
        """D."""
        return int(self.sizes.max())

    @property
    def order(self) -> np.ndarray:
        """``int[V]``: the variables, class by class."""
        return np.concatenate([alike.variables for alike in self.classes])

    @property
    def degrees(self) -> np.ndarray:
        """``int[V]``."""
        return np.bincount(self.owners, minlength=len(self.sizes))

    def present(self, variables: np.ndarray) -> jax.Array:
        """``bool[D, len(variables)]``: the value is in the variable's domain."""
        return jnp.arange(self.size)[:, None] < jnp.asarray(self.sizes[variables], jnp.int32)


@functools.lru_cache(maxsize=64)
def wire(structure: Structure, scopes: tuple[Scope, ...]) -> Wiring:
    """The wiring of a network and of potentials over ``scopes``; made once and remembered."""
    sizes = np.asarray([len(domain) for domain in structure.domains])
    groups = factor_groups(structure, scopes)
    counts = [group.scope.size for group in groups]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    owners = np.concatenate([np.zeros(0, np.int32), *(g.scope.T.ravel() for g in groups)])
    degrees = np.bincount(owners, minlength=len(sizes))
    widths = np.asarray(
        [d if d <= MAX_WRITTEN_OUT else power_of_two(d) for d in degrees.tolist()], int
    )
    by_owner = np.argsort(owners, kind="stable")
    first = np.cumsum(degrees) - degrees
    classes, sources = [], []
    for width in np.unique(widths).tolist():
        variables = np.flatnonzero(widths == width)
        slot = np.arange(width)[:, None]
        inside = slot < degrees[variables]
        edge = by_owner[np.where(inside, first[variables] + slot, 0)] if width else inside
        sources.append(np.where(inside, edge, len(owners)).ravel())
        classes.append(DegreeClass(variables=variables, width=width))
    source = np.concatenate(sources).astype(np.int32)
    slots = np.zeros(len(owners), np.int32)
    slots[source[source < len(owners)]] = np.flatnonzero(source < len(owners))
    return Wiring(
        sizes=sizes,
        groups=tuple(groups),
        starts=tuple(starts[:-1].tolist()),
        owners=owners,
        classes=tuple(classes),
        sources=source,
        slots=slots,
    )
