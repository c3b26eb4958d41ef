"""Contraction of a network level by level: steps of one kind are one batched operation.

A contraction order says which two tensors to contract next. Steps that do not wait for each other
and have the same signature (the pattern of labels and the shapes) are executed together on stacks
of tensors, so the compiled program grows with the number of levels and signatures, not with the
number of variables.

Every tensor is used by exactly one step. The tensors of a stack are therefore laid out in the order
in which later stacks want them: most operands are slices of earlier results, and where several
stacks interleave, one permutation follows.
"""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import Labels
from neurosym.semirings.operations.tensor_network import Step
from neurosym.soft.stacks import contract_stacks, join, take_rows, write_out


@dataclasses.dataclass(frozen=True, eq=False)
class Operand:
    """Tensors taken from stacks: slices ``(stack, start, stop)`` side by side, then permuted."""

    pieces: tuple[tuple[int, int, int], ...]
    order: tuple[int, ...] | None  # None: as they are

    @property
    def count(self) -> int:
        """The number of tensors."""
        return sum(stop - start for _, start, stop in self.pieces)


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Steps of one signature; its stack has a tensor for each."""

    operands: tuple[Operand, Operand]
    patterns: tuple[Labels, Labels, Labels]  # of left, right and result, in labels of the group
    steps: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of steps."""
        return len(self.steps)


@dataclasses.dataclass(frozen=True, eq=False)
class Schedule:
    """Stacks ``0..m-1`` are inputs, each group appends one; the last is the result."""

    inputs: tuple[tuple[int, ...], ...]  # of each input stack: which tensors it holds, in order
    groups: tuple[Group, ...]

    def place(self) -> dict[int, tuple[int, int]]:
        """Of each input tensor: its stack and its position there."""
        return {
            tensor: (stack, position)
            for stack, tensors in enumerate(self.inputs)
            for position, tensor in enumerate(tensors)
        }


def schedule(
    labels: Sequence[Labels],
    kinds: Sequence[Hashable],
    steps: Sequence[Step],
    sizes: Mapping[Hashable, int],
) -> Schedule:
    """Arranges the steps of a contraction order in groups.

    Args:
      labels: of each input tensor, distinct within a tensor.
      kinds: of each input tensor: those of one kind have one shape and lie in one stack.
      steps: at least one.
      sizes: the length of each labelled axis.

    Returns:
      The schedule; nothing is allocated.
    """
    every = [*labels, *(step.labels for step in steps)]
    first_step = len(labels)
    level = [0] * len(every)
    members: dict[Hashable, list[int]] = {}
    patterns: dict[Hashable, tuple[Labels, Labels, Labels]] = {}
    levels_of: dict[Hashable, int] = {}
    consumer: list[tuple[Hashable, int, int]] = [((), 0, 0)] * len(every)  # (group, side, step)
    for slot, kind in enumerate(kinds):
        members.setdefault((0, kind), []).append(slot)
    for n, step in enumerate(steps):
        slot = first_step + n
        level[slot] = 1 + max(level[step.left], level[step.right])
        pattern, shape = _pattern(every[step.left], every[step.right], step.labels, sizes)
        key: Hashable = (level[slot], pattern, shape)
        levels_of[key] = level[slot]
        members.setdefault(key, []).append(slot)
        patterns[key] = pattern
        consumer[step.left] = (key, 0, slot)
        consumer[step.right] = (key, 1, slot)
    inputs = [key for key in members if key not in patterns]
    groups = sorted(patterns, key=levels_of.__getitem__)
    number = {key: n for n, key in enumerate([*inputs, *groups])}
    stack = {slot: number[key] for key, slots in members.items() for slot in slots}
    # From the result downwards: the tensors of a stack in the order of the steps that use them.
    position: dict[int, int] = {}
    for key in reversed([*inputs, *groups]):
        members[key].sort(
            key=lambda slot: (
                (number[consumer[slot][0]], consumer[slot][1], position[consumer[slot][2]])
                if consumer[slot][0]
                else ()
            )
        )
        position |= {slot: n for n, slot in enumerate(members[key])}
    made = []
    for key in groups:
        here = [steps[slot - first_step] for slot in members[key]]
        sides = ([step.left for step in here], [step.right for step in here])
        operands = [_operand([(stack[slot], position[slot]) for slot in side]) for side in sides]
        numbers = tuple(slot - first_step for slot in members[key])
        made.append(Group((operands[0], operands[1]), patterns[key], numbers))
    return Schedule(tuple(tuple(members[key]) for key in inputs), tuple(made))


def contract_levels(
    semiring: Semiring, plan: Schedule, inputs: Sequence[Elements]
) -> list[Elements]:
    """All stacks of a schedule.

    Args:
      semiring: the algebra.
      plan: the schedule.
      inputs: the input stacks, elements ``[*axes, N]``, or ``[*axes, 1]`` where all are equal.

    Returns:
      The input stacks and one for each group; the last holds the result, ``[*axes, 1]``.
    """
    stacks = list(inputs)
    for group in plan.groups:
        left, right = (fetch(semiring, stacks, operand) for operand in group.operands)
        stacks.append(
            contract_stacks(semiring, left, group.patterns[0], right, *group.patterns[1:])
        )
    return stacks


def supports_by_level(
    semiring: Semiring, plan: Schedule, stacks: Sequence[Elements]
) -> list[Elements]:
    """The formal derivative of the total with respect to each input tensor, stack by stack.

    The levels run in reverse, by ⊕ and ⊗ alone: the derivative at a tensor is the derivative at its
    result, times its sibling.

    Args:
      semiring: the algebra.
      plan: the schedule of a scalar total.
      stacks: from `contract_levels`.

    Returns:
      Elements ``[*axes, N]`` for each input stack.
    """
    dtype = elements.dtype(semiring, stacks[-1])
    # parts[s]: slices of the derivative of stack s, by where they start
    parts: list[dict[int, tuple[Elements, int]]] = [{} for _ in stacks]
    parts[-1][0] = (semiring.ones((1,), dtype), 1)
    for n in reversed(range(len(plan.groups))):
        group = plan.groups[n]
        above = _assemble(semiring, parts[len(plan.inputs) + n])
        tensors = [fetch(semiring, stacks, operand) for operand in group.operands]
        for side in (0, 1):
            child, sibling = group.patterns[side], group.patterns[1 - side]
            known = set(group.patterns[2]) | set(sibling)
            kept = tuple(x for x in child if x in known)
            outer = contract_stacks(
                semiring, above, group.patterns[2], tensors[1 - side], sibling, kept
            )
            outer = write_out(semiring, outer, group.count)
            outer = _broadcast(
                semiring, outer, kept, child, elements.shape(semiring, tensors[side])
            )
            operand = group.operands[side]
            if operand.order is not None:
                back = np.argsort(operand.order).tolist()
                outer = take_rows(semiring, outer, back, len(child))
            start = 0
            for stack, low, high in operand.pieces:
                piece = take_rows(semiring, outer, range(start, start + high - low), len(child))
                parts[stack][low] = (piece, high - low)
                start += high - low
    return [_assemble(semiring, found) for found in parts[: len(plan.inputs)]]


def fetch(semiring: Semiring, stacks: Sequence[Elements], operand: Operand) -> Elements:
    """An operand's tensors as one stack."""
    parts, counts = [], []
    for stack, start, stop in operand.pieces:
        x = stacks[stack]
        shape = elements.shape(semiring, x)
        if shape[-1] > 1:  # else it stands for any number of equal tensors
            x = take_rows(semiring, x, range(start, stop), len(shape) - 1)
        parts.append(x)
        counts.append(stop - start)
    found = join(semiring, parts, counts)
    if operand.order is None or elements.shape(semiring, found)[-1] == 1:
        return found
    return take_rows(semiring, found, operand.order, elements.ndim(semiring, found) - 1)


def _pattern(
    left: Labels, right: Labels, out: Labels, sizes: Mapping[Hashable, int]
) -> tuple[tuple[Labels, Labels, Labels], tuple[int, ...]]:
    """The labels of a step by order of appearance, and their sizes."""
    number: dict[Hashable, int] = {}
    for x in (*left, *right):
        number.setdefault(x, len(number))
    renamed = [tuple(number[x] for x in labels) for labels in (left, right, out)]
    return (renamed[0], renamed[1], renamed[2]), tuple(sizes[x] for x in number)


def _operand(places: Sequence[tuple[int, int]]) -> Operand:
    """Tensors at ``(stack, position)`` as slices of each stack, permuted if they interleave."""
    by_stack: dict[int, list[int]] = {}
    for stack, position in places:
        by_stack.setdefault(stack, []).append(position)
    pieces, offset = [], {}
    count = 0
    for stack, positions in by_stack.items():
        # The steps of this group are neighbours in the stack: they alone sort it so.
        low, high = min(positions), max(positions) + 1
        pieces.append((stack, low, high))
        offset[stack] = count - low
        count += high - low
    order = [position + offset[stack] for stack, position in places]
    return Operand(tuple(pieces), None if order == list(range(count)) else tuple(order))


def _assemble(semiring: Semiring, parts: Mapping[int, tuple[Elements, int]]) -> Elements:
    found = [parts[start] for start in sorted(parts)]
    return join(semiring, [part for part, _ in found], [count for _, count in found])


def _broadcast(
    semiring: Semiring, x: Elements, labels: Labels, wanted: Labels, shape: tuple[int, ...]
) -> Elements:
    """A stack broadcast over the wanted labels that it lacks."""
    last = elements.shape(semiring, x)[-1]
    expanded = [shape[n] if y in labels else 1 for n, y in enumerate(wanted)]
    x = elements.reshape(semiring, x, (*expanded, last))
    return elements.broadcast_to(semiring, x, (*shape[:-1], last))
