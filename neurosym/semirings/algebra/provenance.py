"""Algebras that are useful like a semiring and break one of its laws.

A `Provenance` has a semiring's operations, and each here says which law it breaks. The value of a
formula then depends on how it is written, so engines that rewrite it (elimination, einsum) refuse a
provenance by name; circuits and your own programs evaluate the formula as it stands. These are the
approximations of Scallop (Li et al. 2023, https://arxiv.org/abs/2304.04812).

| name | elements | ⊕ | ⊗ | breaks |
| --- | --- | --- | --- | --- |
| ADD_MULT | probability | min(1, x + y) | × | distributivity, where a sum is cut at 1 |
| NOISY_OR | probability | 1 - (1 - x)(1 - y) | × | distributivity: shared causes count twice |
| TOP_K_PROOFS(k, V) | k partial assignments | the k likeliest | the k likeliest compatible unions |
distributivity and associativity, where a proof that was dropped would have won later |
"""

import dataclasses
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra.instances import safe_log
from neurosym.semirings.algebra.pickling import family
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.conversion import as_floats

MAX_PROOFS = 12
"""The most proofs that are counted exactly: the count has 2^k terms."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Provenance(Semiring):
    """Operations as of a `Semiring`, of which ``breaks`` names the laws that do not hold."""

    breaks: str = ""

    @property
    def broken_laws(self) -> str:
        return self.breaks

    def __repr__(self) -> str:
        return f"Provenance({self.name})"


ADD_MULT = Provenance(
    name="add_mult",
    zero=0.0,
    one=1.0,
    add=lambda x, y: jnp.minimum(x + y, 1),
    mul=jnp.multiply,
    autodiff=True,
    fold_sum=lambda x, axis: jnp.minimum(jnp.sum(x, axis=axis), 1),
    fold_prod=lambda x, axis: jnp.prod(x, axis=axis),
    from_log=jnp.exp,
    to_log=safe_log,
    complement=lambda x: 1 - x,
    ordered="increasing",
    breaks="distributivity",
)
"""Probabilities with min(1, x + y) and ×."""

NOISY_OR = Provenance(
    name="noisy_or",
    zero=0.0,
    one=1.0,
    add=lambda x, y: 1 - (1 - x) * (1 - y),
    mul=jnp.multiply,
    autodiff=True,
    fold_sum=lambda x, axis: 1 - jnp.prod(1 - x, axis=axis),
    fold_prod=lambda x, axis: jnp.prod(x, axis=axis),
    from_log=jnp.exp,
    to_log=safe_log,
    complement=lambda x: 1 - x,
    ordered="increasing",
    breaks="distributivity",
)
"""Probabilities with 1 - (1 - x)(1 - y) and ×."""


class Proofs(NamedTuple):
    """Elements of TOP_K_PROOFS: partial assignments of V variables, the likeliest first."""

    values: Any  # int32[..., k, V]: value indices, -1 where a variable is open
    log_weights: Any  # float[..., k, V]: of the values, 0 where a variable is open
    exists: Any  # bool[..., k]


@family
def TOP_K_PROOFS(k: int, variables: int) -> Provenance:
    """The k likeliest proofs, each a partial assignment; equal arguments give the same object.

    ⊗ joins proofs that agree (two values of one variable exclude each other), ⊕ collects; both keep
    the k likeliest distinct ones. The probability of the kept proofs is exact: assignments that
    several proofs share count once (`proofs_log_probability`, which is its ``to_log``).

    Args:
      k: from 1 to `MAX_PROOFS`.
      variables: V, over which facts are stated (`facts`).

    Raises:
      ValueError: for numbers out of range.
    """
    if not 1 <= k <= MAX_PROOFS or variables < 1:
        raise ValueError(
            f"TOP_K_PROOFS keeps 1 to {MAX_PROOFS} proofs over at least one variable, "
            f"not {k} over {variables}"
        )
    values = np.full((k, variables), -1, np.int32)
    weights = np.zeros((k, variables), np.float32)
    nothing = np.zeros(k, np.bool_)
    return Provenance(
        name=f"top_k_proofs({k})",
        zero=Proofs(values, weights, nothing),
        one=Proofs(values, weights, np.arange(k) == 0),
        add=lambda x, y: _likeliest(_joined(x, y), k),
        mul=lambda x, y: _likeliest(_unions(x, y), k),
        autodiff=True,
        to_log=proofs_log_probability,
        breaks="distributivity, associativity",
    )


def facts(provenance: Provenance, log_weights: jax.Array) -> Proofs:
    """One proof for each value: elements ``[V, D]`` for log-probabilities ``float[V, D]``."""
    log_weights = as_floats(log_weights, what="an array of log-probabilities")
    k, variables = np.shape(provenance.zero.values)
    if log_weights.ndim != 2 or log_weights.shape[0] != variables:
        raise ValueError(
            f"{provenance} is over {variables} variables; log-probabilities are [V, D], "
            f"not {list(log_weights.shape)}"
        )
    size = log_weights.shape[1]
    own = jnp.arange(k)[:, None] == 0
    here = own & (jnp.arange(variables) == jnp.arange(variables)[:, None, None, None])
    here = jnp.broadcast_to(here, (variables, size, k, variables))
    held = jnp.arange(size)[None, :, None, None]
    possible = log_weights > -jnp.inf
    weights = jnp.where(possible, log_weights, 0)[..., None, None]
    here &= possible[..., None, None]
    return Proofs(
        values=jnp.where(here, held, -1),
        log_weights=jnp.where(here, weights, 0),
        exists=jnp.broadcast_to(own[:, 0], (variables, size, k)) & possible[..., None],
    )


def proofs_log_probability(proofs: Proofs) -> jax.Array:
    """The log-probability ``float[...]`` that some proof holds, with independent variables.

    By inclusion and exclusion over the sets of proofs: exact, but for the rounding of a sum of 2^k
    terms of either sign.
    """
    k = proofs.exists.shape[-1]
    probability = jnp.zeros(proofs.exists.shape[:-1], proofs.log_weights.dtype)
    for size in range(1, k + 1):
        for chosen in itertools.combinations(range(k), size):
            union = _at(proofs, chosen[0])
            for n in chosen[1:]:
                union = _union(union, _at(proofs, n))
            weight = jnp.exp(jnp.sum(union.log_weights, -1))
            probability += (-1) ** (size + 1) * jnp.where(union.exists, weight, 0)
    return safe_log(probability)


def _at(proofs: Proofs, n: int) -> Proofs:
    return Proofs(proofs.values[..., n, :], proofs.log_weights[..., n, :], proofs.exists[..., n])


def _union(x: Proofs, y: Proofs) -> Proofs:
    """Proofs joined one by one; none where they contradict each other."""
    taken = x.values >= 0
    clash = jnp.any(taken & (y.values >= 0) & (x.values != y.values), -1)
    return Proofs(
        values=jnp.where(taken, x.values, y.values),
        log_weights=jnp.where(taken, x.log_weights, y.log_weights),
        exists=x.exists & y.exists & ~clash,
    )


def _unions(x: Proofs, y: Proofs) -> Proofs:
    """All k² unions, along the axis of proofs."""
    left = Proofs(x.values[..., :, None, :], x.log_weights[..., :, None, :], x.exists[..., :, None])
    right = Proofs(
        y.values[..., None, :, :], y.log_weights[..., None, :, :], y.exists[..., None, :]
    )
    both = _union(left, right)
    lead, variables = both.exists.shape[:-2], both.values.shape[-1]
    return Proofs(
        both.values.reshape(*lead, -1, variables),
        both.log_weights.reshape(*lead, -1, variables),
        both.exists.reshape(*lead, -1),
    )


def _joined(x: Proofs, y: Proofs) -> Proofs:
    return Proofs(
        jnp.concatenate([x.values, y.values], -2),
        jnp.concatenate([x.log_weights, y.log_weights], -2),
        jnp.concatenate([x.exists, y.exists], -1),
    )


def _likeliest(proofs: Proofs, k: int) -> Proofs:
    """The k likeliest distinct proofs; equally likely ones in the order in which they stand."""
    same = jnp.all(proofs.values[..., :, None, :] == proofs.values[..., None, :, :], -1)
    count = proofs.exists.shape[-1]
    earlier = jnp.asarray(np.tri(count, k=-1, dtype=np.bool_))
    repeated = jnp.any(same & earlier & proofs.exists[..., None, :], -1)
    exists = proofs.exists & ~repeated
    score = jnp.where(exists, jnp.sum(proofs.log_weights, -1), -jnp.inf)
    order = jnp.argsort(-jax.lax.stop_gradient(score), axis=-1, stable=True)[..., :k]
    kept = jnp.take_along_axis(exists, order, -1)

    def pick(x: jax.Array, empty: Any) -> jax.Array:
        taken = jnp.take_along_axis(x, order[..., None], -2)
        return jnp.where(kept[..., None], taken, empty)

    return Proofs(pick(proofs.values, -1), pick(proofs.log_weights, 0), kept)
