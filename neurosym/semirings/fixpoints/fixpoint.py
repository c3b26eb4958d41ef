"""`fixpoint`: the least fixpoint of a step in any semiring, with derivatives.

The value comes from repeating the step under `jax.lax.while_loop`, so memory does not depend on the
number of rounds. JAX cannot differentiate such a loop in reverse, and should not: the derivative
belongs to the fixpoint and not to the way there. A second loop finds it,

- where ⊕ adds up (REAL, LOG), through the implicit function theorem
  (`neurosym.semirings.fixpoints.implicit`);
- where ⊕ selects (max, min), along an acyclic derivation of every entry
  (`neurosym.semirings.fixpoints.derivation`).

A value that has not converged says so in its status, and has NaN for a derivative.
"""

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.instances import INT_LIMIT
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.fixpoints.derivation import derived
from neurosym.semirings.fixpoints.implicit import Series, implied
from neurosym.transforms.compatibility import Computation, computation_of
from neurosym.transforms.conversion import as_array

MAX_ROUNDS = 10_000
"""Rounds after which a loop gives up, unless it is told another number."""


class FixpointStatus(enum.IntEnum):
    """How a fixpoint or a closure ended."""

    CONVERGED = 0
    ROUNDS = 1  # stopped by max_rounds: the value is the last iterate
    DIVERGED = 2  # there is none: it left the numbers, or a cycle improves on one for ever
    SATURATED = 3  # converged, with counts that only say "at least"


class Fixpoint(NamedTuple):
    """A least fixpoint; with batch axes in front under `jax.vmap`."""

    value: Any  # elements, like what it started from; the last iterate where it did not converge
    status: jax.Array  # int32[]: a `FixpointStatus`
    rounds: jax.Array  # int32[]: steps taken, the one that changed nothing included

    @property
    def converged(self) -> jax.Array:
        """``bool[]``: the value is the least fixpoint, and has derivatives."""
        return self.status == FixpointStatus.CONVERGED


def fixpoint(
    step: Callable[[Any, Any], Any],
    init: Any,
    params: Any,
    *,
    semiring: Semiring,
    max_rounds: int = MAX_ROUNDS,
    rtol: float | None = None,
) -> Fixpoint:
    """The least fixpoint ``x = step(x, params)``, by repeating the step from ``init``.

    Where ⊕ is idempotent it is the least ``x = init ⊕ step(x, params)``: entries of ``init`` are
    facts to start from, and have derivatives. Elsewhere ``init`` is only where the loop starts, and
    has no derivative; start at the semiring's zero, which is below every fixpoint.

    Differentiable in ``params``, and in what ``step`` closes over, in forward and reverse mode, to
    any order, by a loop of as many rounds again; see the modules named above for the conditions.
    Where the result has not converged, all its derivatives are NaN.

    >>> import jax, jax.numpy as jnp
    >>> from neurosym.semirings import MIN_PLUS, einsum
    >>> inf = jnp.inf
    >>> roads = jnp.array([[0.0, 1.0, 7.0], [1.0, 0.0, 2.0], [inf, 2.0, 0.0]])
    >>> start = jnp.array([0.0, inf, inf])
    >>> def relax(distances, roads):
    ...     return einsum("i,ij->j", distances, roads, semiring=MIN_PLUS)
    >>> def farthest(roads):
    ...     return fixpoint(relax, start, roads, semiring=MIN_PLUS).value[2]
    >>> distance, gradient = jax.jit(jax.value_and_grad(farthest))(roads)
    >>> print(distance)
    3.0
    >>> print(gradient)
    [[0. 1. 0.]
     [0. 0. 1.]
     [0. 0. 0.]]

    Args:
      step: ``(x, params) -> x``, written with the ⊕ and ⊗ of the semiring (so monotone), with the
        structure, shapes and dtypes of ``init``.
      init: elements, or a pytree of them.
      params: a pytree of arrays.
      semiring: the algebra; says when the loop has converged and how it is differentiated.
      max_rounds: steps at most, also of the loops that differentiate.
      rtol: where ⊕ is not idempotent: converged when no entry changes by more than this fraction
        of itself (of a log-weight: by this much, or this fraction if it is beyond 1). 8 units of
        rounding by default. A change of one part in 10^6 a round for ever passes for converged.

    Returns:
      The value with its status and the number of rounds.

    Raises:
      ValueError: if the step does not return a tree like ``init``; if ``max_rounds`` or ``rtol``
        make no sense; outside of jit, if ``init`` or ``params`` hold a NaN, or a number that does
        not fit the dtype that JAX has for it.
    """
    if max_rounds < 1:
        raise ValueError(f"fixpoint takes at least one round, not {max_rounds}")
    if max_rounds >= 2**31:
        raise ValueError(f"fixpoint counts rounds in int32, which does not hold {max_rounds}")
    if rtol is not None and not rtol >= 0:
        raise ValueError(f"rtol is at least 0, not {rtol}")
    init = jax.tree.map(_strong, _as_elements(semiring, init))
    params = jax.tree.map(lambda leaf: as_array(leaf, what="params"), params)
    check_numbers("init", init)
    check_numbers("params", params)
    traced, operands = _trace(step, init, params)

    def run(init: Any, operands: list[jax.Array]) -> Fixpoint:
        return _iterate(semiring, traced, init, operands, max_rounds, rtol)

    if not semiring.differentiable:  # asking for a derivative is an error of the step itself
        return run(init, operands)
    found = run(*jax.lax.stop_gradient((init, operands)))
    if semiring.selective:
        value = derived(semiring, traced, found.value, init, operands, found.converged, max_rounds)
    else:
        # The linear loops take as many rounds at least as the fixpoint took.
        series = Series(max_rounds, found.rounds, rtol, found.converged)
        value = implied(traced, found.value, operands, series)
    return found._replace(value=value)


def check_numbers(name: str, tree: Any) -> None:
    """Raises ValueError if a concrete array holds a NaN; traced arrays cannot be looked into."""
    for leaf in jax.tree.leaves(tree):
        concrete = not isinstance(leaf, jax.core.Tracer)
        if concrete and jnp.issubdtype(leaf.dtype, jnp.floating) and np.isnan(leaf).any():
            raise ValueError(f"{name} holds a NaN")


@dataclasses.dataclass(frozen=True, eq=False)
class _Traced:
    """The step as a function of all that it depends on, closed-over arrays included."""

    computation: Computation
    structure: Any
    dtypes: tuple[Any, ...]

    def __call__(self, x: Any, operands: list[jax.Array]) -> Any:
        count = self.computation.constants
        leaves = self.computation(operands[:count], *jax.tree.leaves(x), *operands[count:])
        return jax.tree.unflatten(self.structure, [_strong(y) for y in leaves])


def _trace(step: Callable[[Any, Any], Any], init: Any, params: Any) -> tuple[_Traced, list]:
    computation, constants, shape = computation_of(step, init, params)
    wanted: Any = jax.tree.structure(init)
    given: Any = jax.tree.structure(shape)
    if wanted != given:
        raise ValueError(f"step returns {given}, but init is {wanted}")
    for before, after in zip(jax.tree.leaves(init), jax.tree.leaves(shape), strict=True):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise ValueError(
                f"step returns {after.dtype}{list(after.shape)} "
                f"for {before.dtype}{list(before.shape)} of init"
            )
    dtypes = tuple(leaf.dtype for leaf in jax.tree.leaves(init))
    return _Traced(computation, wanted, dtypes), [*constants, *jax.tree.leaves(params)]


def _iterate(
    semiring: Semiring,
    step: Callable[[Any, list[jax.Array]], Any],
    init: Any,
    operands: list[jax.Array],
    max_rounds: int,
    rtol: float | None,
) -> Fixpoint:
    def body(state: Fixpoint) -> Fixpoint:
        value = step(state.value, operands)
        if semiring.idempotent:
            value = _joined(semiring, state.value, value)
        pairs = zip(jax.tree.leaves(state.value), jax.tree.leaves(value), strict=True)
        same = jnp.all(jnp.stack([_same(semiring, x, y, rtol) for x, y in pairs]))
        status = jnp.where(same, FixpointStatus.CONVERGED, FixpointStatus.ROUNDS)
        status = jnp.where(_left_the_numbers(semiring, value), FixpointStatus.DIVERGED, status)
        return Fixpoint(value, status.astype(jnp.int32), state.rounds + 1)

    def going_on(state: Fixpoint) -> jax.Array:
        return (state.status == FixpointStatus.ROUNDS) & (state.rounds < max_rounds)

    status = jnp.asarray(FixpointStatus.ROUNDS, jnp.int32)
    start = Fixpoint(init, status, jnp.zeros((), jnp.int32))
    end = jax.lax.while_loop(going_on, body, start)
    saturated = saturates(semiring, end.value) & end.converged
    status = jnp.where(saturated, FixpointStatus.SATURATED, end.status).astype(jnp.int32)
    return end._replace(status=status)


def saturates(semiring: Semiring, value: Any) -> jax.Array:
    """``bool[]``: some count has reached the largest one, which means "at least"."""
    if semiring.dtype != "int32":
        return jnp.zeros((), jnp.bool_)
    leaves = jax.tree.leaves(value)
    return jnp.any(jnp.stack([jnp.any(leaf == INT_LIMIT) for leaf in leaves]))


def _joined(semiring: Semiring, x: Any, y: Any) -> Any:
    if elements.is_structured(semiring):
        return semiring.add(x, y)
    return jax.tree.map(semiring.add, x, y)


def _same(semiring: Semiring, x: jax.Array, y: jax.Array, rtol: float | None) -> jax.Array:
    """Whether no entry has changed, in the scale in which the semiring's elements are numbers."""
    if semiring.idempotent or not jnp.issubdtype(y.dtype, jnp.floating):
        return jnp.all(x == y)
    tolerance = 8 * float(jnp.finfo(y.dtype).eps) if rtol is None else rtol
    size = jnp.abs(y)
    if semiring.coordinates is not None and semiring.coordinates.shifted:
        size = jnp.maximum(size, 1)
    return jnp.all((x == y) | (jnp.abs(x - y) <= tolerance * size))


def _left_the_numbers(semiring: Semiring, value: Any) -> jax.Array:
    """Whether an entry is NaN, or an infinity that is not the semiring's zero."""
    if elements.is_structured(semiring):
        zeros = jax.tree.map(lambda zero, leaf: jnp.asarray(zero, leaf.dtype), semiring.zero, value)
    else:
        zeros = jax.tree.map(lambda leaf: jnp.asarray(semiring.zero, leaf.dtype), value)
    floats = [
        jnp.any(~jnp.isfinite(leaf) & (leaf != zero))
        for leaf, zero in zip(jax.tree.leaves(value), jax.tree.leaves(zeros), strict=True)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return jnp.any(jnp.stack(floats)) if floats else jnp.zeros((), jnp.bool_)


def _as_elements(semiring: Semiring, tree: Any) -> Any:
    if elements.is_structured(semiring):
        return jax.tree.map(as_array, tree)
    return jax.tree.map(semiring.asarray, tree)


def _strong(x: Any) -> jax.Array:
    """The same array, not of a weak type."""
    return jax.lax.convert_element_type(x, x.dtype)
