"""`PartsLowering`: the tensors of several relations that hold together, over positions and hidden
variables.

    parts    h == x * y over (0, 1, 2) and h + z == 7 over (2, 3), where position 2 is hidden
    names    0, 1, ("variable", 0), 2: what the labels of the whole call what the parts read
    labels   those of each part's tensors under these names, part by part

A position that only one part knows may be summed out inside that part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from neurosym.problems.constraints.lowering import Labels, Lowering
from neurosym.problems.constraints.relation import Placed
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring


class PartsLowering(Lowering):
    """The tensors of all parts; hidden variables are hidden indices.

    Args:
      parts: each over some positions and hidden variables, which are numbered after the positions.
      private: positions that may be summed out.
      arity: the number of positions.
      hidden: the number of values of each hidden variable.
      owner: before the number of a part in the names of the hidden labels that it brings.
    """

    def __init__(
        self,
        parts: Sequence[Placed],
        private: frozenset[int],
        arity: int,
        hidden: Sequence[int] = (),
        owner: tuple[Hashable, ...] = (),
    ) -> None:
        self.hidden = tuple(hidden)
        names: list[Hashable] = [*range(arity)]
        names += [("variable", k) for k in range(len(self.hidden))]
        uses = Counter(k for part in parts for k in part.scope)
        self.parts: list[tuple[Placed, Lowering]] = []
        labels: list[Labels] = []
        sizes = dict(zip(names[arity:], self.hidden, strict=True))
        absorbed: set[int] = set()
        for n, part in enumerate(parts):
            own = frozenset(
                inner for inner, k in enumerate(part.scope) if k in private and uses[k] == 1
            )
            lowering = part.relation.lower(own)
            renamed, brought = lowering.renamed([names[k] for k in part.scope], (*owner, n))
            labels += renamed
            sizes |= brought
            absorbed |= {part.scope[inner] for inner in lowering.absorbed}
            self.element_count += lowering.element_count
            self.parts.append((part, lowering))
        self.labels, self.sizes, self.absorbed = tuple(labels), sizes, frozenset(absorbed)

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        every = [*sizes, *self.hidden]
        found: list[np.ndarray] = []
        for part, lowering in self.parts:
            found += lowering.constant_masks([every[k] for k in part.scope])
        return found

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        every = self._with_hidden(semiring, weights)
        found: list[Elements] = []
        for part, lowering in self.parts:
            found += lowering.up(semiring, [every[k] for k in part.scope])
        return found

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        every = self._with_hidden(semiring, weights)
        found: dict[int, Elements] = {}
        start = 0
        for part, lowering in self.parts:
            end = start + len(lowering.labels)
            own = lowering.down(semiring, [every[k] for k in part.scope], outer[start:end])
            found |= {part.scope[inner]: x for inner, x in own.items()}
            start = end
        return found

    def _with_hidden(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        if not self.hidden:
            return [*weights]
        dtype = elements.dtype(semiring, weights[0])
        return [*weights, *(semiring.ones((size,), dtype) for size in self.hidden)]
