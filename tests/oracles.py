"""Brute force in plain NumPy over small problems; shares no code with what it judges."""

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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
    "lukasiewicz": (max, lambda x, y: max(0.0, x + y - 1), 0.0, 1.0),
}


Values = Sequence[np.ndarray]
Check = Callable[[Values], np.ndarray]


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
    if name in ("real", "max_min", "lukasiewicz"):
        return probabilities.astype(np.float32)
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    return (-logs if name == "min_plus" else logs).astype(np.float32)


class Mixture:
    """A problem in the making: variables by role, constraints, and their checks in NumPy.

    Most constraints are drawn until they allow a planted assignment. A check takes the values of
    the roles, one array each, and says elementwise whether they are allowed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        domains: Sequence[Sequence[int]],
        distinct: Sequence[Sequence[int]] = (),
    ) -> None:
        """``distinct``: roles that the planted assignment gives different values."""
        self.rng, self.problem = rng, ns.Problem()
        self.order = rng.permutation(len(domains))  # the roles in the order of declaration
        self.domains = [list(domain) for domain in domains]
        self.x: list[Any] = [None] * len(domains)
        for role in self.order:
            self.x[role] = self.problem.variable(f"x{role}", domain=self.domains[role])
        self.checks: list[Check] = []
        while True:
            values = [int(rng.choice(domain)) for domain in self.domains]
            if all(len({values[r] for r in roles}) == len(roles) for roles in distinct):
                break
        self.witness = [np.asarray([value]) for value in values]

    def add(self, draw: Callable[[], tuple[Any, Check] | None]) -> None:
        """A constraint that ``draw`` makes; None from it means: once more."""
        patience = 100 if self.rng.random() < 0.95 else 0
        for attempt in range(1000):
            drawn = draw()
            if drawn is not None and (attempt >= patience or drawn[1](self.witness)[0]):
                self.problem.add(drawn[0])
                self.checks.append(drawn[1])
                return
        raise AssertionError(f"no constraint of this shape was found: {draw}")

    def finish(self) -> Small:
        """The problem with all its solutions."""
        domains = [self.domains[role] for role in self.order]
        grid = np.meshgrid(*map(np.asarray, domains), indexing="ij")
        values = [np.empty(0)] * len(domains)
        for axis, role in zip(grid, self.order, strict=True):
            values[role] = axis
        holds = np.logical_and.reduce([check(values) for check in self.checks])
        solutions = list(map(tuple, np.argwhere(holds).tolist()))
        return Small(self.problem, domains, solutions)

    def some(self, role: int) -> list[int]:
        """Some values of a variable, neither none nor all."""
        domain = self.domains[role]
        return self.rng.permutation(domain)[: self.rng.integers(1, len(domain))].tolist()

    def member(self, role: int) -> tuple[Any, Check]:
        values = self.some(role)
        return self.x[role].isin(values), lambda x: np.isin(x[role], values)

    def linear(
        self, relations: Sequence[str], roles: Sequence[int], scales: Sequence[int], words: int = 0
    ) -> tuple[Any, Check] | None:
        """``words``: of the reachable sums, where these are to be tracked as bits."""
        relation = str(self.rng.choice(relations))
        factors = [int(self.rng.choice([-1, 1]) * scale) for scale in self.rng.permutation(scales)]
        planted = sum(c * int(self.witness[r][0]) for c, r in zip(factors, roles, strict=True))
        constant = planted + int(self.rng.integers(-1, 2))
        terms = [c * self.x[r] for c, r in zip(factors, roles, strict=True)]
        constraint = RELATIONS[relation](sum(terms), constant)
        compiled = constraint.compile()
        found = -(-compiled.sums // 64) if compiled.bucket[:1] == ("sums",) else 0
        if found != words:
            return None
        return constraint, lambda x: RELATIONS[relation](
            sum(c * x[r] for c, r in zip(factors, roles, strict=True)), constant
        )

    def all_different(
        self,
        roles: Sequence[int],
        level: str = "singles",
        offsets: Sequence[int] = (),
        **shape: Any,
    ) -> tuple[Any, Check] | None:
        """With entries ``c * x + d`` if ``offsets`` are given; ``shape``: of the relation."""
        maps = [(1, 0)] * len(roles)
        if offsets:
            signs = (1,) if shape.get("shifts") else (-2, -1, 1, 2)
            offsets = self.rng.permutation(offsets).tolist()
            maps = [(int(self.rng.choice(signs)), d) for d in offsets[: len(roles)]]
        entries = [c * self.x[r] + d for (c, d), r in zip(maps, roles, strict=True)]
        constraint = ns.AllDifferent(entries, level)
        relation = constraint.compile()
        facts = {
            "universe": getattr(relation, "universe", 0),
            "shifts": any(getattr(relation, "shifts", None) or ()),
        }
        if any(facts[name] != value for name, value in shape.items()):
            return None

        def check(x: Values) -> np.ndarray:
            taken = [c * x[r] + d for (c, d), r in zip(maps, roles, strict=True)]
            pairs = itertools.combinations(taken, 2)
            return np.logical_and.reduce([a != b for a, b in pairs])

        return constraint, check

    def table(self, roles: Sequence[int], allowed: bool, most: int = 16) -> tuple[Any, Check]:
        everything = list(itertools.product(*(self.domains[r] for r in roles)))
        count = self.rng.integers(most // 2 + 1, most + 1)
        rows = [everything[n] for n in self.rng.permutation(len(everything))[:count]]

        def check(x: Values) -> np.ndarray:
            listed = [
                np.logical_and.reduce([x[r] == v for r, v in zip(roles, row, strict=True)])
                for row in rows
            ]
            return np.logical_or.reduce(listed) == allowed

        return ns.Table([self.x[r] for r in roles], rows, allowed=allowed), check

    def clause(self, roles: Sequence[int]) -> tuple[Any, Check]:
        parts = [self.member(role) for role in roles]
        constraint = ns.Clause([part for part, _ in parts])
        return constraint, lambda x: np.logical_or.reduce([check(x) for _, check in parts])

    def count(
        self, roles: Sequence[int], relations: Sequence[str], number: int | None = None
    ) -> tuple[Any, Check]:
        """Compared with the variable of the role ``number``, or with a constant."""
        relation = str(self.rng.choice(relations))
        values = self.rng.permutation(sorted({v for r in roles for v in self.domains[r]}))
        values = values[: self.rng.integers(1, 4)].tolist()
        constant = int(self.rng.integers(0, len(roles) + 1))
        target = constant if number is None else self.x[number]
        constraint = ns.Count([self.x[r] for r in roles], values, relation, target)

        def check(x: Values) -> np.ndarray:
            many = sum(np.isin(x[r], values).astype(int) for r in roles)
            return RELATIONS[relation](many, constant if number is None else x[number])

        return constraint, check

    def element(self, index: int, value: int, entries: Sequence[int]) -> tuple[Any, Check]:
        """An array of the roles ``entries`` and one constant, in any order."""
        fixed = int(self.rng.choice(self.domains[value]))
        array = self.rng.permutation(np.asarray([*entries, None], object)).tolist()
        given = [fixed if entry is None else self.x[entry] for entry in array]

        def check(x: Values) -> np.ndarray:
            found = np.zeros(x[index].shape, bool)
            for position, entry in enumerate(array):
                there = fixed if entry is None else x[entry]
                found |= (x[index] == position) & (there == x[value])
            return found

        return ns.Element(self.x[index], given, self.x[value]), check

    def regular(self, roles: Sequence[int], states: int, tables: int) -> tuple[Any, Check] | None:
        rng = self.rng
        alphabet = sorted({v for r in roles for v in self.domains[r]})
        moves = {
            (s, v): int(rng.integers(states))
            for s in range(states)
            for v in alphabet
            if rng.random() < 0.8
        }
        accepting = [s for s in range(states) if rng.random() < 0.5]
        constraint = ns.Regular(
            [self.x[r] for r in roles], ns.Automaton(range(states), 0, accepting, moves)
        )
        relation = constraint.compile()
        if len(relation.accepting) != states or len(set(relation.tables)) != tables:
            return None

        def check(x: Values) -> np.ndarray:
            state = np.zeros(x[0].shape, int)
            for role in roles:
                after = np.full(state.shape, -1)
                for (s, v), target in moves.items():
                    after[(state == s) & (x[role] == v)] = target
                state = after
            return np.isin(state, accepting)

        return constraint, check

    def absolute(self, roles: tuple[int, int]) -> tuple[Any, Check]:
        (a, b), constant = roles, int(self.rng.integers(1, 3))
        relation, bound = str(self.rng.choice(list(RELATIONS))), int(self.rng.integers(1, 4))
        constraint = RELATIONS[relation](abs(self.x[a] - self.x[b] + constant), bound)
        return constraint, lambda x: RELATIONS[relation](abs(x[a] - x[b] + constant), bound)

    def predicate(self, roles: Sequence[int], rows: range) -> tuple[Any, Check] | None:
        """Of a form of its own; ``rows``: how many combinations it may allow."""
        factors = self.rng.integers(1, 6, len(roles)).tolist()
        modulus, least = int(self.rng.integers(3, 6)), int(self.rng.integers(1, 3))

        def holds(*values: Any) -> Any:
            total = sum(c * v * v for c, v in zip(factors, values, strict=True))
            return (total + values[0] * values[-1]) % modulus >= least

        grid = np.meshgrid(*(np.asarray(self.domains[r]) for r in roles), indexing="ij")
        if int(holds(*grid).sum()) not in rows:
            return None
        constraint = ns.Predicate([self.x[r] for r in roles], holds)
        return constraint, lambda x: holds(*(x[r] for r in roles))

    def conditional(
        self, kind: str, role: int, draw: Callable[[], tuple[Any, Check] | None]
    ) -> tuple[Any, Check] | None:
        """A condition on one variable and another constraint, in either order."""
        (condition, when), consequence = self.member(role), draw()
        if consequence is None:
            return None
        constraint, then = consequence
        if kind == "reified":
            return ns.Reified(condition, constraint), lambda x: when(x) == then(x)
        if kind == "only if":
            return ns.Implies(constraint, condition), lambda x: ~then(x) | when(x)
        return ns.Implies(condition, constraint), lambda x: ~when(x) | then(x)


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


def shapes(network: ns.Network) -> tuple:
    """What programs are compiled for: the shapes of the arrays, and static facts."""
    arrays, structure = jax.tree.flatten(network.replace(structure=None))
    return structure, tuple((x.shape, x.dtype) for x in arrays)


def stacked(networks: Sequence[ns.Network]) -> ns.Network:
    """Networks of one shape as a batch of networks, with the names and values of the first."""
    plain = [jax.tree.map(np.asarray, n.replace(structure=None)) for n in networks]
    with jax.enable_x64(True):
        batch = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *plain)
    return batch.replace(structure=networks[0].structure)
