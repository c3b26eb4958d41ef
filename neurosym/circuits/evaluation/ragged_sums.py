"""`RaggedSums`: sums of as many terms as there are, computed in blocks of one shape.

The sums that have rows have few terms each (`sums`), those of roots may have thousands. Their terms
are sorted into classes by the power of two that they fit in; the sums of a class are taken a block
at a time, so that memory does not grow with the number of terms. As everywhere in this room, terms
are gathered and nothing is scattered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flax.struct
import jax
import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring

BLOCK = 4096
"""Terms that are computed at once."""


@flax.struct.dataclass
class RaggedSums:
    """The terms of N sums, class by class; a term that a place does not have is (0, 0)."""

    left: tuple[jax.Array, ...]  # int32[blocks, n, room]
    right: tuple[jax.Array, ...]  # int32[blocks, n, room]
    own: tuple[jax.Array, ...]  # int32[blocks, n]: which sum it is
    order: jax.Array  # int32[N]: where each sum stands among those computed, 0 if it has no term

    @classmethod
    def of(cls, sums: Sequence[Sequence[tuple[int, int]]]) -> RaggedSums:
        """From the terms of each sum."""
        counts = np.fromiter(map(len, sums), np.int64, len(sums))
        flat = np.asarray([term for own in sums for term in own], np.int32).reshape(-1, 2)
        starts = np.cumsum(counts) - counts
        order = np.zeros(len(sums), np.int32)
        rooms = 2 ** np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)
        classes: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        before = 1  # after the zero that stands for sums without terms
        for room in np.unique(rooms[counts > 0]).tolist():
            members = np.flatnonzero((rooms == room) & (counts > 0))
            places = min(max(1, BLOCK // room), len(members))
            blocks = -(-len(members) // places)
            tables = np.zeros((2, blocks * places, room), np.int32)
            for place, member in enumerate(members.tolist()):
                start, count = starts[member], counts[member]
                tables[:, place, :count] = flat[start : start + count].T
            own = np.zeros(blocks * places, np.int32)
            own[: len(members)] = members
            order[members] = before + np.arange(len(members))
            before += blocks * places
            shaped = tables.reshape(2, blocks, places, room)
            classes.append((shaped[0], shaped[1], own.reshape(blocks, places)))
        return cls(
            left=tuple(jax.device_put(left) for left, _, _ in classes),
            right=tuple(jax.device_put(right) for _, right, _ in classes),
            own=tuple(jax.device_put(own) for _, _, own in classes),
            order=jax.device_put(order),
        )

    def fold(
        self,
        semiring: Semiring,
        nothing: Elements,
        term: Callable[[jax.Array, jax.Array, jax.Array], Elements],
        add: Callable[[Elements, int], Elements],
    ) -> Elements:
        """The sums, elements ``[N, B]``.

        Args:
          semiring: of the terms.
          nothing: elements ``[1, B]``, what a sum without terms is.
          term: from ``own[n, 1]``, ``left[n, room]``, ``right[n, room]`` to elements
            ``[n, room, B]``; those of (0, 0) must not change a sum.
          add: ⊕ along an axis.
        """

        def block(tables: Any) -> Elements:
            own, left, right = tables
            return add(term(own[:, None], left, right), 1)

        parts = [nothing]
        for own, left, right in zip(self.own, self.left, self.right, strict=True):
            if own.shape[0] == 1:
                found = block((own[0], left[0], right[0]))
            else:
                found = jax.lax.map(block, (own, left, right))
                batch = elements.shape(semiring, found)[2]
                found = elements.reshape(semiring, found, (own.size, batch))
            parts.append(found)
        return elements.take(semiring, elements.concatenate(semiring, parts), self.order)
