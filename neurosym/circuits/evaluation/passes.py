"""The two passes over a circuit, up and down, in any semiring.

    row 6 = row 2 ⊗ row 3 ⊕ row 4 ⊗ row 5       up: a row from those before it; 2 to 5 are leaves
    support of row 6 = one                      down: row 6 is the root,
    support of row 2 = support of row 6 ⊗ row 3     and row 2 is used once, beside row 3
    flow of row 2 = flow of row 6 · share of (row 2 ⊗ row 3) in row 6 · cofactor of row 2 there
                                                the real derivative, where there is one

Both are one `jax.lax.scan` over the steps of a schedule. A step gathers rows that are known,
combines them elementwise and writes its own rows side by side: nothing is scattered, and one
compiled body serves however many layers there are. Instances lie along the last leading axis,
``[rows, B]``, so everything runs along contiguous memory.

Upwards a row is the ⊕ of its terms. Downwards, in the formal derivative, the support of a row is
the ⊕ over its uses, as ``a ⊗ row`` in a parent, of the parent's support ⊗ a: the algorithm of
Darwiche 2003, "A differential approach to inference in Bayesian networks"
(https://doi.org/10.1145/765568.765570) in any semiring. The real derivative weighs each use by
responsibility and cofactor instead (`flows`). Both start from what arrives at the rows from the
roots (`roots`).

XLA on CPU: all rows that a step needs are gathered at once, and each class writes its rows itself,
since rows that are concatenated first are computed one number at a time (50 times slower).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from neurosym.circuits.evaluation.roots import Roots
from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.take import take

Classes = tuple[tuple[int, int], ...]
"""``(room, places)``: inputs of a place, and places of a step, for each class of places."""

Sum = Callable[[Sequence[Elements]], Elements]


@flax.struct.dataclass
class Tables:
    """Which rows each step combines.

    Rows going up: 0 is zero, 1 is one, then the L leaves, then S steps of P rows. Rows going down:
    0 is zero, then S' steps of P' rows. An input that a place does not have is row 0. Inputs stand
    class by class, the first of all places, then the second ones, and so on: Q (or Q') in a step.
    """

    inputs: jax.Array  # int32[L]: the weight of each leaf
    factors: jax.Array  # int32[S, 2Q]: rows going up; all left factors, then all right ones
    own: jax.Array  # int32[S', P']: the row going up that a place is the support of
    parent: jax.Array  # int32[S', Q']: its users, as rows going up
    above: jax.Array  # int32[S', Q']: its users, as rows going down
    sibling: jax.Array  # int32[S', Q']: the other factor there, as rows going up
    outputs: jax.Array  # int32[I]: the row going down of each weight; 0 where it is not used
    roots: Roots  # of rows going up
    upward: Classes = flax.struct.field(pytree_node=False)
    downward: Classes = flax.struct.field(pytree_node=False)

    @property
    def first(self) -> int:
        """The first row that is not a leaf."""
        return 2 + self.inputs.shape[0]


def up(semiring: Semiring, tables: Tables, weights: Elements) -> Elements:
    """The value of every row, elements ``[N, B]``, from weights ``[I, B]``; by the rule."""
    return _up(semiring, tables, weights, semiring.mul, functools.partial(_ruled_sum, semiring))


def raw_up(semiring: Semiring, tables: Tables, weights: Elements) -> Elements:
    """The same, without derivatives."""
    mul = semiring.mul.function  # type: ignore[attr-defined]
    return _up(semiring, tables, weights, mul, functools.partial(raw_sum, semiring))


def down(semiring: Semiring, tables: Tables, values: Elements, arriving: Elements) -> Elements:
    """The support of every weight, elements ``[I, B]``; by the rule.

    Args:
      semiring: the algebra.
      tables: of the circuit.
      values: of all rows, elements ``[N, B]``.
      arriving: what the roots give to the support of each row, elements ``[N, B]``.
    """
    add = functools.partial(_ruled_sum, semiring)
    return _down(semiring, tables, values, arriving, semiring.mul, add)


def raw_down(semiring: Semiring, tables: Tables, values: Elements, arriving: Elements) -> Elements:
    """The same, without derivatives."""
    mul = semiring.mul.function  # type: ignore[attr-defined]
    return _down(semiring, tables, values, arriving, mul, functools.partial(raw_sum, semiring))


def flows(semiring: Semiring, tables: Tables, values: jax.Array, arriving: jax.Array) -> jax.Array:
    """What arrives at the weights, floats ``[I, B]``; by the rule. Args as for `down`."""
    return _flows(semiring, tables, values, arriving, semiring.mul)


def raw_flows(
    semiring: Semiring, tables: Tables, values: jax.Array, arriving: jax.Array
) -> jax.Array:
    """The same, without derivatives."""
    mul = semiring.mul.function  # type: ignore[attr-defined]
    return _flows(semiring, tables, values, arriving, mul)


def raw_sum(semiring: Semiring, terms: Sequence[Elements]) -> Elements:
    """⊕ of a few arrays elementwise, written out so that it is one loop over contiguous memory."""
    coordinates = semiring.coordinates
    if coordinates is None or len(terms) == 1:
        return _fold(semiring.add.function, terms)  # type: ignore[attr-defined]
    if not coordinates.shifted:
        return coordinates.decode(_fold(jnp.add, [coordinates.encode(term) for term in terms]))
    largest = _fold(jnp.maximum, terms)
    largest = jnp.where(jnp.isfinite(largest), largest, 0)
    total = _fold(jnp.add, [coordinates.encode(term - largest) for term in terms])
    return coordinates.decode(total) + largest


def _up(
    semiring: Semiring,
    tables: Tables,
    weights: Elements,
    mul: Callable[[Elements, Elements], Elements],
    add: Sum,
) -> Elements:
    batch, dtype = elements.shape(semiring, weights)[1], elements.dtype(semiring, weights)
    room = tables.factors.shape[0] * _width(tables.upward)
    parts = [semiring.zeros((1, batch), dtype), semiring.ones((1, batch), dtype)]
    parts += [take(weights, tables.inputs), semiring.zeros((room, batch), dtype)]

    def step(carry: Elements, scanned: Any) -> tuple[Elements, None]:
        position, rows = scanned
        pairs = _factors(tables.upward, take(carry, rows))
        for cls, (_, places) in enumerate(tables.upward):
            new = add([mul(a, b) for a, b in pairs[cls]])
            carry = _write(carry, new, position)
            position = position + places
        return carry, None

    carry = elements.concatenate(semiring, parts)
    return _scan(step, carry, tables.first, tables.upward, tables.factors)


def _down(
    semiring: Semiring,
    tables: Tables,
    values: Elements,
    arriving: Elements,
    mul: Callable[[Elements, Elements], Elements],
    add: Sum,
) -> Elements:
    batch, dtype = elements.shape(semiring, values)[1], elements.dtype(semiring, values)

    def step(carry: Elements, scanned: Any) -> tuple[Elements, None]:
        position, own, above, sibling = scanned
        outer = _slices(tables.downward, take(carry, above))
        beside = _slices(tables.downward, take(values, sibling))
        for cls, (_, places) in enumerate(tables.downward):
            start, own = take(arriving, own[:places]), own[places:]
            terms = [mul(s, x) for s, x in zip(outer[cls], beside[cls], strict=True)]
            carry = _write(carry, add([start, *terms]), position)
            position = position + places
        return carry, None

    carry = semiring.zeros((1 + tables.own.shape[0] * _width(tables.downward), batch), dtype)
    scanned = (tables.own, tables.above, tables.sibling)
    return take(_scan(step, carry, 1, tables.downward, *scanned), tables.outputs)


def _flows(
    semiring: Semiring,
    tables: Tables,
    values: jax.Array,
    arriving: jax.Array,
    mul: Callable[[jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    winners = _winners(semiring, tables, values) if semiring.selective else None

    def step(carry: jax.Array, scanned: Any) -> tuple[jax.Array, None]:
        position, own, parent, above, sibling = scanned
        from_above = _slices(tables.downward, take(carry, above))
        parents, siblings = (_slices(tables.downward, rows) for rows in (parent, sibling))
        for cls, (_, places) in enumerate(tables.downward):
            rows, own = own[:places], own[places:]
            x = take(values, rows)
            total = take(arriving, rows)
            for flow, user, beside in zip(
                from_above[cls], parents[cls], siblings[cls], strict=True
            ):
                y = take(values, beside)
                share = rule.responsibility(semiring, mul(x, y), take(values, user))
                if winners is not None:
                    share = share / take(winners, user)
                total = total + flow * (share * rule.cofactors(semiring, x, y)[0])
            carry = _write(carry, total, position)
            position = position + places
        return carry, None

    size = 1 + tables.own.shape[0] * _width(tables.downward)
    carry = jnp.zeros((size, values.shape[1]), values.dtype)
    scanned = (tables.own, tables.parent, tables.above, tables.sibling)
    return take(_scan(step, carry, 1, tables.downward, *scanned), tables.outputs)


def _winners(semiring: Semiring, tables: Tables, values: jax.Array) -> jax.Array:
    """How many terms of each row attain it, at least 1; floats ``[N, B]``."""

    def step(position: jax.Array, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, present = (_factors(tables.upward, y) for y in (take(values, rows), rows))
        own = jax.lax.dynamic_slice_in_dim(values, position, _width(tables.upward))
        counts = []
        for cls, (_, places) in enumerate(tables.upward):
            total, own = own[:places], own[places:]
            shares = _shares(semiring, x[cls], total, present[cls])
            counts.append(jnp.maximum(functools.reduce(jnp.add, shares), 1))
        return position + _width(tables.upward), jnp.concatenate(counts)

    start = jnp.ones((tables.first, values.shape[1]), values.dtype)
    if not tables.upward:
        return start
    _, counts = jax.lax.scan(step, jnp.int32(tables.first), tables.factors)
    return jnp.concatenate([start, counts.reshape(-1, values.shape[1])])


def _shares(
    semiring: Semiring,
    pairs: Sequence[tuple[jax.Array, jax.Array]],
    total: jax.Array,
    rows: Sequence[tuple[jax.Array, jax.Array]],
) -> list[jax.Array]:
    """The responsibility of each term for the total; of terms that are not there, none."""
    shares = [rule.responsibility(semiring, semiring.mul(a, b), total) for a, b in pairs]
    if not semiring.selective:
        return shares
    return [share * (a > 0)[:, None] for share, (a, _) in zip(shares, rows, strict=True)]


def _ruled_sum(semiring: Semiring, terms: Sequence[Elements]) -> Elements:
    return terms[0] if len(terms) == 1 else semiring.sum(elements.stack(semiring, terms), 0)


def _fold(function: Callable[[Any, Any], Any], terms: Sequence[Elements]) -> Elements:
    """A balanced tree of a binary operation."""
    level = list(terms)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [function(x, y) for x, y in pairs] + level[len(level) // 2 * 2 :]
    return level[0]


def _width(classes: Classes) -> int:
    return sum(places for _, places in classes)


def _slices(classes: Classes, x: Elements, start: int = 0) -> list[list[Elements]]:
    """For each class the inputs ``[places, ...]``, one array for each of the room."""
    found = []
    for room, places in classes:
        own = []
        for _ in range(room):
            stop = start + places
            own.append(jax.tree.map(functools.partial(_between, start, stop), x))
            start = stop
        found.append(own)
    return found


def _factors(classes: Classes, x: Elements) -> list[list[tuple[Elements, Elements]]]:
    """For each class the pairs of left and right inputs."""
    middle = sum(room * places for room, places in classes)
    left, right = _slices(classes, x), _slices(classes, x, middle)
    return [list(zip(a, b, strict=True)) for a, b in zip(left, right, strict=True)]


def _between(start: int, stop: int, x: jax.Array) -> jax.Array:
    return jax.lax.slice_in_dim(x, start, stop)


def _write(carry: Elements, new: Elements, position: jax.Array) -> Elements:
    return jax.tree.map(
        lambda x, y: jax.lax.dynamic_update_slice_in_dim(x, y.astype(x.dtype), position, 0),
        carry,
        new,
    )


def _scan(step: Callable, carry: Elements, first: int, classes: Classes, *tables: Any) -> Elements:
    """Runs the steps, each of which writes its rows from a position on."""
    if not classes:
        return carry
    steps = tables[0].shape[0]
    positions = first + _width(classes) * jnp.arange(steps, dtype=jnp.int32)
    return jax.lax.scan(step, carry, (positions, *tables))[0]
