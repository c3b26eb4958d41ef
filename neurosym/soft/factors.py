"""The tensors of a network: a vector of weights for each open variable, and those of constraints.

    a + b == s and c + d == t        one relation in two places: (a, b, s) and (c, d, t)
    private  a, b, c, d              no other constraint knows them, so they are summed out inside
    kind     one lowering for both places; its one tensor has the label of position 2
    slots    weights of s [s], weights of t [t], the sum of a and b [s], the sum of c and d [t]
             and one slot for each table of potentials, if some are given
    stacks   slots 0 and 1 as one array, slots 2 and 3 as another one, made by one program

A relation is lowered once, however many places it has. Where their tensors are made at once,
as a stack, one vectorised computation serves all of them, and constant masks are one constant.
"""

import dataclasses
import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.relation import Relation
from neurosym.problems.potentials import Scope
from neurosym.problems.structure import Structure
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import Labels
from neurosym.soft.stacks import join, take_rows
from neurosym.transforms.compatibility import depends


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """One relation in all its places, with the same positions private."""

    lowering: Lowering
    sizes: tuple[int, ...]  # of the positions
    scopes: tuple[tuple[int, ...], ...]  # one a member
    constant: tuple[bool, ...]  # of each tensor: the weights do not enter

    @property
    def absorbed(self) -> list[int]:
        """Positions that the lowering sums out."""
        return sorted(self.lowering.absorbed)


WEIGHTS, TABLE = -1, -2
"""In place of the number of a kind: the tensor is a variable's weights, or one of potentials."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a tensor comes from: a variable's weights, tensor ``number`` of a kind's member, or the
    potentials ``number``, factor ``member``."""

    kind: int  # WEIGHTS: those of variable ``member``; TABLE: of potentials
    member: int
    number: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Factors:
    """All tensors of a network, before any is made. A slot is a position in ``sources``."""

    structure: Structure
    kinds: tuple[Kind, ...]
    sources: tuple[Source, ...]
    labels: tuple[Labels, ...]  # of each slot
    sizes: Mapping[Hashable, int]
    element_count: int  # of all tensors, and of what is made on the way to them

    def stack_of(self, slot: int) -> Hashable:
        """Tensors for which this is equal can be made as one stack."""
        source = self.sources[slot]
        shape = tuple(self.sizes[x] for x in self.labels[slot])
        if source.kind == WEIGHTS:
            return "weights", shape
        if source.kind == TABLE:
            return "table", shape
        if self.kinds[source.kind].constant[source.number]:
            return "constant", shape
        return "made", source.kind, source.number

    def slots(self, kind: int, number: int) -> list[int]:
        """Of tensor ``number`` of each member of a kind."""
        count = len(self.kinds[kind].scopes)
        return [self._slot_of[Source(kind, member, number)] for member in range(count)]

    def tensors(
        self, semiring: Semiring, weights: Elements, tables: Sequence[Elements] = ()
    ) -> list[Elements]:
        """Every tensor alone, slot by slot.

        Args:
          semiring: the algebra.
          weights: elements ``[V, D]``.
          tables: of all potentials, elements ``[C, D, ..., D]`` or without the first axis.
        """
        found: dict[tuple[int, int], list[Elements]] = {}
        own = self._rows(weights)
        made = []
        for slot, source in enumerate(self.sources):
            if source.kind == WEIGHTS:
                made.append(own[source.member])
                continue
            if source.kind == TABLE:
                made.append(self._table(semiring, tables[source.number], source.member, slot))
                continue
            key = (source.kind, source.member)
            if key not in found:
                kind = self.kinds[source.kind]
                scoped = [own[i] for i in kind.scopes[source.member]]
                found[key] = kind.lowering.up(semiring, scoped)
            made.append(found[key][source.number])
        return made

    def stacks(
        self,
        semiring: Semiring,
        weights: Elements,
        wanted: Sequence[Sequence[int]],
        tables: Sequence[Elements] = (),
    ) -> list[Elements]:
        """Stacks of tensors, ``[*axes, N]`` or ``[*axes, 1]`` where all are equal.

        Args:
          semiring: the algebra.
          weights: elements ``[V, D]``.
          wanted: slots, those of one stack with equal `stack_of`.
          tables: as for `tensors`.
        """
        members: dict[int, list[int]] = {}  # of each kind, in the order of its first stack
        made: dict[int, list[Elements]] = {}
        found = []
        for slots in wanted:
            sources = [self.sources[slot] for slot in slots]
            first = sources[0]
            axis = len(self.labels[slots[0]])
            if first.kind == TABLE:
                found.append(self._stacked_tables(semiring, tables, slots))
            elif first.kind == WEIGHTS:
                size = self.sizes[self.labels[slots[0]][0]]
                found.append(self._vectors(semiring, weights, [s.member for s in sources], size))
            elif self.kinds[first.kind].constant[first.number]:
                found.append(self._constants(semiring, weights, sources, axis))
            else:
                order = [s.member for s in sources]
                if first.kind not in made:
                    members[first.kind] = order
                    made[first.kind] = self._make(semiring, weights, first.kind, order)
                known = {member: n for n, member in enumerate(members[first.kind])}
                x = made[first.kind][first.number]
                found.append(take_rows(semiring, x, [known[member] for member in order], axis))
        return found

    def supports(
        self, semiring: Semiring, weights: Elements, outer: Sequence[Elements]
    ) -> Elements:
        """The support of every variable, ``[V, D]``, from the supports of single tensors."""
        found: dict[int, Elements] = {}
        below: dict[tuple[int, int], list[Elements]] = {}
        own = self._rows(weights)
        for source, x in zip(self.sources, outer, strict=True):
            if source.kind == WEIGHTS:
                found[source.member] = x
            elif source.kind >= 0:
                below.setdefault((source.kind, source.member), []).append(x)
        for (number, member), x in below.items():
            kind = self.kinds[number]
            scope = kind.scopes[member]
            inner = kind.lowering.down(semiring, [own[i] for i in scope], x)
            found |= {scope[k]: y for k, y in inner.items()}
        size = elements.shape(semiring, weights)[1]
        padded = [self._padded(semiring, found[i], size, 0) for i in range(len(found))]
        return elements.stack(semiring, padded)

    def supports_of_stacks(
        self,
        semiring: Semiring,
        weights: Elements,
        held: Sequence[Sequence[int]],
        outer: Sequence[Elements],
    ) -> Elements:
        """The support of every variable, ``[V, D]``, from the supports of stacks.

        Args:
          semiring: the algebra.
          weights: elements ``[V, D]``.
          held: the slots of each stack.
          outer: of each stack, ``[*axes, N]``.
        """
        place = {slot: (n, row) for n, slots in enumerate(held) for row, slot in enumerate(slots)}
        variables: list[int] = []
        parts: list[Elements] = []
        width = elements.shape(semiring, weights)[1]

        def collect(members: Sequence[int], x: Elements) -> None:
            variables.extend(members)
            parts.append(self._padded(semiring, x, width, 1))

        for slots, x in zip(held, outer, strict=True):
            if self.sources[slots[0]].kind == WEIGHTS:
                members = [self.sources[slot].member for slot in slots]
                collect(members, elements.transpose(semiring, x, (1, 0)))
        for number, kind in enumerate(self.kinds):
            if not kind.absorbed:
                continue
            each = []
            for n in range(len(kind.constant)):
                places = [place[slot] for slot in self.slots(number, n)]
                each.append(_gather(semiring, outer, places))
            axes = [elements.ndim(semiring, x) - 1 for x in each]
            order = list(range(len(kind.scopes)))

            def down(
                scoped: Sequence[Elements], outer: Sequence[Elements], kind: Kind = kind
            ) -> dict[int, Elements]:
                return kind.lowering.down(semiring, scoped, outer)

            scoped, in_axes = self._scoped(semiring, weights, kind, order)
            inner = jax.vmap(down, in_axes=(in_axes, axes))(scoped, each)
            for k, x in inner.items():
                collect([scope[k] for scope in kind.scopes], x)
        stacked = elements.concatenate(semiring, parts)
        return take_rows(semiring, stacked, np.argsort(variables).tolist(), 0)

    @functools.cached_property
    def _slot_of(self) -> dict[Source, int]:
        return {source: slot for slot, source in enumerate(self.sources)}

    def _make(
        self, semiring: Semiring, weights: Elements, number: int, order: Sequence[int]
    ) -> list[Elements]:
        """The tensors of some members of a kind, stacked."""
        kind = self.kinds[number]
        scoped, in_axes = self._scoped(semiring, weights, kind, order)
        return jax.vmap(
            lambda given: kind.lowering.up(semiring, given),
            in_axes=(in_axes,),
            out_axes=[len(labels) for labels in kind.lowering.labels],
        )(scoped)

    def _scoped(
        self, semiring: Semiring, weights: Elements, kind: Kind, order: Sequence[int]
    ) -> tuple[list[Elements], list[int | None]]:
        """The weights of each position, ``[N, D_k]`` where they are absorbed; the others do not
        enter."""
        dtype = elements.dtype(semiring, weights)
        scoped: list[Elements] = []
        in_axes: list[int | None] = []
        for k, size in enumerate(kind.sizes):
            if k in kind.lowering.absorbed:
                x = take_rows(semiring, weights, [kind.scopes[m][k] for m in order], 0)
                scoped.append(elements.at(x, (slice(None), slice(0, size))))
                in_axes.append(0)
            else:
                scoped.append(semiring.ones((size,), dtype))
                in_axes.append(None)
        return scoped, in_axes

    def _table(self, semiring: Semiring, table: Elements, member: int, slot: int) -> Elements:
        """The table of one factor over the values that exist."""
        shape = tuple(slice(0, self.sizes[x]) for x in self.labels[slot])
        shared = elements.ndim(semiring, table) == len(shape)
        return elements.at(table, shape if shared else (member, *shape))

    def _stacked_tables(
        self, semiring: Semiring, tables: Sequence[Elements], slots: Sequence[int]
    ) -> Elements:
        """Tables of one shape, potentials by potentials and then in the order of the slots."""
        axis = len(self.labels[slots[0]])
        cut = tuple(slice(0, self.sizes[x]) for x in self.labels[slots[0]])
        members: dict[int, list[int]] = {}
        for slot in slots:
            source = self.sources[slot]
            members.setdefault(source.number, []).append(source.member)
        parts = []
        for number, own in members.items():
            x = tables[number]
            if elements.ndim(semiring, x) == axis:
                parts.append(elements.expand_dims(semiring, elements.at(x, cut), axis))
            else:
                x = elements.at(take_rows(semiring, x, own, 0), (slice(None), *cut))
                parts.append(elements.transpose(semiring, x, [*range(1, axis + 1), 0]))
        if len(parts) == 1:
            return parts[0]
        joined = join(semiring, parts, [len(own) for own in members.values()])
        listed = [(number, member) for number, own in members.items() for member in own]
        place = {source: n for n, source in enumerate(listed)}
        wanted = [(self.sources[slot].number, self.sources[slot].member) for slot in slots]
        return take_rows(semiring, joined, [place[source] for source in wanted], axis)

    def _vectors(
        self, semiring: Semiring, weights: Elements, variables: Sequence[int], size: int
    ) -> Elements:
        """``[size, N]``"""
        x = take_rows(semiring, weights, variables, 0)
        x = elements.at(x, (slice(None), slice(0, size)))
        return elements.transpose(semiring, x, (1, 0))

    def _constants(
        self, semiring: Semiring, weights: Elements, sources: Sequence[Source], axis: int
    ) -> Elements:
        dtype = elements.dtype(semiring, weights)
        origins = [(source.kind, source.number) for source in sources]
        known: dict[tuple[int, int], Elements] = {}
        for number in dict.fromkeys(number for number, _ in origins):
            made = _constants(semiring, self.kinds[number], dtype)
            known |= {(number, tensor): x for tensor, x in enumerate(made)}
        if len(set(origins)) == 1:
            return elements.expand_dims(semiring, known[origins[0]], axis)
        return elements.stack(semiring, [known[origin] for origin in origins], axis)

    def _rows(self, weights: Elements) -> list[Elements]:
        """The weights of each variable, ``[D_i]``.

        Split all at once: the transpose is one concatenation, where that of V slices would be V
        paddings to ``[V, D]`` and their sum.
        """
        domains = self.structure.domains
        ones = (1,) * len(domains)
        split = jax.tree.map(lambda leaf: jax.lax.split(leaf, ones, 0), weights)
        outer, inner = jax.tree.structure(weights), jax.tree.structure([0] * len(domains))
        rows = jax.tree.transpose(outer, inner, split)
        return [
            elements.at(row, (0, slice(0, len(domain))))
            for row, domain in zip(rows, domains, strict=True)
        ]

    def _padded(self, semiring: Semiring, x: Elements, size: int, axis: int) -> Elements:
        short = size - elements.shape(semiring, x)[axis]
        padding = [(0, 0, 0)] * axis + [(0, short, 0)]
        return elements.pad(semiring, x, padding) if short else x


def network_factors(
    structure: Structure,
    target: int | None,
    scopes: Sequence[Scope] = (),
    *,
    absorb: bool = True,
) -> Factors:
    """The tensors of a network and of potentials.

    Args:
      structure: of the network.
      target: a variable that stays open, or None.
      scopes: of potentials.
      absorb: lets constraints sum out the variables that only they know.
    """
    uses = [0] * len(structure.names)
    for _, scope in structure.relations:
        for i in scope:
            uses[i] += 1
    soft = [(g, c, row) for g, s in enumerate(scopes) for c, row in enumerate(s.rows.tolist())]
    for _, _, row in soft:
        for i in row:
            uses[i] += 2  # The table lies open, so a constraint cannot sum its variables out.
    numbers: dict[tuple[Relation, frozenset[int]], int] = {}
    places: list[list[tuple[int, ...]]] = []  # of each kind
    members: list[tuple[int, int]] = []  # of each placement: its kind, and which member it is
    for relation, scope in structure.relations:
        private = frozenset(
            k for k, i in enumerate(scope) if absorb and uses[i] == 1 and i != target
        )
        number = numbers.setdefault((relation, private), len(numbers))
        if number == len(places):
            places.append([])
        members.append((number, len(places[number])))
        places[number].append(scope)
    kinds = tuple(
        _kind(relation, private, own)
        for (relation, private), own in zip(numbers, places, strict=True)
    )
    sizes: dict[Hashable, int] = {i: len(domain) for i, domain in enumerate(structure.domains)}
    inside: set[int] = set()
    sources: list[Source] = []
    labels: list[Labels] = []
    count = 0
    for n, (number, member) in enumerate(members):
        kind, scope = kinds[number], places[number][member]
        inside |= {scope[k] for k in kind.lowering.absorbed}
        tensors, hidden = kind.lowering.renamed(scope, ("constraint", n))
        sizes |= hidden
        labels += tensors
        sources += [Source(number, member, t) for t in range(len(tensors))]
        count += kind.lowering.element_count
    for group, factor, row in soft:
        labels.append(tuple(row))
        sources.append(Source(TABLE, factor, group))
    open_variables = [i for i in range(len(structure.names)) if i not in inside]
    sources[:0] = [Source(WEIGHTS, i) for i in open_variables]
    labels[:0] = [(i,) for i in open_variables]
    count += sum(math.prod(sizes[x] for x in tensor) for tensor in labels)
    return Factors(structure, kinds, tuple(sources), tuple(labels), sizes, count)


def _kind(relation: Relation, private: frozenset[int], scopes: Sequence[tuple[int, ...]]) -> Kind:
    lowering, sizes = relation.lower(private), tuple(relation.sizes)
    return Kind(lowering, sizes, tuple(scopes), _constant_tensors(lowering, sizes))


def _constant_tensors(lowering: Lowering, sizes: Sequence[int]) -> tuple[bool, ...]:
    """Of each tensor: no weight enters, as tracing shows."""
    count = len(lowering.labels)
    if not lowering.absorbed:
        return (True,) * count
    weights = [jax.ShapeDtypeStruct((size,), jnp.float32) for size in sizes]
    moving = depends(lambda given: lowering.up(LOG, given), weights)
    return tuple(not moves for moves in moving)


def _constants(semiring: Semiring, kind: Kind, dtype: Any) -> list[Elements]:
    """The tensors of a kind, of which those into which no weight enters are right."""
    if kind.lowering.absorbed:
        ones = [semiring.ones((size,), dtype) for size in kind.sizes]
        return kind.lowering.up(semiring, ones)
    masks = kind.lowering.constant_masks(kind.sizes)  # constants of the program
    return [semiring.indicator(mask, dtype) for mask in masks]


def _gather(
    semiring: Semiring, stacks: Sequence[Elements], places: Sequence[tuple[int, int]]
) -> Elements:
    """Tensors at ``(stack, position)`` as one stack."""
    by_stack: dict[int, list[int]] = {}
    for stack, position in places:
        by_stack.setdefault(stack, []).append(position)
    axis = elements.ndim(semiring, stacks[places[0][0]]) - 1
    parts = [take_rows(semiring, stacks[s], positions, axis) for s, positions in by_stack.items()]
    listed = [(s, position) for s, positions in by_stack.items() for position in positions]
    found = parts[0] if len(parts) == 1 else elements.concatenate(semiring, parts, axis)
    where = {place: n for n, place in enumerate(listed)}
    return take_rows(semiring, found, [where[place] for place in places], axis)
