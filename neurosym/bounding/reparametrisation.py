"""`reparametrised`: weights that say the same of every solution, and bound it by their best values.

    weights ─▶ rounds of `neurosym.duals`, the whole batch as the last axis ─▶ what moved

Nothing flows back through the moving itself: a bound is one for whatever has moved, so its
derivative is that of the sum of the best moved weights (Danskin 1966).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.duals import Ascent, Moved, ascent_of
from neurosym.duals.factored import DenseLayer
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials, check_log_weights, checked_potentials
from neurosym.semirings.algebra.instances import LOG
from neurosym.soft.weights import checked_weights, domain_mask
from neurosym.transforms.one_program import one_program

ROUNDS = 30
"""Of moving, where the caller does not say how many."""


@flax.struct.dataclass
class Reparametrised:
    """Weights that have moved, of one instance; with batch axes in front under `jax.vmap`.

    A solution's total is at most ``constant + Σ_i weights[i, x_i]``, and exactly that where
    ``exact`` holds: if nothing but all-different constraints over as many values as variables moved
    any weight.
    """

    weights: jax.Array  # float[V, D]
    constant: jax.Array  # float[]
    kept: tuple[jax.Array, ...]  # what constraints and potentials keep of an assignment
    tables: tuple[jax.Array, ...]  # of the potentials, the factors first
    ascent: Ascent = flax.struct.field(pytree_node=False)

    @property
    def exact(self) -> bool:
        """Every solution weighs the constant and its moved weights."""
        return self.ascent.exact

    @property
    def bound(self) -> jax.Array:
        """``float[]``: no solution weighs more."""
        kept = self.constant + jnp.sum(jnp.max(self.weights, axis=-1), axis=-1)
        tables = self.tables
        for layer, own in zip(self.ascent.layers, self.kept, strict=True):
            if isinstance(layer, DenseLayer) and layer.masks is None:
                table = tables[layer.position][..., None]
                data = layer.data({layer.position: table}, own.dtype)  # type: ignore[arg-type]
                kept = kept + layer.highest(data, own[..., None])[0]
        return kept

    @property
    def assignment(self) -> jax.Array:
        """``int32[V]``: the best value of each variable; the solution, where the bound is tight."""
        return jnp.argmax(self.weights, axis=-1).astype(jnp.int32)

    def total(self, assignment: jax.Array) -> jax.Array:
        """``float[]``: what the weights that were given, and the potentials, say of an assignment.

        Args:
          assignment: value indices ``int32[V]``, of a solution.
        """
        chosen = jnp.arange(self.weights.shape[-1])[:, None] == jnp.asarray(assignment)
        ones = chosen.astype(self.weights.dtype)[..., None]  # [D, V, 1]
        total = self.constant + jnp.sum(jnp.where(chosen.T, self.weights, 0))
        for layer, own in zip(self.ascent.layers, self.kept, strict=True):
            total = total + layer.content(own[..., None], ones)[0]
            if isinstance(layer, DenseLayer) and layer.masks is None:
                table = self.tables[layer.position][..., None]
                data = layer.data({layer.position: table}, own.dtype)  # type: ignore[arg-type]
                total = total + layer.tables_of(data, ones)[0]
        return total


def reparametrised(
    network: Network,
    weights: jax.Array,
    *,
    domains: Domains | jax.Array | np.ndarray | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    rounds: int = ROUNDS,
) -> Reparametrised:
    """Moves weight between constraints and variables until the best weights are a tight bound.

    Dual block coordinate ascent: every constraint and potential takes part with its max-times
    messages, all-different constraints with prices of their values. No round raises the bound.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import AllDifferent, Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=2, domain=range(2))
    >>> problem.add(AllDifferent(x))
    >>> moved = reparametrised(problem.compile(), jnp.array([[5.0, 0], [4, 0]]))
    >>> float(moved.bound), moved.assignment.tolist(), moved.exact
    (5.0, [0, 1], True)

    Args:
      network: the compiled problem.
      weights: ``float[V, D]``; -inf forbids a value.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all if None.
      potentials: soft factors over several variables.
      rounds: in each of which every constraint has one turn.

    Raises:
      ValueError: for weights of another shape or with NaN or +inf, domains of another shape,
        potentials that do not fit, or a negative number of rounds.
    """
    weights, given = checked(network, weights, domains, potentials, rounds)
    tables = tuple([_with_factors(one) for one in given])
    scopes = tuple([tuple(map(tuple, one.scope.tolist())) for one in given])
    ascent = ascent_of(network.structure, scopes)
    still = jax.lax.stop_gradient((weights, tables))
    spent, constant, kept = _mover(ascent)(np.int32(rounds), still)
    moved = jnp.where(weights > -jnp.inf, weights - spent, -jnp.inf)
    return Reparametrised(moved, constant, kept, tables, ascent)


def checked(
    network: Network,
    weights: Any,
    domains: Domains | jax.Array | np.ndarray | None,
    potentials: Potentials | Sequence[Potentials],
    rounds: int,
) -> tuple[jax.Array, tuple[Potentials, ...]]:
    """Weights ``float[V, D]``, -inf where there is no value, and the potentials.

    Raises:
      ValueError: as `reparametrised`.
    """
    weights = checked_weights(network, weights, LOG)
    mask = domain_mask(network, np.asarray(network.mask) if domains is None else domains)
    weights = jnp.where(jnp.asarray(mask), weights, -jnp.inf)
    check_log_weights(weights, "weights")
    if isinstance(rounds, bool) or rounds != int(rounds) or rounds < 0:
        raise ValueError(f"the number of rounds is an integer from 0 up, not {rounds}")
    return weights, tuple(checked_potentials(network.structure, potentials))


@functools.lru_cache(maxsize=256)
def _mover(ascent: Ascent) -> Any:
    """From rounds, and weights ``[V, D]`` and tables: what is spent, the constant, what is kept."""

    @jax.jit
    def together(rounds: jax.Array, batch: tuple) -> tuple:
        weights, tables = batch  # [B, V, D], [B, N or 1, D, ...]
        last = jnp.moveaxis(weights, 0, -1).swapaxes(0, 1)
        moved = ascent.rounds(ascent.start(last), rounds, [jnp.moveaxis(t, 0, -1) for t in tables])
        spent = ascent.spent(moved.kept, last.shape[0])
        spent = jnp.broadcast_to(spent, last.shape)
        lost = (moved.weights == -jnp.inf) & (last > -jnp.inf)  # no solution has these values
        spent = jnp.where(lost, jnp.inf, spent)
        constant = ascent.constant(Moved(moved.weights, moved.kept))
        kept = tuple([jnp.moveaxis(x, -1, 0) for x in moved.kept])
        return jnp.moveaxis(spent, -1, 0).swapaxes(1, 2), constant, kept

    return one_program(together)


def _with_factors(potentials: Potentials) -> jax.Array:
    """The tables ``[N, D, ...]``, or ``[1, D, ...]`` where all factors share one."""
    shared = potentials.log_table.ndim == potentials.scope.shape[1]
    return potentials.log_table[None] if shared else potentials.log_table
