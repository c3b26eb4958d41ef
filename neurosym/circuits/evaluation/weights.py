"""The weights that a circuit accepts, and how domains restrict them; as for `neurosym.total`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring, faults


def checked_weights(
    weights: Any,
    semiring: Semiring,
    domains: Domains | jax.Array | np.ndarray | None,
    *,
    sizes: Sequence[int],
    width: int,
    literals: bool,
    complemented: bool,
) -> Elements:
    """Weights as elements ``[I]``, zero outside of the domains; I is V × D.

    Args:
      weights: elements ``[V, D]``, of whose entries those beyond a variable's domain may be
        anything; or ``[V]``, the weights of positive literals.
      semiring: of the weights.
      domains: values that stay, ``Domains`` or ``bool[V, D]``; None for all.
      sizes: how many values each variable has.
      width: D.
      literals: the weights are those of literals.
      complemented: weights ``[V]`` are taken where the semiring has a complement.

    Raises:
      ValueError: for another shape or dtype, or if the weight of a value that exists is NaN or no
        element, as far as arrays are concrete.
    """
    if not isinstance(semiring, Semiring):
        raise ValueError(
            f"{semiring!r} is not a semiring: give one such as neurosym.LOG, or "
            "neurosym.semiring_by_name(...)"
        )
    wanted = (len(sizes), width)
    exists = np.arange(width) < np.asarray(sizes, np.int64).reshape(-1, 1)
    # Weights [V] have no entries that do not count.
    of_literals = literals and complemented and _shape(semiring, weights) == wanted[:1]
    weights = semiring.asarray(weights, relevant=None if of_literals else exists)
    given = elements.shape(semiring, weights)
    if of_literals:
        if semiring.complement is None:
            raise ValueError(
                f"semiring {semiring.name} declares no complement: give the weights of both "
                f"literals, [V, 2] = {list(wanted)}"
            )
        both = [weights, semiring.complement(weights)]
        weights = elements.stack(semiring, both, axis=1)
    elif given != wanted:
        axes = "[V, 2]" if literals else "[V, D]"
        raise ValueError(
            f"weights have shape {axes} = {list(wanted)}, not {list(given)}; "
            "for a batch use jax.vmap"
        )
    _refuse_faults(semiring, weights, exists)
    if domains is not None:
        mask = _mask(domains, wanted)
        zero = semiring.zeros((), elements.dtype(semiring, weights))
        weights = elements.where(semiring, mask, weights, zero)
    return elements.reshape(semiring, weights, (wanted[0] * wanted[1],))


def _shape(semiring: Semiring, weights: Any) -> tuple[int, ...]:
    if elements.is_structured(semiring):
        return elements.shape(semiring, weights)
    return np.shape(weights)


def _mask(domains: Domains | jax.Array | np.ndarray, wanted: tuple[int, int]) -> jax.Array:
    mask = domains.mask if isinstance(domains, Domains) else domains
    if not isinstance(mask, jax.Array):
        mask = np.asarray(mask)
    if mask.dtype != jnp.bool_ or mask.shape != wanted:
        raise ValueError(
            f"domains are Domains or bool[V, D] = {list(wanted)}, "
            f"not {mask.dtype}{list(mask.shape)}"
        )
    return jnp.asarray(mask)


def _refuse_faults(semiring: Semiring, weights: Elements, exists: np.ndarray) -> None:
    for leaf in jax.tree.leaves(weights):
        wrong, what = faults(semiring, leaf)
        if not wrong.any():
            continue
        places = np.argwhere(exists & wrong.reshape(*exists.shape, -1).any(axis=2))
        if len(places):
            raise ValueError(f"the weight at {places[0].tolist()} {what}")
