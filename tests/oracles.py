"""Brute force in plain NumPy over small problems; shares no code with what it judges."""

import operator
from collections.abc import Callable, Sequence

import numpy as np

RELATIONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# ⊕ and ⊗ of every semiring as NumPy functions of two scalars, with zero and one.
ALGEBRA: dict[str, tuple[Callable, Callable, float, float]] = {
    "boolean": (lambda x, y: x or y, lambda x, y: x and y, False, True),
    "counting": (operator.add, operator.mul, 0, 1),
    "real": (operator.add, operator.mul, 0.0, 1.0),
    "log": (np.logaddexp, operator.add, -np.inf, 0.0),
    "max_times": (max, operator.add, -np.inf, 0.0),
    "min_plus": (min, operator.add, np.inf, 0.0),
    "max_min": (max, min, 0.0, 1.0),
    "lukasiewicz": (max, lambda x, y: max(0.0, x + y - 1), 0.0, 1.0),
}


def total_and_support(
    name: str, weights: np.ndarray, solutions: Sequence[tuple[int, ...]]
) -> tuple[float, np.ndarray]:
    """⊕ over solutions of ⊗ of weights, and its formal derivative ``[V, D]``."""
    add, mul, zero, one = ALGEBRA[name]
    total = zero
    support = np.full(weights.shape, zero, dtype=object)
    for solution in solutions:
        factors = [weights[i, v].item() for i, v in enumerate(solution)]
        product = one
        for factor in factors:
            product = mul(product, factor)
        total = add(total, product)
        for i, v in enumerate(solution):
            others = one
            for factor in factors[:i] + factors[i + 1 :]:
                others = mul(others, factor)
            support[i, v] = add(support[i, v], others)
    return total, support
