"""Exact samples of the assignments that satisfy a network, in proportion to their weights.

Upwards, the contraction sums indices out; downwards, each summed index is drawn from the terms of
its sum, given the indices that were drawn before (forward filtering, backward sampling, for any
order of elimination; Dechter 1999, "Bucket elimination", section 5,
https://doi.org/10.1016/S0004-3702(99)00059-4). Nothing is rejected.

Variables that a constraint has summed out by a method of its own are drawn last, one after another:
each from its support given the variables before it.
"""

import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials, Scope
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.effort import DEFAULT_EFFORT, Effort, Limits
from neurosym.soft.elimination import Elimination, TooWideError, eliminate_within
from neurosym.soft.factors import Kind
from neurosym.soft.levels import Group, contract_levels, fetch
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.soft.stacks import take_rows, write_out
from neurosym.soft.tables import (
    LogTables,
    given_potentials,
    log_tables,
    scopes_of,
    table_elements,
)
from neurosym.soft.weights import checked_mask, checked_weights, within
from neurosym.transforms.take import take

MAX_EXTRA_MEMORY = 8
"""How many times more than absorbing constraints it may take to open them all for sampling."""


def sample(
    network: Network | RestrictedNetwork,
    weights: Any,
    *,
    key: jax.Array,
    samples: int,
    semiring: Semiring = LOG,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> jax.Array:
    """Draws independent assignments from the distribution that the weights and constraints define.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> drawn = sample(problem.compile(), jnp.zeros((3, 4)), key=jax.random.key(0), samples=5)
    >>> drawn.sum(axis=1).tolist()
    [4, 4, 4, 4, 4]

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]`` of the semiring, read as log-probabilities; they need not be
        normalised.
      key: of the randomness.
      samples: how many.
      semiring: of the weights; it must convert to log-probabilities.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``.
      potentials: soft factors over several variables.
      effort: what the contraction of one instance may cost; the samples come on top. Sampling
        always contracts in levels, and never in slices, so the memory limit alone counts.
      **limits: parts of the effort alone: ``memory_limit``.

    Returns:
      Value indices ``int32[samples, V]``; all -1 where the constraints cannot hold.

    Raises:
      ValueError: as for `total`, if ``samples`` is not positive, or if the semiring has no reading
        as log-probabilities.
      TooWideError: if elimination would take more memory.
    """
    if getattr(semiring, "to_log", None) is None:
        raise ValueError(
            f"semiring {semiring.name} does not turn into log-probabilities to sample from"
        )
    if samples < 1:
        raise ValueError(f"the number of samples must be positive, not {samples}")
    weights = checked_weights(network, weights, semiring)
    mask = checked_mask(network, domains)
    assert semiring.to_log is not None
    logs = jax.eval_shape(semiring.to_log, weights)
    given = given_potentials(network, potentials)
    elimination = _plan(network, scopes_of(given), effort.but(limits), logs.dtype.itemsize)
    return _sample(elimination, samples, weights, key, mask, semiring, log_tables(given))


@functools.partial(jax.jit, static_argnums=(0, 1, 5))
def _sample(
    elimination: Elimination,
    samples: int,
    elements: Elements,
    key: jax.Array,
    mask: jax.Array | np.ndarray | None = None,
    semiring: Semiring = LOG,
    logs: LogTables = (),
) -> jax.Array:
    assert semiring.to_log is not None
    weights = semiring.to_log(within(semiring, elements, mask))
    tables = table_elements(LOG, logs, weights)
    factors, schedule = elimination.factors, elimination.schedule
    if schedule is None:  # a single vector of weights
        (logits,) = factors.tensors(LOG, weights)
        noise = jax.random.gumbel(key, (samples, 1, logits.shape[0]), logits.dtype)
        drawn = jax.vmap(lambda noise: _draw(noise, logits[None]))(noise)
        return jnp.where(jnp.max(logits) > -jnp.inf, drawn, -1)
    stacks = contract_levels(LOG, schedule, factors.stacks(LOG, weights, schedule.inputs, tables))
    walk = _Walk(elimination, stacks)
    # All random numbers at once: each call of a generator is a program of its own to compile.
    noise = jax.random.gumbel(key, (samples, walk.choices), weights.dtype)
    drawn = jax.vmap(lambda noise: walk.draw(weights, noise))(noise)
    return jnp.where(stacks[-1][0] > -jnp.inf, drawn, -1)


class _Walk:
    """The levels downwards: labels are drawn group by group, and kept in one growing vector."""

    def __init__(self, elimination: Elimination, stacks: Sequence[Elements]) -> None:
        assert elimination.schedule is not None
        self.factors = elimination.factors
        self.groups = elimination.schedule.groups
        self.steps = elimination.plan.steps
        results = [step.labels for step in self.steps]
        self.labels = [*self.factors.labels, *results]
        self.operands = [
            tuple(fetch(LOG, stacks, operand) for operand in group.operands)
            for group in self.groups
        ]

    @property
    def choices(self) -> int:
        """Terms from among which one assignment is drawn, each of which takes a random number."""
        return sum(self._choices())

    def draw(self, weights: jax.Array, noise: jax.Array) -> jax.Array:
        """One assignment ``int32[V]``, from Gumbel noise ``float[choices]``."""
        ends = np.cumsum(self._choices())[:-1].tolist()
        parts = iter(jnp.split(noise, ends))
        drawn = jnp.zeros((0,), jnp.int32)
        places: dict[Hashable, int] = {}
        for n in reversed(range(len(self.groups))):
            new, labels = self._group(n, next(parts), drawn, places)
            if not labels:
                continue
            places |= {x: len(places) + k for k, x in enumerate(labels)}
            drawn = jnp.concatenate([drawn, new])
        for number, kind in enumerate(self.factors.kinds):
            if not kind.absorbed:
                continue
            new, labels = self._absorbed(number, kind, weights, next(parts), drawn, places)
            places |= {x: len(places) + k for k, x in enumerate(labels)}
            drawn = jnp.concatenate([drawn, new])
        return drawn[np.asarray([places[i] for i in range(weights.shape[0])], np.int32)]

    def _choices(self) -> list[int]:
        """The same, of each group from the last one, and then of each kind that absorbs."""
        counts = []
        for n in reversed(range(len(self.groups))):
            group = self.groups[n]
            sizes: dict[Hashable, int] = {}
            for stack, pattern in zip(self.operands[n], group.patterns[:2], strict=True):
                sizes |= dict(zip(pattern, stack.shape, strict=False))
            summed = [size for x, size in sizes.items() if x not in group.patterns[2]]
            counts.append(group.count * math.prod(summed))
        for kind in self.factors.kinds:
            if kind.absorbed:
                counts.append(len(kind.scopes) * sum(kind.sizes[k] for k in kind.absorbed))
        return counts

    def _group(
        self, number: int, noise: jax.Array, drawn: jax.Array, places: Mapping[Hashable, int]
    ) -> tuple[jax.Array, list[Hashable]]:
        """The labels that a group summed out, given those of its results."""
        group = self.groups[number]
        names = self._names(group)
        out = group.patterns[2]
        summed = [x for x in names if x not in out]
        if not summed:
            return drawn[:0], []
        given = {x: drawn[np.asarray([places[y] for y in names[x]], np.int32)] for x in out}
        logits: jax.Array | float = 0.0
        sizes: dict[Hashable, int] = {}
        for stack, pattern in zip(self.operands[number], group.patterns[:2], strict=True):
            stack = write_out(LOG, stack, group.count)
            sizes |= dict(zip(pattern, stack.shape, strict=False))
            known = [x for x in pattern if x in given]
            free = [x for x in summed if x in pattern]
            order = [*(pattern.index(x) for x in known), stack.ndim - 1]
            order += [pattern.index(x) for x in free]
            at = (*(given[x] for x in known), jnp.arange(group.count))
            part = take(jnp.transpose(stack, order), *at)
            logits += part.reshape(-1, *(sizes[x] if x in free else 1 for x in summed))
        lengths = tuple(sizes[x] for x in summed)
        logits = jnp.broadcast_to(logits, (group.count, *lengths)).reshape(group.count, -1)
        values = jnp.unravel_index(_draw(noise.reshape(logits.shape), logits), lengths)
        new = jnp.concatenate([value.astype(jnp.int32) for value in values])
        return new, [y for x in summed for y in names[x]]

    def _names(self, group: Group) -> dict[Hashable, list[Hashable]]:
        """The labels that a label of the group's pattern stands for, step by step."""
        left, right, _ = group.patterns
        names: dict[Hashable, list[Hashable]] = {x: [] for x in (*left, *right)}
        for n in group.steps:
            step = self.steps[n]
            own = dict(zip((*left, *right), self._of(step.left, step.right), strict=True))
            for x, y in own.items():
                names[x].append(y)
        return names

    def _of(self, left: int, right: int) -> tuple[Hashable, ...]:
        return (*self.labels[left], *self.labels[right])

    def _absorbed(
        self,
        number: int,
        kind: Kind,
        weights: jax.Array,
        noise: jax.Array,
        drawn: jax.Array,
        places: Mapping[Hashable, int],
    ) -> tuple[jax.Array, list[Hashable]]:
        """The variables that all members of a kind have summed out inside."""
        count = len(kind.scopes)
        outer = []
        for tensor in range(len(kind.constant)):
            slots = self.factors.slots(number, tensor)
            mask: jax.Array = jnp.ones((count,), jnp.bool_)
            for axis, _ in enumerate(kind.lowering.labels[tensor]):
                labels = [self.factors.labels[slot][axis] for slot in slots]
                index = drawn[np.asarray([places[x] for x in labels], np.int32)]
                chosen = index[:, None] == jnp.arange(self.factors.sizes[labels[0]])
                mask = mask[..., None] & chosen.reshape(count, *(1,) * axis, -1)
            outer.append(LOG.indicator(mask, weights.dtype))
        scoped = []
        for k, size in enumerate(kind.sizes):
            scoped.append(take_rows(LOG, weights, [scope[k] for scope in kind.scopes], 0)[:, :size])

        ends = np.cumsum([kind.sizes[k] for k in kind.absorbed])[:-1].tolist()

        def draw(
            scoped: list[jax.Array], outer: list[jax.Array], noise: jax.Array
        ) -> list[jax.Array]:
            found = []
            for k, part in zip(kind.absorbed, jnp.split(noise, ends), strict=True):
                value = _draw(part, scoped[k] + kind.lowering.down(LOG, scoped, outer)[k])
                held = LOG.indicator(jnp.arange(kind.sizes[k]) == value, weights.dtype)
                scoped = [held if n == k else x for n, x in enumerate(scoped)]
                found.append(value)
            return found

        found = jax.vmap(draw)(scoped, outer, noise.reshape(count, -1))
        return jnp.concatenate(found), [scope[k] for k in kind.absorbed for scope in kind.scopes]


def _draw(noise: jax.Array, logits: jax.Array) -> jax.Array:
    """``int32[...]`` from unnormalised log-probabilities ``[..., D]`` and Gumbel noise."""
    return jnp.argmax(logits + noise, axis=-1).astype(jnp.int32)


def _plan(
    network: Network | RestrictedNetwork,
    scopes: tuple[Scope, ...],
    effort: Effort,
    bytes_each: int,
) -> Elimination:
    """Constraints lie open where that is affordable: then each index is drawn once."""

    def plan(absorb: bool, limit: int) -> Elimination:
        whole = Effort(memory_limit=limit, max_slices=1, levelled=True)
        return eliminate_within(
            network, None, scopes, bytes_each=bytes_each, effort=whole, absorb=absorb
        )

    absorbing: Elimination | None = None
    limit = effort.memory_limit
    try:
        absorbing = plan(True, limit)
        affordable = max(2**22, MAX_EXTRA_MEMORY * absorbing.element_count * bytes_each)
        limit = min(limit, affordable)
    except TooWideError as error:
        refused = error
    try:
        return plan(False, limit)
    except TooWideError:
        if absorbing is None:
            raise refused from None
    return absorbing
