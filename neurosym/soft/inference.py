"""The questions to a network in a semiring: total, support, marginals, query.

Weights are elements of the semiring, ``[V, D]`` in the network's order; entries beyond a variable's
domain are ignored. Every function is pure, works under jit and vmap, and is differentiable by the
semiring's gradient rule.

Each of them checks what it is given and plans, in Python and NumPy, and is then one jitted program:
a call outside of jit compiles nothing else.
"""

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials
from neurosym.problems.variable import Variable
from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.instances import LOG, log_normalised
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft.effort import DEFAULT_EFFORT, Effort, Limits
from neurosym.soft.elimination import Elimination, eliminate_within
from neurosym.soft.restriction import RestrictedNetwork
from neurosym.soft.tables import (
    LogTables,
    given_potentials,
    log_tables,
    scopes_of,
    table_elements,
)
from neurosym.soft.weights import checked_mask, checked_weights, declared_values, within
from neurosym.transforms.batch_last import batch_last
from neurosym.transforms.quick import quickly_compiled


def total(
    network: Network | RestrictedNetwork,
    weights: Any,
    *,
    semiring: Semiring = LOG,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> Elements:
    """⊕ over the assignments that satisfy every constraint of ⊗ of their weights.

    In LOG with log-probabilities: the log-probability that the constraints hold.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> from neurosym.semirings import COUNTING
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> total(problem.compile(), jnp.ones((3, 4), int), semiring=COUNTING).item()
    12

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]``.
      semiring: the algebra to read the problem in.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all others weigh the
        semiring's zero. That saves nothing: `restricted` makes a smaller network.
      potentials: soft factors over several variables, as log-weights, which the semiring reads by
        its ``from_log``: COUNTING counts the assignments that no factor forbids.
      effort: what it may cost.
      **limits: parts of the effort alone: ``memory_limit``, ``max_slices``, ``levelled``.

    Returns:
      One element, the semiring's zero where no assignment satisfies the constraints. In COUNTING
      2**31 - 1 means "at least".

    Raises:
      ValueError: if weights or domains have another shape or dtype, a concrete weight is NaN, the
        semiring is not lawful, or potentials do not fit the network or have no reading in the
        semiring.
      TooWideError: if elimination would take more memory; nothing has been allocated then.
    """
    weights = checked_weights(network, weights, semiring)
    mask = checked_mask(network, domains)
    given = given_potentials(network, potentials, semiring)
    elimination = _plan(network, None, given, semiring, weights, effort.but(limits))
    return _total(elimination, semiring, weights, mask, log_tables(given))


def support(
    network: Network | RestrictedNetwork,
    weights: Any,
    *,
    semiring: Semiring = LOG,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> Elements:
    """The formal derivative of the total with respect to each weight, by ⊕ and ⊗ alone.

    Entry ``[i, v]`` is the ⊕ over satisfying assignments with ``x_i = v`` of the ⊗ of the weights
    of the *other* variables. Weights ⊗ support is the through: the domains after exact pruning
    (BOOLEAN), the solutions that use a value (COUNTING), the best solution through it (MAX_TIMES).

    Args and errors as for `total`; ``domains`` restrict the other variables, so a value outside of
    them has a support too.

    Returns:
      Elements ``[V, D]``; the semiring's zero beyond a variable's domain.
    """
    weights = checked_weights(network, weights, semiring)
    mask = checked_mask(network, domains)
    given = given_potentials(network, potentials, semiring)
    elimination = _plan(network, None, given, semiring, weights, effort.but(limits))
    return _support(elimination, semiring, weights, mask, log_tables(given))


def marginals(
    network: Network | RestrictedNetwork,
    weights: Any,
    *,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> jax.Array:
    """The probability of each value given that the constraints hold.

    ``exp(weights + support - total)`` in LOG, which equals the gradient of the log total.

    Args:
      network: the compiled problem.
      weights: log-probabilities ``float32[V, D]``; they need not be normalised.
      domains, potentials, effort, limits: as for `total`.

    Returns:
      Probabilities ``float32[V, D]``: each row sums to 1; all zero where the constraints cannot
      hold, which is also where `total` is -inf.

    Raises:
      ValueError, TooWideError: as for `total`.
    """
    weights = checked_weights(network, weights, LOG)
    mask = checked_mask(network, domains)
    given = given_potentials(network, potentials)
    elimination = _plan(network, None, given, LOG, weights, effort.but(limits))
    return _marginals(elimination, weights, declared_values(network), mask, log_tables(given))


def query(
    network: Network | RestrictedNetwork,
    weights: Any,
    *,
    target: Variable | str | int,
    semiring: Semiring = LOG,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    effort: Effort = DEFAULT_EFFORT,
    **limits: Unpack[Limits],
) -> jax.Array:
    """The distribution of one variable given that the constraints hold.

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]`` of the semiring.
      target: the variable, its name or its row.
      semiring: the algebra to infer in; it must convert to log-probabilities.
      domains, potentials, effort, limits: as for `total`.

    Returns:
      Normalised log-probabilities ``float32[D_target]`` in the order of the target's domain; all
      -inf where the constraints cannot hold.

    Raises:
      ValueError: as for `total`, if there is no such variable, or if the semiring has no reading as
        log-probabilities.
      TooWideError: as for `total`.
    """
    if isinstance(semiring, Semiring) and semiring.to_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not turn into log-probabilities; "
            "use total or support for its own reading"
        )
    weights = checked_weights(network, weights, semiring)
    mask = checked_mask(network, domains)
    row = network.index(target)
    given = given_potentials(network, potentials, semiring)
    elimination = _plan(network, row, given, semiring, weights, effort.but(limits))
    return _query(elimination, semiring, weights, mask, log_tables(given))


Mask = jax.Array | np.ndarray | None


def _small(elimination: Elimination, semiring: Semiring, *_: Any) -> bool:
    return elimination.is_small(semiring)


@quickly_compiled(static_argnums=(0, 1), when=_small)
def _total(
    elimination: Elimination, semiring: Semiring, weights: Elements, mask: Mask, logs: LogTables
) -> Elements:
    tables = table_elements(semiring, logs, weights)
    return elimination.total(semiring, within(semiring, weights, mask), tables)


@quickly_compiled(static_argnums=(0, 1), when=_small)
def _support(
    elimination: Elimination, semiring: Semiring, weights: Elements, mask: Mask, logs: LogTables
) -> Elements:
    tables = table_elements(semiring, logs, weights)
    return elimination.support(semiring, within(semiring, weights, mask), tables)


@quickly_compiled(static_argnums=0, when=lambda elimination, *_: elimination.is_small(LOG))
def _marginals(
    elimination: Elimination,
    weights: jax.Array,
    declared: jax.Array | np.ndarray,
    mask: Mask,
    logs: LogTables,
) -> jax.Array:
    weights = within(LOG, weights, mask)
    tables = table_elements(LOG, logs, weights)
    through = LOG.mul(weights, elimination.support(LOG, weights, tables))
    through = jnp.where(declared, through, -jnp.inf)
    # Every row sums to the total; normalising by the row's own sum keeps rounding out of the sum.
    largest = jnp.max(through, 1, keepdims=True)
    possible = largest != -jnp.inf
    scaled = jnp.exp(through - jax.lax.stop_gradient(jnp.where(possible, largest, 0)))
    return scaled / jnp.where(possible, jnp.sum(scaled, 1, keepdims=True), 1)


@quickly_compiled(static_argnums=(0, 1), when=_small)
def _query(
    elimination: Elimination, semiring: Semiring, weights: Elements, mask: Mask, logs: LogTables
) -> jax.Array:
    assert semiring.to_log is not None
    tables = table_elements(semiring, logs, weights)
    found = elimination.total(semiring, within(semiring, weights, mask), tables)
    return batch_last(log_normalised, semiring.to_log(found))


def _plan(
    network: Network | RestrictedNetwork,
    target: int | None,
    potentials: Sequence[Potentials],
    semiring: Semiring,
    weights: Elements,
    effort: Effort,
) -> Elimination:
    itemsize = elements.dtype(semiring, weights).itemsize
    bytes_each = elements.size(semiring) * itemsize
    scopes = scopes_of(potentials)
    return eliminate_within(network, target, scopes, bytes_each=bytes_each, effort=effort)
