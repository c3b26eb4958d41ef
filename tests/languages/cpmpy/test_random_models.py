"""Random nested CPMpy expressions as problems, against CPMpy's own evaluation of them."""

import itertools

import numpy as np
import pytest

cp = pytest.importorskip("cpmpy", reason="CPMpy is not installed")

from cpmpy.expressions.utils import argval  # noqa: E402
from cpmpy.transformations.get_variables import get_variables  # noqa: E402
from extensions import extensions  # noqa: E402

import neurosym as ns  # noqa: E402


class Drawn:
    """Expressions over two integers and two Booleans, drawn from a seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.x = cp.intvar(-1, 2, shape=2, name="x")
        self.b = cp.boolvar(shape=2, name="b")

    def pick(self, *makers):
        return makers[self.rng.integers(len(makers))]()

    def integer(self, depth):
        leaves = (
            lambda: self.x[int(self.rng.integers(2))],
            lambda: int(self.rng.integers(-2, 4)),
        )
        if depth == 0:
            return self.pick(*leaves)

        def below():
            return self.integer(depth - 1)

        return self.pick(
            leaves[0],
            lambda: below() + below(),
            lambda: below() - 2 * self.x[0],
            lambda: self.x[1] * below(),
            lambda: abs(self.x[0] - below()),
            lambda: cp.max([below(), self.x[1]]),
            lambda: cp.min([self.x[0], below(), 1]),
            lambda: self.x[0] // below(),
            lambda: self.x[1] % below(),
            lambda: self.x[0] ** 2,
            lambda: cp.cpm_array([2, self.x[1], 0])[self.x[0] + 0],
            lambda: self.b[0] + ~self.b[1],
            lambda: cp.Count([*self.x, 1], 1),
            lambda: cp.sum([self.truth(depth - 1), self.b[0], self.x[0]]),
        )

    def truth(self, depth):
        if depth == 0:
            return self.pick(lambda: self.b[0], lambda: ~self.b[1], lambda: self.x[0] > 0)

        def compared():
            left, right = self.integer(depth - 1), self.integer(depth - 1)
            relation = self.rng.integers(6)
            left = left + self.x[0] - self.x[0] if isinstance(left, int) else left
            return (
                left == right, left != right, left < right,
                left <= right, left > right, left >= right,
            )[relation]  # fmt: skip

        def below():
            return self.truth(depth - 1)

        return self.pick(
            compared,
            compared,
            lambda: below() & below(),
            lambda: below() | below(),
            lambda: below() ^ below(),
            lambda: ~below(),
            lambda: below().implies(below()),
            lambda: below() == below(),
            lambda: cp.AllDifferent(*self.x, self.integer(0)),
            lambda: cp.Table(list(self.x), [(0, 1), (2, 2), (1, -1)]),
            lambda: cp.InDomain(self.x[1], [0, 2]),
        )


def agrees(seed, depth):
    """Whether there is something to compare; it is compared then."""
    drawn = Drawn(seed)
    try:
        given = [drawn.truth(depth), cp.sum(drawn.x) + cp.sum(drawn.b) >= -2]
    except (TypeError, ZeroDivisionError, ValueError):
        return False  # CPMpy has no such expression, such as a division by the constant 0
    users = get_variables(given)
    try:
        problem = ns.Problem.from_cpmpy(cp.Model(given))
    except ZeroDivisionError:
        return False  # raised by CPMpy, for a divisor that can be nothing but 0
    rows = {v.name: v.index for v in problem.declared}
    for values in itertools.product(*(range(v.lb, v.ub + 1) for v in users)):
        for variable, value in zip(users, values, strict=True):
            variable._value = bool(value) if variable.is_bool() else value
        right = all(argval(c) for c in given)
        known = {rows[v.name]: x - v.lb for v, x in zip(users, values, strict=True)}
        assert extensions(problem, known) == int(right), (given[0], values)
    return True


@pytest.mark.parametrize("seed", range(25))
def test_random_expressions(seed):
    assert agrees(seed, 2)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2000, 100))
def test_many_random_expressions(first):
    assert sum(agrees(seed, 2 + seed % 2) for seed in range(first, first + 100)) > 50
