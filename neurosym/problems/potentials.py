"""`Potentials`: weights on combinations of values, for models that are more than hard constraints.

A network's constraints allow a combination or not, and its weights are weights of single values.
Potentials add log-weights for combinations of a few variables: the couplings of an Ising model, the
conditional probability tables of a Bayesian network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from neurosym.problems.structure import Structure
from neurosym.problems.variable import Variable
from neurosym.transforms.conversion import as_floats


class Scope:
    """An immutable ``int32[C, K]`` that is cheap to hash and to compare: a static fact of a jit."""

    def __init__(self, rows: np.ndarray) -> None:
        self.shape = rows.shape
        self._bytes = np.ascontiguousarray(rows, np.int32).tobytes()

    @property
    def rows(self) -> np.ndarray:
        """``int32[C, K]``: the variables of each factor."""
        return np.frombuffer(self._bytes, np.int32).reshape(self.shape)

    def __hash__(self) -> int:
        return hash((self.shape, self._bytes))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Scope) and self.shape == other.shape
        return same and self._bytes == other._bytes  # type: ignore[attr-defined]


@jax.tree_util.register_pytree_node_class
class Potentials:
    """``C`` soft factors over ``K`` variables each; a pytree of one array.

    >>> import numpy as np
    >>> ring = np.stack([np.arange(4), np.roll(np.arange(4), -1)], 1)
    >>> alike = Potentials(ring, np.array([[0.5, -0.5], [-0.5, 0.5]]))
    >>> alike.scope.shape, alike.log_table.shape
    ((4, 2), (2, 2))

    Args:
      scope: ``[C, K]``: variables, or their rows in the network; distinct in each factor.
      log_table: log-weights ``float32[D_0, ..., D_{K-1}]`` that all factors share, or
        ``[C, D_0, ..., D_{K-1}]``; -inf forbids. Axis k is at least as long as the domains of the
        variables at position k; what lies beyond a domain is ignored.

    Raises:
      ValueError: for a scope that is not a matrix of variables or that names one twice in a factor,
        a table with other axes, and tables that hold NaN or +inf.
    """

    log_table: jax.Array

    def __init__(self, scope: Any, log_table: Any) -> None:
        rows = _rows(scope)
        count, arity = rows.shape
        ordered = np.sort(rows, axis=1)
        if (ordered[:, 1:] == ordered[:, :-1]).any():
            repeated = int(np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))[0])
            raise ValueError(f"potential {repeated} names a variable twice: {rows[repeated]}")
        table = as_floats(log_table, what="a table of potentials")
        if table.ndim not in (arity, arity + 1) or (table.ndim > arity and len(table) != count):
            raise ValueError(
                f"the table of {count} potentials over {arity} variables has {arity} axes, or "
                f"{arity + 1} of which the first is {count} long; not the shape "
                f"{list(table.shape)}"
            )
        check_log_weights(table, "a table of potentials")
        self._scope = Scope(rows)
        self.log_table = table

    @property
    def scope(self) -> np.ndarray:
        """``int32[C, K]``: the rows of the variables of each factor."""
        return self._scope.rows

    @property
    def static_scope(self) -> Scope:
        """The scope as a hashable value."""
        return self._scope

    def __repr__(self) -> str:
        count, arity = self._scope.shape
        return f"Potentials({count} over {arity} variables, table {self.log_table.shape})"

    def check(self, structure: Structure) -> None:
        """Raises ValueError if the potentials do not fit the variables of a network."""
        sizes = np.asarray([len(domain) for domain in structure.domains])
        rows = self.scope
        if rows.size and not 0 <= rows.min() <= rows.max() < len(sizes):
            raise ValueError(
                f"potentials name variable {rows.max() if rows.min() >= 0 else rows.min()}; the "
                f"network has {len(sizes)}"
            )
        axes = self.log_table.shape[-rows.shape[1] :]
        needed = sizes[rows].max(axis=0, initial=0)
        for k, (axis, size) in enumerate(zip(axes, needed.tolist(), strict=True)):
            if axis < size:
                raise ValueError(
                    f"axis {k} of a table of potentials is {axis} long, but a variable at position "
                    f"{k} has {size} values"
                )

    def tree_flatten(self) -> tuple[tuple[jax.Array], Scope]:
        return (self.log_table,), self._scope

    @classmethod
    def tree_unflatten(cls, scope: Scope, children: Sequence[Any]) -> Potentials:
        potentials = object.__new__(cls)  # children may be placeholders, which are not checked
        potentials._scope = scope
        (potentials.log_table,) = children
        return potentials


def checked_potentials(
    structure: Structure, potentials: Potentials | Sequence[Potentials]
) -> tuple[Potentials, ...]:
    """One or several potentials as a tuple.

    Raises:
      ValueError: if one is something else, or does not fit the variables of the structure.
    """
    given = (potentials,) if isinstance(potentials, Potentials) else tuple(potentials)
    for one in given:
        if not isinstance(one, Potentials):
            raise ValueError(f"soft factors are given as Potentials, not {one!r}")
        one.check(structure)
    return given


def check_log_weights(x: jax.Array, what: str) -> None:
    """Raises ValueError if concrete log-weights hold NaN or +inf; traced ones are not looked at."""
    if isinstance(x, jax.core.Tracer):
        return
    values = np.asarray(x)
    if np.isnan(values).any():
        raise ValueError(f"{what} holds NaN")
    if np.isposinf(values).any():
        raise ValueError(f"{what} holds +inf, which is not the logarithm of a weight")


def _rows(scope: Any) -> np.ndarray:
    array = np.asarray(scope)
    if array.dtype == object and all(isinstance(x, Variable) for x in array.ravel()):
        array = np.asarray([x.index for x in array.ravel()], np.int32).reshape(array.shape)
    if array.ndim != 2 or array.shape[1] == 0 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            "the scope of potentials is a matrix [C, K] of variables or of their rows, not "
            f"{array.dtype} of shape {list(array.shape)}"
        )
    return array.astype(np.int32)
