"""Slicing: some indices are fixed and every combination of their values is contracted in turn.

A network without one of its indices is narrower; its total is the ⊕ over the values of the fixed
indices (Gray and Kourtis 2021, "Hyper-optimized tensor network contraction",
https://arxiv.org/abs/2002.01935, section 3.4). That trades memory for time: one slice is held at
once, and reverse mode computes it again.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import Labels
from neurosym.semirings.operations.tensor_network import Step

Cuts = Sequence[tuple[tuple[int, int], ...]]
"""Of each input: pairs of an axis and the fixed index that it is; such an axis keeps length 1."""


def best_slice(
    steps: Sequence[Step], output: Labels, sizes: Mapping[Hashable, int], limit: int
) -> Hashable | None:
    """The index to fix next: of all that may be fixed, the one that saves most for its length.

    Args:
      steps: the contraction order.
      output: labels that stay.
      sizes: the length of each labelled axis; 1 for those that are fixed already.
      limit: elements; once an index brings all steps below it, a shorter one is enough.

    Returns:
      A label of the largest tensor, or None if nothing is left to fix.
    """
    results = [step.labels for step in steps]
    largest = max(results, key=lambda labels: _size(labels, sizes), default=())
    best, best_score = None, math.inf
    for x in largest:
        if x in output or sizes[x] == 1:
            continue
        without = {**sizes, x: 1}
        left = max(sum(_size(labels, without) for labels in results), limit, 1)
        score = math.log(left / max(sum(_size(labels, sizes) for labels in results), 1))
        score /= math.log(sizes[x])
        if score < best_score:
            best, best_score = x, score
    return best


def sliced_total(
    semiring: Semiring,
    run: Callable[[Sequence[Elements]], Elements],
    inputs: Sequence[Elements],
    cuts: Cuts,
    lengths: Sequence[int],
) -> Elements:
    """⊕ over all combinations of the fixed indices of ``run`` on the slices.

    Args:
      semiring: the algebra.
      run: the contraction of one slice.
      inputs: whole tensors.
      cuts: where the fixed indices are.
      lengths: of the fixed indices.
    """

    @jax.checkpoint
    def one(number: jax.Array) -> Elements:
        return run(_slice(inputs, cuts, _indices(number, lengths)))

    count = math.prod(lengths)
    _, totals = jax.lax.scan(lambda carry, n: (carry, one(n)), None, jnp.arange(count))
    return semiring.sum(totals, 0)


def sliced_supports(
    semiring: Semiring,
    down: Callable[[Sequence[Elements]], Sequence[Elements]],
    inputs: Sequence[Elements],
    cuts: Cuts,
    lengths: Sequence[int],
) -> list[Elements]:
    """The derivative of `sliced_total` with respect to each input.

    Args:
      semiring: the algebra.
      down: the derivatives for one slice, shaped like its inputs.
      inputs: whole tensors; a stack of equal ones is written out.
      cuts: where the fixed indices are.
      lengths: of the fixed indices.
    """

    @jax.checkpoint
    def one(number: jax.Array) -> Sequence[Elements]:
        return down(_slice(inputs, cuts, _indices(number, lengths)))

    def step(found: list[Elements], number: jax.Array) -> tuple[list[Elements], None]:
        indices = _indices(number, lengths)
        held = _slice(found, cuts, indices)
        parts = [semiring.add(x, y) for x, y in zip(held, one(number), strict=True)]
        return _unslice(found, parts, cuts, indices), None

    zeros = [
        semiring.zeros(elements.shape(semiring, x), elements.dtype(semiring, x)) for x in inputs
    ]
    return jax.lax.scan(step, zeros, jnp.arange(math.prod(lengths)))[0]


def _indices(number: jax.Array, lengths: Sequence[int]) -> list[jax.Array]:
    return list(jnp.unravel_index(number, tuple(lengths)))


def _slice(inputs: Sequence[Elements], cuts: Cuts, indices: Sequence[jax.Array]) -> list[Elements]:
    found = []
    for x, cut in zip(inputs, cuts, strict=True):
        for axis, k in cut:
            x = jax.tree.map(
                lambda leaf, axis=axis, k=k: jax.lax.dynamic_slice_in_dim(
                    leaf, indices[k], 1, axis
                ),
                x,
            )
        found.append(x)
    return found


def _unslice(
    whole: Sequence[Elements],
    parts: Sequence[Elements],
    cuts: Cuts,
    indices: Sequence[jax.Array],
) -> list[Elements]:
    """``whole`` with the slices replaced by ``parts``."""

    def replaced(leaf: jax.Array, part: jax.Array, cut: tuple[tuple[int, int], ...]) -> jax.Array:
        start = [jnp.int32(0)] * leaf.ndim
        for axis, k in cut:
            start[axis] = indices[k].astype(jnp.int32)
        return jax.lax.dynamic_update_slice(leaf, part, start)

    return [
        jax.tree.map(lambda leaf, part, cut=cut: replaced(leaf, part, cut), x, y) if cut else y
        for x, y, cut in zip(whole, parts, cuts, strict=True)
    ]


def _size(labels: Labels, sizes: Mapping[Hashable, int]) -> int:
    return math.prod(sizes[x] for x in labels)
