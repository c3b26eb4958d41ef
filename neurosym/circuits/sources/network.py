"""A network as clauses over Boolean variables, with as many models as it has solutions.

A variable with two values is one Boolean variable; with more, one for each value, of which exactly
one holds (the direct encoding of de Kleer 1989; Walsh 2000,
https://doi.org/10.1007/3-540-45349-0_32). A constraint comes as the 0/1 tensors that it lowers
itself to. Their hidden indices (the partial sums of a `Linear`, the states of a `Regular`) are
encoded like variables. They follow from the assignment, in exactly one way for each assignment that
is allowed, so counts stay right.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Sequence

import numpy as np

from neurosym.circuits.formula import Clause, Formula
from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.relation import Relation
from neurosym.problems.network import Network


@dataclasses.dataclass(frozen=True)
class Encoding:
    """A network as clauses.

    Attributes:
      formula: what must hold; its variables are numbered so that those that occur together are
        near.
      weights: where the weight of a literal stands among all V × D; other literals weigh one.
    """

    formula: Formula
    weights: dict[int, int]


def encode(network: Network) -> Encoding:
    """The clauses of a network."""
    structure = network.structure
    tensors, sizes = tensors_of(network)
    order: dict[Hashable, None] = {}
    for labels, _ in tensors:
        order |= dict.fromkeys(labels)
    order |= dict.fromkeys(range(len(structure.domains)))
    literals = _literals(order, sizes)
    clauses: list[Clause] = []
    for label in order:
        clauses += _exactly_one(literals[label])
    for labels, mask in tensors:
        clauses += _clauses([literals[label] for label in labels], mask)
    weights = {
        literals[i][v]: i * network.size + v
        for i, domain in enumerate(structure.domains)
        for v in range(len(domain))
    }
    variables = max(abs(literal) for own in literals.values() for literal in own)
    return Encoding(Formula(dict.fromkeys(clauses), variables), weights)


def tensors_of(
    network: Network,
) -> tuple[list[tuple[Sequence[Hashable], np.ndarray]], dict[Hashable, int]]:
    """The constraints as 0/1 tensors with their labels, and the size of every label."""
    structure = network.structure
    sizes: dict[Hashable, int] = {i: len(domain) for i, domain in enumerate(structure.domains)}
    tensors: list[tuple[Sequence[Hashable], np.ndarray]] = []
    known: dict[Relation, tuple[Lowering, list[np.ndarray]]] = {}
    for n, (relation, scope) in enumerate(structure.relations):
        if relation not in known:
            made = relation.lower(frozenset())
            known[relation] = made, made.constant_masks(relation.sizes)
        lowering, masks = known[relation]
        labels, hidden = lowering.renamed(scope, ("constraint", n))
        sizes |= hidden
        tensors += zip(labels, masks, strict=True)
    return tensors, sizes


def _literals(
    labels: dict[Hashable, None], sizes: dict[Hashable, int]
) -> dict[Hashable, list[int]]:
    """The literal that says that an index has a value."""
    literals: dict[Hashable, list[int]] = {}
    fresh = 1
    for label in labels:
        count = sizes[label]
        if count == 2:
            literals[label] = [-fresh, fresh]
            fresh += 1
        else:
            literals[label] = list(range(fresh, fresh + count))
            fresh += count
    return literals


def _exactly_one(literals: Sequence[int]) -> list[Clause]:
    if len(literals) == 2:  # the two signs of one variable
        return []
    pairs = itertools.combinations(literals, 2)
    return [tuple(literals), *((-a, -b) for a, b in pairs)]


def _clauses(axes: Sequence[Sequence[int]], mask: np.ndarray) -> list[Clause]:
    """For each choice of the other indices, which values of the longest one are left."""
    if not axes:
        return [] if mask.all() else [()]
    longest = int(np.argmax(mask.shape))
    others = [axis for n, axis in enumerate(axes) if n != longest]
    allowed = np.moveaxis(mask, longest, -1)
    clauses = []
    for index in np.argwhere(~allowed.all(axis=-1)):
        left = [axes[longest][v] for v in np.flatnonzero(allowed[tuple(index)]).tolist()]
        chosen = zip(others, index.tolist(), strict=True)
        clauses.append((*(-axis[v] for axis, v in chosen), *left))
    return clauses
