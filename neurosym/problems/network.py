"""`Network`: a compiled problem, as flat arrays grouped by kind of constraint."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.bits.reductions import MAX_ROWS
from neurosym.problems.constraints.constraint import Constraint, placements
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.structure import OverVariables, Structure
from neurosym.problems.variable import Variable, describe_domain


@flax.struct.dataclass
class Network(OverVariables):
    """A compiled problem of ``V`` variables over at most ``D`` values; made by `Problem.compile`.

    A frozen pytree: pass it to jitted functions as an argument or close over it. The hard engine
    compiles for the shapes of its arrays alone; the soft engine plans for its structure.
    """

    mask: jax.Array  # bool[V, D]: the value index exists in the variable's domain
    groups: tuple[Propagator, ...]  # the constraints that send messages, as arrays
    coupled: tuple[Coupled, ...]  # the constraints that revise all variables at once
    incidence: tuple[jax.Array, ...]  # int32[V, M]: rows of the stacked messages on each variable;
    # stages int32[R, M] before it unite messages in portions, which the next stage refers to
    structure: Structure = flax.struct.field(pytree_node=False)

    @property
    def domains(self) -> Domains:
        """The declared domains."""
        return Domains.from_mask(self.mask)

    def value_index(self, variable: Variable | str | int, value: Hashable) -> int:
        """The position of ``value`` in a variable's domain.

        Raises:
          ValueError: if the variable or the value does not exist.
        """
        row = self.index(variable)
        domain = self.structure.domains[row]
        if value not in domain:
            raise ValueError(
                f"{value!r} is not in the domain of variable {self.structure.names[row]!r}, "
                f"which is {describe_domain(domain)}"
            )
        return domain.index(value)

    def restrict(self, evidence: Mapping[Any, Any]) -> Domains:
        """The declared domains with some variables held to a value, or to a set of values.

        Args:
          evidence: from variables or names to a value, or to a set, list or range of values.

        Raises:
          ValueError: if a variable or value does not exist, or a set of values is empty.
        """
        mask = np.array(self.mask)
        for variable, given in evidence.items():
            row = self.index(variable)
            values = given if isinstance(given, set | frozenset | list | range) else [given]
            if not values:
                raise ValueError(f"no value is left for variable {self.structure.names[row]!r}")
            allowed = np.zeros(mask.shape[1], np.bool_)
            for value in values:
                allowed[self.value_index(row, value)] = True
            mask[row] &= allowed
        return Domains.from_mask(jnp.asarray(mask))

    def decode(self, assignment: Sequence[int] | jax.Array) -> dict[str, Hashable]:
        """The values, by variable name, of value indices ``int[V]``; None where an index is -1."""
        structure = self.structure
        return {
            name: domain[int(v)] if int(v) >= 0 else None
            for name, domain, v in zip(structure.names, structure.domains, assignment, strict=True)
        }

    def allows(self, assignment: Sequence[int]) -> bool:
        """Whether value indices ``int[V]`` satisfy every constraint."""
        values = [int(v) for v in assignment]
        return all(placed.allows(values) for placed in self.structure.relations)


def build_network(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> Network:
    """Lays out variables, in the order of their indices, and constraints as arrays.

    The arrays are constants also where this is called inside of a function that JAX traces.
    """
    with jax.ensure_compile_time_eval():
        return _build(variables, constraints)


def _build(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> Network:
    domains = tuple(variable.domain for variable in variables)
    placed = tuple([one for constraint in constraints for one in placements(constraint)])
    size = max(len(domain) for domain in domains)
    mask = np.arange(size) < np.asarray([len(domain) for domain in domains])[:, None]
    alike: dict[tuple[str, Hashable], list[Placed]] = {}
    for one in placed:
        alike.setdefault((one.kind, one.relation.bucket), []).append(one)
    groups: list[Propagator] = []
    coupled: list[Coupled] = []
    for members in alike.values():
        kind = type(members[0].relation)
        together = kind.couple(members, size, len(variables))
        if together is not None:
            coupled.append(together)
        else:
            groups.append(kind.group(members, size))
    structure = Structure(
        names=tuple(variable.name for variable in variables), domains=domains, relations=placed
    )
    return Network(
        mask=jax.device_put(mask),
        groups=tuple(groups),
        coupled=tuple(coupled),
        incidence=tuple(jax.device_put(stage) for stage in _incidence(groups, len(variables))),
        structure=structure,
    )


def _incidence(groups: Sequence[Propagator], variables: int) -> list[np.ndarray]:
    """For each variable the messages that touch it, padded with the row after the last message.

    Where a variable has more than `MAX_ROWS` of them, they are united in portions first, so that a
    few busy variables do not widen the row of every other.
    """
    if not groups:
        return []
    scope = np.concatenate([np.asarray(group.scope).ravel() for group in groups])
    present = np.concatenate([np.asarray(group.present).ravel() for group in groups])
    rows = np.flatnonzero(present)
    rows = rows[np.argsort(scope[rows], kind="stable")]
    counts = np.bincount(scope[rows], minlength=variables)
    stages, available = [], len(present)
    while counts.max(initial=1) > MAX_ROWS:
        portions = -(-counts // MAX_ROWS)
        sizes = np.full(portions.sum(), MAX_ROWS)
        filled = portions > 0
        sizes[np.cumsum(portions)[filled] - 1] = counts[filled] - (portions[filled] - 1) * MAX_ROWS
        stages.append(_rows_of(rows, sizes, available))
        rows, counts, available = np.arange(len(sizes)), portions, len(sizes)
    return [*stages, _rows_of(rows, counts, available)]


def _rows_of(items: np.ndarray, counts: np.ndarray, fill: int) -> np.ndarray:
    """Consecutive items, ``counts[n]`` of them in row ``n``, filled up with ``fill``."""
    width = max(1, counts.max(initial=1))
    table = np.full((len(counts), width), fill, np.int32)
    row = np.repeat(np.arange(len(counts)), counts)
    column = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[row, column] = items
    return table
