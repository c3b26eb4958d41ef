"""Expressions: what they mean, against plain Python over all assignments."""

import itertools

import numpy as np
import pytest
from extensions import extensions
from random_problems_of_expressions import random_problem

import neurosym as ns
from neurosym.problems.constraints import tabulated

pytestmark = pytest.mark.filterwarnings("ignore::neurosym.problems.problem.ContradictionWarning")


def count(problem):
    return int(ns.count(problem.compile()).count)


@pytest.fixture
def nothing_is_listed(monkeypatch):
    """Small expressions go over auxiliary variables, as large ones do."""
    monkeypatch.setattr(tabulated, "FEW", 0)
    monkeypatch.setattr(tabulated, "PAIRS", 0)


def allowed(problem):
    network = problem.compile()
    ranges = (range(len(x.domain)) for x in problem.declared)
    return [index for index in itertools.product(*ranges) if network.allows(index)]


@pytest.mark.parametrize("seed", range(60))
def test_random_constraints_allow_what_python_says(seed):
    problem, constraint, solutions = random_problem(seed, 3)
    problem.add(constraint)
    assert allowed(problem) == solutions


@pytest.mark.parametrize("seed", range(60))
def test_random_constraints_over_auxiliary_variables(seed, nothing_is_listed):
    problem, constraint, solutions = random_problem(seed, 3)
    problem.add(constraint)
    assert allowed(problem) == solutions
    # One hidden value for each of them, and not several: else a solution would count several times.
    for index in itertools.product(*(range(len(x.domain)) for x in problem.declared)):
        assert extensions(problem, dict(enumerate(index))) == (index in solutions)


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 60))]
)
def test_engines_agree_on_random_problems(seed, nothing_is_listed):
    """Search, elimination in two semirings, and soundness of propagation, of two constraints."""
    problem, first, one = random_problem(2 * seed, 2)
    rng = np.random.default_rng(seed)
    _, _, other = random_problem(2 * seed + 1, 2)
    second = random_problem(2 * seed + 1, 2, problem=problem)[1]
    problem.add(first, second)
    network = problem.compile()
    solutions = sorted(set(one) & set(other))
    found = ns.solve(network, solutions=300)
    assert int(ns.count(network).count) == int(found.count) == len(solutions)
    assert sorted(map(tuple, np.asarray(found.assignment)[: len(solutions)].tolist())) == solutions
    ones = np.ones((network.variables, network.size), np.int32)
    assert int(ns.total(network, ones, semiring=ns.COUNTING)) == len(solutions)
    weights = rng.normal(size=(network.variables, network.size)).astype(np.float32)
    scores = [sum(weights[k, v] for k, v in enumerate(index)) for index in solutions]
    wanted = float(np.logaddexp.reduce(scores)) if scores else -np.inf
    np.testing.assert_allclose(ns.total(network, weights), wanted, rtol=1e-4, atol=1e-4)
    mask = np.asarray(ns.propagate(network).domains.mask)
    assert all(mask[k, v] for index in solutions for k, v in enumerate(index))
