"""`CPM_neurosym` through CPMpy's solver interface, against brute force and CP-SAT.

Models are small and alike, so that few programs are compiled.
"""

import itertools

import pytest

cp = pytest.importorskip("cpmpy", reason="CPMpy is not installed")

from cpmpy.exceptions import NotSupportedError  # noqa: E402
from cpmpy.expressions.utils import argvals  # noqa: E402
from cpmpy.solvers.solver_interface import ExitStatus  # noqa: E402
from languages.cpmpy.models import EXPRESSIONS, variables  # noqa: E402

import neurosym as ns  # noqa: E402
from neurosym.languages.cpmpy import CPM_neurosym  # noqa: E402


def model():
    """Three different numbers that add up to six: the permutations of 1, 2, 3 and of 0, 2, 4 ..."""
    x = cp.intvar(0, 4, shape=3, name="x")
    return cp.Model(cp.AllDifferent(x), cp.sum(x) == 6), x


SOLUTIONS = {p for p in itertools.permutations(range(5), 3) if sum(p) == 6}


def test_a_solution_and_all_of_them():
    given, x = model()
    solver = CPM_neurosym(given)
    assert solver.status().exitstatus == ExitStatus.NOT_RUN
    assert solver.solve()
    assert solver.status().exitstatus == ExitStatus.FEASIBLE
    assert tuple(x.value().tolist()) in SOLUTIONS
    found = set()
    assert solver.solveAll(display=lambda: found.add(tuple(x.value().tolist()))) == len(SOLUTIONS)
    assert found == SOLUTIONS
    assert solver.status().exitstatus == ExitStatus.OPTIMAL
    assert solver.solveAll() == len(SOLUTIONS)
    assert solver.solveAll(solution_limit=2) == 2
    assert solver.status().exitstatus == ExitStatus.FEASIBLE


def test_display_prints_expressions(capsys):
    given, x = model()
    CPM_neurosym(given).solveAll(display=[x[0], x[0] + x[1] + x[2]], solution_limit=1)
    first, total = eval(capsys.readouterr().out)
    assert first in range(5)
    assert total == 6


def test_objectives_and_their_direction():
    given, x = model()
    solver = CPM_neurosym(given)
    cost = 3 * x[0] + 2 * x[1] - x[2] + 7
    for minimize, best in ((True, min), (False, max)):
        solver.objective(cost, minimize=minimize)
        right = best(3 * a + 2 * b - c + 7 for a, b, c in SOLUTIONS)
        shown = []
        assert solver.solve(display=lambda kept=shown: kept.append(argvals(cost)))
        assert solver.status().exitstatus == ExitStatus.OPTIMAL
        assert solver.objective_value() == right == argvals(cost) == shown[-1]
    with pytest.raises(NotSupportedError, match="all optimal solutions"):
        solver.solveAll()


@pytest.mark.slow
def test_a_large_objective_is_exact():
    """Next to each other in integers, and one and the same in float32."""
    given, x = model()
    weights = (2**40, 2**40 + 1, 2**40 + 3)
    given.maximize(cp.sum([w * y for w, y in zip(weights, x, strict=True)]))
    solver = CPM_neurosym(given)
    assert solver.solve()
    right = max(sum(w * y for w, y in zip(weights, s, strict=True)) for s in SOLUTIONS)
    assert solver.objective_value() == right


def test_the_objective_of_a_model_is_that_of_its_problem():
    given, x = model()
    given.maximize(2 * x[0] - x[1])
    result = ns.optimize(ns.Problem.from_cpmpy(given).compile())
    assert int(result.objective) == max(2 * a - b for a, b, _ in SOLUTIONS)


def test_a_time_limit_of_zero_and_one_below():
    given, x = model()
    solver = CPM_neurosym(given)
    assert not solver.solve(time_limit=0)
    assert solver.status().exitstatus == ExitStatus.UNKNOWN
    assert x[0].value() is None
    assert solver.solveAll(time_limit=0) == 0
    assert solver.status().exitstatus == ExitStatus.UNKNOWN
    with pytest.raises(ValueError, match="from 0 up, not -1"):
        solver.solve(time_limit=-1)
    assert solver.solve(time_limit=300)


def test_assumptions_and_their_core():
    x = cp.intvar(0, 4, shape=3, name="x")
    a, b, c, d = assumed = cp.boolvar(shape=4, name="a")
    solver = CPM_neurosym(
        cp.Model(
            cp.AllDifferent(x),
            a.implies(x[0] > 2),
            b.implies(cp.sum(x) <= 3),
            c.implies(x[0] == x[1] + 1),
            d.implies(x[1] > 3),
        )
    )
    assert solver.solve(assumptions=[a, c])
    assert not solver.solve(assumptions=list(assumed))
    assert solver.status().exitstatus == ExitStatus.UNSATISFIABLE
    core = solver.get_core()
    # x0 > 2 and a sum of at most 3 leave (3, 0, 0), which is not all different; and so on.
    assert set(map(str, core)) in ({"a[1]", "a[0]"}, {"a[1]", "a[3]"}, {"a[2]", "a[3]"})
    assert not solver.solve(assumptions=core)
    assert all(solver.solve(assumptions=[y for y in core if y is not z]) for z in core)
    with pytest.raises(ValueError, match="no assumptions, or was satisfiable"):
        solver.get_core()
    assert not solver.solve(assumptions=[a, ~a])


def test_hints_are_tried_first():
    given, x = model()
    solver = CPM_neurosym(given)
    for wanted in sorted(SOLUTIONS)[::5]:
        solver.solution_hint(x, wanted)
        assert solver.solve()
        assert tuple(x.value().tolist()) == wanted
    solver.solution_hint(x, [0, 0, 0])  # not a solution
    assert solver.solve()
    assert tuple(x.value().tolist()) in SOLUTIONS


def test_constraints_are_added_between_calls():
    given, x = model()
    solver = CPM_neurosym(given)
    assert solver.solve()
    solver += x[0] == 4
    assert solver.solve()
    assert x[0].value() == 4
    solver += x[1] == 4
    assert not solver.solve()
    assert solver.status().exitstatus == ExitStatus.UNSATISFIABLE
    assert x[0].value() is None


def test_models_without_variables_and_without_solutions():
    assert CPM_neurosym(cp.Model()).solve()
    assert not CPM_neurosym(cp.Model(cp.BoolVal(False))).solve()
    b = cp.boolvar()
    assert CPM_neurosym(cp.Model(cp.BoolVal(True), b | True)).solve()


def test_what_has_no_translation_is_refused_by_name():
    x, _ = variables()
    wide = cp.intvar(0, 10**7, name="wide")
    with pytest.raises(NotSupportedError, match=r"variable wide has 10,000,001 values"):
        CPM_neurosym(cp.Model(wide > 3))
    long = cp.intvar(0, 2000, shape=2, name="long")
    with pytest.raises(NotSupportedError, match=r"long\[0\].*long\[1\].*4,004,001 combinations"):
        CPM_neurosym(cp.Model(long[0] * long[1] == 12))
    solver = CPM_neurosym(cp.Model(x[0] > 0))
    with pytest.raises(NotSupportedError, match="coefficients that are not integers"):
        solver.minimize(cp.expressions.globalfunctions.FloatSum([0.5], [x[0]]))
    with pytest.raises(NotSupportedError, match="no option 'log'"):
        solver.solve(log=True)
    with pytest.raises(ValueError, match=r"-?1000000000000000000.* to 3000000000000000000"):
        solver.minimize(10**18 * x[0])
    with pytest.raises(ValueError, match="is not a CPMpy model"):
        ns.Problem.from_cpmpy([x[0] > 0])


def test_a_direct_constraint_is_one_of_ours_by_its_name():
    x = cp.intvar(0, 1, shape=3, name="x")
    model = cp.Model(cp.DirectConstraint("Count", (x, [1], "==", 2), novar=[1, 2]))
    problem = ns.Problem.from_cpmpy(model)
    assert [type(c) for c in problem.constraints] == [ns.Count]
    assert sum(map(problem.compile().allows, itertools.product(range(2), repeat=3))) == 3
    with pytest.raises(AttributeError, match="no constraint 'Cuont'"):
        ns.Problem.from_cpmpy(cp.Model(cp.DirectConstraint("Cuont", (x,))))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_counts_are_those_of_cp_sat(name):
    x, b = variables()
    given = cp.Model(EXPRESSIONS[name](x, b))
    found, right = set(), set()
    users = cp.transformations.get_variables.get_variables(given.constraints)
    count = CPM_neurosym(given).solveAll(display=lambda: found.add(tuple(argvals(users))))
    given.solveAll(solver="ortools", display=lambda: right.add(tuple(argvals(users))))
    assert count == len(found)
    assert found == right
    problem = ns.Problem.from_cpmpy(given)
    assert int(ns.count(problem.compile()).count) == len(right)
