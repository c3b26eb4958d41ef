"""Exact contraction of a network of tensors over labelled indices, in any semiring.

A plan is made once in Python from labels and sizes alone (opt_einsum finds the order), so that a
network that is too wide is refused before anything is allocated. `contract` runs the plan upwards;
`supports` runs it downwards again and gives, for every tensor, the formal derivative of the total:
the total of everything else, by ⊕ and ⊗ alone.
"""

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import opt_einsum

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import Labels, contract_labelled, reduce_labelled


class Step(NamedTuple):
    """Two tensors become one: ``slots[left] ⊗ slots[right]``, summed to ``labels``."""

    left: int
    right: int
    labels: Labels


@dataclasses.dataclass(frozen=True)
class Plan:
    """A contraction order. Slots ``0..n-1`` are the inputs, each step appends one."""

    inputs: tuple[Labels, ...]
    output: Labels
    steps: tuple[Step, ...]
    width: int  # indices of the largest intermediate tensor
    largest: int  # its elements
    element_count: int  # elements of all intermediate tensors together, which reverse mode keeps


def plan_contraction(
    inputs: Sequence[Labels], output: Labels, sizes: Mapping[Hashable, int]
) -> Plan:
    """Finds an order in which to contract tensors in pairs.

    Args:
      inputs: the labels of each tensor's axes; a label may occur in any number of tensors.
      output: the labels of the result, each in some input.
      sizes: the length of each labelled axis.

    Returns:
      The plan; nothing is allocated.

    Raises:
      ValueError: if there is no tensor at all.
    """
    if not inputs:
        raise ValueError("a network without tensors has nothing to contract")
    slots = [tuple(dict.fromkeys(labels)) for labels in inputs]
    live = list(range(len(slots)))
    steps: list[Step] = []
    path: Sequence[tuple[int, ...]] = []
    if len(slots) > 1:
        optimise = opt_einsum.paths.optimal if len(slots) <= 4 else opt_einsum.paths.auto
        sets = [frozenset(labels) for labels in slots]
        path = optimise(sets, frozenset(output), dict(sizes))
    for chosen in path:
        popped = [live.pop(p) for p in sorted(chosen, reverse=True)][::-1]
        while len(popped) > 1:
            left, right = popped[0], popped[1]
            rest = popped[2:] + live
            needed = set(output).union(*(slots[slot] for slot in rest))
            union = dict.fromkeys(slots[left] + slots[right])
            labels = output if not rest else tuple(x for x in union if x in needed)
            steps.append(Step(left, right, labels))
            slots.append(labels)
            popped = [len(slots) - 1, *popped[2:]]
        live.append(popped[0])
    counts = [math.prod(sizes[x] for x in labels) for labels in slots[len(inputs) :]] or [1]
    widest = max(slots, key=lambda labels: math.prod(sizes[x] for x in labels))
    return Plan(
        inputs=tuple(inputs),
        output=output,
        steps=tuple(steps),
        width=len(widest),
        largest=math.prod(sizes[x] for x in widest),
        element_count=sum(counts),
    )


def contract(semiring: Semiring, plan: Plan, tensors: Sequence[Elements]) -> Elements:
    """The total of the network: elements with an axis for each label of ``plan.output``."""
    return _contract(semiring, plan, tensors)[-1]


def supports(semiring: Semiring, plan: Plan, tensors: Sequence[Elements]) -> list[Elements]:
    """The formal derivative of the total with respect to each tensor.

    Entry ``e`` of the derivative of tensor ``t`` is the total of the network with ``t`` replaced by
    the indicator of ``e``. It needs no subtraction and no division, so it exists in every semiring.

    Args:
      semiring: the algebra.
      plan: of the network, with an empty output.
      tensors: elements, one tensor for each input of the plan.

    Returns:
      Elements shaped like ``tensors``.
    """
    if plan.output:
        raise ValueError("supports are derivatives of a scalar total; the plan has an output")
    slots = _contract(semiring, plan, tensors)
    labels: list[Labels] = [tuple(dict.fromkeys(x)) for x in plan.inputs]
    labels += [step.labels for step in plan.steps]
    one = semiring.ones((), elements.dtype(semiring, tensors[0]))
    outer: list[Elements | None] = [None] * len(slots)
    if plan.steps:
        outer[-1] = one
    for position in reversed(range(len(plan.steps))):
        step = plan.steps[position]
        above = outer[len(plan.inputs) + position]
        assert above is not None
        for child, sibling in ((step.left, step.right), (step.right, step.left)):
            known = set(step.labels) | set(labels[sibling])
            kept = tuple(x for x in labels[child] if x in known)
            part = contract_labelled(
                semiring, above, step.labels, slots[sibling], labels[sibling], kept
            )
            outer[child] = _broadcast(
                semiring, part, kept, labels[child], elements.shape(semiring, slots[child])
            )
    if not plan.steps:  # a single tensor: every entry counts once
        outer[0] = elements.broadcast_to(semiring, one, elements.shape(semiring, slots[0]))
    return [x for x in outer[: len(plan.inputs)] if x is not None]


def _contract(semiring: Semiring, plan: Plan, tensors: Sequence[Elements]) -> list[Elements]:
    """All slots of the plan; the last is the result."""
    slots = list(tensors)
    labels: list[Labels] = [tuple(dict.fromkeys(x)) for x in plan.inputs]
    for step in plan.steps:
        left, right = step.left, step.right
        slots.append(
            contract_labelled(
                semiring, slots[left], labels[left], slots[right], labels[right], step.labels
            )
        )
        labels.append(step.labels)
    if not plan.steps:
        slots.append(reduce_labelled(semiring, slots[0], labels[0], plan.output))
    return slots


def _broadcast(
    semiring: Semiring, x: Elements, labels: Labels, wanted: Labels, shape: tuple[int, ...]
) -> Elements:
    """Broadcasts ``x`` over the wanted labels that it lacks."""
    expanded = [shape[n] if y in labels else 1 for n, y in enumerate(wanted)]
    return elements.broadcast_to(semiring, elements.reshape(semiring, x, expanded), shape)
