"""Contraction orders of few levels: rake leaves and compress paths, many indices at a time.

The idea is that of parallel tree contraction (Miller and Reif 1985, "Parallel tree contraction and
its application", https://doi.org/10.1109/SFCS.1985.43): in a tree, and likewise in a network of
small width, a constant fraction of all indices is cheap to eliminate and pairwise not adjacent, so
removing such a set again and again takes a logarithmic number of levels. A chain of n indices takes
log2 n levels, where eliminating from one end takes n.

The order is a list of contractions of two tensors
(`neurosym.semirings.operations.tensor_network.Step`), as that of opt_einsum is; only their depth
differs.
"""

import collections
import heapq
import math
from collections.abc import Hashable, Mapping, Sequence

from neurosym.semirings.operations.einsum import Labels
from neurosym.semirings.operations.tensor_network import Step

LEAST_SHARE = 4
"""Eliminations of a kind wait while they are fewer than this part of the most frequent kind."""

MAX_COMPRESSION = 2**20
"""Terms of one elimination that shortens a path; beyond that it must pay in work as well."""


def order_by_levels(
    inputs: Sequence[Labels],
    output: Labels,
    sizes: Mapping[Hashable, int],
    *,
    largest: int,
) -> list[Step]:
    """An order in which many contractions are independent of each other.

    Each level eliminates a set of indices, no two of which share a tensor, in ascending order of
    the terms that they take. An index is cheap enough if the tensor that it leaves behind is no
    larger than ``largest`` and takes at most ``largest ** 1.5`` terms (a path of d × d matrices:
    d³); where no index is, the cheapest goes.

    Args:
      inputs: the labels of each tensor's axes.
      output: the labels of the result, each in some input.
      sizes: the length of each labelled axis.
      largest: elements of the largest tensor of a good sequential order.

    Returns:
      Steps whose slots ``0..n-1`` are the inputs; the last one makes the output. None for a single
      tensor.
    """
    network = _Network(inputs, output, sizes)
    most_terms = max(largest, min(math.isqrt(largest**3), MAX_COMPRESSION))
    while True:
        if network.level > 0:
            network.absorb_subsets()
        candidates = sorted(
            (network.cost(x), network.rank[x], x) for x in network.bags if x not in network.output
        )
        if not candidates:
            break
        allowed = [
            (cost, x) for cost, _, x in candidates if cost[1] <= largest and cost[0] <= most_terms
        ]
        allowed = allowed or [(cost, x) for cost, _, x in candidates[:1]]
        chosen = network.apart(allowed)
        # Few of a kind wait for company: each kind is an operation of its own.
        counts = collections.Counter(cost for cost, _ in chosen)
        least = -(-max(counts.values()) // LEAST_SHARE)
        if min(counts.values()) < least:
            chosen = network.apart([(cost, x) for cost, x in allowed if counts[cost] >= least])
        for _, x in chosen:
            network.merge(sorted(network.bags[x]))
        network.level += 1
    network.merge(sorted(network.live))
    return network.finish()


class _Network:
    """The tensors that are left, and the steps so far.

    A label that occurs in one tensor only is summed out by the next step that uses this tensor, so
    it counts as gone already.
    """

    def __init__(
        self, inputs: Sequence[Labels], output: Labels, sizes: Mapping[Hashable, int]
    ) -> None:
        self.rank: dict[Hashable, int] = {}
        for labels in inputs:
            for x in labels:
                self.rank.setdefault(x, len(self.rank))
        self.sizes, self.wanted, self.output = sizes, output, frozenset(output)
        self.live: dict[int, frozenset[Hashable]] = {}
        self.bags: dict[Hashable, set[int]] = {}
        self.origin: list[int] = []  # of each slot: the first input in it
        self.height: list[int] = []
        self.steps: list[Step] = []
        self.level = 0
        self._costs: dict[Hashable, tuple[int, int]] = {}
        for slot, labels in enumerate(inputs):
            for x in set(labels):
                self.bags.setdefault(x, set()).add(slot)
        for slot, labels in enumerate(inputs):
            self._append(slot, frozenset(labels), slot, 0)
        for x in [x for x, bag in self.bags.items() if len(bag) == 1 and x not in self.output]:
            self._forget(x)

    def apart(
        self, candidates: Sequence[tuple[tuple[int, int], Hashable]]
    ) -> list[tuple[tuple[int, int], Hashable]]:
        """Of ``(cost, index)`` those that share no tensor with an earlier one."""
        touched: set[int] = set()
        found = []
        for cost, x in candidates:
            if not touched & self.bags[x]:
                found.append((cost, x))
                touched |= self.bags[x]
        return found

    def cost(self, x: Hashable) -> tuple[int, int]:
        """Terms of eliminating ``x``, and elements of what is left behind."""
        if x not in self._costs:
            union = frozenset().union(*(self.live[slot] for slot in self.bags[x]))
            terms = self._size(union)
            gone = [y for y in union if self.bags[y] <= self.bags[x] and y not in self.output]
            self._costs[x] = terms, terms // self._size(gone)
        return self._costs[x]

    def merge(self, slots: Sequence[int]) -> None:
        """Multiplies tensors in pairs: the smallest, and of these the shallowest, with the one that
        it enlarges least."""

        def order(slot: int) -> tuple[int, int, int]:
            return self._size(self.live[slot]), self.height[slot], slot

        waiting = [order(slot) for slot in slots]
        heapq.heapify(waiting)
        while len(waiting) > 1:
            _, _, one = heapq.heappop(waiting)
            _, _, other = waiting[0]
            if self.live[other] != self.live[one]:
                other = min(
                    (slot for _, _, slot in waiting),
                    key=lambda slot: (self._size(self.live[slot] | self.live[one]), order(slot)),
                )
            waiting = [entry for entry in waiting if entry[2] != other]
            waiting.append(order(self._pair(one, other)))
            heapq.heapify(waiting)

    def absorb_subsets(self) -> None:
        """Multiplies each tensor into one that has all of its labels.

        Not if that one is about to lose an index for no more than it takes to multiply into it, nor
        if that eliminates an index: the levels decide on those.
        """
        for slot in sorted(self.live, key=lambda slot: (self._size(self.live[slot]), slot)):
            if slot not in self.live or not self.live[slot]:
                continue
            labels = self.live[slot]
            bag = min((self.bags[x] for x in labels), key=len)
            larger = [
                other
                for other in bag
                if other != slot
                and labels <= self.live[other]
                and not self._shrinks(other, labels)
                and not any(self.bags[x] <= {slot, other} for x in labels - self.output)
            ]
            if larger:
                best = min(
                    larger,
                    key=lambda other: (self._size(self.live[other]), self.height[other], other),
                )
                self._pair(slot, best)

    def finish(self) -> list[Step]:
        """The steps; the last one's labels are those of the output, in its order."""
        if self.steps:
            self.steps[-1] = self.steps[-1]._replace(labels=self.wanted)
        return self.steps

    def _shrinks(self, slot: int, but: frozenset[Hashable]) -> bool:
        size = self._size(self.live[slot])
        return any(
            self.cost(x)[0] <= size
            for x in self.live[slot]
            if x not in but and x not in self.output
        )

    def _pair(self, one: int, other: int) -> int:
        """One contraction; what no other tensor needs is summed out."""
        left, right = sorted(
            (one, other), key=lambda slot: (-len(self.live[slot]), self.origin[slot])
        )
        union = self.live[left] | self.live[right]
        slot = len(self.origin)
        for gone in (left, right):
            for x in self.live.pop(gone):
                self.bags[x].discard(gone)
                self._costs.pop(x, None)
        for x in union:
            self.bags[x].add(slot)
        origin = min(self.origin[left], self.origin[right])
        self._append(slot, union, origin, 1 + max(self.height[left], self.height[right]))
        for x in [x for x in union if len(self.bags[x]) == 1 and x not in self.output]:
            self._forget(x)
        labels = tuple(sorted(self.live[slot], key=self.rank.__getitem__))
        self.steps.append(Step(left, right, labels))
        for x in union:
            for near in self.bags.get(x, ()):
                for y in self.live[near]:
                    self._costs.pop(y, None)
        return slot

    def _append(self, slot: int, labels: frozenset[Hashable], origin: int, height: int) -> None:
        self.live[slot] = labels
        self.origin.append(origin)
        self.height.append(height)

    def _forget(self, x: Hashable) -> None:
        for slot in self.bags.pop(x):
            self.live[slot] -= {x}
        self._costs.pop(x, None)

    def _size(self, labels: Sequence[Hashable] | frozenset[Hashable]) -> int:
        return math.prod(self.sizes[x] for x in labels)
