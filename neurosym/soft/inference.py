"""What a network computes in a semiring: total, support, marginals, query.

Weights are elements of the semiring, ``[V, D]`` in the network's order; entries beyond a variable's
domain are ignored. Every function is pure, works under jit and vmap, and is differentiable by the
semiring's gradient rule.
"""

import functools

import jax
import jax.numpy as jnp

from neurosym.problems.network import Network
from neurosym.problems.variable import Variable
from neurosym.semirings.instances import LOG
from neurosym.semirings.semiring import Semiring
from neurosym.soft.elimination import MEMORY_LIMIT, Elimination, eliminate


def total(
    network: Network,
    weights: jax.Array,
    *,
    semiring: Semiring = LOG,
    memory_limit: int = MEMORY_LIMIT,
) -> jax.Array:
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
      memory_limit: bytes that one instance may take.

    Returns:
      One element, the semiring's zero where no assignment satisfies the constraints.

    Raises:
      ValueError: if the weights have another shape or dtype.
      TooWideError: if elimination would take more memory; nothing has been allocated then.
    """
    weights = _check(network, weights, semiring)
    return _total(_prepare(network, None, memory_limit, weights), semiring, weights)


def support(
    network: Network,
    weights: jax.Array,
    *,
    semiring: Semiring = LOG,
    memory_limit: int = MEMORY_LIMIT,
) -> jax.Array:
    """The formal derivative of the total with respect to each weight, by ⊕ and ⊗ alone.

    Entry ``[i, v]`` is the ⊕ over satisfying assignments with ``x_i = v`` of the ⊗ of the weights
    of the *other* variables. Weights ⊗ support is the through: the domains after exact pruning
    (BOOLEAN), the solutions that use a value (COUNTING), the best solution through it (MAX_TIMES).

    Args and errors as for `total`.

    Returns:
      Elements ``[V, D]``; the semiring's zero beyond a variable's domain.
    """
    weights = _check(network, weights, semiring)
    return _support(_prepare(network, None, memory_limit, weights), semiring, weights)


def marginals(
    network: Network, weights: jax.Array, *, memory_limit: int = MEMORY_LIMIT
) -> jax.Array:
    """The probability of each value given that the constraints hold.

    ``exp(weights + support - total)`` in LOG, which equals the gradient of the log total.

    Args:
      network: the compiled problem.
      weights: log-probabilities ``float32[V, D]``; they need not be normalised.
      memory_limit: bytes that one instance may take.

    Returns:
      Probabilities ``float32[V, D]``: each row sums to 1; all zero where the constraints cannot
      hold, which is also where `total` is -inf.

    Raises:
      ValueError, TooWideError: as for `total`.
    """
    weights = _check(network, weights, LOG)
    through = LOG.mul(weights, support(network, weights, memory_limit=memory_limit))
    through = jnp.where(network.mask, through, -jnp.inf)
    # Every row sums to the total; normalising by the row's own sum keeps rounding out of the sum.
    rows = LOG.sum(through, 1)[:, None]
    possible = rows > -jnp.inf
    return jnp.where(possible, jnp.exp(through - jnp.where(possible, rows, 0)), 0)


def query(
    network: Network,
    weights: jax.Array,
    *,
    target: Variable | str | int,
    semiring: Semiring = LOG,
    memory_limit: int = MEMORY_LIMIT,
) -> jax.Array:
    """The distribution of one variable given that the constraints hold.

    Args:
      network: the compiled problem.
      weights: elements ``[V, D]`` of the semiring.
      target: the variable, its name or its row.
      semiring: the algebra to infer in; it must convert to log-probabilities.
      memory_limit: bytes that one instance may take.

    Returns:
      Normalised log-probabilities ``float32[D_target]`` in the order of the target's domain; all
      -inf where the constraints cannot hold.

    Raises:
      ValueError: as for `total`, if there is no such variable, or if the semiring has no reading as
        log-probabilities.
      TooWideError: as for `total`.
    """
    if semiring.to_log is None:
        raise ValueError(
            f"semiring {semiring.name} does not turn into log-probabilities; "
            "use total or support for its own reading"
        )
    weights = _check(network, weights, semiring)
    elimination = _prepare(network, network.index(target), memory_limit, weights)
    scores = semiring.to_log(_total(elimination, semiring, weights))
    normaliser = LOG.sum(scores)
    possible = normaliser > -jnp.inf
    return jnp.where(possible, scores - jnp.where(possible, normaliser, 0), -jnp.inf)


# Jitted, so that a call outside of jit is one program and not a hundred.
@functools.partial(jax.jit, static_argnums=(0, 1))
def _total(elimination: Elimination, semiring: Semiring, weights: jax.Array) -> jax.Array:
    return elimination.total(semiring, weights)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _support(elimination: Elimination, semiring: Semiring, weights: jax.Array) -> jax.Array:
    return elimination.support(semiring, weights)


def _prepare(
    network: Network, target: int | None, memory_limit: int, weights: jax.Array
) -> Elimination:
    elimination = eliminate(network, target)
    elimination.check_memory(memory_limit, weights.dtype.itemsize)
    return elimination


def _check(network: Network, weights: jax.Array, semiring: Semiring) -> jax.Array:
    weights = semiring.asarray(weights)
    wanted = (network.variables, network.size)
    if weights.shape != wanted:
        raise ValueError(
            f"weights have shape [V, D] = {list(wanted)}, not {list(weights.shape)}; "
            "for a batch use jax.vmap"
        )
    return weights
