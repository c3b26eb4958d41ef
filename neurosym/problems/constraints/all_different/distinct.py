"""Naked singles, hidden singles and shared values: the arrays behind `AllDifferent`.

All of it comes from four sets for each constraint, found in one pass over its scope: the values
that are possible *once* and *twice*, and those that are *taken* by an assigned variable, and taken
twice (a *clash*). A variable loses what others have taken. Where the constraint has as many values
as variables, every value must be somewhere: one that is possible but not twice is a hidden single,
and one that is possible nowhere leaves no solution.

Two such constraints that share several variables say more: what the first can place only in the
shared part leaves the rest of the second (in sudoku: locked candidates). The unions over shared
parts, *cells*, are computed once and serve every pair.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import intersect_rows, reduce_rows, union_rows

MAX_PAIRS = 16
"""Ordered pairs of overlapping constraints for each variable, on average, up to which shared values
are propagated; beyond, they would cost more than all the rest."""

MAX_PIECES = 16
"""Cells and single variables that the rest of a constraint may be made of in such a pair."""

Scopes = Sequence[Sequence[int]]


def _digest(held: jax.Array, axis: int) -> tuple[jax.Array, ...]:
    """Of sets ``[..., K, W, B]``: possible once, possible twice, taken once, taken twice."""
    zero = bits.nothing(held.dtype)
    taken = jnp.where(_single(held, axis + 1), held, zero)
    empty = jnp.zeros_like(held)

    def combine(a: tuple, b: tuple) -> tuple:
        once, twice, assigned, clash = a
        once_too, twice_too, assigned_too, clash_too = b
        return (
            once | once_too,
            twice | twice_too | (once & once_too),
            assigned | assigned_too,
            clash | clash_too | (assigned & assigned_too),
        )

    return reduce_rows((held, empty, taken, empty), (zero,) * 4, combine, axis)


def _single(held: jax.Array, axis: int) -> jax.Array:
    """Whether at most one value is left; keeps the axis of words, of extent 1."""
    few = (held & (held - held.dtype.type(1))) == 0
    if held.shape[axis] == 1:
        return few
    used = jnp.sum((held != 0).astype(jnp.int32), axis=axis, keepdims=True) <= 1
    return used & jnp.all(few, axis=axis, keepdims=True)


def _must(digest: tuple[jax.Array, ...], complete: jax.Array, values: jax.Array) -> tuple:
    """Taken, clash and hidden singles; everything is taken where a value has no place left."""
    once, twice, taken, clash = digest
    zero, full = bits.nothing(once.dtype), bits.everything(once.dtype)
    complete = complete[:, None, None]
    lost = complete & jnp.any(values[..., None] & ~once != zero, axis=1, keepdims=True)
    hidden = jnp.where(complete, once & ~twice, zero)
    return jnp.where(lost, full, taken), jnp.where(lost, full, clash), hidden


def _decide(
    held: jax.Array, axis: int, taken: jax.Array, clash: jax.Array, hidden: jax.Array
) -> jax.Array:
    """What a variable keeps of ``held``."""
    kept = held & ~jnp.where(_single(held, axis), clash, taken)
    only = kept & hidden
    # A variable that two values have as their only place is a contradiction.
    assigned = jnp.where(_single(only, axis), only, bits.nothing(only.dtype))
    return jnp.where(jnp.any(only != 0, axis=axis, keepdims=True), assigned, kept)


@flax.struct.dataclass
class MappedDistinct:
    """All-different over domains that order their values differently; see `Propagator`.

    U is the size of the universe of values that a constraint's variables share.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    forward: jax.Array  # int32[C, K, D]: the universe index of each value; U where there is none
    inverse: jax.Array  # int32[C, K, U]: the value at each universe index; D where there is none
    complete: jax.Array  # bool[C]: as many values as variables
    values: jax.Array  # uint64[C, U/64]: the values that some variable has

    @classmethod
    def build(
        cls, rows: Sequence[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]], size: int
    ) -> MappedDistinct:
        """From scopes and maps into the universe."""
        scope, present, forward, inverse = map_arrays(rows, size)
        sets = [sorted(set().union(*maps)) for _, maps in rows]
        complete = [
            len(values) == len(scope) for values, (scope, _) in zip(sets, rows, strict=True)
        ]
        with jax.enable_x64(True):
            return cls(
                scope=scope,
                present=present,
                forward=forward,
                inverse=inverse,
                complete=jax.device_put(np.asarray(complete)),
                values=jax.device_put(_lanes_of(sets, inverse.shape[2])),
            )

    @jax.named_scope("all_different_mapped")
    def prune(self, domains: jax.Array) -> jax.Array:
        held = to_universe(domains, self.present, self.inverse)
        values = bits.narrow(self.values, held.dtype)
        parts = _must(_digest(held, 1), self.complete, values)
        kept = _decide(held, 2, *(x[:, None] for x in parts))
        return from_universe(kept, self.present, self.forward, domains)


@flax.struct.dataclass
class Distinct:
    """All-different where value index plus a shift is the same value in every variable.

    It revises all variables at once, instead of sending each a message: see `Coupled`.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    shift: jax.Array  # int32[C, K]: added to a value index
    touching: jax.Array  # int32[V, M]: the constraints on a variable, repeated to fill the row
    touches: jax.Array  # bool[V, M]: False in the filling
    back: jax.Array  # int32[V, M]: its shift there
    complete: jax.Array  # bool[C]: as many values as variables
    values: jax.Array  # uint64[C, W]: the values that some variable has
    cells: jax.Array  # int32[N, Kc]: shared parts and single variables, repeated to fill
    outside: jax.Array  # int32[P, q]: the cells outside the shared part, of the first of a pair
    barring: jax.Array  # int32[N, m]: the pairs whose second has a cell outside the shared part
    holding: jax.Array  # int32[V, r]: the cells of a variable that some pair bars
    bound: jax.Array  # bool[V]: there is such a cell
    ragged: bool = flax.struct.field(pytree_node=False)  # some scope is padded
    universe: int = flax.struct.field(pytree_node=False)  # 0 where no value is shifted

    @classmethod
    def build(
        cls,
        rows: Sequence[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]],
        size: int,
        variables: int,
    ) -> Distinct:
        """From scopes, shifts and domain sizes."""
        shifted = any(any(shifts) for _, shifts, _ in rows)
        sets = [
            sorted(set().union(*(range(s, s + n) for s, n in zip(shifts, sizes, strict=True))))
            for _, shifts, sizes in rows
        ]
        complete = [len(v) == len(scope) for v, (scope, _, _) in zip(sets, rows, strict=True)]
        universe = max(max(values) for values in sets) + 1 if shifted else 0
        touched: list[list[tuple[int, int]]] = [[] for _ in range(variables)]
        for c, (scope, shifts, _) in enumerate(rows):
            for variable, shift in zip(scope, shifts, strict=True):
                touched[variable].append((c, shift))
        scopes: list[tuple[int, ...]] = [scope for scope, _, _ in rows]
        all_shifts = [shifts for _, shifts, _ in rows]
        idle = any(not constraints for constraints in touched)
        if idle:  # a constraint on nothing says nothing
            scopes, all_shifts = [*scopes, ()], [*all_shifts, ()]
            sets, complete = [*sets, []], [*complete, False]
        arity = max(len(scope) for scope in scopes)
        present = np.asarray([[k < len(scope) for k in range(arity)] for scope in scopes])
        fill = [constraints or [(len(scopes) - 1, 0)] for constraints in touched]
        pairs = _shared_parts([s for s, _, _ in rows], sets, variables) if not shifted else None
        none = np.zeros((0, 1), np.int32)
        cells, outside, barring, holding, bound = pairs or (none,) * 5
        with jax.enable_x64(True):
            return cls(
                scope=jax.device_put(_padded(scopes, 0)),
                present=jax.device_put(present),
                shift=jax.device_put(_padded(all_shifts, 0)),
                touching=jax.device_put(_repeated([[c for c, _ in row] for row in fill])),
                touches=jax.device_put(_filled([len(row) for row in touched])),
                back=jax.device_put(_repeated([[shift for _, shift in row] for row in fill])),
                complete=jax.device_put(np.asarray(complete)),
                values=jax.device_put(_lanes_of(sets, max(universe, size))),
                cells=jax.device_put(cells),
                outside=jax.device_put(outside),
                barring=jax.device_put(barring),
                holding=jax.device_put(holding),
                bound=jax.device_put(bound),
                ragged=not bool(present.all()),
                universe=universe,
            )

    @jax.named_scope("all_different")
    def revise(self, lanes: jax.Array) -> jax.Array:
        """What the constraints still allow of all domains, lanes ``[V, W, B]``."""
        shifted = self.universe > 0
        dtype = lanes.dtype
        held = lanes
        if shifted:
            wide = bits.lane_dtype(max(self.universe, 8 * dtype.itemsize))
            held = lanes.astype(wide)
        scoped = _take(held, self.scope)  # [C, K, W, B]
        if shifted:
            scoped = scoped << self.shift.astype(held.dtype)[..., None, None]
        if self.ragged:
            scoped = jnp.where(self.present[..., None, None], scoped, bits.nothing(held.dtype))
        values = bits.narrow(self.values, held.dtype)
        parts = _must(_digest(scoped, 1), self.complete, values)
        gathered = [_take(part, self.touching) for part in parts]  # [V, M, W, B]
        if shifted:
            back = self.back.astype(held.dtype)[..., None, None]
            gathered = [(part >> back).astype(dtype) for part in gathered]
        taken, clash, hidden = (union_rows(part, 1) for part in gathered)
        kept = _decide(lanes, 1, taken, clash, hidden)
        return kept & self._placed(lanes) if self.outside.shape[0] else kept

    def _placed(self, lanes: jax.Array) -> jax.Array:
        """What is not bound to the shared part of a pair of constraints, lanes ``[V, W, B]``."""
        full = bits.everything(lanes.dtype)
        cells = union_rows(_take(lanes, self.cells), 1, alone=True)  # [N, W, B]
        elsewhere = union_rows(_take(cells, self.outside), 1, alone=True)  # [P, W, B]
        allowed = intersect_rows(_take(elsewhere, self.barring), 1, alone=True)
        kept = intersect_rows(_take(allowed, self.holding), 1)
        return jnp.where(self.bound[:, None, None], kept, full)


def _shared_parts(scopes: Scopes, values: Scopes, variables: int) -> tuple | None:
    """Cells, outside, barring, holding and bound of `Distinct`; None where nothing is shared."""
    on: list[list[int]] = [[] for _ in range(variables)]
    for c, scope in enumerate(scopes):
        for variable in scope if len(scope) > 2 else ():
            on[variable].append(c)
    common: Counter[tuple[int, int]] = Counter()
    for constraints in on:
        common.update(itertools.combinations(constraints, 2))
    members = [frozenset(scope) for scope in scopes]
    overlaps = [pair for pair, shared in common.items() if shared > 1]
    parts = sorted({members[a] & members[b] for a, b in overlaps}, key=sorted)
    cells: dict[frozenset[int], int] = {}

    def pieces(rest: frozenset[int]) -> list[int] | None:
        """Cells that make up the variables in ``rest``."""
        left, chosen = set(rest), []
        for part in parts:
            if part <= left:
                chosen.append(part)
                left -= part
        chosen += [frozenset([variable]) for variable in sorted(left)]
        if not 0 < len(chosen) <= MAX_PIECES:
            return None
        return [cells.setdefault(piece, len(cells)) for piece in chosen]

    outside: list[list[int]] = []
    barred: dict[int, list[int]] = {}
    for first, second in [*overlaps, *((b, a) for a, b in overlaps)]:
        # Values are ranges from 0. The first must take all of its own; of further values, which
        # only the second has, it says nothing.
        if not len(values[second]) <= len(values[first]) == len(scopes[first]):
            continue
        rest, targets = (
            pieces(members[c] - (members[first] & members[second])) for c in (first, second)
        )
        if rest is None or targets is None:
            continue
        for cell in targets:
            barred.setdefault(cell, []).append(len(outside))
        outside.append(rest)
    if not outside or len(outside) > MAX_PAIRS * variables:
        return None
    holding: list[list[int]] = [[] for _ in range(variables)]
    for part, position in cells.items():
        if position in barred:
            for variable in part:
                holding[variable].append(position)
    return (
        _repeated([sorted(part) for part in cells]),
        _repeated(outside),
        _repeated([barred.get(position, [0]) for position in range(len(cells))]),
        _repeated([row or [0] for row in holding]),
        np.asarray([bool(row) for row in holding]),
    )


def map_arrays(
    rows: Sequence[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]], size: int
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Scope, present, forward and inverse of constraints given by scopes and maps."""
    arity = max(len(scope) for scope, _ in rows)
    universe = max(max(row) for _, maps in rows for row in maps) + 1
    scope = np.zeros((len(rows), arity), np.int32)
    present = np.zeros((len(rows), arity), np.bool_)
    forward = np.full((len(rows), arity, size), universe, np.int32)
    inverse = np.full((len(rows), arity, universe), size, np.int32)
    for c, (variables, maps) in enumerate(rows):
        scope[c, : len(variables)], present[c, : len(variables)] = variables, True
        for k, row in enumerate(maps):
            forward[c, k, : len(row)] = row
            inverse[c, k, list(row)] = range(len(row))
    return tuple(jax.device_put(x) for x in (scope, present, forward, inverse))


def to_universe(domains: jax.Array, present: jax.Array, inverse: jax.Array) -> jax.Array:
    """Domains ``[C, K, W, B]`` as sets over the common universe, ``[C, K, U', B]``; empty where
    absent."""
    size = _bits_held(domains)
    chosen = _pick(bits.unpack(domains, size, axis=2), inverse)
    chosen &= present[..., None, None]
    return bits.pack(chosen, axis=2, dtype=bits.lane_dtype(inverse.shape[2]))


def from_universe(
    held: jax.Array, present: jax.Array, forward: jax.Array, domains: jax.Array
) -> jax.Array:
    """Sets over the universe as messages in the lanes of ``domains``."""
    universe = _bits_held(held)
    lanes = bits.pack(
        _pick(bits.unpack(held, universe, axis=2), forward), axis=2, dtype=domains.dtype
    )
    return jnp.where(present[..., None, None], lanes, bits.everything(domains.dtype))


def _pick(members: jax.Array, index: jax.Array) -> jax.Array:
    """Members ``bool[C, K, N, B]`` at ``index``; False beyond."""
    inside = index < members.shape[2]
    index = jnp.where(inside, index, 0)[..., None]
    picked = jnp.take_along_axis(members, index, axis=2, mode="promise_in_bounds")
    return picked & inside[..., None]


def _bits_held(lanes: jax.Array) -> int:
    return lanes.shape[2] * bits.word_bits(lanes)


def _lanes_of(sets: Sequence[Sequence[int]], size: int) -> np.ndarray:
    """Lanes ``uint64[C, W]`` (NumPy) of sets over ``size`` values."""
    words = bits.word_count(size)
    lanes = np.zeros((len(sets), words), np.uint64)
    for c, members in enumerate(sets):
        for value in members:
            lanes[c, value // bits.WORD] |= np.uint64(1) << np.uint64(value % bits.WORD)
    return lanes


def _padded(rows: Sequence[Sequence[int]], fill: int) -> np.ndarray:
    width = max(1, max(len(row) for row in rows))
    return np.asarray([[*row, *[fill] * (width - len(row))] for row in rows], np.int32)


def _repeated(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows filled up with their first entry, which sets do not mind."""
    width = max(len(row) for row in rows)
    return np.asarray([[*row, *[row[0]] * (width - len(row))] for row in rows], np.int32)


def _filled(lengths: Sequence[int]) -> np.ndarray:
    return np.arange(max(1, max(lengths))) < np.asarray(lengths)[:, None]


def _take(rows: jax.Array, index: jax.Array) -> jax.Array:
    return rows.at[index].get(mode="promise_in_bounds")
