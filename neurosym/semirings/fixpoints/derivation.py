"""The derivative of a fixpoint where ⊕ selects: along an acyclic derivation of every entry.

In max and min an entry of the least fixpoint equals one of the terms that it is selected from, and
the gradient rule sends its cotangent to that term. The linear system that this gives at the
fixpoint itself has no unique solution: a cycle whose weights are all one (a zero diagonal of a
distance matrix, an undirected edge in max-min) lets a cotangent go round for ever. Instead, this
file differentiates a *derivation*: an order in which every entry follows from earlier entries.

Entries are *settled* in rounds. Round 0 settles the entries that equal ``init``; round r settles
the entries that reach their final value when the step sees only entries settled before, and the
semiring's zero for the rest. The derivative of an entry is that of the step at this point, so it
depends on entries of earlier rounds alone: the tangent goes up the rounds, the cotangent down, once
each.

Every entry of a least fixpoint of ⊕ and ⊗ is settled: among those left over take the first that
reached its final value in the forward loop; what it was made of then was at least as good, and not
final, so it became better than that later on; but what is made of the entry is at most as good as
it. Where ⊗ is strict (x ⊗ a strictly better y is strictly better: + of the log and cost encodings)
the forward loop gets its final values from final ones, so an entry is settled in the round in which
the loop last improved it, and the rounds are as many. Where ⊗ selects too (min of max-min), x may
improve after y = x ⊗ w = w was got from it; the loop does not notice, and a derivation recorded
there would point from y to a later x. Settling waits for it: at most one round for each entry, and
again no more than the forward loop needs where values come with the shortest way to them (a path,
a tree). Steps that are not made of ⊕ and ⊗ may leave entries unsettled; derivatives are NaN then.

Ties within one reduction of a round split evenly, later ways to the same value count for nothing:
a subgradient, of the value as a function of the step's parameters.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.any_in_batch import any_in_batch
from neurosym.transforms.linear_map import linear_map

Step = Callable[[Any, list[jax.Array]], Any]


def derived(
    semiring: Semiring,
    step: Step,
    value: Any,
    init: Any,
    operands: list[jax.Array],
    converged: jax.Array,
    max_rounds: int,
) -> Any:
    """``value``, with the derivative of the fixpoint that it is, in ``init`` and ``operands``.

    Args:
      semiring: selective, of plain floats.
      step: ``(x, operands) -> x``.
      value: the least ``x = init ⊕ step(x, operands)``, a pytree of elements.
      init: as ``value``.
      operands: all that the step depends on besides.
      converged: ``bool[]``; where it fails, derivatives are NaN.
      max_rounds: of the loops that differentiate.
    """
    floating = [jnp.issubdtype(x.dtype, jnp.floating) for x in operands]
    moving = [x for x, kind in zip(operands, floating, strict=True) if kind]
    still = [x for x, kind in zip(operands, floating, strict=True) if not kind]
    system = System(semiring, step, tuple(floating), max_rounds)
    return _attached(system, value, init, moving, still, jnp.where(converged, 1.0, jnp.nan))


@dataclasses.dataclass(frozen=True, eq=False)
class System:
    """``x = init ⊕ step(x, operands)``, with the floats among the operands apart."""

    semiring: Semiring
    step: Step
    floating: tuple[bool, ...]
    max_rounds: int

    def once(self, x: Any, moving: list[jax.Array], still: list[jax.Array]) -> Any:
        """One step."""
        floats, others = iter(moving), iter(still)
        return self.step(x, [next(floats) if kind else next(others) for kind in self.floating])

    def before(self, x: Any, stamps: Any, count: jax.Array) -> Any:
        """What was settled before that round; zero elsewhere."""

        def leaf(x: jax.Array, stamp: jax.Array) -> jax.Array:
            earlier = (stamp >= 0) & (stamp < count)
            return jnp.where(earlier, x, jnp.asarray(self.semiring.zero, x.dtype))

        return jax.tree.map(leaf, x, stamps)

    def settle(
        self, x: Any, init: Any, moving: list[jax.Array], still: list[jax.Array]
    ) -> tuple[Any, jax.Array]:
        """The round in which every entry is settled, int32 and -1 for never, and the last round."""
        zero, add = self.semiring.zero, self.semiring.add

        def body(state: tuple) -> tuple:
            stamps, count, _ = state
            count = count + 1
            reached = jax.tree.map(
                add, init, self.once(self.before(x, stamps, count), moving, still)
            )
            new = jax.tree.map(lambda y, x, s: (y == x) & (s < 0), reached, x, stamps)
            stamps = jax.tree.map(lambda new, s: jnp.where(new, count, s), new, stamps)
            return stamps, count, _any(new)

        def going_on(state: tuple) -> jax.Array:
            stamps, count, grew = state
            left = _any(jax.tree.map(lambda s: s < 0, stamps))
            return grew & left & (count < self.max_rounds)

        # A zero of init is not a fact: such an entry is what the step says about nothing.
        given = jax.tree.map(lambda x, y: (x == y) & (x != zero), x, init)
        stamps = jax.tree.map(lambda given: jnp.where(given, 0, -1).astype(jnp.int32), given)
        start = (stamps, jnp.zeros((), jnp.int32), jnp.asarray(True))
        stamps, count, _ = jax.lax.while_loop(going_on, body, start)
        return stamps, count


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _attached(
    system: System,
    value: Any,
    init: Any,
    moving: list[jax.Array],
    still: list[jax.Array],
    sound: jax.Array,
) -> Any:
    return value


@_attached.defjvp
def _attached_jvp(system: System, primals: Any, tangents: Any) -> tuple[Any, Any]:
    _, init, moving, still, sound = primals
    value = _attached(system, *primals)
    fixed = jax.lax.stop_gradient((value, init, moving, still))
    stamps, last = system.settle(*fixed)
    unsettled = _any(jax.tree.map(lambda s: s < 0, stamps))
    sound = jax.lax.stop_gradient(jnp.where(unsettled, jnp.nan, sound))

    # A zero that depends on the value. A selective step has a locally constant derivative, and JAX
    # cannot yet differentiate a linear solve again whose matrix is known to stand still.
    first = jax.tree.leaves(value)[0].reshape(-1)[:1]
    nothing = jnp.sum(jnp.where(jnp.zeros(first.shape, jnp.bool_), first, 0))

    def forward(moves: Any) -> Any:
        ascended = _ascend(system, value, moving, still, stamps, last, moves)
        return _scaled(sound + nothing, ascended)

    def transposed(cotangent: Any) -> Any:
        return _scaled(sound, _descend(system, value, moving, still, stamps, last, cotangent))

    return value, linear_map(forward, transposed, (tangents[1], tangents[2]))


def _ascend(
    system: System,
    value: Any,
    moving: list[jax.Array],
    still: list[jax.Array],
    stamps: Any,
    last: jax.Array,
    moves: Any,
) -> Any:
    """The tangent of every entry, round after round.

    JAX must be able to transpose this form (it is where second derivatives come from), so it is no
    `while_loop`: blocks of rounds, those after the last one skipped.
    """
    init_moves, moving_moves = moves

    def one_round(carry: tuple, count: jax.Array) -> tuple:
        def settled_now(carry: tuple) -> tuple:
            tangent, parameters = carry
            earlier = jax.tree.map(lambda t, s: jnp.where(s < count, t, 0), tangent, stamps)
            point = system.before(value, stamps, count)
            _, found = jax.jvp(
                lambda x, p: system.once(x, p, still), (point, moving), (earlier, parameters)
            )
            new = jax.tree.map(lambda y, t, s: jnp.where(s == count, y, t), found, tangent, stamps)
            return new, parameters

        return jax.lax.cond(any_in_batch(count <= last), settled_now, lambda c: c, carry), None

    size = math.isqrt(system.max_rounds - 1) + 1
    within = jnp.arange(size, dtype=jnp.int32)

    def block(carry: tuple, start: jax.Array) -> tuple:
        def run(carry: tuple) -> tuple:
            return jax.lax.scan(one_round, carry, start + 1 + within)[0]

        return jax.lax.cond(any_in_batch(start < last), run, lambda c: c, carry), None

    given = jax.tree.map(lambda t, s: jnp.where(s == 0, t, 0), init_moves, stamps)
    return jax.lax.scan(block, (given, moving_moves), size * within)[0][0]


def _descend(
    system: System,
    value: Any,
    moving: list[jax.Array],
    still: list[jax.Array],
    stamps: Any,
    last: jax.Array,
    cotangent: Any,
) -> Any:
    """The transpose of `_ascend`: cotangents of ``init`` and of the floats of the step."""

    def body(state: tuple) -> tuple:
        count, weights, found = state
        _, pullback = jax.vjp(
            lambda x, p: system.once(x, p, still), system.before(value, stamps, count), moving
        )
        now = jax.tree.map(lambda w, s: jnp.where(s == count, w, 0), weights, stamps)
        to_entries, to_moving = pullback(now)
        weights = jax.tree.map(
            lambda w, t, s: jnp.where((s >= 0) & (s < count), w + t, w), weights, to_entries, stamps
        )
        return count - 1, weights, jax.tree.map(jnp.add, found, to_moving)

    nothing = jax.tree.map(jnp.zeros_like, moving)
    start = (last, cotangent, nothing)
    _, weights, found = jax.lax.while_loop(lambda state: state[0] > 0, body, start)
    return jax.tree.map(lambda w, s: jnp.where(s == 0, w, 0), weights, stamps), found


def _any(tree: Any) -> jax.Array:
    return functools.reduce(jnp.logical_or, [jnp.any(leaf) for leaf in jax.tree.leaves(tree)])


def _scaled(factor: jax.Array, tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf * factor.astype(leaf.dtype), tree)
