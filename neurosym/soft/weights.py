"""The weights that the soft engines accept, and how domains restrict them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring, faults

if TYPE_CHECKING:
    from neurosym.soft.restriction import RestrictedNetwork


def checked_weights(
    network: Network | RestrictedNetwork,
    weights: Any,
    semiring: Semiring,
    domains: Domains | jax.Array | np.ndarray | None = None,
) -> Elements:
    """Weights as elements ``[V, D]``, zero outside of the domains.

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]``; entries beyond a variable's domain may be anything.
      semiring: a semiring in which ⊗ distributes over ⊕.
      domains: values that stay, ``Domains`` or ``bool[V, D]``; None for all.

    Raises:
      ValueError: if the semiring does not distribute, the weights or domains have another shape or
        dtype, or a weight of a value that exists is NaN, no element, or beyond the floats, as far
        as arrays are concrete.
    """
    if not hasattr(network, "structure"):
        raise ValueError(f"{network!r} is not a network: call compile() on a problem first")
    if not isinstance(semiring, Semiring):
        raise ValueError(
            f"{semiring!r} is not a semiring: give one such as neurosym.LOG, or "
            "neurosym.semiring_by_name(...)"
        )
    semiring.require_laws("exact inference")
    exists = declared_values(network)
    weights = semiring.asarray(weights, relevant=exists)
    wanted = (network.variables, network.size)
    shape = elements.shape(semiring, weights)
    if shape != wanted:
        raise ValueError(
            f"weights have shape [V, D] = {list(wanted)}, not {list(shape)}; "
            "for a batch use jax.vmap"
        )
    _refuse_faults(network, semiring, weights, exists)
    if domains is None:
        return weights
    mask = domain_mask(network, domains)
    zero = semiring.zeros((), elements.dtype(semiring, weights))
    return elements.where(semiring, mask, weights, zero)


def domain_mask(
    network: Network | RestrictedNetwork, domains: Domains | jax.Array | np.ndarray
) -> jax.Array:
    """``bool[V, D]``: the values that are declared and within ``domains``.

    Raises:
      ValueError: for another shape or dtype.
    """
    mask = domains.mask if isinstance(domains, Domains) else jnp.asarray(domains)
    wanted = (network.variables, network.size)
    if mask.dtype != jnp.bool_ or mask.shape != wanted:
        raise ValueError(
            f"domains are Domains or bool[V, D] = {list(wanted)}, "
            f"not {mask.dtype}{list(mask.shape)}"
        )
    return mask & network.mask


def declared_values(network: Network | RestrictedNetwork) -> np.ndarray:
    """``bool[V, D]``: the value exists in the variable's domain."""
    return _declared(tuple(len(domain) for domain in network.structure.domains))


@functools.lru_cache(maxsize=64)
def _declared(lengths: tuple[int, ...]) -> np.ndarray:
    return np.arange(max(lengths)) < np.asarray(lengths)[:, None]


def _refuse_faults(
    network: Network | RestrictedNetwork,
    semiring: Semiring,
    weights: Elements,
    exists: np.ndarray,
) -> None:
    for leaf in jax.tree.leaves(weights):
        wrong, what = faults(semiring, leaf)
        if not wrong.any():
            continue
        places = np.argwhere(exists & wrong.reshape(*exists.shape, -1).any(axis=2))
        if len(places):
            row, value = places[0]
            name, domain = network.structure.names[row], network.structure.domains[row]
            raise ValueError(f"the weight of {name!r} = {domain[value]!r} {what}")
