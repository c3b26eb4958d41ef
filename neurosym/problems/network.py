"""`Network`: a compiled problem, as flat arrays grouped by kind of constraint."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import flax.struct
import jax
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.constraints.composite import visible_placements
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.layout import Arrays, alike, lay_out
from neurosym.problems.constraints.propagator import Coupled, Propagator
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.constraints.rounding import rounding
from neurosym.problems.constraints.unary import UnaryRelation
from neurosym.problems.objective import Objective
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
    objective: Objective | None = flax.struct.field(pytree_node=False, default=None)

    def __getstate__(self) -> dict[str, Any]:
        # Without what engines keep beside the fields.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

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
        return Domains.from_mask(mask)

    def decode(self, assignment: Sequence[int] | jax.Array) -> dict[str, Hashable]:
        """The values, by variable name, of value indices ``int[V]``; None where an index is -1."""
        structure = self.structure
        indices = [int(v) for v in np.asarray(assignment)]
        return {
            name: domain[v] if v >= 0 else None
            for name, domain, v in zip(structure.names, structure.domains, indices, strict=True)
        }

    def allows(self, assignment: Sequence[int]) -> bool:
        """Whether value indices ``int[V]`` satisfy every constraint."""
        values = [int(v) for v in assignment]
        return all(placed.allows(values) for placed in self.structure.relations)


def build_network(
    variables: Sequence[Variable],
    constraints: Sequence[Constraint],
    objective: Objective | None = None,
) -> Network:
    """Lays out variables, in the order of their indices, and constraints as arrays.

    The arrays are constants also where this is called inside of a function that JAX traces.
    """
    with jax.ensure_compile_time_eval():
        found = _build(variables, constraints)
    return found if objective is None else dataclasses.replace(found, objective=objective)


def _build(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> Network:
    domains = tuple(variable.domain for variable in variables)
    return _of_structure(
        Structure(
            names=tuple(variable.name for variable in variables),
            domains=domains,
            relations=tuple([one for c in constraints for one in _placements(c, domains)]),
        )
    )


def network_of(structure: Structure) -> Network:
    """Lays out a structure as arrays, which are constants wherever this is called."""
    with jax.ensure_compile_time_eval():
        return _of_structure(structure)


def _of_structure(structure: Structure) -> Network:
    lengths = np.asarray([len(domain) for domain in structure.domains])
    mask = np.arange(structure.size) < lengths[:, None]
    arrays = lay_out(alike(structure.relations), structure.size, structure.variables)
    return Network(jax.device_put(mask), *arrays, structure=structure)


def _placements(
    constraint: Constraint, domains: Sequence[tuple[Hashable, ...]]
) -> Iterable[Placed]:
    """The placements of a constraint; one without variables holds everywhere or nowhere."""
    from neurosym.problems.logic import constant_truth

    if constraint.visible:
        return visible_placements(constraint)
    if constant_truth(constraint):
        return []
    return [Placed(UnaryRelation((False,) * len(domains[0])), (0,))]


def rounded_arrays(structure: Structure, size: int, variables: int) -> Arrays:
    """The arrays of a network in sizes that it shares with others of about its size.

    Rows are filled up with further copies of a relation, whose messages nobody reads.

    Args:
      structure: of the network.
      size: a number of values, at least that of the largest domain.
      variables: their number, at least that of the structure.

    Returns:
      Groups, coupled and incidence, as those of `Network`, in an order of their own.
    """
    with jax.ensure_compile_time_eval(), rounding():
        members = sorted(alike(structure.relations).items(), key=lambda item: repr(item[0]))
        return lay_out(dict(members), size, variables)
