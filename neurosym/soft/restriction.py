"""A smaller network for the domains that are left: fewer values, narrower tensors, less work.

Values that propagation has ruled out never enter: variables keep only the possible values, and the
hidden indices of a constraint (states, partial sums, rows of a table) keep only what some possible
values still reach. The answers are those with weights of zero, for less work.
"""

from __future__ import annotations

import dataclasses
from typing import NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.problems.structure import OverVariables, RestrictedStructure, Structure
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.restricted_relation import RestrictedRelation
from neurosym.soft.weights import domain_mask
from neurosym.transforms.take import take


@dataclasses.dataclass(frozen=True, eq=False)
class RestrictedNetwork(OverVariables):
    """A network with some values left out; the soft engine takes it in place of the whole one.

    Rows are the same variables; the possible values of each lie first, in their order.

    Attributes:
      mask: ``bool[V, D']``: the value index exists in the variable's restricted domain.
      structure: as of a network.
      kept: of each variable, the value indices in the whole network that stay.
      size_of_whole: D of the whole network.
    """

    mask: jax.Array
    structure: RestrictedStructure
    kept: tuple[tuple[int, ...], ...]
    size_of_whole: int

    def weights(self, semiring: Semiring, whole: Elements) -> Elements:
        """Elements ``[V, D]`` of the whole network as ``[V, D']`` of this one."""
        index = np.zeros((self.variables, self.size), np.int32)
        for row, values in enumerate(self.kept):
            index[row, : len(values)] = values
        return take(semiring.asarray(whole), _rows(index), index)

    def spread(self, semiring: Semiring, restricted: Elements) -> Elements:
        """Elements ``[V, D']`` in the layout ``[V, D]`` of the whole network, zero elsewhere."""
        index = np.zeros((self.variables, self.size_of_whole), np.int32)
        there = np.zeros(index.shape, np.bool_)
        for row, values in enumerate(self.kept):
            index[row, list(values)] = np.arange(len(values))
            there[row, list(values)] = True
        x = take(restricted, _rows(index), index)
        zero = semiring.zeros((), elements.dtype(semiring, x))
        return elements.where(semiring, jnp.asarray(there), x, zero)

    @property
    def whole_structure(self) -> Structure:
        """The variables of the whole network, with all their values."""
        return Structure(self.structure.names, self.structure.declared, ())

    def potentials(self, whole: Potentials) -> Potentials:
        """Potentials over the values of the whole network as those over the values of this one.

        Engines do it themselves: ``potentials=`` always speaks of the whole network.
        """
        rows = whole.scope
        count, arity = rows.shape
        table = whole.log_table if whole.log_table.ndim > arity else whole.log_table[None]
        at: list[np.ndarray] = [np.arange(count).reshape(count, *(1,) * arity) % len(table)]
        for k in range(arity):
            own = [self.kept[i] for i in rows[:, k].tolist()]
            index = np.zeros((count, max((len(values) for values in own), default=1)), np.int32)
            for factor, values in enumerate(own):
                index[factor, : len(values)] = values
            at.append(index.reshape(count, *(-1 if j == k else 1 for j in range(arity))))
        return Potentials(rows, take(table, *at))

    def values(self, assignments: jax.Array) -> jax.Array:
        """Value indices ``int32[..., V]`` of this network as those of the whole one; -1 stays."""
        table = np.zeros((self.variables, self.size), np.int32)
        for row, values in enumerate(self.kept):
            table[row, : len(values)] = values
        found = jnp.asarray(table)[np.arange(self.variables), jnp.maximum(assignments, 0)]
        return jnp.where(assignments < 0, -1, found)

    @property
    def groups(self) -> NoReturn:
        """What the hard engine would read.

        Raises:
          ValueError: always.
        """
        raise ValueError(
            "a restricted network is for the soft engine; give the hard engine the whole network "
            "and the domains"
        )

    domains = groups


def restricted(network: Network, domains: Domains | jax.Array | np.ndarray) -> RestrictedNetwork:
    """The network with only the values that are possible.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> from neurosym.semirings import COUNTING
    >>> from neurosym.soft import total
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(100))
    >>> problem.add(x.sum() == 4)
    >>> network = problem.compile()
    >>> few = restricted(network, network.mask & (jnp.arange(100) <= 4))
    >>> weights = jnp.ones((3, 100), jnp.int32)
    >>> total(few, few.weights(COUNTING, weights), semiring=COUNTING).item()
    15

    Args:
      network: the compiled problem.
      domains: the possible values, concrete ``Domains`` or ``bool[V, D]``.

    Raises:
      ValueError: for another shape or dtype, or a variable without a value: then there is no
        solution.
    """
    mask = np.asarray(domain_mask(network, domains))
    kept = tuple(tuple(np.flatnonzero(row).tolist()) for row in mask)
    for name, values in zip(network.structure.names, kept, strict=True):
        if not values:
            raise ValueError(f"no value is left for variable {name!r}, so there is no solution")
    relations: list[Placed] = []
    for relation, scope in network.structure.relations:
        few = tuple(kept[i] for i in scope)
        if all(len(v) == size for v, size in zip(few, relation.sizes, strict=True)):
            relations.append(Placed(relation, scope))
            continue
        fewer = RestrictedRelation(relation, few)
        if not fewer.always_holds:
            relations.append(Placed(fewer, scope))
    names = network.structure.names
    declared = network.structure.domains
    left = tuple(
        tuple(domain[v] for v in values) for domain, values in zip(declared, kept, strict=True)
    )
    size = max(len(values) for values in kept)
    lengths = np.asarray([len(values) for values in kept])
    return RestrictedNetwork(
        mask=jnp.asarray(np.arange(size) < lengths[:, None]),
        structure=RestrictedStructure(names, left, tuple(relations), declared),
        kept=kept,
        size_of_whole=network.size,
    )


def _rows(index: np.ndarray) -> np.ndarray:
    """The number of each row, ``int[V, 1]``, beside an index ``[V, D]`` along them."""
    return np.arange(len(index))[:, None]
