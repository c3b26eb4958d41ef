"""Potentials on their way into an elimination: checked, cut to what is left, read in a semiring.

A table of potentials is log-weights wherever it comes from; a semiring reads them by its
``from_log``. The scopes are static facts of a plan, and the tables are arguments of its program.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials, Scope, checked_potentials
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.transforms.concrete import concrete

LogTables = tuple[jax.Array, ...]
"""The log-weights of each potentials, ``float[C, D, ..., D]`` or without the first axis."""


def given_potentials(
    network: Network | RestrictedNetwork,
    potentials: Potentials | Sequence[Potentials],
    semiring: Semiring | None = None,
) -> tuple[Potentials, ...]:
    """The potentials of a call, over the values of the network.

    Args:
      network: a network, or a restricted one: then the potentials speak of the whole one.
      potentials: one or several.
      semiring: that is to read them, where not every semiring can.

    Raises:
      ValueError: if they do not fit the network, or have no reading in the semiring.
    """
    if isinstance(network, RestrictedNetwork):
        whole = checked_potentials(network.whole_structure, potentials)
        given = tuple([network.potentials(one) for one in whole])
    else:
        given = checked_potentials(network.structure, potentials)
    if given and semiring is not None:
        _check_reading(semiring, given)
    return given


def scopes_of(potentials: Sequence[Potentials]) -> tuple[Scope, ...]:
    """The static part of potentials."""
    return tuple([one.static_scope for one in potentials])


def log_tables(potentials: Sequence[Potentials]) -> LogTables:
    """The arrays of potentials."""
    return tuple([one.log_table for one in potentials])


def table_elements(semiring: Semiring, logs: LogTables, weights: Elements) -> list[Elements]:
    """Tables as elements of a semiring, in the precision of the weights."""
    dtype = elements.dtype(semiring, weights)
    found = []
    for table in logs:
        assert semiring.from_log is not None
        if jnp.issubdtype(dtype, jnp.floating):
            table = table.astype(dtype)
        found.append(semiring.from_log(table))
    return found


def _check_reading(semiring: Semiring, potentials: Sequence[Potentials]) -> None:
    if semiring.from_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not read log-weights (it has no from_log), which "
            "potentials are"
        )
    if not semiring.truth_degrees:
        return
    for one in potentials:
        if concrete(one.log_table) and np.any(np.asarray(one.log_table) > 0):
            raise ValueError(
                f"a table of potentials has a log-weight above 0, and semiring {semiring.name} has "
                "elements up to 1: subtract the greatest one"
            )
