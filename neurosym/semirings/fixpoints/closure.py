"""`closure`: the Kleene star of a matrix, ``A* = I ⊕ A ⊕ A² ⊕ …``, in any semiring that has one.

Entry (i, j) sums the weights of all walks from i to j. It reads as reachability (BOOLEAN), shortest
distances (MIN_PLUS), most probable paths (MAX_TIMES), widest bottlenecks (MAX_MIN), expected visits
before absorption (REAL, LOG), numbers of walks (COUNTING). One algorithm for each kind of algebra,
chosen by what the semiring declares:

- Booleans: elimination on rows packed into bits (`neurosym.semirings.fixpoints.closure_boolean`);
- ⊕ selects: Floyd and Warshall, differentiated along the paths found
  (`neurosym.semirings.fixpoints.closure_selective`);
- ⊕ and ⊗ are those of the real numbers: a direct solve
  (`neurosym.semirings.fixpoints.closure_real`);
- any other semiring with a ``star``: elimination in the semiring itself, the products of blocks by
  its own contraction (`neurosym.semirings.fixpoints.closure_elimination`).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra import elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.fixpoints.closure_boolean import boolean_closure
from neurosym.semirings.fixpoints.closure_elimination import eliminated
from neurosym.semirings.fixpoints.closure_real import real_closure
from neurosym.semirings.fixpoints.closure_selective import selective_closure
from neurosym.semirings.fixpoints.fixpoint import Fixpoint, FixpointStatus, check_numbers, saturates


def closure(matrix: Any, *, semiring: Semiring) -> Fixpoint:
    """The Kleene star ``A* = I ⊕ A ⊕ A² ⊕ …``, the least solution of ``X = I ⊕ A ⊗ X``.

    Differentiable where the semiring is, in forward and reverse mode and to any order. Where ⊕
    selects, the derivative is that of one best walk for each entry, a subgradient; cycles of weight
    one (zero diagonals, zero-weight cycles) do no harm. An entry of the matrix that is zero in a
    log-like encoding has derivative zero.

    The series has a limit where no cycle improves on one (selective ⊕), or where the spectral
    radius of the matrix is below 1 (REAL, LOG: where I - A is singular, for example because A keeps
    the absorbing states of a Markov chain, the series has no limit). Otherwise the status is
    DIVERGED, and floating values and all derivatives are NaN. Counts saturate at 2³¹ - 1:
    SATURATED.

    >>> import jax.numpy as jnp
    >>> from neurosym.semirings import MIN_PLUS, REAL
    >>> inf = jnp.inf
    >>> roads = jnp.array([[inf, 1.0, 7.0], [1.0, inf, 2.0], [inf, 2.0, inf]])
    >>> print(closure(roads, semiring=MIN_PLUS).value)
    [[0. 1. 3.]
     [1. 0. 2.]
     [3. 2. 0.]]
    >>> fair_walk = jnp.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]])
    >>> print(closure(fair_walk, semiring=REAL).value.round(4))
    [[1.5 1.  0.5]
     [1.  2.  1. ]
     [0.5 1.  1.5]]

    Args:
      matrix: elements ``[N, N]``: the weight of the edge from i to j, the semiring's zero for none.
      semiring: the algebra; is selective, or declares real coordinates or a star.

    Returns:
      Elements ``[N, N]`` with their status; ``rounds`` are the N pivots.

    Raises:
      ValueError: if the matrix is not square or, outside of jit, holds a NaN; if the semiring has
        no closure.
    """
    semiring.require_laws("closure")
    matrix = semiring.asarray(matrix)
    shape = elements.shape(semiring, matrix)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"a closure needs a square matrix, not a matrix of shape {list(shape)}")
    check_numbers("the matrix", matrix)
    value, sound = _closed(semiring, matrix) if shape[0] else (matrix, jnp.asarray(True))
    return _reported(semiring, value, sound, shape[0])


@functools.partial(jax.jit, static_argnums=0)
def _closed(semiring: Semiring, matrix: Any) -> tuple[Any, jax.Array]:
    """The closure, and whether the series has a limit."""
    if semiring.dtype == "bool" and semiring.selective:
        return boolean_closure(matrix), jnp.asarray(True)
    if semiring.selective and not elements.is_structured(semiring):
        return selective_closure(semiring, matrix)
    if semiring.coordinates is not None and not semiring.coordinates.shifted:
        return real_closure(semiring, matrix)
    if semiring.star is not None or semiring.coordinates is not None:
        return eliminated(semiring, matrix)
    raise ValueError(
        f"semiring {semiring.name} declares no star (the sum of all powers of an element), "
        "so it has no closure"
    )


def _reported(semiring: Semiring, value: Any, sound: jax.Array, size: int) -> Fixpoint:
    def spoil(leaf: jax.Array) -> jax.Array:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        return leaf * jnp.where(sound, 1.0, jnp.nan).astype(leaf.dtype)

    status = jnp.where(sound, FixpointStatus.CONVERGED, FixpointStatus.DIVERGED)
    status = jnp.where(saturates(semiring, value) & sound, FixpointStatus.SATURATED, status)
    value = jax.tree.map(spoil, value)
    return Fixpoint(value, status.astype(jnp.int32), jnp.asarray(size, jnp.int32))
