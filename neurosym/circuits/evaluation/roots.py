"""Roots: the sums that are read off the rows of a circuit once these are known.

A root is a sum of products of two rows. `totals` reads all roots at once. Where an instance asks
for one root only, that root is read alone, at the cost of its own terms and not of the rest: the
instances of a batch may each ask for another root. Going down, what arrives at the roots is handed
to the rows that they are made of (`passes` takes it from there).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.circuits.evaluation.ragged_sums import RaggedSums
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ZERO, Term
from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.take import take


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """The answers that the roots of a circuit stand for, distinct and in their order.

    >>> answers = Answers(["red", "green"])
    >>> answers[1], answers.index("green"), len(answers)
    ('green', 1, 2)
    """

    names: Sequence[Hashable]

    @functools.cached_property
    def _numbers(self) -> dict[Hashable, int]:
        return {name: number for number, name in enumerate(self.names)}

    @functools.cached_property
    def _hash(self) -> int:
        return hash(tuple(self.names))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Answers) and tuple(self.names) == tuple(other.names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Any:
        return self.names[number]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.names)

    def __contains__(self, answer: object) -> bool:
        return answer in self._numbers

    def __repr__(self) -> str:
        return f"Answers({len(self)})"

    def index(self, answer: Hashable) -> int:
        """The root that an answer names.

        Raises:
          ValueError: if there is none.
        """
        if answer not in self._numbers:
            raise ValueError(f"the circuit has no answer {answer!r}")
        return self._numbers[answer]


@flax.struct.dataclass
class Roots:
    """The terms of R roots, T in all."""

    left: jax.Array  # int32[T]: rows going up, one root after the other
    right: jax.Array  # int32[T]
    start: jax.Array  # int32[R + 1]: where the terms of each root start
    terms: RaggedSums  # of each root: left and right factors
    uses: RaggedSums  # of each row going up: 1 + the root that uses it, and the other factor there
    longest: int = flax.struct.field(pytree_node=False)  # terms of one root

    @property
    def count(self) -> int:
        """R."""
        return self.start.shape[0] - 1

    @classmethod
    def of(cls, roots: Sequence[Sequence[Term]], count: int) -> Roots:
        """The tables of the terms of each root, over so many rows going up."""
        uses: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for number, own in enumerate(roots):
            for a, b in own:
                for row, sibling in ((a, b), (b, a)):
                    if row >= FIRST_LEAF:  # constants have no support
                        uses[row].append((1 + number, sibling))
        flat = np.asarray([term for own in roots for term in own], np.int32).reshape(-1, 2)
        counts = [len(own) for own in roots]
        if not len(flat):
            flat = np.zeros((1, 2), np.int32)  # an index must lie within
        return cls(
            left=jax.device_put(flat[:, 0]),
            right=jax.device_put(flat[:, 1]),
            start=jax.device_put(np.cumsum([0, *counts]).astype(np.int32)),
            terms=RaggedSums.of(roots),
            uses=RaggedSums.of(uses),
            longest=max(counts, default=0),
        )


Mul = Callable[[Elements, Elements], Elements]


def read(semiring: Semiring, roots: Roots, values: Elements, root: jax.Array) -> Elements:
    """One root for each instance, ``int32[1, B]``, from all rows ``[N, B]``: elements ``[1, B]``.

    By the rule.
    """
    x, y, _ = _terms_of(semiring, roots, values, root)
    return elements.expand_dims(semiring, semiring.sum(semiring.mul(x, y), 0), 0)


def raw_read(semiring: Semiring, roots: Roots, values: Elements, root: jax.Array) -> Elements:
    """The same, without derivatives."""
    x, y, _ = _terms_of(semiring, roots, values, root)
    mul = semiring.mul.function  # type: ignore[attr-defined]
    found = rule.raw_sum(semiring, mul(x, y), 0)
    return elements.expand_dims(semiring, found, 0)


def read_all(semiring: Semiring, roots: Roots, values: Elements) -> Elements:
    """All roots, elements ``[R, B]``, from all rows ``[N, B]``; by the rule."""
    return _read_all(semiring, roots, values, semiring.mul, semiring.sum)


def raw_read_all(semiring: Semiring, roots: Roots, values: Elements) -> Elements:
    """The same, without derivatives."""
    mul = semiring.mul.function  # type: ignore[attr-defined]
    return _read_all(semiring, roots, values, mul, functools.partial(rule.raw_sum, semiring))


def flows(
    semiring: Semiring, roots: Roots, values: jax.Array, root: jax.Array, mul: Mul
) -> jax.Array:
    """The derivative of one root for each instance with respect to every row, floats ``[N, B]``."""
    x, y, (left, right, present) = _terms_of(semiring, roots, values, root)
    terms = mul(x, y)
    ruled = isinstance(mul, rule.Ruled)
    total = semiring.sum(terms, 0) if ruled else rule.raw_sum(semiring, terms, 0)
    shares = rule.responsibility(semiring, terms, total[None])
    if semiring.selective:
        shares = shares * present
        shares = shares / jnp.maximum(jnp.sum(shares, 0), 1)
    cofactors = rule.cofactors(semiring, x, y)
    # The one scatter of this room: where each instance asks for a root of its own, what a row
    # gathers from could not be laid out beforehand without a table of rows by roots.
    instances = jnp.arange(values.shape[1])[None]
    found = jnp.zeros_like(values)
    for rows, cofactor in zip((left, right), cofactors, strict=True):
        found = found.at[rows, instances].add(shares * cofactor, mode="promise_in_bounds")
    return found


def query_flows(
    semiring: Semiring, roots: Roots, values: jax.Array, cotangents: jax.Array, mul: Mul
) -> jax.Array:
    """What arrives at every row, floats ``[N, B]``, from cotangents of all roots ``[R, B]``."""
    ruled = isinstance(mul, rule.Ruled)
    totals = (read_all if ruled else raw_read_all)(semiring, roots, values)
    if semiring.selective:

        def share_of_one(own: jax.Array, left: jax.Array, right: jax.Array) -> jax.Array:
            terms = mul(take(values, left), take(values, right))
            shares = rule.responsibility(semiring, terms, take(totals, own))
            return shares * (left > ZERO)[..., None]

        none = jnp.zeros((1, values.shape[1]), values.dtype)
        winners = roots.terms.fold(semiring, none, share_of_one, jnp.sum)
        cotangents = cotangents / jnp.maximum(winners, 1)
    nothing = jnp.zeros((1, values.shape[1]), values.dtype)
    arriving, totals = (jnp.concatenate([nothing, x]) for x in (cotangents, totals))

    def use(own: jax.Array, user: jax.Array, sibling: jax.Array) -> jax.Array:
        x, y = jnp.broadcast_arrays(take(values, own), take(values, sibling))
        share = rule.responsibility(semiring, mul(x, y), take(totals, user))
        return take(arriving, user) * share * rule.cofactors(semiring, x, y)[0]

    return roots.uses.fold(semiring, nothing, use, jnp.sum)


def supports(
    semiring: Semiring, roots: Roots, values: Elements, root: jax.Array, *, raw: bool
) -> Elements:
    """The support of every row in one root for each instance, elements ``[N, B]``."""
    batch, dtype = elements.shape(semiring, values)[1], elements.dtype(semiring, values)
    # 1 + root: user 0 is none.
    asked = jnp.arange(1 + roots.count)[:, None] == 1 + root
    arriving = semiring.indicator(asked, dtype)
    mul: Any = semiring.mul.function if raw else semiring.mul  # type: ignore[attr-defined]
    add = functools.partial(rule.raw_sum, semiring) if raw else semiring.sum

    def use(own: jax.Array, user: jax.Array, sibling: jax.Array) -> Elements:
        return mul(take(arriving, user), take(values, sibling))

    return roots.uses.fold(semiring, semiring.zeros((1, batch), dtype), use, add)


def _read_all(
    semiring: Semiring,
    roots: Roots,
    values: Elements,
    mul: Mul,
    add: Callable[[Elements, int], Elements],
) -> Elements:
    batch, dtype = elements.shape(semiring, values)[1], elements.dtype(semiring, values)

    def term(own: jax.Array, left: jax.Array, right: jax.Array) -> Elements:
        return mul(take(values, left), take(values, right))

    return roots.terms.fold(semiring, semiring.zeros((1, batch), dtype), term, add)


def _terms_of(
    semiring: Semiring, roots: Roots, values: Elements, root: jax.Array
) -> tuple[Elements, Elements, tuple[jax.Array, jax.Array, jax.Array]]:
    """Both factors of every term of a root, elements ``[K, B]``; their rows, and which exist."""
    places = roots.start[root] + jnp.arange(roots.longest)[:, None]
    present = places < roots.start[1 + root]
    places = jnp.where(present, places, 0)
    left, right = (jnp.where(present, rows[places], ZERO) for rows in (roots.left, roots.right))
    instances = jnp.broadcast_to(jnp.arange(root.shape[1])[None], left.shape)
    x, y = (take(values, rows, instances) for rows in (left, right))
    return x, y, (left, right, present)
