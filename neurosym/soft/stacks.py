"""Tensors of one shape side by side: elements ``[*axes, N]``, the tensors along the last axis.

A stack whose last axis has length 1 stands for ``N`` equal tensors. Rows are moved by slices
wherever their positions form few runs, so that the derivative is padding and not a scatter.
"""

from collections.abc import Sequence

import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.contraction import contract
from neurosym.semirings.operations.einsum import Labels
from neurosym.transforms.take import take

MAX_RUNS = 8
"""Slices that one gather of rows is written as; more of them are one gather."""

MAX_DIRECT = 4
"""Rows or columns of small matrices that are multiplied term by term."""

MAX_TERMS = 2**20
"""Terms that are laid out at once where a semiring has no matrix product."""


def take_rows(semiring: Semiring, x: Elements, wanted: Sequence[int], axis: int) -> Elements:
    """``x`` at the positions ``wanted`` of ``axis``."""
    places = np.asarray(wanted, np.int32)
    length = elements.shape(semiring, x)[axis]
    if np.array_equal(places, np.arange(length)):
        return x
    runs = _runs(places)
    if len(runs) > MAX_RUNS:
        return take(x, places, axis=axis)
    before = (slice(None),) * axis
    parts = [elements.at(x, (*before, slice(start, stop, step))) for start, stop, step in runs]
    return parts[0] if len(parts) == 1 else elements.concatenate(semiring, parts, axis)


def join(semiring: Semiring, parts: Sequence[Elements], counts: Sequence[int]) -> Elements:
    """Stacks of one shape as one; ``counts`` says how many tensors each stands for."""
    if len(parts) == 1:
        return parts[0]
    full = [write_out(semiring, part, count) for part, count in zip(parts, counts, strict=True)]
    return elements.concatenate(semiring, full, elements.ndim(semiring, full[0]) - 1)


def write_out(semiring: Semiring, x: Elements, count: int) -> Elements:
    """The stack with all of its tensors written out."""
    shape = elements.shape(semiring, x)
    return x if shape[-1] == count else elements.broadcast_to(semiring, x, (*shape[:-1], count))


def contract_stacks(
    semiring: Semiring, a: Elements, a_labels: Labels, b: Elements, b_labels: Labels, out: Labels
) -> Elements:
    """``a ⊗ b`` tensor by tensor, summed by ⊕ over every label that ``out`` lacks.

    Args:
      semiring: the algebra.
      a: a stack, an axis for each of ``a_labels``, which are distinct, and one for the tensors.
      b: the same for ``b_labels``.
      out: the labels of the result, in order, each in ``a_labels`` or ``b_labels``.

    Returns:
      A stack, an axis for each of ``out`` and one for the tensors.
    """
    kept = set(out)
    batch = [x for x in a_labels if x in b_labels and x in kept]
    summed = [x for x in a_labels if x in b_labels and x not in kept]
    row = [x for x in a_labels if x not in b_labels and x in kept]
    column = [x for x in b_labels if x not in a_labels and x in kept]
    a_alone = [x for x in a_labels if x not in b_labels and x not in kept]
    b_alone = [x for x in b_labels if x not in a_labels and x not in kept]
    a_shape = dict(zip(a_labels, elements.shape(semiring, a), strict=False))
    sizes = a_shape | dict(zip(b_labels, elements.shape(semiring, b), strict=False))
    # Labels of one operand alone are summed out before the product, as distributivity allows.
    a = _arrange(semiring, a, a_labels, (batch, row, summed, a_alone))
    b = _arrange(semiring, b, b_labels, (batch, summed, column, b_alone))
    a = semiring.sum(a, 3) if a_alone else elements.reshape(semiring, a, _without(semiring, a, 3))
    b = semiring.sum(b, 3) if b_alone else elements.reshape(semiring, b, _without(semiring, b, 3))
    if summed:
        product = _multiply(semiring, a, b)
    else:  # [g, i, 1, n] and [g, 1, k, n]
        product = semiring.mul(a, b)
    made = batch + row + column
    product = elements.reshape(
        semiring, product, (*(sizes[x] for x in made), elements.shape(semiring, product)[-1])
    )
    return elements.transpose(semiring, product, [*(made.index(x) for x in out), len(made)])


def _multiply(semiring: Semiring, a: Elements, b: Elements) -> Elements:
    """``c[g, i, k, n] = ⊕_j a[g, i, j, n] ⊗ b[g, j, k, n]``."""
    g, i, j, n = elements.shape(semiring, a)
    _, _, k, m = elements.shape(semiring, b)
    count = max(n, m)
    small = min(i, k) == 1 or max(i, k) <= MAX_DIRECT or semiring.coordinates is None
    if small and g * i * j * k * count <= MAX_TERMS:
        left = elements.reshape(semiring, a, (g, i, j, 1, n))
        right = elements.reshape(semiring, b, (g, 1, j, k, m))
        return semiring.sum(semiring.mul(left, right), 2)
    a, b = write_out(semiring, a, count), write_out(semiring, b, count)
    a = elements.transpose(semiring, a, (3, 0, 1, 2))
    b = elements.transpose(semiring, b, (3, 0, 1, 2))
    a = elements.reshape(semiring, a, (count * g, i, j))
    b = elements.reshape(semiring, b, (count * g, j, k))
    c = elements.reshape(semiring, contract(semiring, a, b), (count, g, i, k))
    return elements.transpose(semiring, c, (1, 2, 3, 0))


def _arrange(
    semiring: Semiring, x: Elements, labels: Labels, groups: Sequence[Sequence[object]]
) -> Elements:
    """The axes of each group of labels as one axis, and the last one after them."""
    shape = elements.shape(semiring, x)
    order = [labels.index(y) for group in groups for y in group]
    x = elements.transpose(semiring, x, [*order, len(labels)])
    flat = [int(np.prod([shape[labels.index(y)] for y in group], dtype=int)) for group in groups]
    return elements.reshape(semiring, x, (*flat, shape[-1]))


def _without(semiring: Semiring, x: Elements, axis: int) -> tuple[int, ...]:
    shape = elements.shape(semiring, x)
    return shape[:axis] + shape[axis + 1 :]


def _runs(index: np.ndarray) -> list[tuple[int, int, int]]:
    """Slices ``(start, stop, step)`` with positive steps that list ``index`` one after another."""
    runs: list[tuple[int, int, int]] = []
    position = 0
    while position < len(index) and len(runs) <= MAX_RUNS:
        start = int(index[position])
        step = int(index[position + 1]) - start if position + 1 < len(index) else 1
        step = max(step, 1)
        length = 1
        while position + length < len(index) and index[position + length] == start + length * step:
            length += 1
        runs.append((start, start + (length - 1) * step + 1, step))
        position += length
    return runs
