"""`VariableArray`: arrays of variables and expressions, whose operators go entry by entry.

xs <= 2        an array of constraints, which `Problem.add` takes as it is
xs[y + 1]      an expression: the entry at the value of y + 1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic


class VariableArray(np.ndarray):
    """An object array of variables or expressions. NumPy's indexing, slices and ``sum()`` work.

    Comparisons and ``& | ^`` give arrays of constraints. An index that is an expression gives an
    expression, as `neurosym.entry`.
    """

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        at = [k for k, each in enumerate(keys) if isinstance(each, Arithmetic | Constraint)]
        if not at:
            return super().__getitem__(key)
        from neurosym.problems.functions import entry

        if any(each is None or each is Ellipsis for each in keys):
            raise ValueError("an index that is an expression stands beside integers and slices")
        # What is no expression is taken at once, and the other axes come first.
        rest = tuple(slice(None) if k in at else each for k, each in enumerate(keys))
        given = np.asarray(self).__getitem__(rest)
        kept = [k for k in range(len(rest)) if k in at or isinstance(rest[k], slice)]
        axes = [kept.index(k) for k in at]
        return entry(np.moveaxis(given, axes, range(len(axes))), tuple(keys[k] for k in at))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        # What sums to a single expression is that expression.
        return array[()] if array.ndim == 0 else array.view(VariableArray)

    def __lt__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a < b, self, other)

    def __le__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a <= b, self, other)

    def __gt__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a > b, self, other)

    def __ge__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a >= b, self, other)

    def __eq__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a == b, self, other)

    def __ne__(self, other: Any) -> Any:
        return _entrywise(lambda a, b: a != b, self, other)

    __hash__ = None

    def implies(self, other: Any) -> Any:
        """That each entry, a constraint or a 0/1 variable, implies that of ``other``."""
        from neurosym.problems.logic import implication

        return _entrywise(implication, self, other)


def _entrywise(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if not isinstance(right, np.ndarray | list | tuple):
        held = np.empty((), object)
        held[()] = right
        right = held
    sides = np.broadcast_arrays(np.asarray(left, object), np.asarray(right, object))
    found = np.empty(sides[0].shape, object)
    for place in np.ndindex(*found.shape):
        found[place] = function(sides[0][place], sides[1][place])
    return found.view(VariableArray)
