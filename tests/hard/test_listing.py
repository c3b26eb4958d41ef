"""All solutions one by one, and counts of problems that fall into parts."""

import itertools

import jax
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard import listing


def test_every_solution_once(monkeypatch):
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(5))
    problem.add(x.sum() == 8, x[0] != x[1])
    network = problem.compile()
    wanted = {a for a in itertools.product(range(5), repeat=4) if sum(a) == 8 and a[0] != a[1]}
    for first, most in ((16, 2**12), (3, 5)):  # by one search, and by many of few solutions
        monkeypatch.setattr(listing, "FIRST", first)
        monkeypatch.setattr(listing, "MOST", most)
        found = [tuple(given[v.name] for v in x) for given in ns.solutions(network)]
        assert len(found) == len(set(found))
        assert set(found) == wanted
    held = network.restrict({"x[0]": 0})
    found = list(ns.solutions(network, held))
    assert len(found) == sum(a[0] == 0 for a in wanted)


def test_few_of_very_many():
    problem = ns.Problem()
    x = problem.variables("x", shape=30, domain=("a", "b", "c"))
    problem.add(ns.Count(x, {"a"}, ">=", 3))
    few = list(itertools.islice(ns.solutions(problem.compile()), 100))
    assert len({tuple(given.values()) for given in few}) == 100
    assert all(list(given.values()).count("a") >= 3 for given in few)


def test_what_is_refused():
    problem = ns.Problem()
    problem.variable("x", domain=range(3))
    network = problem.compile()
    with pytest.raises(ValueError, match="of one instance"):
        next(ns.solutions(network, np.ones((2, 1, 3), bool)))


def test_counts_multiply():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(5))
    problem.variables("free", shape=3, domain=range(2))
    problem.add(x[0] < x[1], x[2] + x[3] == 4)
    network = problem.compile()
    assert int(ns.count(network).count) == 10 * 5 * 8
    assert int(ns.count(network, at_most=30).count) == 30
    masks = np.ones((3, 7, 5), bool)
    masks[1, 0, 0] = False  # x[0] from 1 on
    masks[2, 4] = False  # a free variable without a value
    found = ns.count(network, masks)
    assert found.count.tolist() == [400, 6 * 5 * 8, 0]
    assert found.status.tolist() == [0, 0, ns.SearchStatus.UNSATISFIABLE]
    traced = jax.jit(lambda mask: ns.count(network, mask).count)(masks)
    assert traced.tolist() == [400, 240, 0]


def test_a_count_beyond_its_integers_is_at_least_so_many():
    problem = ns.Problem()
    problem.variables("free", shape=40, domain=range(2))
    found = ns.count(problem.compile())
    assert int(found.count) == 2**31 - 1
    assert found.status == ns.SearchStatus.SOLVED


def test_a_part_without_solutions_is_none():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    problem.variables("free", shape=40, domain=range(2))
    problem.add(ns.AllDifferent(x))
    found = ns.count(problem.compile())
    assert int(found.count) == 0
    assert found.status == ns.SearchStatus.UNSATISFIABLE
