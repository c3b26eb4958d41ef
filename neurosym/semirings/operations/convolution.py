"""Convolution: ``c[s] = ⊕_t a[t] ⊗ b[(s - t) / m]``, the values of a sum of two, in any semiring.

The second operand may be dilated: its index counts multiples of m. With ``s = q m + r`` and
``t = c m + r``, the sum is ``c[q, r] = ⊕_c a[c, r] ⊗ b[q - c]``: one product for each result and
each digit c that the first operand has. Where the first operand is short (two digits with a carry
between them), the cost is that of the results.

The functions here take an `Algebra` and work along the first of two leading axes ``[S, B]``, with
the batch last; several convolutions of one shape are one, side by side in the batch. `convolve` is
the same for one instance, differentiable by the rule; many convolutions in a row are better made
one multilinear function (`neurosym.semirings.operations.multilinear`).
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.custom_derivatives import SymbolicZero

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.multilinear import Algebra, Work, evaluate
from neurosym.transforms.linear_map import linear_map

MAX_UNROLLED = 16
"""Shifted products that are made one by one; of more, blocks become contractions."""

MAX_STACKED = 2**11
"""Products for one instance up to which all shifts are one array, multiplied and reduced at once,
where the algebra stacks: a few kernels, where slices written out are one for each shift."""


def convolve(
    semiring: Semiring,
    a: Elements,
    b: Elements,
    *,
    dilation: int = 1,
    size: int | None = None,
) -> Elements:
    """``c[s] = ⊕_t a[t] ⊗ b[(s - t) / dilation]`` over the t for which that is an index of b.

    Exact in every semiring: in one with real coordinates it runs in these, but for results that
    would underflow.

    >>> import jax.numpy as jnp
    >>> from neurosym.semirings import COUNTING
    >>> tens = ones = jnp.array([1, 1, 1])
    >>> convolve(COUNTING, ones, tens, dilation=10)[:13].tolist()
    [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]

    Args:
      semiring: the algebra.
      a: elements ``[S]``.
      b: elements ``[T]``.
      dilation: positions of the result from one entry of ``b`` to the next.
      size: the length of the result; by default all sums.

    Returns:
      Elements ``[size]``, by default ``[S + dilation (T - 1)]``.

    Raises:
      ValueError: for an empty operand, a dilation below 1, or a size below 1.
    """
    a, b = semiring.asarray(a), semiring.asarray(b)
    (fine,), (coarse,) = elements.shape(semiring, a), elements.shape(semiring, b)
    if not fine or not coarse:
        raise ValueError(f"a convolution needs entries on both sides, not {fine} and {coarse}")
    if dilation < 1:
        raise ValueError(f"the dilation of a convolution is at least 1, not {dilation}")
    size = fine + dilation * (coarse - 1) if size is None else size
    if size < 1:
        raise ValueError(f"the size of a convolution is at least 1, not {size}")
    work = Work(size * min(-(-fine // dilation), coarse), fine + coarse + size, 1)
    return evaluate(semiring, _Convolution(dilation, size, fine + coarse, work), a, b)


def convolved(
    algebra: Algebra, a: Elements, b: Elements, dilation: int = 1, size: int | None = None
) -> Elements:
    """The convolution of a ``[S, B]`` and b ``[T, B]``, elements ``[size, B]``."""
    fine, coarse = (elements.shape(algebra.semiring, x)[0] for x in (a, b))
    size = fine + dilation * (coarse - 1) if size is None else size
    made = _real_convolved if algebra.is_real else _convolved
    return made(algebra, dilation, size, a, b)


def _convolved(algebra: Algebra, dilation: int, size: int, a: Elements, b: Elements) -> Elements:
    semiring = algebra.semiring
    fine, batch = elements.shape(semiring, a)
    coarse = elements.shape(semiring, b)[0]
    short = _rows(semiring, a, dilation)  # [C, m, B]
    long = elements.expand_dims(semiring, b, 1)  # [T, 1, B]
    digits, rows = -(-fine // dilation), -(-size // dilation)
    blockwise = min(digits, coarse) > MAX_UNROLLED
    if coarse < digits and (dilation == 1 or not blockwise):
        short, long, digits, coarse = long, short, coarse, digits
    if blockwise:
        result = _blockwise(algebra, short, elements.at(long, (slice(None), 0)), rows)
    elif algebra.stacks and digits * rows * dilation <= MAX_STACKED:
        behind = _windows_behind(semiring, long, digits, rows)  # [C, rows, m or 1, B]
        result = algebra.sum(algebra.mul(behind, elements.expand_dims(semiring, short, 1)), 0)
    else:
        long = elements.pad(semiring, long, [(digits - 1, max(0, rows - coarse), 0), _KEEP, _KEEP])
        terms = [
            algebra.mul(_cut(long, digits - 1 - c, rows), _cut(short, c, 1)) for c in range(digits)
        ]
        result = algebra.sum_of(terms)
    result = elements.reshape(semiring, result, (rows * dilation, batch))
    return _cut(result, 0, size)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _real_convolved(
    algebra: Algebra, dilation: int, size: int, a: jax.Array, b: jax.Array
) -> jax.Array:
    """As `_convolved`, with correlations as its transposes.

    JAX transposes a slice that is multiplied by one entry into a reduction for each entry.
    """
    return _convolved(algebra, dilation, size, a, b)


@functools.partial(_real_convolved.defjvp, symbolic_zeros=True)
def _real_convolved_jvp(
    algebra: Algebra, dilation: int, size: int, primals: Any, tangents: Any
) -> tuple[jax.Array, jax.Array]:
    a, b = primals
    ta, tb = (None if isinstance(t, SymbolicZero) else t for t in tangents)

    def forward(moves: list[jax.Array]) -> jax.Array:
        given = iter(moves)
        parts = [] if ta is None else [_real_convolved(algebra, dilation, size, next(given), b)]
        parts += [] if tb is None else [_real_convolved(algebra, dilation, size, a, next(given))]
        return algebra.sum_of(parts)

    def transposed(g: jax.Array) -> list[jax.Array]:
        g = jax.lax.optimization_barrier(g)
        parts = [] if ta is None else [correlated_fine(algebra, g, b, dilation, len(a))]
        return parts + ([] if tb is None else [correlated_coarse(algebra, g, a, dilation, len(b))])

    moves = [t for t in (ta, tb) if t is not None]
    return _real_convolved(algebra, dilation, size, a, b), linear_map(forward, transposed, moves)


def correlated_fine(
    algebra: Algebra, g: Elements, b: Elements, dilation: int, fine: int
) -> Elements:
    """The support of ``a`` in `convolved`, given that of the result: ``⊕_u g[t + m u] ⊗ b[u]``.

    Args:
      algebra: what to compute in.
      g: elements ``[N, B]``, one for each result.
      b: elements ``[T, B]``.
      dilation: m.
      fine: the length of a.

    Returns:
      Elements ``[fine, B]``.
    """
    semiring = algebra.semiring
    coarse, batch = elements.shape(semiring, b)
    digits = -(-fine // dilation)
    g = _window(semiring, g, dilation, digits + coarse - 1)
    across = elements.expand_dims(semiring, b, 1)  # [T, 1, B]
    if algebra.stacks and coarse * digits * dilation <= MAX_STACKED:
        ahead = _windows_ahead(semiring, g, coarse, digits)  # [T, digits, m, B]
        result = algebra.sum(algebra.mul(ahead, elements.expand_dims(semiring, across, 1)), 0)
    elif coarse <= MAX_UNROLLED:
        terms = [algebra.mul(_cut(g, u, digits), _cut(across, u, 1)) for u in range(coarse)]
        result = algebra.sum_of(terms)
    elif digits <= MAX_UNROLLED:
        terms = [algebra.sum(algebra.mul(_cut(g, c, coarse), across), 0) for c in range(digits)]
        result = elements.stack(semiring, terms)
    else:
        rows = digits + coarse - 1
        columns = elements.reshape(semiring, g, (rows, dilation * batch))
        backwards = elements.at(across, slice(None, None, -1))
        backwards = elements.broadcast_to(semiring, backwards, (coarse, dilation, batch))
        backwards = elements.reshape(semiring, backwards, (coarse, dilation * batch))
        result = _cut(convolved(algebra, columns, backwards, 1, rows), coarse - 1, digits)
    result = elements.reshape(semiring, result, (digits * dilation, batch))
    return _cut(result, 0, fine)


def correlated_coarse(
    algebra: Algebra, g: Elements, a: Elements, dilation: int, coarse: int
) -> Elements:
    """The support of ``b`` in `convolved`, given that of the result: ``⊕_t g[t + m u] ⊗ a[t]``.

    Args:
      algebra: what to compute in.
      g: elements ``[N, B]``, one for each result.
      a: elements ``[S, B]``.
      dilation: m.
      coarse: the length of b.

    Returns:
      Elements ``[coarse, B]``.
    """
    if dilation == 1:
        return correlated_fine(algebra, g, a, 1, coarse)
    semiring = algebra.semiring
    a = _rows(semiring, a, dilation)
    digits, _, batch = elements.shape(semiring, a)
    g = _window(semiring, g, dilation, digits + coarse - 1)
    if algebra.stacks and digits * coarse * dilation <= MAX_STACKED:
        ahead = _windows_ahead(semiring, g, digits, coarse)  # [C, T, m, B]
        return algebra.sum(algebra.mul(ahead, elements.expand_dims(semiring, a, 1)), (0, 2))
    if digits <= MAX_UNROLLED:
        terms = [algebra.mul(_cut(g, c, coarse), _cut(a, c, 1)) for c in range(digits)]
        return algebra.sum(algebra.sum_of(terms), 1)
    if coarse <= MAX_UNROLLED:
        terms = [algebra.sum(algebra.mul(_cut(g, u, digits), a), (0, 1)) for u in range(coarse)]
        return elements.stack(semiring, terms)
    g = elements.reshape(semiring, g, (digits + coarse - 1, dilation * batch))
    a = elements.reshape(semiring, a, (digits, dilation * batch))
    found = correlated_fine(algebra, g, a, 1, coarse)
    return algebra.sum(elements.reshape(semiring, found, (coarse, dilation, batch)), 1)


def shifted_sum(
    algebra: Algebra, x: Elements, w: Elements, shifts: Sequence[int], size: int
) -> Elements:
    """``y[s] = ⊕_v w[v] ⊗ x[s - shifts[v]]``, a convolution with few entries far apart.

    Args:
      algebra: what to compute in.
      x: elements ``[S, B]``.
      w: elements ``[V, B]``.
      shifts: at least 0, one for each entry of w.
      size: of the result.

    Returns:
      Elements ``[size, B]``.
    """
    semiring, farthest = algebra.semiring, max(shifts)
    length = elements.shape(semiring, x)[0]
    x = elements.pad(semiring, x, [(farthest, max(0, size - length), 0), _KEEP])
    terms = [
        algebra.mul(_cut(x, farthest - shift, size), _cut(w, v, 1))
        for v, shift in enumerate(shifts)
    ]
    return algebra.sum_of(terms)


def correlated_sum(
    algebra: Algebra, g: Elements, w: Elements, shifts: Sequence[int], length: int
) -> Elements:
    """The support of ``x`` ``[length, B]`` in `shifted_sum`, given that of the result."""
    parts = _ahead(algebra, g, shifts, length)
    return algebra.sum_of([algebra.mul(part, _cut(w, v, 1)) for v, part in enumerate(parts)])


def correlated_values(
    algebra: Algebra, g: Elements, x: Elements, shifts: Sequence[int]
) -> Elements:
    """The support of ``w`` ``[V, B]`` in `shifted_sum`, given that of the result."""
    parts = _ahead(algebra, g, shifts, elements.shape(algebra.semiring, x)[0])
    terms = [algebra.sum(algebra.mul(part, x), 0) for part in parts]
    return elements.stack(algebra.semiring, terms)


def prefixes(algebra: Algebra, x: Elements, *, reverse: bool = False) -> Elements:
    """``y[n] = ⊕_{t <= n} x[t]`` (reverse: ``t >= n``) along the first axis of ``[S, B]``."""
    semiring, step = algebra.semiring, 1
    size = elements.shape(semiring, x)[0]
    while step < size:
        shift = (-step, step, 0) if reverse else (step, -step, 0)
        x = algebra.sum_of([x, elements.pad(semiring, x, [shift, _KEEP])])
        step *= 2
    return x


def placed(algebra: Algebra, x: Elements, positions: Sequence[int], size: int) -> Elements:
    """``y[s] = ⊕ of x[n] with positions[n] = s``: values that share a position are joined by ⊕.

    Args:
      algebra: what to compute in.
      x: elements ``[N, B]``.
      positions: one for each entry, any integers; entries for positions outside the result are
        dropped.
      size: the length of the result.

    Returns:
      Elements ``[size, B]``.
    """
    semiring, index = algebra.semiring, np.asarray(positions)
    step = _progression(index)
    if step is not None:
        low, width = int(index.min()), (len(index) - 1) * abs(step) + 1
        x = elements.at(x, slice(None, None, -1)) if step < 0 else x
        return elements.pad(semiring, x, [(low, size - width - low, abs(step) - 1), _KEEP])
    sources: list[list[int]] = [[] for _ in range(size)]
    for n, position in enumerate(positions):
        if 0 <= position < size:
            sources[position].append(n)
    # Positions that many values share are joined first, each by a reduction of its own.
    joined = []
    for found in sources:
        if len(found) > MAX_UNROLLED:
            index = np.asarray(found, np.int32)
            joined.append(algebra.sum(elements.take(semiring, x, index), 0))
            found[:] = [len(positions) + len(joined)]
    x = elements.pad(semiring, x, [(0, 1, 0), _KEEP])  # entry len(positions) is zero
    if joined:
        x = elements.concatenate(semiring, [x, elements.stack(semiring, joined)])
    together = max(1, *map(len, sources))
    rows = np.full((together, size), len(positions), np.int32)
    for position, found in enumerate(sources):
        rows[: len(found), position] = found
    return algebra.sum_of([elements.take(semiring, x, row) for row in rows])


def read(algebra: Algebra, y: Elements, positions: Sequence[int]) -> Elements:
    """``x[n] = y[positions[n]]``, the transpose of `placed`; zero for positions outside y."""
    semiring, index = algebra.semiring, np.asarray(positions)
    (size, _), step = elements.shape(semiring, y), _progression(index)
    if step is not None and index.min() >= 0 and index.max() < size:
        low, high = int(index.min()), int(index.max())
        y = elements.at(y, slice(low, high + 1, abs(step)))
        return elements.at(y, slice(None, None, -1)) if step < 0 else y
    y = elements.pad(semiring, y, [(0, 1, 0), _KEEP])  # the last entry is zero
    inside = (index >= 0) & (index < size)
    return elements.take(semiring, y, np.where(inside, index, size).astype(np.int32))


_KEEP = (0, 0, 0)


@dataclasses.dataclass(frozen=True)
class _Convolution:
    """One convolution as a multilinear function of its operands ``[S, B]``."""

    dilation: int
    size: int
    terms: int
    work: Work

    def __call__(self, algebra: Algebra, *operands: Elements) -> Elements:
        a, b = operands
        return convolved(algebra, a, b, self.dilation, self.size)

    def scale(self, *shifts: jax.Array) -> jax.Array:
        return shifts[0] + shifts[1]


def _blockwise(algebra: Algebra, a: Elements, b: Elements, rows: int) -> Elements:
    """``⊕_c a[c, r] ⊗ b[q - c]`` of ``[C, m, B]`` and ``[T, B]``, elements ``[rows, m, B]``.

    The digits c are cut into blocks: windows of b as long as a block are contracted with all blocks
    at once, and each block's share is shifted to its place.
    """
    semiring = algebra.semiring
    digits, width, batch = elements.shape(semiring, a)
    coarse = elements.shape(semiring, b)[0]
    block = max(MAX_UNROLLED, math.isqrt(digits - 1) + 1)
    blocks = -(-digits // block)
    a = elements.pad(semiring, a, [(0, blocks * block - digits, 0), _KEEP, _KEEP])
    a = elements.reshape(semiring, a, (blocks, block, width, batch))
    ahead = (blocks - 1) * block  # windows before the first row of the result
    count = rows + ahead
    b = elements.pad(semiring, b, [(blocks * block - 1, max(0, rows - coarse), 0), _KEEP])
    windows = [_cut(b, block - 1 - c, count) for c in range(block)]
    # [count, blocks, m, B]: n counts from the window that is ``ahead`` of the first row
    parts = algebra.contract(elements.stack(semiring, windows, 1), a)
    shares = [
        elements.at(parts, (slice(ahead - n * block, ahead - n * block + rows), n))
        for n in range(blocks)
    ]
    return algebra.sum_of(shares)


def _windows_behind(semiring: Semiring, x: Elements, count: int, rows: int) -> Elements:
    """``y[c, q] = x[q - c]`` of ``[T, ...]``, zero outside of x, as ``[count, rows, ...]``.

    Without a slice for each c: rows of one element fewer than what repeats lag by one more each.

        x = [p, q, 0, 0]  repeated and cut in threes:  p q 0 / 0 p q / 0 0 p
    """
    x = _cut(x, 0, rows)
    length, *rest = elements.shape(semiring, x)
    width = max(rows, length + count - 1)
    x = elements.pad(semiring, x, [(0, width + 1 - length, 0), *(_KEEP for _ in rest)])
    x = elements.broadcast_to(semiring, x, (count, width + 1, *rest))
    x = elements.reshape(semiring, x, (count * (width + 1), *rest))
    x = elements.reshape(semiring, _cut(x, 0, count * width), (count, width, *rest))
    return elements.at(x, (slice(None), slice(0, rows)))


def _windows_ahead(semiring: Semiring, x: Elements, count: int, rows: int) -> Elements:
    """``y[c, q] = x[q + c]`` of ``[count + rows - 1, ...]``, as ``[count, rows, ...]``."""
    width, *rest = elements.shape(semiring, x)
    x = elements.broadcast_to(semiring, x, (count + 1, width, *rest))
    x = elements.reshape(semiring, x, ((count + 1) * width, *rest))
    x = _cut(x, 0, count * (width + 1))
    x = elements.reshape(semiring, x, (count, width + 1, *rest))
    return elements.at(x, (slice(None), slice(0, rows)))


def _cut(x: Elements, start: int, length: int) -> Elements:
    """So many entries of the first axis."""
    return elements.at(x, slice(start, start + length))


def _ahead(algebra: Algebra, g: Elements, shifts: Sequence[int], length: int) -> list[Elements]:
    """``g[s + shift]`` for ``s < length`` and each shift, ``[length, B]``."""
    semiring = algebra.semiring
    missing = max(shifts) + length - elements.shape(semiring, g)[0]
    g = elements.pad(semiring, g, [(0, max(0, missing), 0), _KEEP])
    return [_cut(g, shift, length) for shift in shifts]


def _rows(semiring: Semiring, x: Elements, width: int) -> Elements:
    """``[S, B]`` as rows ``[⌈S / width⌉, width, B]``, filled up with zero."""
    size, batch = elements.shape(semiring, x)
    x = elements.pad(semiring, x, [(0, -size % width, 0), _KEEP])
    return elements.reshape(semiring, x, (-(-size // width), width, batch))


def _window(semiring: Semiring, g: Elements, width: int, rows: int) -> Elements:
    """``[N, B]`` as exactly so many rows, ``[rows, width, B]``."""
    g = _cut(g, 0, rows * width)
    missing = rows * width - elements.shape(semiring, g)[0]
    return _rows(semiring, elements.pad(semiring, g, [(0, missing, 0), _KEEP]), width)


def _progression(index: np.ndarray) -> int | None:
    """The step of an arithmetic progression, or None; 1 for a single position."""
    if len(index) == 1:
        return 1
    steps = np.diff(index)
    return int(steps[0]) if steps[0] != 0 and (steps == steps[0]).all() else None
