"""Optima of models with the catalogue, against OR-tools' CP-SAT."""

import numpy as np
import pytest

import neurosym as ns

cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-tools")


def tasks(rng, count=6):
    durations, demands = rng.integers(1, 5, count).tolist(), rng.integers(1, 4, count).tolist()
    releases = rng.integers(0, 5, count).tolist()
    return durations, demands, releases


def scheduled(seed):
    """Tasks with release times, a shared capacity, two on one machine; the last end counts."""
    durations, demands, releases = tasks(np.random.default_rng(seed))
    horizon, count = 20, len(durations)
    problem = ns.Problem()
    start = problem.variables("start", shape=count, domain=range(horizon))
    problem.add(ns.Cumulative(start, durations, demands, 4), start >= np.asarray(releases))
    problem.add(ns.NoOverlap(start[:3], durations[:3]))
    problem.minimize(3 * ns.maximum(start + durations) + start.sum())
    model = cp_model.CpModel()
    begin = [model.new_int_var(r, horizon - 1, "") for r in releases]
    spans = [
        model.new_fixed_size_interval_var(s, d, "") for s, d in zip(begin, durations, strict=True)
    ]
    model.add_cumulative(spans, demands, 4)
    model.add_no_overlap(spans[:3])
    last = model.new_int_var(0, 2 * horizon, "")
    model.add_max_equality(last, [s + d for s, d in zip(begin, durations, strict=True)])
    model.minimize(3 * last + sum(begin))
    return problem, model


def packed(seed):
    """Items in bins of one capacity; few bins, and a quadratic term."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 7).tolist()
    problem = ns.Problem()
    bins = problem.variables("bin", shape=7, domain=range(4))
    used = problem.variable("used", domain=range(5))
    problem.add(ns.BinPacking(bins, sizes, [10] * 4), ns.NValue(bins, "==", used))
    problem.minimize(10 * used + bins[0] * bins[1] - bins[2] * bins[3])
    model = cp_model.CpModel()
    at = [[model.new_bool_var("") for _ in range(4)] for _ in sizes]
    where = [model.new_int_var(0, 3, "") for _ in sizes]
    for row, place in zip(at, where, strict=True):
        model.add_exactly_one(row)
        model.add(place == sum(b * x for b, x in enumerate(row)))
    some = []
    for b in range(4):
        model.add(sum(s * row[b] for s, row in zip(sizes, at, strict=True)) <= 10)
        some.append(model.new_bool_var(""))
        model.add_max_equality(some[-1], [row[b] for row in at])
    products = [model.new_int_var(0, 9, "") for _ in range(2)]
    model.add_multiplication_equality(products[0], [where[0], where[1]])
    model.add_multiplication_equality(products[1], [where[2], where[3]])
    model.minimize(10 * sum(some) + products[0] - products[1])
    return problem, model


def toured(seed):
    """The shortest round trip."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, (6, 6)).tolist()
    problem = ns.Problem()
    successor = problem.variables("next", shape=6, domain=range(6))
    problem.add(ns.Tour(successor))
    problem.minimize(sum(ns.entry(row, x) for row, x in zip(lengths, successor, strict=True)))
    model = cp_model.CpModel()
    arcs = [(i, j, model.new_bool_var("")) for i in range(6) for j in range(6) if i != j]
    model.add_circuit(arcs)
    model.minimize(sum(lengths[i][j] * arc for i, j, arc in arcs))
    return problem, model


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("state", [scheduled, packed, toured])
def test_the_optimum_is_that_of_cp_sat(state, seed):
    problem, model = state(seed)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    found = ns.optimize(problem.compile())
    if status == cp_model.INFEASIBLE:
        assert found.status == ns.OptimizeStatus.UNSATISFIABLE
        return
    assert status == cp_model.OPTIMAL
    assert found.status == ns.OptimizeStatus.OPTIMAL
    assert int(found.objective) == int(solver.objective_value)
