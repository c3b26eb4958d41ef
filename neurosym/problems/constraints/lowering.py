"""`Lowering`: a relation as tensors, for the engines that work in any semiring.

    relation   x_0 != x_1 over two values
    labels     ((0, 1),)                       one tensor over positions 0 and 1
    up         [[[0, 1], [1, 0]]]              its entries: zero and one of the semiring
    absorbed   {}                              no position is summed out inside
    down       {}                              so no support is to be found here

Labels are positions of the relation (integers from 0) and *hidden* labels, which `Lowering.sizes`
lists. An engine renames both: positions become the variables of a placement, and hidden labels
become indices that no other constraint has.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Mapping, Sequence

import jax
import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import BOOLEAN
from neurosym.semirings.algebra.semiring import Semiring

Labels = tuple[Hashable, ...]


class Lowering(abc.ABC):
    """A relation as a few tensors over its positions and hidden indices.

    Attributes:
      labels: of each tensor: positions ``0..K-1``, and hidden labels.
      sizes: of the hidden labels, each of which is any hashable value but a position.
      absorbed: positions that are summed out inside; their weights enter through `up`.
      element_count: elements that `up` makes on the way to its tensors, without the tensors.
    """

    labels: tuple[Labels, ...]
    sizes: Mapping[Hashable, int]
    absorbed: frozenset[int]
    element_count: int = 0

    def supports(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements] | None:
        """All supports of a relation that stands alone at once, where that is cheaper."""
        return None

    @abc.abstractmethod
    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        """The tensors. ``weights`` has an array for each position; only absorbed ones are used."""

    @abc.abstractmethod
    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        """The supports of absorbed positions, given the supports of the tensors."""

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        """The tensors as 0 and 1, where no position is absorbed, so that no weight enters.

        Args:
          sizes: of the positions.

        Returns:
          Boolean arrays, one for each tensor.
        """
        with jax.ensure_compile_time_eval():
            ones = [BOOLEAN.ones((size,)) for size in sizes]
            return [np.asarray(tensor) for tensor in self.up(BOOLEAN, ones)]

    def renamed(
        self, positions: Sequence[Hashable], owner: tuple[Hashable, ...]
    ) -> tuple[tuple[Labels, ...], dict[Hashable, int]]:
        """The labels, and the sizes of the hidden ones, under the names of an engine.

        Args:
          positions: what each position is called; for instance the variables of a placement.
          owner: tells this constraint from all others; the hidden label ``x`` becomes
            ``(*owner, x)``.
        """
        names: dict[Hashable, Hashable] = dict(enumerate(positions))
        names |= {x: (*owner, x) for x in self.sizes}
        labels = tuple(tuple(names[x] for x in tensor) for tensor in self.labels)
        return labels, {names[x]: size for x, size in self.sizes.items()}


class DenseLowering(Lowering):
    """Constant masks over positions and hidden indices; nothing is absorbed.

    The masks are made when they are needed, so that a network that is too wide is refused before.
    """

    def __init__(
        self,
        labels: Sequence[Labels],
        masks: Callable[[], Sequence[np.ndarray]],
        sizes: Mapping[Hashable, int] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.masks = masks
        self.sizes = sizes or {}
        self.absorbed = frozenset()

    def constant_masks(self, sizes: Sequence[int]) -> list[np.ndarray]:
        return [np.asarray(mask, np.bool_) for mask in self.masks()]  # as they are

    def up(self, semiring: Semiring, weights: Sequence[Elements]) -> list[Elements]:
        dtype = elements.dtype(semiring, weights[0])
        return [semiring.indicator(mask, dtype) for mask in self.masks()]

    def down(
        self, semiring: Semiring, weights: Sequence[Elements], outer: Sequence[Elements]
    ) -> dict[int, Elements]:
        return {}


def chain_labels(arity: int) -> list[Labels]:
    """Labels of a chain of tensors, one for each position, and hidden states between neighbours.

    >>> chain_labels(3)
    [(0, ('state', 1)), (('state', 1), 1, ('state', 2)), (('state', 2), 2)]
    """
    labels: list[Labels] = []
    for k in range(arity):
        before = (("state", k),) if k > 0 else ()
        after = (("state", k + 1),) if k < arity - 1 else ()
        labels.append((*before, k, *after))
    return labels
