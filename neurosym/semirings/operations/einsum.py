"""`einsum` in any semiring: labels on axes, brought into sums, products and contractions.

`contract_labelled` is the same for axes labelled by any hashable values; the engines use it with
variables as labels.
"""

import warnings
from collections.abc import Hashable, Sequence

import opt_einsum

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.contraction import contract

Labels = tuple[Hashable, ...]


def einsum(spec: str | Semiring, *operands: Elements, semiring: Semiring = LOG) -> Elements:
    """Contracts arrays as `jnp.einsum` does, with the ⊕ and ⊗ of a semiring.

    Differentiable by the semiring's rule, to any order. Three and more operands are contracted in
    pairs, in the order that opt_einsum finds.

    >>> import jax.numpy as jnp
    >>> from neurosym.semirings import MIN_PLUS
    >>> roads = jnp.array([[0.0, 2.0, 9.0], [2.0, 0.0, 3.0], [9.0, 3.0, 0.0]])
    >>> einsum("ij,jk->ik", roads, roads, semiring=MIN_PLUS)[0, 2].item()
    5.0

    Args:
      spec: as for `jnp.einsum`, with ``->`` and without ``...``: "bij,bjk->bik". Until 0.1 the
        semiring stood before it, ``einsum(MIN_PLUS, "ij,jk->ik", ...)``; that still works, with a
        DeprecationWarning.
      *operands: elements of the semiring, with one letter for each axis.
      semiring: the algebra.

    Returns:
      Elements of the semiring; labels that the output lacks are summed out by ⊕.

    Raises:
      ValueError: if the spec is malformed or does not fit the shapes of the operands.
    """
    if isinstance(spec, Semiring):
        warnings.warn(
            "einsum(semiring, spec, ...) has become einsum(spec, ..., semiring=semiring)",
            DeprecationWarning,
            stacklevel=2,
        )
        semiring, (spec, *operands) = spec, operands  # type: ignore[assignment]
    if not isinstance(spec, str):
        raise ValueError(f"einsum takes a text such as 'ij,jk->ik' and then arrays, not {spec!r}")
    semiring.require_laws("einsum")
    inputs, output = _parse(spec, len(operands))
    arrays = [semiring.asarray(x) for x in operands]
    sizes: dict[Hashable, int] = {}
    for position, (labels, x) in enumerate(zip(inputs, arrays, strict=True)):
        shape = elements.shape(semiring, x)
        if len(labels) != len(shape):
            raise ValueError(
                f"einsum {spec!r}: operand {position} has {len(shape)} axes "
                f"but {''.join(map(str, labels))!r} names {len(labels)}"
            )
        for label, size in zip(labels, shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise ValueError(
                    f"einsum {spec!r}: axis {label!r} is {sizes[label]} long in one operand "
                    f"and {size} in operand {position}"
                )
    if len(arrays) == 1:
        return reduce_labelled(semiring, arrays[0], inputs[0], output)
    if len(arrays) == 2:
        path = [(0, 1)]
    else:
        shapes = [elements.shape(semiring, x) for x in arrays]
        path, _ = opt_einsum.contract_path(spec, *shapes, shapes=True)
    terms = list(zip(arrays, inputs, strict=True))
    for pair in path:
        popped = [terms.pop(p) for p in sorted(pair, reverse=True)]
        while len(popped) > 1:
            (a, la), (b, lb) = popped.pop(), popped.pop()
            needed = set(output).union(*(labels for _, labels in terms + popped))
            last = not terms and not popped
            kept = output if last else tuple(x for x in dict.fromkeys(la + lb) if x in needed)
            popped.append((contract_labelled(semiring, a, la, b, lb, kept), kept))
        terms.append(popped[0])
    ((result, _),) = terms
    return result


def contract_labelled(
    semiring: Semiring, a: Elements, a_labels: Labels, b: Elements, b_labels: Labels, out: Labels
) -> Elements:
    """``a ⊗ b``, summed by ⊕ over every label that ``out`` lacks.

    Args:
      semiring: the algebra.
      a: elements, an axis for each of ``a_labels``.
      a_labels: one label for each axis; a repeated label takes the diagonal.
      b: elements, an axis for each of ``b_labels``.
      b_labels: as ``a_labels``.
      out: the labels of the result, in order, each in ``a_labels`` or ``b_labels``.

    Returns:
      Elements, an axis for each of ``out``.
    """
    kept = set(out)
    a_only = [x for x in dict.fromkeys(a_labels) if x not in b_labels]
    b_only = [x for x in dict.fromkeys(b_labels) if x not in a_labels]
    shared = [x for x in dict.fromkeys(a_labels) if x in b_labels]
    batch = [x for x in shared if x in kept]
    summed = [x for x in shared if x not in kept]
    rows = [x for x in a_only if x in kept]
    columns = [x for x in b_only if x in kept]
    # Labels of one operand alone are summed out before the product, as distributivity allows.
    a = reduce_labelled(semiring, a, a_labels, tuple(batch + rows + summed))
    b = reduce_labelled(semiring, b, b_labels, tuple(batch + summed + columns))
    g, i, j = len(batch), len(rows), len(summed)
    a_shape, b_shape = elements.shape(semiring, a), elements.shape(semiring, b)
    batch_shape, row_shape, column_shape = a_shape[:g], a_shape[g : g + i], b_shape[g + j :]
    if not summed:
        a = elements.reshape(semiring, a, (*batch_shape, *row_shape, *(1,) * len(columns)))
        b = elements.reshape(semiring, b, (*batch_shape, *(1,) * len(rows), *column_shape))
        result = semiring.mul(a, b)
    else:
        groups, length = _size(batch_shape), _size(a_shape[g + i :])
        a = elements.reshape(semiring, a, (groups, _size(row_shape), length))
        b = elements.reshape(semiring, b, (groups, length, _size(column_shape)))
        result = contract(semiring, a, b)
        result = elements.reshape(semiring, result, (*batch_shape, *row_shape, *column_shape))
    order = batch + rows + columns
    return elements.transpose(semiring, result, [order.index(x) for x in out])


def reduce_labelled(semiring: Semiring, x: Elements, labels: Labels, out: Labels) -> Elements:
    """``x`` with the axes ``out``, in order; repeated labels are diagonals, others are summed."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = _diagonal(semiring, x, first, second)
            labels = (label, *(y for n, y in enumerate(labels) if n not in (first, second)))
    gone = tuple(n for n, label in enumerate(labels) if label not in out)
    if gone:
        x = semiring.sum(x, gone)
        labels = tuple(label for label in labels if label in out)
    return elements.transpose(semiring, x, [labels.index(label) for label in out])


def _diagonal(semiring: Semiring, x: Elements, first: int, second: int) -> Elements:
    """The diagonal of two axes, as the first axis of the result."""
    axes = range(elements.ndim(semiring, x))
    order = [first, second, *(n for n in axes if n not in (first, second))]
    x = elements.transpose(semiring, x, order)
    size, _, *rest = elements.shape(semiring, x)
    x = elements.reshape(semiring, x, (size * size, *rest))
    return elements.at(x, slice(None, None, size + 1))


def _size(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _parse(spec: str, operands: int) -> tuple[list[Labels], Labels]:
    inputs, arrow, output = spec.replace(" ", "").partition("->")
    if not arrow or "." in spec:
        raise ValueError(
            f"einsum {spec!r}: write the output after '->' and name every axis (no '...')"
        )
    terms: list[Labels] = [tuple(term) for term in inputs.split(",")]
    if len(terms) != operands:
        raise ValueError(f"einsum {spec!r}: {len(terms)} terms but {operands} operands")
    known = {label for term in terms for label in term}
    for label in output:
        if label not in known:
            raise ValueError(f"einsum {spec!r}: output axis {label!r} is in no operand")
    if len(set(output)) != len(output):
        raise ValueError(f"einsum {spec!r}: an output axis is repeated")
    return terms, tuple(output)
