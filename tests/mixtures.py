"""`Mixture`: a random problem in the making, with the checks of its constraints in NumPy."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from oracles import RELATIONS

import neurosym as ns
from neurosym.problems.constraints.joint import joined

Values = Sequence[np.ndarray]
Check = Callable[[Values], np.ndarray]


class Small(NamedTuple):
    """A random problem, and the solutions that brute force finds."""

    problem: ns.Problem
    domains: list[list[int]]
    solutions: list[tuple[int, ...]]  # value indices


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
        compiled = joined(constraint)
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
        relation = joined(constraint)
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
        relation = joined(constraint)
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
