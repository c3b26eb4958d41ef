"""`Network`: a compiled problem, as flat arrays grouped by kind of constraint."""

from __future__ import annotations

import dataclasses
import difflib
import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.constraints.constraint import Constraint, Group, Relation
from neurosym.problems.variable import Variable, describe_domain


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """The static facts of a network: hashable, compared by content, hashed once."""

    names: tuple[str, ...]
    domains: tuple[tuple[Hashable, ...], ...]
    relations: tuple[Relation, ...]

    def __post_init__(self) -> None:
        key = hash((self.names, self.domains, self.relations))
        object.__setattr__(self, "_hash", key)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Structure)
            and hash(self) == hash(other)
            and self.names == other.names
            and self.domains == other.domains
            and self.relations == other.relations
        )


@flax.struct.dataclass
class Network:
    """A compiled problem of ``V`` variables over at most ``D`` values; made by `Problem.compile`.

    A frozen pytree: pass it to jitted functions as an argument or close over it. The hard engine
    compiles for the shapes of its arrays alone; the soft engine plans for its structure.
    """

    mask: jax.Array  # bool[V, D]: the value index exists in the variable's domain
    groups: tuple[Group, ...]  # the constraints, as arrays
    incidence: jax.Array  # int32[V, M]: rows of the stacked messages that touch each variable
    structure: Structure = flax.struct.field(pytree_node=False)

    @property
    def variables(self) -> int:
        """V."""
        return len(self.structure.names)

    @property
    def size(self) -> int:
        """D, the values of the largest domain."""
        return max(len(domain) for domain in self.structure.domains)

    @property
    def domains(self) -> Domains:
        """The declared domains."""
        return Domains.from_mask(self.mask)

    def index(self, variable: Variable | str | int) -> int:
        """The row of a variable in arrays over the variables.

        Raises:
          ValueError: if the network has no such variable.
        """
        names = self.structure.names
        if isinstance(variable, numbers.Integral) and not isinstance(variable, bool):
            if 0 <= variable < len(names):
                return int(variable)
            raise ValueError(f"variable {variable} does not exist; there are {len(names)}")
        if not isinstance(variable, str | Variable):
            raise ValueError(
                f"a variable is given as itself, its name or its row, not {variable!r}"
            )
        name = variable if isinstance(variable, str) else variable.name
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"the network has no variable {name!r}{hint}")
        row = names.index(name)
        declared = (row, self.structure.domains[row])
        if not isinstance(variable, str) and (variable.index, variable.domain) != declared:
            raise ValueError(f"variable {name!r} belongs to another problem")
        return row

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
        return all(
            relation.allows([int(assignment[i]) for i in relation.scope])
            for relation in self.structure.relations
        )


def build_network(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> Network:
    """Lays out variables, in the order of their indices, and constraints as arrays."""
    domains = tuple(variable.domain for variable in variables)
    relations = tuple(constraint.compile() for constraint in constraints)
    size = max(len(domain) for domain in domains)
    mask = np.arange(size) < np.asarray([len(domain) for domain in domains])[:, None]
    buckets: dict[tuple[str, Hashable], list[Relation]] = {}
    for relation in relations:
        buckets.setdefault((relation.kind, relation.bucket), []).append(relation)
    groups = tuple(type(members[0]).group(members, size) for members in buckets.values())
    structure = Structure(
        names=tuple(variable.name for variable in variables), domains=domains, relations=relations
    )
    return Network(
        mask=jnp.asarray(mask),
        groups=groups,
        incidence=jnp.asarray(_incidence(groups, len(variables))),
        structure=structure,
    )


def _incidence(groups: Sequence[Group], variables: int) -> np.ndarray:
    """For each variable the messages that touch it, padded with the row after the last message."""
    touching: list[list[int]] = [[] for _ in range(variables)]
    row = 0
    for group in groups:
        scope, present = np.asarray(group.scope), np.asarray(group.present)
        for variable, there in zip(scope.ravel(), present.ravel(), strict=True):
            if there:
                touching[variable].append(row)
            row += 1
    width = max((len(rows) for rows in touching), default=0)
    incidence = np.full((variables, max(width, 1)), row, np.int32)
    for variable, rows in enumerate(touching):
        incidence[variable, : len(rows)] = rows
    return incidence
