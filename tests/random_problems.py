"""Random small problems of all kinds with their solutions, and random weights."""

import itertools

import numpy as np
from mixtures import Mixture, Small
from oracles import RELATIONS

import neurosym as ns


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


def random_weights(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Elements of a semiring, zero among them."""
    if name == "boolean":
        return rng.random(shape) < 0.8
    if name == "counting":
        return rng.integers(0, 4, shape).astype(np.int32)
    probabilities = np.where(rng.random(shape) < 0.1, 0.0, rng.uniform(0.1, 1.0, shape))
    if name in ("real", "max_min", "lukasiewicz"):
        return probabilities.astype(np.float32)
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    return (-logs if name == "min_plus" else logs).astype(np.float32)


def _mixed_values(rng: np.random.Generator) -> Small:
    """Domains over shuffled integers of all kinds."""
    sizes = (4, 4, 4, 4, 3, 3)
    domains = [rng.choice(np.arange(-3, 6), n, replace=False).tolist() for n in sizes]
    domains[5] = rng.permutation(4)[:3].tolist()
    m = Mixture(rng, domains)
    m.add(lambda: m.all_different((0, 2, 4), offsets=(-2, -1, 0, 1), universe=8, shifts=False))
    m.add(lambda: m.linear(["=="], (0, 1, 2, 5), (1, 1, 2, 3), words=1))
    m.add(lambda: m.linear(["<", "<=", ">", ">="], (1, 3, 4), (1, 2, 3)))
    m.add(lambda: m.linear(["!="], (0, 3, 5), (1, 1, 2)))
    m.add(lambda: m.clause((1, 2, 4)))
    m.add(lambda: m.count((1, 3, 4), ["==", "<", "<=", ">", ">="], number=5))
    m.add(lambda: m.regular((3, 1, 4), states=4, tables=3))
    m.add(lambda: m.member(3))
    return m.finish()


def _mixed_aligned(rng: np.random.Generator) -> Small:
    """Domains that are ranges from one value; all-different constraints that overlap."""
    least = int(rng.integers(-1, 2))
    different = [(0, 1, 2), (0, 1, 3, 4), (2, 3, 5)]
    m = Mixture(rng, [range(least, least + n) for n in (3, 3, 3, 4, 4, 4, 4)], different)
    m.add(lambda: m.all_different((0, 1, 2)))
    m.add(lambda: m.all_different((0, 1, 3, 4)))
    m.add(lambda: m.all_different((2, 3, 5), level="hall"))
    m.add(lambda: m.table((4, 5, 6), allowed=True, most=32))
    m.add(lambda: m.element(6, 2, (3, 4)))
    m.add(lambda: m.count((0, 2, 3, 5), ["!="]))
    m.add(lambda: m.conditional("reified", 5, lambda: m.linear(["<=", ">"], (0, 3, 6), (1, 1, 2))))
    return m.finish()


def _mixed_shifted(rng: np.random.Generator) -> Small:
    """Domains that are ranges; shifted all-different constraints, matrices, tabulated ones."""
    m = Mixture(rng, [range(n, n + 4) for n in rng.integers(-2, 3, 6).tolist()])
    shifted = {"universe": 10, "shifts": True}
    m.add(lambda: m.all_different((0, 1, 2, 3), offsets=range(-4, 5), **shifted))
    m.add(lambda: m.all_different((3, 4, 5), offsets=range(-4, 5), **shifted))
    m.add(lambda: m.table((0, 4, 5), allowed=False))
    m.add(lambda: m.absolute((0, 5)))
    m.add(lambda: m.predicate((1, 4), range(6, 13)))
    m.add(lambda: m.predicate((0, 3), range(8, 15)))
    m.add(lambda: m.linear(["<", "<=", ">", ">=", "=="], (2, 3), (1, 2)))
    m.add(lambda: m.linear(["=="], (1, 3, 5), (20011, 20011, 1)))
    m.add(lambda: m.predicate((0, 2, 4), range(17, 33)))
    for kind in ("implies", "only if"):
        m.add(
            lambda kind=kind: m.conditional(
                kind, 4, lambda: m.linear(["<=", ">"], (0, 1, 5), (1, 1, 2))
            )
        )
    return m.finish()


MIXTURES = (_mixed_values, _mixed_aligned, _mixed_shifted)


def random_mixed_problem(seed: int) -> Small:
    """Six or seven variables of up to four values, and many constraints of all kinds.

    ``seed % 3`` says which kinds; problems with one remainder mostly have arrays of one shape.
    """
    return MIXTURES[seed % len(MIXTURES)](np.random.default_rng(seed))


def random_wide_problem(seed: int) -> Small:
    """Three variables of 70 values, which lie in two words, and constraints of most kinds."""
    rng = np.random.default_rng(seed)
    least = int(rng.integers(-3, 1))
    m = Mixture(rng, [range(least, least + 70)] * 3, [(0, 1, 2)])
    m.add(lambda: m.all_different((0, 1, 2)))
    m.add(lambda: m.all_different((0, 2), offsets=range(-3, 4), universe=73))
    m.add(lambda: m.linear(["=="], (0, 1, 2), (2, 3, 4), words=6))
    m.add(lambda: m.linear(["<=", "!=", ">"], (0, 1, 2), (1, 2, 5)))
    m.add(lambda: m.absolute((0, 1)))
    m.add(lambda: m.table((0, 1, 2), allowed=False))
    m.add(lambda: m.clause((0, 1, 2)))
    m.add(lambda: m.count((0, 1, 2), ["<="]))
    m.add(lambda: m.regular((2, 0, 1), states=4, tables=1))
    m.add(lambda: m.conditional("reified", 2, lambda: m.linear(["<=", ">"], (0, 1, 2), (1, 1, 3))))
    return m.finish()
