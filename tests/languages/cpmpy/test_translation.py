"""Every kind of CPMpy expression as constraints, against CPMpy's own evaluation of it.

Nothing is compiled: a small search in Python extends each assignment of the user's variables to the
auxiliary ones. Where the expression holds there is exactly one extension, and none elsewhere.
"""

import itertools

import pytest

cp = pytest.importorskip("cpmpy", reason="CPMpy is not installed")

from cpmpy.expressions.utils import argval  # noqa: E402
from cpmpy.transformations.get_variables import get_variables  # noqa: E402
from extensions import extensions  # noqa: E402
from languages.cpmpy.models import EXPRESSIONS, variables  # noqa: E402

import neurosym as ns  # noqa: E402


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_each_solution_has_one_extension(name):
    x, b = variables()
    given = EXPRESSIONS[name](x, b)
    model = cp.Model(given)
    problem = ns.Problem.from_cpmpy(model)
    users = get_variables(model.constraints)
    assert [v.name for v in problem.declared[: len(users)]] == [v.name for v in users]
    holding = 0
    for values in itertools.product(*(range(v.lb, v.ub + 1) for v in users)):
        for variable, value in zip(users, values, strict=True):
            variable._value = bool(value) if variable.is_bool() else value
        right = all(argval(c) for c in model.constraints)
        known = {i: value - v.lb for i, (v, value) in enumerate(zip(users, values, strict=True))}
        assert extensions(problem, known) == int(right), dict(zip(users, values, strict=True))
        holding += right
    assert holding > 0
