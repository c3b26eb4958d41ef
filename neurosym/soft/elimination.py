"""Exact inference by variable elimination, as a plan made once for each network.

Every constraint lowers itself to a few tensors (and sums out the variables that only it knows, by a
method of its own), every remaining variable is a vector of weights, and the network of tensors is
contracted. The plan is Python over the static structure of the network: its size is known before
anything is allocated, and a plan that is too large is refused.

A small network is contracted in the order that opt_einsum finds, step by step. A large one is
contracted in levels (`neurosym.soft.ordering`, `neurosym.soft.levels`), so that the compiled
program does not grow with it. Where memory is short, some indices are fixed and their values are
contracted in turn (`neurosym.soft.slicing`).
"""

import dataclasses
import functools
import math
from collections.abc import Hashable, Mapping, Sequence

from neurosym.problems.network import Network
from neurosym.problems.potentials import Scope
from neurosym.problems.structure import Structure
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.tensor_network import (
    Plan,
    Step,
    contract,
    plan_contraction,
    supports,
)
from neurosym.soft.effort import Effort
from neurosym.soft.factors import Factors, network_factors
from neurosym.soft.levels import Schedule, contract_levels, schedule, supports_by_level
from neurosym.soft.ordering import order_by_levels
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.soft.slicing import Cuts, best_slice, sliced_supports, sliced_total

FEW_TENSORS = 24
"""A network of fewer tensors is contracted step by step."""

MANY_TENSORS = 256
"""A network of more tensors is contracted in levels; one between, if that halves the operations."""

MAX_EXTRA_WORK = 64
"""How many times the terms of opt_einsum's order an order of few levels may take."""


SMALL = 2**16
"""Terms of all contractions that run in about a millisecond, however their loops are compiled."""

SMALL_IN_REALS = 2**22
"""The same where they are matrix products: 4x4 sudoku has 2.6 million and takes 2 ms, 6 queens, a
tenth slower if compiled quickly, 24 million."""


class TooWideError(ValueError):
    """Exact elimination would take more memory than it is allowed to.

    Attributes:
      width: variables and hidden indices of the largest tensor.
      bytes: that elimination of one instance would take.
    """

    def __init__(self, width: int, bytes_needed: int, limit: int) -> None:
        self.width = width
        self.bytes = bytes_needed
        super().__init__(
            f"the problem is too wide for exact elimination: its largest tensor spans {width} "
            f"indices, and one instance would take {readable_bytes(bytes_needed)}, more than the "
            f"limit of {readable_bytes(limit)}. Give a larger memory_limit or max_slices, restrict "
            "the network to the domains that propagation leaves (neurosym.restricted), compile it "
            "to a circuit (neurosym.compile_circuit), or use an approximation "
            "(neurosym.belief_propagation); neurosym.reasoning.automatic takes the first of these "
            "that is affordable."
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Elimination:
    """How a network is eliminated."""

    factors: Factors
    plan: Plan  # over the tensors of the factors; fixed indices have length 1
    schedule: Schedule | None  # the same in groups; None: step by step
    fixed: tuple[Hashable, ...]  # indices whose values are contracted in turn

    @property
    def element_count(self) -> int:
        """Elements of all tensors that one instance holds."""
        return self.factors.element_count + self.plan.element_count

    @functools.cached_property
    def terms(self) -> int:
        """Terms of all contractions of one instance together."""
        return _terms(self.factors, self.plan.steps, self.factors.sizes)

    def is_small(self, semiring: Semiring) -> bool:
        """Whether one instance takes so little that its program is better made quickly."""
        products = semiring.coordinates is not None  # which are not loops that XLA emits
        return self.terms <= (SMALL_IN_REALS if products else SMALL)

    @property
    def slices(self) -> int:
        """Combinations of values of the fixed indices."""
        return math.prod(self.factors.sizes[x] for x in self.fixed)

    def total(
        self, semiring: Semiring, weights: Elements, tables: Sequence[Elements] = ()
    ) -> Elements:
        """⊕ over satisfying assignments, with an axis for each label of the plan's output.

        Args:
          semiring: the algebra.
          weights: elements ``[V, D]``.
          tables: elements, of the potentials that were planned for.
        """
        inputs = self._inputs(semiring, weights, tables)

        def run(inputs: Sequence[Elements]) -> Elements:
            if self.schedule is None:
                return contract(semiring, self.plan, inputs)
            last = contract_levels(semiring, self.schedule, inputs)[-1]
            return elements.reshape(semiring, last, elements.shape(semiring, last)[:-1])

        if self.fixed:
            return sliced_total(semiring, run, inputs, self._cuts(), self._lengths())
        return run(inputs) if self._ends_in_sum() else _settled(semiring, run(inputs))

    def support(
        self, semiring: Semiring, weights: Elements, tables: Sequence[Elements] = ()
    ) -> Elements:
        """The formal derivative of the total in the weights, elements ``[V, D]``."""
        inputs = self._inputs(semiring, weights, tables)

        def down(inputs: Sequence[Elements]) -> list[Elements]:
            if self.schedule is None:
                return supports(semiring, self.plan, inputs)
            stacks = contract_levels(semiring, self.schedule, inputs)
            return supports_by_level(semiring, self.schedule, stacks)

        if self.fixed:
            outer = sliced_supports(semiring, down, inputs, self._cuts(), self._lengths())
        else:
            outer = down(inputs)
        if self.schedule is None:
            found = self.factors.supports(semiring, weights, outer)
        else:
            held = self.schedule.inputs
            found = self.factors.supports_of_stacks(semiring, weights, held, outer)
        return _settled(semiring, found)

    def _ends_in_sum(self) -> bool:
        if not self.plan.steps:
            return bool(self.factors.labels[0]) and not self.plan.output
        every = [*self.factors.labels, *(step.labels for step in self.plan.steps)]
        last = self.plan.steps[-1]
        return bool(set(every[last.left]) & set(every[last.right]) - set(last.labels))

    def _inputs(
        self, semiring: Semiring, weights: Elements, tables: Sequence[Elements]
    ) -> list[Elements]:
        if self.schedule is None:
            return self.factors.tensors(semiring, weights, tables)
        stacks = self.factors.stacks(semiring, weights, self.schedule.inputs, tables)
        if not self.fixed:
            return stacks
        held = zip(stacks, self.schedule.inputs, strict=True)
        return [_written_out(semiring, x, len(slots)) for x, slots in held]

    def _cuts(self) -> Cuts:
        groups = self.schedule.inputs if self.schedule else [(n,) for n in range(self._count)]
        number = {x: k for k, x in enumerate(self.fixed)}
        return [
            tuple(
                (axis, number[x])
                for axis, x in enumerate(self.factors.labels[slots[0]])
                if x in number
            )
            for slots in groups
        ]

    def _lengths(self) -> list[int]:
        return [self.factors.sizes[x] for x in self.fixed]

    @property
    def _count(self) -> int:
        return len(self.factors.sources)


def eliminate(
    network: Network | RestrictedNetwork,
    target: int | None = None,
    scopes: tuple[Scope, ...] = (),
    *,
    levelled: bool | None = None,
    absorb: bool = True,
) -> Elimination:
    """The elimination of all variables but ``target``; planned once and remembered.

    Args:
      network: the compiled problem.
      target: a variable that stays open.
      scopes: of potentials.
      levelled: contract in levels, or step by step; None chooses by the number of operations.
      absorb: lets constraints sum out the variables that only they know.
    """
    return _eliminate(network.structure, target, scopes, levelled, absorb, (), True)


def eliminate_within(
    network: Network | RestrictedNetwork,
    target: int | None = None,
    scopes: tuple[Scope, ...] = (),
    *,
    bytes_each: int,
    effort: Effort,
    absorb: bool = True,
) -> Elimination:
    """As `eliminate`, with as many indices fixed as memory asks for.

    Args:
      network, target, scopes, absorb: as for `eliminate`.
      bytes_each: of one element.
      effort: what one instance may cost.

    Raises:
      TooWideError: if elimination would take more; nothing has been allocated then.
    """
    limit, levelled = effort.memory_limit // bytes_each, effort.levelled
    structure = network.structure
    found = _eliminate(structure, target, scopes, levelled, absorb, (), True)
    if found.element_count > limit:  # few levels cost memory
        found = _eliminate(structure, target, scopes, levelled, absorb, (), False)
    whole = found
    while found.element_count > limit:
        room = limit - found.factors.element_count
        sizes = {**found.factors.sizes, **dict.fromkeys(found.fixed, 1)}
        x = best_slice(found.plan.steps, found.plan.output, sizes, room) if room > 0 else None
        if x is None or found.slices * found.factors.sizes[x] > effort.max_slices:
            bytes_needed = whole.element_count * bytes_each
            raise TooWideError(whole.plan.width, bytes_needed, effort.memory_limit)
        fixed = (*found.fixed, x)
        found = _eliminate(structure, target, scopes, levelled, absorb, fixed, False)
    return found


@functools.lru_cache(maxsize=64)
def _factors(
    structure: Structure, target: int | None, scopes: tuple[Scope, ...], absorb: bool
) -> Factors:
    return network_factors(structure, target, scopes, absorb=absorb)


@functools.lru_cache(maxsize=128)
def _eliminate(
    structure: Structure,
    target: int | None,
    scopes: tuple[Scope, ...],
    levelled: bool | None,
    absorb: bool,
    fixed: tuple[Hashable, ...],
    flat: bool,
) -> Elimination:
    factors = _factors(structure, target, scopes, absorb)
    sizes = {**factors.sizes, **dict.fromkeys(fixed, 1)}
    output = () if target is None else (target,)
    plan = plan_contraction(factors.labels, output, sizes)
    count = len(factors.labels)
    stepwise = Elimination(factors, plan, None, fixed)
    if not plan.steps or not (count >= FEW_TENSORS if levelled is None else levelled):
        return stepwise
    plan = _flatter(factors, plan, sizes) if flat else plan
    # A tensor that a fixed index cuts has a stack of its own: its slices differ from the others'.
    kinds: list[Hashable] = [
        ("cut", slot) if set(labels) & set(fixed) else factors.stack_of(slot)
        for slot, labels in enumerate(factors.labels)
    ]
    groups = schedule(factors.labels, kinds, plan.steps, sizes)
    if levelled is None and count <= MANY_TENSORS and 2 * len(groups.groups) > len(plan.steps):
        return stepwise
    return Elimination(factors, plan, groups, fixed)


def _flatter(factors: Factors, plan: Plan, sizes: Mapping[Hashable, int]) -> Plan:
    """An order of few levels for the same network, unless it costs too much more."""
    every = [*factors.labels, *(step.labels for step in plan.steps)]
    largest = max(_size(labels, sizes) for labels in every)
    steps = order_by_levels(factors.labels, plan.output, sizes, largest=largest)
    work = _terms(factors, steps, sizes)
    if work > MAX_EXTRA_WORK * _terms(factors, plan.steps, sizes):
        return plan
    results = [step.labels for step in steps]
    widest = max([*factors.labels, *results], key=lambda labels: _size(labels, sizes))
    return Plan(
        inputs=plan.inputs,
        output=plan.output,
        steps=tuple(steps),
        width=len(widest),
        largest=_size(widest, sizes),
        element_count=sum(_size(labels, sizes) for labels in results),
    )


def _terms(factors: Factors, steps: Sequence[Step], sizes: Mapping[Hashable, int]) -> int:
    """Terms of all contractions together."""
    every = [*factors.labels, *(step.labels for step in steps)]
    return sum(_size({*every[step.left], *every[step.right]}, sizes) for step in steps)


def _size(labels: Sequence[Hashable] | set[Hashable], sizes: Mapping[Hashable, int]) -> int:
    return math.prod(sizes[x] for x in labels)


def _settled(semiring: Semiring, x: Elements) -> Elements:
    """The same, as a sum of one term.

    What comes out of a product has derivatives even where it is the zero of a log-encoded semiring;
    by the rule of ⊕ they are zero there.
    """
    return semiring.sum(elements.expand_dims(semiring, x, 0), 0)


def _written_out(semiring: Semiring, x: Elements, count: int) -> Elements:
    shape = elements.shape(semiring, x)
    return elements.broadcast_to(semiring, x, (*shape[:-1], count))


def readable_bytes(size: int) -> str:
    """A number of bytes as people say it."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 2**60 else f"{size / unit:.1e} {name}"
    return f"{size} bytes"
