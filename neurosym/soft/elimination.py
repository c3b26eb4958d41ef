"""Exact inference by variable elimination, as a plan made once for each network.

Every constraint lowers itself to a few tensors (summing out what only it knows, by a method of its
own), every remaining variable is a vector of weights, and the network of tensors is contracted in
the order that opt_einsum finds. The plan is Python over the static structure of the network: its
size is known, and refused if need be, before anything is allocated.
"""

import dataclasses
import functools
import math
from collections.abc import Hashable

import jax
import jax.numpy as jnp

from neurosym.problems.constraints.constraint import Lowering
from neurosym.problems.network import Network, Structure
from neurosym.semirings.semiring import Semiring
from neurosym.semirings.tensor_network import Plan, contract, plan_contraction, supports

MEMORY_LIMIT = 2**30
"""Bytes that exact elimination of one instance may take unless the caller says otherwise."""


class TooWideError(ValueError):
    """Exact elimination would take more memory than it is allowed to.

    Attributes:
      width: variables and hidden indices of the largest tensor.
      bytes: that elimination of one instance would take.
    """

    def __init__(self, width: int, bytes_needed: int, limit: int) -> None:
        self.width = width
        self.bytes = bytes_needed
        super().__init__(
            f"the problem is too wide for exact elimination: its largest tensor spans {width} "
            f"indices, and one instance would take {_readable(bytes_needed)}, more than the limit "
            f"of {_readable(limit)}. Give a larger memory_limit, or split wide constraints."
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Elimination:
    """How a network is eliminated. Tensors: one vector an open variable, then the constraints'."""

    structure: Structure
    open: tuple[int, ...]  # variables whose weights enter as vectors
    lowerings: tuple[Lowering, ...]
    plan: Plan
    elements: int  # of all tensors that one instance makes

    def check_memory(self, limit: int, itemsize: int = 4) -> None:
        """Raises `TooWideError` if one instance takes more than ``limit`` bytes."""
        if self.elements * itemsize > limit:
            raise TooWideError(self.plan.width, self.elements * itemsize, limit)

    def total(self, semiring: Semiring, weights: jax.Array) -> jax.Array:
        """⊕ over satisfying assignments, with an axis for each label of the plan's output."""
        return contract(semiring, self.plan, self._tensors(semiring, weights))

    def support(self, semiring: Semiring, weights: jax.Array) -> jax.Array:
        """The formal derivative of the total, elements ``[V, D]``."""
        rows = self._rows(weights)
        outer = supports(semiring, self.plan, self._tensors(semiring, weights))
        found = dict(zip(self.open, outer, strict=False))
        position = len(self.open)
        for relation, lowering in zip(self.structure.relations, self.lowerings, strict=True):
            count = len(lowering.labels)
            scoped = [rows[i] for i in relation.scope]
            inner = lowering.down(semiring, scoped, outer[position : position + count])
            found |= {relation.scope[k]: x for k, x in inner.items()}
            position += count
        size = weights.shape[1]
        zero = jnp.asarray(semiring.zero, weights.dtype)
        padded = [
            jax.lax.pad(found[i], zero, [(0, size - found[i].shape[0], 0)])
            for i in range(len(rows))
        ]
        return jnp.stack(padded)

    def _tensors(self, semiring: Semiring, weights: jax.Array) -> list[jax.Array]:
        rows = self._rows(weights)
        tensors = [rows[i] for i in self.open]
        for relation, lowering in zip(self.structure.relations, self.lowerings, strict=True):
            tensors += lowering.up(semiring, [rows[i] for i in relation.scope])
        return tensors

    def _rows(self, weights: jax.Array) -> list[jax.Array]:
        return [weights[i, : len(domain)] for i, domain in enumerate(self.structure.domains)]


def eliminate(network: Network, target: int | None = None) -> Elimination:
    """The elimination of all variables but ``target``; planned once and remembered."""
    return _eliminate(network.structure, target)


@functools.lru_cache(maxsize=128)
def _eliminate(structure: Structure, target: int | None) -> Elimination:
    uses = [0] * len(structure.names)
    for relation in structure.relations:
        for i in relation.scope:
            uses[i] += 1
    lowerings = []
    absorbed: set[int] = set()
    sizes: dict[Hashable, int] = {i: len(domain) for i, domain in enumerate(structure.domains)}
    for n, relation in enumerate(structure.relations):
        private = frozenset(k for k, i in enumerate(relation.scope) if uses[i] == 1 and i != target)
        lowering = relation.lower(private, ("constraint", n))
        lowerings.append(lowering)
        sizes |= lowering.sizes
        absorbed |= {relation.scope[k] for k in lowering.absorbed}
    remaining = tuple(i for i in range(len(structure.names)) if i not in absorbed)
    labels: list[tuple[Hashable, ...]] = [(i,) for i in remaining]
    labels += [x for lowering in lowerings for x in lowering.labels]
    plan = plan_contraction(labels, () if target is None else (target,), sizes)
    elements = plan.elements + sum(math.prod(sizes[x] for x in tensor) for tensor in labels)
    elements += sum(lowering.elements for lowering in lowerings)
    return Elimination(structure, remaining, tuple(lowerings), plan, elements)


def _readable(size: int) -> str:
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 2**60 else f"{size / unit:.1e} {name}"
    return f"{size} bytes"
