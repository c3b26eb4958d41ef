"""Potentials for the search: a variable for each table, whose value says which entry is in force.

    table over (a, b), two values each     a variable t of four values, weights as in the table
    t // 2 == a, t % 2 == b                two relations of two variables each
    answer                                 that of the larger network, without its last rows

The best entry that is left of each table bounds what is left to gain, so tables prune as weights
do. Tables over one variable are added to its weights.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import Network, network_of
from neurosym.problems.potentials import Potentials, Scope
from neurosym.problems.structure import Structure


class WithTables(NamedTuple):
    """A network with a variable for each table of potentials, and what is to be searched in it."""

    network: Network
    mask: jax.Array  # bool[..., V + T, D']
    weights: jax.Array  # float32[..., V + T, D']


def with_tables(
    network: Network, mask: jax.Array, weights: jax.Array, potentials: Sequence[Potentials]
) -> WithTables:
    """The search with potentials as a search without.

    Args:
      network: the compiled problem.
      mask: ``bool[..., V, D]``: the values to search in.
      weights: ``float32[..., V, D]``.
      potentials: that fit the network.
    """
    larger = _extended(network.structure, tuple([one.static_scope for one in potentials]))
    sizes = [len(domain) for domain in network.structure.domains]
    rows = []
    for one in potentials:
        table = jnp.asarray(one.log_table, weights.dtype)
        arity = one.scope.shape[1]
        for c, scope in enumerate(one.scope.tolist()):
            cut = tuple([slice(0, sizes[i]) for i in scope])
            entries = (table[cut] if table.ndim == arity else table[(c, *cut)]).ravel()
            if arity == 1:
                padded = jnp.pad(entries, (0, network.size - len(entries)))
                weights = weights.at[..., scope[0], :].add(padded)
            else:
                rows.append(jnp.pad(entries, (0, larger.size - len(entries))))
    weights, mask = (_padded(x, larger.size) for x in (weights, mask))
    if rows:
        own = jnp.stack(rows)
        weights = _joined(weights, own)
        mask = _joined(mask, jnp.asarray(larger.mask)[network.variables :])
    return WithTables(larger, mask, weights)


@functools.lru_cache(maxsize=64)
def _extended(structure: Structure, scopes: tuple[Scope, ...]) -> Network:
    sizes = [len(domain) for domain in structure.domains]
    names, domains = list(structure.names), list(structure.domains)
    relations = list(structure.relations)
    for number, scope in enumerate(scopes):
        for c, row in enumerate(scope.rows.tolist()):
            if len(row) == 1:
                continue
            shape = tuple([sizes[i] for i in row])
            entries = np.indices(shape).reshape(len(row), -1)
            for values, size, i in zip(entries, shape, row, strict=True):
                relation = BinaryRelation.from_mask(values[:, None] == np.arange(size))
                relations.append(Placed(relation, (len(names), i)))
            names.append(f"table {c} of potentials {number}")
            domains.append(tuple(range(math.prod(shape))))
    return network_of(Structure(tuple(names), tuple(domains), tuple(relations)))


def _padded(x: jax.Array, size: int) -> jax.Array:
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1])])


def _joined(x: jax.Array, rows: jax.Array) -> jax.Array:
    return jnp.concatenate([x, jnp.broadcast_to(rows, (*x.shape[:-2], *rows.shape))], -2)
