"""`Composite`: relations over a scope and over hidden variables that follow from it.

    x * y + z == 7      hidden h with h == x * y; parts: h == x * y over (x, y, h), h + z == 7
    sizes               of x, y, z
    hidden              (the number of products,)
    parts               Placed(products, (0, 1, 3)), Placed(sum, (3, 2))

Each assignment of the scope determines the hidden values, so an assignment still counts once, and
the hidden variables are none of the network's: they have no row in its arrays, no weight and no
place in a solution. For the soft engine they are hidden indices. For the hard engine a composite is
a small network in a propagator: pruning starts from all hidden values and asks the parts round
after round until nothing changes. So it is as strong as its parts together, which is exact where
they are and no two of them share two variables in a cycle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import any_row
from neurosym.problems.constraints.constraint import Constraint, guarded_placements, placements
from neurosym.problems.constraints.layout import alike, lay_out
from neurosym.problems.constraints.lowering import Lowering
from neurosym.problems.constraints.parts_lowering import PartsLowering
from neurosym.problems.constraints.propagator import Coupled, Propagator, shared_length
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.revision import revise
from neurosym.problems.constraints.rounding import rounded
from neurosym.transforms.take import take

if TYPE_CHECKING:
    from neurosym.problems.auxiliary import Auxiliary
    from neurosym.problems.problem import Problem

WIDTH = 4
"""Variables of one row of a propagator; a composite over more of them takes several rows."""


def visible_placements(constraint: Constraint) -> tuple[Placed, ...]:
    """The placements of a constraint and of what defines its auxiliary variables.

    Parts that share auxiliary variables become one composite, over declared variables alone.

    Raises:
      ValueError: as `placements`.
    """
    parts = guarded_placements(constraint, constraint.visible)
    if all(i >= 0 for one in parts for i in one.scope):
        return tuple(parts)
    return tuple(_composed(parts, constraint.visible[0].problem))


def composed(constraint: Constraint) -> Relation:
    """A constraint as one relation over the declared variables that it reads, in their order."""
    scope = constraint.visible
    parts = guarded_placements(constraint, scope)
    if len(parts) == 1 and parts[0].scope == tuple(x.index for x in scope):
        return parts[0].relation
    order, parts = _with_definitions(parts, scope[0].problem)
    return _composite(order, parts, {x.index: len(x.domain) for x in scope}).relation


def _composed(parts: Sequence[Placed], problem: Problem) -> Iterator[Placed]:
    order, parts = _with_definitions(parts, problem)
    leader: dict[int, int] = {variable.index: variable.index for variable in order}

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = i = leader[leader[i]]
        return i

    for one in parts:
        hidden = [i for i in one.scope if i < 0]
        for other in hidden[1:]:
            leader[find(other)] = find(hidden[0])
    together: dict[int, list[Placed]] = {}
    for one in parts:
        inside = [i for i in one.scope if i < 0]
        if inside:
            together.setdefault(find(inside[0]), []).append(one)
        else:
            yield one
    for key, members in together.items():
        yield _composite([x for x in order if find(x.index) == key], members)


def _with_definitions(
    parts: Sequence[Placed], problem: Problem
) -> tuple[list[Auxiliary], list[Placed]]:
    """The auxiliary variables, each after those that it follows from, and all parts."""
    found: list[Placed] = list(parts)
    order: dict[int, Auxiliary] = {}
    known: dict[int, list[Placed]] = {}
    stack = [i for one in reversed(parts) for i in reversed(one.scope) if i < 0]
    while stack:
        i = stack[-1]
        variable = problem.auxiliary(i)
        if i in order:
            stack.pop()
            continue
        if i not in known:
            known[i] = [one for each in variable.definitions for one in placements(each)]
            found += known[i]
            stack += [j for one in known[i] for j in one.scope if j < 0 and j not in known]
            continue
        order[i] = variable
        stack.pop()
    return list(order.values()), found


def _composite(
    order: Sequence[Auxiliary], parts: Sequence[Placed], given: Mapping[int, int] | None = None
) -> Placed:
    """The parts as one relation, over the given variables, or over those of the parts."""
    read = dict.fromkeys(i for one in parts for i in one.scope if i >= 0)
    scope = tuple(read if given is None else given)
    position = {i: k for k, i in enumerate((*scope, *(x.index for x in order)))}
    sizes = {i: n for one in parts for i, n in zip(one.scope, one.relation.sizes, strict=True)}
    sizes |= given or {}
    relation = Composite(
        sizes=tuple(sizes[i] for i in scope),
        hidden=tuple(len(variable.domain) for variable in order),
        parts=tuple(Placed(one.relation, tuple(position[i] for i in one.scope)) for one in parts),
    )
    return Placed(relation, scope)


@dataclasses.dataclass(frozen=True)
class Composite(Relation):
    """Relations that hold together, for the one choice of hidden values that an assignment has.

    Attributes:
      sizes: the number of values of each position.
      hidden: the number of values of each hidden variable; each follows from the positions and from
        earlier hidden variables.
      parts: each over some positions and hidden variables, which are numbered after the positions.
    """

    sizes: tuple[int, ...]
    hidden: tuple[int, ...]
    parts: tuple[Placed, ...]
    kind: ClassVar[str] = "composite"

    def allows(self, assignment: Sequence[int]) -> bool:
        known = [int(v) for v in assignment]
        waiting: dict[int, list[Placed]] = {}
        for part in self.parts:
            waiting.setdefault(max(part.scope), []).append(part)
        arity = len(self.sizes)
        if not all(part.allows(known) for k in range(arity) for part in waiting.get(k, ())):
            return False
        for k, size in enumerate(self.hidden, arity):
            parts = waiting.get(k, ())
            known.append(0)
            for value in range(size):
                known[k] = value
                if all(part.allows(known) for part in parts):
                    break
            else:
                return False
        return True

    @property
    def bucket(self) -> Hashable:
        return ()

    @classmethod
    def group(cls, placed: Sequence[Placed[Composite]], size: int) -> Propagator:
        rows = [-(-len(scope) // WIDTH) for _, scope in placed]
        starts = np.cumsum([0, *rows])
        positions = int(starts[-1]) * WIDTH
        scope = np.zeros(positions, np.int32)
        present = np.zeros(positions, np.bool_)
        hidden: list[int] = []
        parts: list[Placed] = []
        most = shared_length(max(len(relation.hidden) for relation, _ in placed))
        owned = np.full((int(starts[-1]), most), -1, np.int32)
        for n, (relation, variables) in enumerate(placed):
            start, arity = int(starts[n]) * WIDTH, len(variables)
            scope[start : start + arity], present[start : start + arity] = variables, True
            inside = positions + len(hidden)
            local = [*range(start, start + arity)]
            local += range(inside, inside + len(relation.hidden))
            owned[starts[n] : starts[n + 1], : len(relation.hidden)] = local[arity:]
            hidden += relation.hidden
            parts += [Placed(r, tuple(local[k] for k in s)) for r, s in relation.parts]
        size = max(size, *hidden)
        local_variables = rounded(positions + len(hidden)) + 1  # the last one is never empty
        inner = np.zeros((local_variables - positions, size), np.bool_)
        inner[:, 0] = True
        inner[: len(hidden)] = np.arange(size) < np.asarray(hidden)[:, None]
        members = dict(sorted(alike(parts).items(), key=lambda item: repr(item[0])))
        groups, coupled, incidence = lay_out(members, size, local_variables)
        with jax.enable_x64(True):
            return Composites(
                scope=jax.device_put(scope.reshape(-1, WIDTH)),
                present=jax.device_put(present.reshape(-1, WIDTH)),
                owned=jax.device_put(np.where(owned < 0, local_variables - 1, owned)),
                start=jax.device_put(bits.pack_host(inner)),
                groups=groups,
                coupled=coupled,
                incidence=incidence,
                size=size,
            )

    def lower(self, private: frozenset[int]) -> Lowering:
        return PartsLowering(self.parts, private, len(self.sizes), self.hidden, ("part",))


@flax.struct.dataclass
class Composites:
    """Composites, as a network over the positions of their rows and their hidden variables; see
    `Propagator`. There are N such local variables of at most D' values, the last one a dummy."""

    scope: jax.Array  # int32[R, K]
    present: jax.Array  # bool[R, K]
    owned: jax.Array  # int32[R, M]: the hidden variables of the row's composite
    start: jax.Array  # uint64[N - R · K, W']: all values of the hidden variables
    groups: tuple[Propagator, ...]
    coupled: tuple[Coupled, ...]
    incidence: tuple[jax.Array, ...]
    size: int = flax.struct.field(pytree_node=False)  # D'

    @property
    def work(self) -> int:
        """Elements that one node takes, by the arrays of the parts."""
        return sum(x.size for x in jax.tree.leaves((self.groups, self.coupled, self.start)))

    @jax.named_scope("composite")
    def prune(self, domains: jax.Array) -> jax.Array:
        given, outer = domains.dtype, domains.shape[2]
        needed = bits.lane_dtype(self.size)
        dtype = max(given, needed, key=lambda lanes: lanes.itemsize)
        words = bits.word_count(self.size, dtype.itemsize * 8)
        batch = domains.shape[-1]
        lanes = domains.reshape(-1, outer, batch).astype(dtype)
        lanes = jnp.pad(lanes, ((0, 0), (0, max(0, words - outer)), (0, 0)))
        hidden = bits.narrow(self.start, dtype)[..., None]
        hidden = jnp.pad(hidden, ((0, 0), (0, lanes.shape[1] - hidden.shape[1]), (0, 0)))
        hidden = jnp.broadcast_to(hidden, (*hidden.shape[:2], batch))
        start = jnp.concatenate([lanes, hidden])

        def going(state: tuple[jax.Array, jax.Array]) -> jax.Array:
            return state[1]

        def step(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            revised = revise(self.groups, self.coupled, self.incidence, state[0])
            return revised, jnp.any(revised != state[0])

        found, _ = jax.lax.while_loop(going, step, (start, jnp.bool_(True)))
        left = any_row(found != bits.nothing(dtype), 1)  # [N, B]
        dead = jnp.any(~take(left, self.owned), axis=1)  # [R, B]
        lanes = found[: lanes.shape[0], :outer].reshape(domains.shape).astype(given)
        lanes = jnp.where(dead[:, None, None], bits.nothing(given), lanes)
        return jnp.where(self.present[..., None, None], lanes, bits.everything(given))
