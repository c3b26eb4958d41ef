"""Tensors of relations in a semiring: those of facts, and what rules derive from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.programs.clauses import Signature
from neurosym.programs.tensor_domains import RelationDomains
from neurosym.programs.tensor_rules import TensorRule
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import einsum


def fact_table(
    shape: Sequence[int], facts: Mapping[tuple[int, ...], list[float]], semiring: Semiring
) -> jax.Array:
    """The tensor of facts: by their indices, the log-probabilities of each."""
    places = np.asarray(list(facts), np.int32).reshape(len(facts), len(shape))
    most = max(map(len, facts.values()))
    logs = np.asarray([x + [-np.inf] * (most - len(x)) for x in facts.values()], np.float32)
    weights = from_log(semiring, jnp.asarray(logs))
    values = semiring.sum(weights, axis=1) if most > 1 else weights[:, 0]
    empty = zeros(shape, semiring)
    return empty.at[tuple(places.T)].set(values.astype(empty.dtype))


def derived(
    rules: Sequence[TensorRule],
    tables: Mapping[Signature, Any],
    start: Any,
    domains: RelationDomains,
    semiring: Semiring,
) -> Any:
    """What the rules of one predicate add up to, with ``start``; None without either."""
    total = start
    for rule in rules:
        operands = [_truth(jnp.asarray(mask), semiring) for mask in rule.masks]
        for called, index in rule.calls:
            own = tables.get(called)
            if own is None:
                own = zeros(domains.shape(called), semiring)
            operands.append(own[tuple(slice(None) if n is None else n for n in index)])
        if rule.weight < 0 or not operands:
            operands.append(from_log(semiring, jnp.asarray(rule.weight, jnp.float32)))
        spec = rule.spec if len(operands) == rule.spec.count(",") + 1 else "," + rule.spec
        if len(operands) > 1 and spec != rule.spec:
            operands = [operands[-1], *operands[:-1]]
        value = einsum(spec, *operands, semiring=semiring)
        if any(n is not None for n in rule.places):
            empty = zeros(domains.shape(rule.head), semiring)
            places = tuple(slice(None) if n is None else n for n in rule.places)
            value = empty.at[places].set(value)
        total = value if total is None else semiring.add(total, value)
    return total


def zeros(shape: Sequence[int], semiring: Semiring) -> jax.Array:
    """Nothing holds."""
    return jnp.broadcast_to(semiring.asarray(semiring.zero), shape)


def from_log(semiring: Semiring, logs: jax.Array) -> jax.Array:
    """Elements for log-probabilities; in a semiring without weights, whether they are possible."""
    if semiring.from_log is not None:
        return semiring.from_log(logs)
    return _truth(logs > -jnp.inf, semiring)


def _truth(holds: jax.Array, semiring: Semiring) -> jax.Array:
    return jnp.where(holds, semiring.asarray(semiring.one), semiring.asarray(semiring.zero))
