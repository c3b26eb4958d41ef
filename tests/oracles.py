"""Brute force in plain NumPy over small problems; shares no code with what it judges."""

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

import neurosym as ns

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
}


class Small(NamedTuple):
    """A random problem, and the solutions that brute force finds."""

    problem: ns.Problem
    domains: list[list[int]]
    solutions: list[tuple[int, ...]]  # value indices


def random_problem(seed: int) -> Small:
    """Four variables and one constraint of each kind; always the same array shapes."""
    rng = np.random.default_rng(seed)
    domains = [
        sorted(rng.choice(np.arange(-4, 8), size=n, replace=False).tolist())
        for n in [4, *rng.integers(2, 5, 3)]
    ]
    domains = [rng.permutation(domain).tolist() for domain in domains]
    problem = ns.Problem()
    variables = [problem.variable(f"x{i}", domain=d) for i, d in enumerate(domains)]
    checks = []

    def linear(relation: str, arity: int) -> None:
        scope = rng.permutation(4)[:arity]
        coefficients = rng.choice([-2, -1, 1, 2, 3], arity)
        witness = [int(rng.choice(domains[i])) for i in scope]
        constant = int(np.dot(coefficients, witness)) + int(rng.integers(-1, 2))
        expression = sum(int(c) * variables[i] for c, i in zip(coefficients, scope, strict=True))
        problem.add(RELATIONS[relation](expression, constant))
        checks.append(
            lambda x: RELATIONS[relation](
                sum(c * x[i] for c, i in zip(coefficients, scope, strict=True)), constant
            )
        )

    def table(arity: int, allowed: bool) -> None:
        scope = rng.permutation(4)[:arity]
        everything = list(itertools.product(*(domains[i] for i in scope)))
        chosen = rng.permutation(len(everything))[: rng.integers(3, 5)]
        rows = [everything[n] for n in chosen]
        problem.add(ns.Table([variables[i] for i in scope], rows, allowed=allowed))
        checks.append(lambda x: (tuple(x[i] for i in scope) in rows) == allowed)

    linear(str(rng.choice(["<=", "<", ">", ">=", "!="])), 3)
    linear("==", int(rng.integers(3, 5)))
    if rng.random() < 0.5:
        table(3, allowed=False)
    else:
        table(2, allowed=True)
    solutions = [
        index
        for index in itertools.product(*(range(len(d)) for d in domains))
        if all(
            check([domain[v] for domain, v in zip(domains, index, strict=True)]) for check in checks
        )
    ]
    return Small(problem, domains, solutions)


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


def random_weights(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Elements of a semiring, zero among them."""
    if name == "boolean":
        return rng.random(shape) < 0.8
    if name == "counting":
        return rng.integers(0, 4, shape).astype(np.int32)
    probabilities = np.where(rng.random(shape) < 0.1, 0.0, rng.uniform(0.1, 1.0, shape))
    if name in ("real", "max_min"):
        return probabilities.astype(np.float32)
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    return (-logs if name == "min_plus" else logs).astype(np.float32)
