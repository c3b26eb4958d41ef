"""The weights that the soft engines accept, and how domains restrict them.

The functions here look at what is given with NumPy, outside of the compiled program, as far as it
is concrete; whatever changes arrays (`within`) is a part of the program.
"""

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
from neurosym.transforms.concrete import concrete

if TYPE_CHECKING:
    from neurosym.soft.restriction import RestrictedNetwork


def checked_weights(
    network: Network | RestrictedNetwork,
    weights: Any,
    semiring: Semiring,
) -> Elements:
    """Weights as elements ``[V, D]``.

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]``; entries beyond a variable's domain may be anything.
      semiring: a semiring in which ⊗ distributes over ⊕.

    Raises:
      ValueError: if the semiring does not distribute, the weights have another shape or dtype, or a
        weight of a value that exists is NaN, no element, or beyond the floats, as far as arrays are
        concrete.
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
    refuse_faults(network, semiring, weights, exists)
    return weights


def within(semiring: Semiring, weights: Elements, mask: jax.Array | np.ndarray | None) -> Elements:
    """Weights ``[V, D]``, zero where the mask does not hold; None for no mask."""
    if mask is None:
        return weights
    zero = semiring.zeros((), elements.dtype(semiring, weights))
    return elements.where(semiring, jnp.asarray(mask), weights, zero)


def checked_mask(
    network: Network | RestrictedNetwork, domains: Domains | jax.Array | np.ndarray | None
) -> jax.Array | np.ndarray | None:
    """As `domain_mask`; None, which stands for all values, stays None."""
    return None if domains is None else domain_mask(network, domains)


def domain_mask(
    network: Network | RestrictedNetwork, domains: Domains | jax.Array | np.ndarray
) -> jax.Array | np.ndarray:
    """``bool[V, D]``: the values that are declared and within ``domains``.

    Raises:
      ValueError: for another shape or dtype.
    """
    mask = domains.mask if isinstance(domains, Domains) else domains
    if concrete(mask):  # NumPy, which compiles nothing
        mask = np.asarray(mask)
    elif not isinstance(mask, jax.Array):
        mask = jnp.asarray(mask)
    wanted = (network.variables, network.size)
    if mask.dtype != jnp.bool_ or mask.shape != wanted:
        raise ValueError(
            f"domains are Domains or bool[V, D] = {list(wanted)}, "
            f"not {mask.dtype}{list(mask.shape)}"
        )
    return mask & declared_values(network)


def declared_values(network: Network | RestrictedNetwork) -> np.ndarray:
    """``bool[V, D]``: the value exists in the variable's domain."""
    return _declared(tuple(len(domain) for domain in network.structure.domains))


@functools.lru_cache(maxsize=64)
def _declared(lengths: tuple[int, ...]) -> np.ndarray:
    return np.arange(max(lengths)) < np.asarray(lengths)[:, None]


def refuse_faults(
    network: Network | RestrictedNetwork,
    semiring: Semiring,
    weights: Elements,
    exists: np.ndarray,
) -> None:
    """ValueError if a concrete weight ``[V, D]`` is not an element where ``exists`` holds."""
    for leaf in jax.tree.leaves(weights):
        wrong, what = faults(semiring, leaf)
        if not wrong.any():
            continue
        places = np.argwhere(exists & wrong.reshape(*exists.shape, -1).any(axis=2))
        if len(places):
            row, value = places[0]
            name, domain = network.structure.names[row], network.structure.domains[row]
            raise ValueError(f"the weight of {name!r} = {domain[value]!r} {what}")
