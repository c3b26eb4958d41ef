"""`Propagator`: many relations of one kind as arrays, which say together what they still allow.

    domains [C, K, W, B] ─▶ prune ─▶ messages [C, K, W, B]

Row c of every array belongs to one relation in its place: ``scope[c]`` names its variables. The
hard engine gathers the domains of each scope, calls `prune` once for the whole batch, and
intersects for each variable the messages that touch it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax
import numpy as np

from neurosym.problems.constraints.rounding import ROWS, is_rounding, rounded


class Propagator(Protocol):
    """Arrays of ``C`` relations of one kind over scopes of at most ``K`` variables; a pytree.

    Shorter scopes are padded: ``scope`` repeats variable 0 there and ``present`` is False.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]

    def prune(self, domains: jax.Array) -> jax.Array:
        """What each constraint still allows.

        Works in any lanes: ``uint64`` in W words, or, where the engine narrowed small domains, one
        word of fewer bits. Lanes that a propagator keeps are ``uint64`` and are narrowed where they
        are used (`neurosym.bits.lanes.narrow`).

        Args:
          domains: lanes ``[C, K, W, B]`` of the variables in scope, batch last.

        Returns:
          Lanes of the same shape and dtype: values with a support in ``domains`` (a weaker
          propagator says so in its docstring); all ones where ``present`` is False.
        """
        ...


@runtime_checkable
class Coupled(Protocol):
    """A propagator that revises the domains of all variables at once, without messages.

    Where the message of a constraint to a variable follows from a digest of the whole scope, that
    is far less to move. A relation offers it by `Relation.couple`.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    touching: jax.Array  # int32[V, M]: the constraints on each variable
    touches: jax.Array  # bool[V, M]: False in the filling

    def revise(self, lanes: jax.Array) -> jax.Array:
        """What the constraints allow of all domains, lanes ``[V, W, B]``; a subset of them."""
        ...


def padded_scopes(scopes: Sequence[tuple[int, ...]], arity: int) -> tuple[np.ndarray, np.ndarray]:
    """``int32[C, arity]`` and ``bool[C, arity]``: scopes filled up with 0, and where they are."""
    scope = np.zeros((len(scopes), arity), np.int32)
    present = np.zeros((len(scopes), arity), np.bool_)
    for c, variables in enumerate(scopes):
        scope[c, : len(variables)], present[c, : len(variables)] = variables, True
    return scope, present


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least ``n``."""
    return 1 << max(0, n - 1).bit_length()


def shared_length(n: int, *, least: int = 1) -> int:
    """The length that scopes of ``n`` variables, or about as many, are filled up to.

    Where sizes are rounded they are no shorter than ``least``.
    """
    return rounded(max(n, least)) if is_rounding() else power_of_two(n)


def shared_rows(n: int) -> int:
    """The number of rows that tables of ``n`` rows, or about as many, are filled up to."""
    return max(1, rounded(n, among=ROWS)) if is_rounding() else power_of_two(n)
