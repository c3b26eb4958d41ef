"""`Ascent`: layers of constraints that take turns at moving weight, for a whole batch.

    weights [D, V, B] ─▶ `start` ─▶ Moved ─▶ `rounds` ─▶ Moved: constant + Σ_i max_v weights[v, i]

Whatever a layer does, the constant and the weights of an assignment that satisfies all constraints
add up to at least its total, so the best weights of all variables bound every solution; and the
bound never rises. This is dual block coordinate ascent on the linear relaxation that the
constraints' own polytopes make (soft arc consistency: Cooper et al. 2010,
https://doi.org/10.1016/j.artint.2010.02.001).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.duals.exclusive import ExclusiveLayer
from neurosym.duals.factored import DenseLayer, FactoredLayer, RelationLayer
from neurosym.problems.constraints.all_different.all_different import AllDifferentRelation
from neurosym.problems.constraints.relation import Relation
from neurosym.problems.structure import Structure

MAX_DENSE = 2**12
"""Entries of the table of a constraint that is laid out as one."""

Scopes = tuple[tuple[tuple[int, ...], ...], ...]
"""Of potentials: the variables of each factor, one tuple for each `Potentials`."""


class Moved(NamedTuple):
    """Weights on their way, of a batch."""

    weights: jax.Array  # float[D, V, B]
    kept: tuple[jax.Array, ...]  # what each layer keeps


@dataclasses.dataclass(frozen=True, eq=False)
class Ascent:
    """The layers of a structure, made once; compared by identity."""

    layers: tuple[ExclusiveLayer | FactoredLayer, ...]

    @property
    def exact(self) -> bool:
        """Every solution keeps its total: the constant and its moved weights add up to it."""
        return all(isinstance(x, ExclusiveLayer) and bool(_all_square(x)) for x in self.layers)

    def start(self, weights: jax.Array) -> Moved:
        """Nothing moved yet, of weights ``[D, V, B]`` that are -inf where there is no value."""
        batch = weights.shape[-1]
        return Moved(weights, tuple(x.start(weights.dtype, batch) for x in self.layers))

    def rounds(
        self, moved: Moved, rounds: int | jax.Array, tables: Sequence[jax.Array] = ()
    ) -> Moved:
        """So many rounds, in each of which every constraint has one turn.

        Args:
          moved: where to begin.
          rounds: how many.
          tables: of potentials, ``[N or 1, D, ..., D, B or 1]`` each.
        """
        if not self.layers:
            return moved
        dtype = moved.weights.dtype
        data = [
            x.data(tables, dtype) if isinstance(x, FactoredLayer) else None for x in self.layers
        ]

        def once(_: Any, moved: Moved) -> Moved:
            weights, kept = moved.weights, []
            for layer, before, own in zip(self.layers, moved.kept, data, strict=True):
                if isinstance(layer, ExclusiveLayer):
                    weights, after = layer.sweep(weights, before)
                else:
                    weights, after = layer.sweep(weights, before, own)
                kept.append(after)
            return Moved(weights, tuple(kept))

        return jax.lax.fori_loop(0, rounds, once, moved)

    def constant(self, moved: Moved) -> jax.Array:
        """What is added to the weights of every assignment, ``[B]``."""
        zero = jnp.zeros(moved.weights.shape[-1], moved.weights.dtype)
        pairs = zip(self.layers, moved.kept, strict=True)
        return sum((layer.constant(kept) for layer, kept in pairs), zero)

    def spent(self, kept: Sequence[jax.Array], size: int) -> jax.Array:
        """What all layers keep of each value of each variable, ``[D, V, B]``."""
        pairs = zip(self.layers, kept, strict=True)
        return sum((layer.spent(own, size) for layer, own in pairs), jnp.zeros(()))

    def bound(self, moved: Moved) -> jax.Array:
        """No solution weighs more, ``[B]``."""
        return self.constant(moved) + jnp.sum(jnp.max(moved.weights, axis=0), axis=0)


def ascent_of(
    structure: Structure, scopes: Scopes = (), *, most: float = math.inf, size: int | None = None
) -> Ascent:
    """The layers of a structure and of potentials over ``scopes``; made once and remembered.

    Args:
      structure: of the network.
      scopes: of potentials.
      most: elements that a round may lay out for one constraint; what would take more is left out,
        which only makes the bound weaker.
      size: D of the weights, at least that of the structure.
    """
    return _ascent_of(structure, scopes, most, structure.size if size is None else size)


@functools.lru_cache(maxsize=64)
def _ascent_of(structure: Structure, scopes: Scopes, most: float, size: int) -> Ascent:
    variables = structure.variables
    lengths = [len(domain) for domain in structure.domains]
    layers: list[ExclusiveLayer | FactoredLayer] = []
    for position, rows in enumerate(scopes):
        if rows:
            sizes = tuple(max(lengths[row[k]] for row in rows) for k in range(len(rows[0])))
            fields = FactoredLayer.laid_out(rows, sizes, size, variables)
            layers.append(DenseLayer(**fields, position=position))
    exclusive: dict[int, list] = {}
    alike: dict[Relation, list[tuple[int, ...]]] = {}
    for relation, scope in structure.relations:
        if isinstance(relation, AllDifferentRelation):
            if len(scope) > 1:
                exclusive.setdefault(len(scope), []).append((relation, scope))
        else:
            alike.setdefault(relation, []).append(scope)
    layers += [ExclusiveLayer.build(placed, size, variables) for placed in exclusive.values()]
    dense: dict[tuple[int, ...], list[tuple[Relation, np.ndarray]]] = {}
    for relation, places in alike.items():
        mask = _mask_of(relation)
        if mask is not None:
            if mask.size <= most:
                dense.setdefault(tuple(relation.sizes), []).append((relation, mask))
        elif _elements(relation) <= most:
            fields = FactoredLayer.laid_out(places, tuple(relation.sizes), size, variables)
            layers.append(RelationLayer(**fields, relation=relation))
    for shape, members in dense.items():
        rows = tuple(scope for relation, _ in members for scope in alike[relation])
        which = np.repeat(np.arange(len(members)), [len(alike[r]) for r, _ in members])
        fields = FactoredLayer.laid_out(rows, shape, size, variables)
        masks = np.stack([mask for _, mask in members])
        layers.append(DenseLayer(**fields, masks=masks, which=which))
    return Ascent(tuple(layers))


def _mask_of(relation: Relation) -> np.ndarray | None:
    """``bool[S_0, ...]``: what a small relation allows; None for a large one."""
    if math.prod(relation.sizes) > MAX_DENSE:
        return None
    lowering = relation.lower(frozenset())
    masks = lowering.constant_masks(relation.sizes)
    arity = len(relation.sizes)
    if len(masks) == 1 and set(lowering.labels[0]) == set(range(arity)):
        order: Any = lowering.labels[0]
        return np.moveaxis(masks[0], range(arity), order).astype(bool)
    allowed = np.zeros(relation.sizes, bool)
    for assignment in np.ndindex(*relation.sizes):
        allowed[assignment] = relation.allows(assignment)
    return allowed


def _elements(relation: Relation) -> float:
    """About what the messages of a relation lay out."""
    lowering = relation.lower(frozenset(range(len(relation.sizes))))
    sizes: dict[Hashable, int] = {**dict(enumerate(relation.sizes)), **lowering.sizes}
    tensors = sum(math.prod(sizes[x] for x in labels) for labels in lowering.labels)
    return tensors + lowering.element_count


def _all_square(layer: ExclusiveLayer) -> np.bool_:
    used = (layer.read >= 0).any(axis=2)
    return np.all(layer.sign | ~used)
