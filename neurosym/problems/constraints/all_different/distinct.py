"""The propagators of `AllDifferent`: naked singles, hidden singles and shared parts.

    x, y, z over 0, 1, 2        three variables, three values, so the constraint is complete
    x is 0                      y and z lose 0                       a naked single
    only z can still be 2       z is 2                               a hidden single
    value 1 has no place left   no solution: every domain is emptied
    two constraints share x, y  values that one needs there leave the other   a shared part

The rules are in `singles.py`, the pairs of overlapping constraints in `shared_parts.py`. Both
propagators ask which values are possible once and twice, and which are taken. `Distinct` hands
these digests of a scope to every variable of it and needs no message for each pair of constraint
and variable; `MappedDistinct` is for values that have another index in every variable
(`universe.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import intersect_rows, union_rows
from neurosym.problems.constraints.all_different.shared_parts import repeated, shared_parts
from neurosym.problems.constraints.all_different.singles import decide, digest, what_must
from neurosym.problems.constraints.all_different.universe import (
    from_universe,
    lanes_of,
    map_arrays,
    to_universe,
)
from neurosym.problems.constraints.rounding import WIDTHS, is_rounding, rounded
from neurosym.transforms.take import take


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
                values=jax.device_put(lanes_of(sets, inverse.shape[2])),
            )

    @jax.named_scope("all_different_mapped")
    def prune(self, domains: jax.Array) -> jax.Array:
        held = to_universe(domains, self.present, self.inverse)
        values = bits.narrow(self.values, held.dtype)
        parts = what_must(digest(held, 1), self.complete, values)
        kept = decide(held, 2, *(x[:, None] for x in parts))
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
        # A constraint on nothing says nothing.
        silent = rounded(len(rows) + 1) - len(rows) if is_rounding() else int(idle)
        scopes, all_shifts = [*scopes, *[()] * silent], [*all_shifts, *[()] * silent]
        sets, complete = [*sets, *[[]] * silent], [*complete, *[False] * silent]
        arity = rounded(max(len(scope) for scope in scopes))
        present = np.asarray([[k < len(scope) for k in range(arity)] for scope in scopes])
        fill = [constraints or [(len(scopes) - 1, 0)] for constraints in touched]
        pairs = shared_parts([s for s, _, _ in rows], sets, variables) if not shifted else None
        none = np.zeros((0, 1), np.int32)
        cells, outside, barring, holding, bound = pairs or (none,) * 5
        with jax.enable_x64(True):
            return cls(
                scope=jax.device_put(_padded(scopes, arity)),
                present=jax.device_put(present),
                shift=jax.device_put(_padded(all_shifts, arity)),
                touching=jax.device_put(repeated([[c for c, _ in row] for row in fill])),
                touches=jax.device_put(_filled([len(row) for row in touched])),
                back=jax.device_put(repeated([[shift for _, shift in row] for row in fill])),
                complete=jax.device_put(np.asarray(complete)),
                values=jax.device_put(lanes_of(sets, max(universe, size))),
                cells=jax.device_put(cells),
                outside=jax.device_put(outside),
                barring=jax.device_put(barring),
                holding=jax.device_put(holding),
                bound=jax.device_put(bound),
                ragged=not bool(present.all()),
                universe=_lane_size(universe),
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
        scoped = take(held, self.scope)  # [C, K, W, B]
        if shifted:
            scoped = scoped << self.shift.astype(held.dtype)[..., None, None]
        if self.ragged:
            scoped = jnp.where(self.present[..., None, None], scoped, bits.nothing(held.dtype))
        values = bits.narrow(self.values, held.dtype)
        parts = what_must(digest(scoped, 1), self.complete, values)
        gathered = [take(part, self.touching) for part in parts]  # [V, M, W, B]
        if shifted:
            back = self.back.astype(held.dtype)[..., None, None]
            gathered = [(part >> back).astype(dtype) for part in gathered]
        taken, clash, hidden = (union_rows(part, 1) for part in gathered)
        kept = decide(lanes, 1, taken, clash, hidden)
        return kept & self._placed(lanes) if self.outside.shape[0] else kept

    def _placed(self, lanes: jax.Array) -> jax.Array:
        """What is not bound to the shared part of a pair of constraints, lanes ``[V, W, B]``."""
        full = bits.everything(lanes.dtype)
        cells = union_rows(take(lanes, self.cells), 1, alone=True)  # [N, W, B]
        elsewhere = union_rows(take(cells, self.outside), 1, alone=True)  # [P, W, B]
        allowed = intersect_rows(take(elsewhere, self.barring), 1, alone=True)
        kept = intersect_rows(take(allowed, self.holding), 1)
        return jnp.where(self.bound[:, None, None], kept, full)


def _padded(rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
    return np.asarray([[*row, *[0] * (width - len(row))] for row in rows], np.int32)


def _filled(lengths: Sequence[int]) -> np.ndarray:
    return np.arange(rounded(max(1, max(lengths)), among=WIDTHS)) < np.asarray(lengths)[:, None]


def _lane_size(universe: int) -> int:
    """The universe, or within `rounding` the bits of the lanes that hold it: 32 or 64."""
    if not is_rounding() or not universe:
        return universe
    return 32 if universe <= 32 else 64
