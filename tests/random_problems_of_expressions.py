"""Random expressions and constraints, each with what it means in plain Python.

A meaning is a function of an assignment by name. Where an expression has no value it raises
`Undefined`, and the smallest condition around it is False.
"""

import itertools
import operator

import numpy as np

import neurosym as ns


class Undefined(Exception):
    """An index outside of its array, or a division by zero."""


COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def quotient(a, b):
    if b == 0:
        raise Undefined
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a, b):
    return a - b * quotient(a, b)


def power(a, b):
    if b < 0:
        raise Undefined
    return a**b


def pick(array, index):
    if not 0 <= index < len(array):
        raise Undefined
    return array[index]


class Random:
    """Expressions over the variables of one problem."""

    def __init__(self, rng, variables):
        self.rng, self.variables = rng, variables

    def integer(self, depth):
        """An expression and its meaning."""
        if depth == 0 or self.rng.random() < 0.15:
            x = self.variables[self.rng.integers(len(self.variables))]
            return x, lambda given, name=x.name: given[name]
        kind = self.rng.integers(10)
        a, f = self.integer(depth - 1)
        if kind == 0:
            return abs(a), lambda given: abs(f(given))
        if kind == 1:
            n = int(self.rng.integers(-3, 4))
            return n * a + 1, lambda given: n * f(given) + 1
        if kind == 2:
            c, g = self.truth(depth - 1)
            return 2 * c + a, lambda given: 2 * g(given) + f(given)
        b, h = self.integer(depth - 1)
        if kind in (3, 4):
            sign = operator.add if kind == 3 else operator.sub
            return sign(a, b), lambda given: sign(f(given), h(given))
        if kind == 5:
            return a * b, lambda given: f(given) * h(given)
        if kind == 6:
            ours, plain = (ns.maximum, max) if self.rng.random() < 0.5 else (ns.minimum, min)
            return ours(a, b, 1), lambda given: plain(f(given), h(given), 1)
        if kind == 7:
            return a // b, lambda given: quotient(f(given), h(given))
        if kind == 8:
            return a % b, lambda given: remainder(f(given), h(given))
        c, e = self.integer(0)
        index = self.rng.permutation(3).tolist()
        array, values = [a, c, 2], lambda given: [f(given), e(given), 2]
        return (
            ns.entry([array[i] for i in index], b),
            lambda given: pick([values(given)[i] for i in index], h(given)),
        )

    def truth(self, depth):
        """A constraint and its meaning, which is a Boolean."""
        if depth == 0 or self.rng.random() < 0.5:
            a, f = self.integer(depth)
            b, g = self.integer(max(0, depth - 1))
            n = int(self.rng.integers(-2, 4))
            sign = list(COMPARISONS)[self.rng.integers(6)]

            def compared(given):
                try:
                    return bool(COMPARISONS[sign](f(given) + n, g(given)))
                except Undefined:
                    return False

            return COMPARISONS[sign](a + n, b), compared
        kind = self.rng.integers(5)
        a, f = self.truth(depth - 1)
        if kind == 0:
            return ~a, lambda given: not f(given)
        b, g = self.truth(depth - 1)
        if kind == 1:
            return a & b, lambda given: f(given) and g(given)
        if kind == 2:
            return a | b, lambda given: f(given) or g(given)
        if kind == 3:
            return a ^ b, lambda given: f(given) != g(given)
        return a.implies(b), lambda given: g(given) or not f(given)


def assignments(variables):
    """All assignments, by name, and the value indices that a network takes."""
    names = [x.name for x in variables]
    ranges = [range(len(x.domain)) for x in variables]
    for index in itertools.product(*ranges):
        values = [x.domain[i] for x, i in zip(variables, index, strict=True)]
        yield index, dict(zip(names, values, strict=True))


def random_problem(seed, depth, problem=None):
    """A problem of four variables, a constraint, and the value indices of its solutions."""
    rng = np.random.default_rng(seed)
    if problem is None:
        problem = ns.Problem()
        for name, (low, high) in zip("abcd", ((-1, 2), (0, 3), (0, 2), (1, 3)), strict=True):
            problem.variable(name, domain=range(low, high + 1))
    constraint, meaning = Random(rng, problem.declared).truth(depth)
    solutions = [index for index, given in assignments(problem.declared) if meaning(given)]
    return problem, constraint, solutions
