"""Messages from factors to variables, by the efficient form of each factor.

The message from a constraint to its variables is the formal derivative of its total: the support of
each value given what the other variables say. Placements of one relation, and of relations that are
alike in shape, become one group, and one program computes the messages of a whole group, so that
programs do not grow with the number of constraints. Groups come in three forms:

- *dense*: one table over the scope (potentials, and constraints that are one small mask);
- *contracted*: a few masks over the scope and hidden indices (`AllDifferent` by subsets, `Regular`
  by forward-backward): equal labels share a contraction, the masks are data;
- *alike*: constraints that sum out variables inside (`Linear` by partial sums): the same relation
  over different scopes.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.relation import Relation
from neurosym.problems.potentials import Scope
from neurosym.problems.structure import Structure
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.tensor_network import Plan, plan_contraction, supports

Prepared = list[jax.Array]

MAX_DENSE = 2**10
"""Entries of a mask over a whole scope that is summed directly, without a contraction order."""


class FactorGroup(Protocol):
    """``C`` factors over ``K`` variables each, whose messages one program computes."""

    @property
    def scope(self) -> np.ndarray:
        """``int32[C, K]``: the variables of each factor."""
        ...

    def prepare(self, semiring: Semiring, dtype: Any, tables: Sequence[jax.Array]) -> Prepared:
        """Arrays that `support` needs in every round.

        Args:
          semiring: a log-encoded semiring with plain arrays as elements.
          dtype: of the weights.
          tables: of all potentials of the call, ``[C, D, ..., D]`` or without the first axis.
        """
        ...

    def support(
        self, semiring: Semiring, prepared: Prepared, weights: Sequence[jax.Array]
    ) -> list[jax.Array]:
        """The support of every value of every position.

        Args:
          semiring: as for `prepare`.
          prepared: what `prepare` returned.
          weights: ``[D, C]`` for each position: what the variables say.

        Returns:
          ``[D_k, C]`` for each position, D_k at most D.
        """
        ...


def factor_groups(structure: Structure, scopes: Sequence[Scope]) -> list[FactorGroup]:
    """The factors of a network, potentials first, by groups."""
    longest = np.asarray([len(domain) for domain in structure.domains])
    groups: list[FactorGroup] = [
        SoftGroup(
            scope=scope.rows, sizes=tuple(longest[scope.rows].max(axis=0).tolist()), position=n
        )
        for n, scope in enumerate(scopes)
        if scope.shape[0] > 0
    ]
    alike: dict[Relation, list[tuple[int, ...]]] = {}
    for relation, places in structure.relations:
        alike.setdefault(relation, []).append(places)
    stacked: dict[Hashable, list[tuple[Relation, list[np.ndarray], Lowering]]] = {}
    for relation in alike:
        lowering = relation.lower(frozenset(range(len(relation.sizes))))
        if lowering.absorbed or relation.own_support:
            rows = np.asarray(alike[relation], np.int32)
            groups.append(AlikeGroup(scope=rows, relation=relation))
            continue
        masks = lowering.constant_masks(relation.sizes)
        key = tuple(relation.sizes), lowering.labels, tuple(mask.shape for mask in masks)
        stacked.setdefault(key, []).append((relation, masks, lowering))
    for members in stacked.values():
        first, masks, lowering = members[0]
        counts = [len(alike[relation]) for relation, _, _ in members]
        which = np.repeat(np.arange(len(members)), counts)
        rows = np.asarray([row for relation, _, _ in members for row in alike[relation]], np.int32)
        tables = [np.stack(column) for column in zip(*(m for _, m, _ in members), strict=True)]
        arity = len(first.sizes)
        whole = len(masks) == 1 and set(lowering.labels[0]) == set(range(arity))
        if whole and masks[0].size <= MAX_DENSE:
            order: Sequence[Any] = lowering.labels[0]
            mask = np.moveaxis(tables[0], range(1, len(order) + 1), [1 + k for k in order])
            groups.append(MaskGroup(scope=rows, masks=mask, which=which))
            continue
        sizes: dict[Hashable, int] = dict(enumerate(first.sizes))
        sizes |= lowering.sizes
        plan = plan_contraction([(k,) for k in range(arity)] + list(lowering.labels), (), sizes)
        groups.append(
            ContractedGroup(
                scope=rows, sizes=first.sizes, plan=plan, masks=tuple(tables), which=which
            )
        )
    return groups


@dataclasses.dataclass(frozen=True, eq=False)
class SoftGroup:
    """Potentials: a dense table that the call brings along."""

    scope: np.ndarray
    sizes: tuple[int, ...]  # the longest domain at each position
    position: int  # among the potentials of the call

    def prepare(self, semiring: Semiring, dtype: Any, tables: Sequence[jax.Array]) -> Prepared:
        table = tables[self.position].astype(dtype)
        shared = table.ndim == len(self.sizes)
        table = table[..., None] if shared else jnp.moveaxis(table, 0, -1)
        return _unfold(table[tuple(slice(size) for size in self.sizes)])

    def support(
        self, semiring: Semiring, prepared: Prepared, weights: Sequence[jax.Array]
    ) -> list[jax.Array]:
        return _dense_support(semiring, prepared, _within(weights, self.sizes))


@dataclasses.dataclass(frozen=True, eq=False)
class MaskGroup:
    """Constraints that are one small mask each."""

    scope: np.ndarray
    masks: np.ndarray  # bool[N, D_0, ..., D_{K-1}]
    which: np.ndarray  # int[C]: the mask of each constraint

    def prepare(self, semiring: Semiring, dtype: Any, tables: Sequence[jax.Array]) -> Prepared:
        masks = self.masks if len(self.masks) == 1 else self.masks[self.which]
        return _unfold(semiring.indicator(jnp.asarray(np.moveaxis(masks, 0, -1)), dtype))

    def support(
        self, semiring: Semiring, prepared: Prepared, weights: Sequence[jax.Array]
    ) -> list[jax.Array]:
        return _dense_support(semiring, prepared, _within(weights, self.masks.shape[1:]))


@dataclasses.dataclass(frozen=True, eq=False)
class ContractedGroup:
    """Constraints that are masks over their scopes and hidden indices."""

    scope: np.ndarray
    sizes: tuple[int, ...]
    plan: Plan
    masks: tuple[np.ndarray, ...]  # bool[N, ...] a tensor
    which: np.ndarray  # int[C]: the masks of each constraint

    def prepare(self, semiring: Semiring, dtype: Any, tables: Sequence[jax.Array]) -> Prepared:
        chosen = [masks[0] if len(masks) == 1 else masks[self.which] for masks in self.masks]
        return [semiring.indicator(mask, dtype) for mask in chosen]

    def support(
        self, semiring: Semiring, prepared: Prepared, weights: Sequence[jax.Array]
    ) -> list[jax.Array]:
        arity = len(self.sizes)
        given = _within(weights, self.sizes)

        def messages(given: list[jax.Array], tensors: Prepared) -> list[jax.Array]:
            return supports(semiring, self.plan, [*given, *tensors])[:arity]

        axes = (1, None if len(self.masks[0]) == 1 else 0)
        return jax.vmap(messages, in_axes=axes, out_axes=1)(given, prepared)


@dataclasses.dataclass(frozen=True, eq=False)
class AlikeGroup:
    """The same relation over different scopes, by its own support."""

    scope: np.ndarray
    relation: Relation

    def prepare(self, semiring: Semiring, dtype: Any, tables: Sequence[jax.Array]) -> Prepared:
        return []

    def support(
        self, semiring: Semiring, prepared: Prepared, weights: Sequence[jax.Array]
    ) -> list[jax.Array]:
        messages = functools.partial(self.relation.messages, semiring)
        given = _within(weights, self.relation.sizes)
        return jax.vmap(messages, in_axes=1, out_axes=1)(given)


def _within(weights: Sequence[jax.Array], sizes: Sequence[int]) -> list[jax.Array]:
    return [x[:size] for x, size in zip(weights, sizes, strict=True)]


def _unfold(table: jax.Array) -> Prepared:
    """Of a table ``[D_0, ..., D_{K-1}, C]``, for each position k: ``[D_k, the others, C]``."""
    *sizes, count = table.shape
    return [
        jnp.moveaxis(table, k, 0).reshape(size, math.prod(sizes) // max(size, 1), count)
        for k, size in enumerate(sizes)
    ]


def _dense_support(
    semiring: Semiring, unfolded: Prepared, weights: Sequence[jax.Array]
) -> list[jax.Array]:
    count, found = weights[0].shape[1], []
    for k, table in enumerate(unfolded):
        others = [x for n, x in enumerate(weights) if n != k]
        if not others:
            found.append(jnp.broadcast_to(table[:, 0], (len(table), count)))
            continue
        product = others[0]
        for x in others[1:]:
            product = semiring.mul(product[:, None], x[None]).reshape(-1, count)
        terms = semiring.mul(table, product[None])
        two = terms.shape[1] == 2  # short reductions are slow on CPU
        found.append(semiring.add(terms[:, 0], terms[:, 1]) if two else semiring.sum(terms, 1))
    return found
