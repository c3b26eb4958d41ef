"""How many programs the hard engine compiles, for calls as they follow each other at a prompt.

Programs are counted, whether XLA made them or the cache on disk held them: what must not grow is
the number of different ones.
"""

import contextlib
import itertools
import pickle
from collections.abc import Iterator

import jax
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard import prepared, search
from neurosym.hard.nodes import default_width
from neurosym.hard.prepared import batch_of, prepare
from neurosym.problems.constraints.rounding import round_up, rounded, rounding

_COMPILED: list[str] = []


def _note(event: str, *_: object, **__: object) -> None:
    if event.endswith("/backend_compile_duration"):
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


@contextlib.contextmanager
def compiles(most: int) -> Iterator[None]:
    """Fails where more than ``most`` programs are compiled."""
    before = len(_COMPILED)
    yield
    assert len(_COMPILED) - before <= most


def queens(size: int) -> ns.Network:
    problem = ns.Problem()
    x = problem.variables("row", shape=size, domain=range(size))
    for offset in (0, 1, -1):
        problem.add(ns.AllDifferent([x[i] + offset * i for i in range(size)]))
    return problem.compile()


def mixed(size: int, extra: int) -> ns.Network:
    """Sums, inequalities, a table, a clause, a count and a condition, over ``size`` variables."""
    problem = ns.Problem()
    x = problem.variables("x", shape=size, domain=range(5))
    problem.add(*(a + b <= 5 for a, b in itertools.pairwise(x)))
    problem.add(*(x[i] != x[i + 2] for i in range(size - 2)))
    problem.add(ns.AllDifferent(list(x[:4])), sum(x[:4]) == 6 + extra)
    problem.add(ns.Table(list(x[2:4]), [(a, (a + extra) % 5) for a in range(5)]))
    problem.add(ns.Clause([x[0] == 1, x[3] == 2]), ns.Count(list(x), [0, 1], ">=", 3))
    problem.add(ns.Implies(x[0] == extra, x[1] - x[3] <= 1))
    return problem.compile()


def test_one_program_whatever_is_wanted_and_for_the_next_model():
    first, second = queens(8), queens(9)
    with compiles(1):
        assert int(ns.count(first).count) == 92
    with compiles(0):
        assert int(ns.count(first, at_most=10).count) == 10
        one = ns.solve(first)
        assert first.allows(np.asarray(one.assignment)[0])
        for solutions in (0, 1, 7, 50):
            found = ns.solve(first, solutions=solutions)
            assert found.assignment.shape == (solutions, 8)
            assert int(found.count) == min(solutions, 92)
        assert int(ns.solve(first, node_limit=3).status) == ns.SearchStatus.LIMIT
    with compiles(0):
        assert int(ns.count(second).count) == 352
        assert second.allows(np.asarray(ns.solve(second).assignment)[0])
        assert int(ns.solve(second, second.restrict({"row[0]": 4})).status) == 0
    with compiles(1):
        ns.propagate(first)
    with compiles(0):
        ns.propagate(second, second.restrict({"row[0]": 4}))


def test_the_best_is_one_more():
    first, second = queens(8), queens(9)
    rng = np.random.default_rng(0)
    with compiles(1):
        ns.solve_best(first, None, rng.normal(size=(8, 8)).astype(np.float32))
    with compiles(0):
        weights = rng.normal(size=(9, 9)).astype(np.float32)
        best = ns.solve_best(second, None, weights, node_limit=10**6)
    everything = np.asarray(ns.solve(second, solutions=400).assignment)[:352]
    wanted = weights[np.arange(9), everything].sum(axis=1).max()
    np.testing.assert_allclose(float(best.objective), wanted, rtol=1e-5)


def test_many_kinds_of_constraints_and_a_batch():
    first, second = mixed(8, 0), mixed(9, 1)
    with compiles(1):
        ns.count(first)
    with compiles(0):
        ns.count(second)
    masks = np.ones((3, 9, 5), bool)
    masks[np.arange(3), 0] = np.eye(5, dtype=bool)[:3]
    with compiles(1):
        several = ns.count(second, masks)
    with compiles(0):
        again = ns.solve(second, masks[:2], solutions=3)
    alone = [int(ns.count(second, mask).count) for mask in masks]
    assert np.asarray(several.count).tolist() == alone
    assert np.asarray(again.count).tolist() == [min(3, n) for n in alone[:2]]


def test_reading_domains_compiles_nothing():
    masks = np.random.default_rng(0).random((5, 6, 70)) < 0.03
    with compiles(0):
        domains = ns.Domains.from_mask(masks)
        assert (np.asarray(domains.mask) == masks).all()
        assert (np.asarray(domains.sizes) == masks.sum(-1)).all()
        assert (np.asarray(domains.assigned) == (masks.sum(-1) == 1)).all()
        assert (np.asarray(domains.wiped_out) == (masks.sum(-1) == 0).any(-1)).all()
        lowest = np.where(masks.any(-1), masks.argmax(-1), -1)
        assert (np.asarray(domains.values) == lowest).all()
        both = domains & ns.Domains.from_mask(~masks)
        assert not np.asarray(both.mask).any()
    inside = jax.jit(lambda d: (d.mask, d.sizes, d.assigned, d.wiped_out, d.values))(domains)
    outside = domains.mask, domains.sizes, domains.assigned, domains.wiped_out, domains.values
    for one, other in zip(inside, outside, strict=True):
        assert one.dtype == other.dtype
        assert (np.asarray(one) == np.asarray(other)).all()


@pytest.mark.parametrize("network", [queens(6), mixed(7, 1), mixed(8, 2)])
def test_what_is_filled_up_answers_as_what_is_not(network: ns.Network):
    """Inside of a jit shapes are exact."""
    exact = jax.jit(lambda network: (ns.count(network), ns.propagate(network)))
    tally, pruned = exact(network)
    assert int(ns.count(network).count) == int(tally.count)
    found = ns.propagate(network)
    assert (np.asarray(found.domains.mask) == np.asarray(pruned.domains.mask)).all()
    assert int(found.status) == int(pruned.status)
    assert int(found.rounds) == int(pruned.rounds)


def test_a_heuristic_of_ones_own_sees_the_variables_that_there_are():
    seen = []

    def score(view):
        seen.append(view.sizes.shape[0])
        return view.sizes

    network = queens(8)
    assert int(ns.count(network, heuristic=ns.Heuristic("own", score)).count) == 92
    assert set(seen) == {8}


def test_what_takes_long_is_searched_in_shapes_of_its_own(monkeypatch):
    monkeypatch.setattr(prepared, "FEW_STEPS", 2)
    network = queens(7)
    assert int(ns.count(network).count) == 40
    found = ns.solve(network, solutions=50)
    assert int(found.count) == 40
    assert len({tuple(row) for row in np.asarray(found.assignment)[:40].tolist()}) == 40
    weights = np.random.default_rng(1).normal(size=(7, 7)).astype(np.float32)
    everything = np.asarray(found.assignment)[:40]
    wanted = weights[np.arange(7), everything].sum(axis=1).max()
    best = ns.solve_best(network, None, weights)
    assert set(vars(network)["_prepared"]) == {False, True}
    np.testing.assert_allclose(float(best.objective), wanted, rtol=1e-5)


def test_what_is_searched_often_gets_shapes_of_its_own(monkeypatch):
    monkeypatch.setattr(prepared, "MANY_STEPS", 40)
    network = queens(7)
    for _ in range(100):
        assert int(ns.count(network).count) == 40
        if True in vars(network)["_prepared"]:
            break
    assert prepare(network).spent.steps >= 40
    with compiles(0):
        assert int(ns.count(network).count) == 40
    with compiles(0):  # another network begins in the sizes that others share
        assert int(ns.count(queens(8)).count) == 92


def test_a_network_pickles_without_what_was_prepared():
    network = queens(5)
    before = len(pickle.dumps(network))
    assert int(ns.count(network).count) == 10
    data = pickle.dumps(network)
    assert len(data) == before
    assert int(ns.count(pickle.loads(data)).count) == 10


def test_large_networks_are_not_filled_up():
    network = ns.puzzles.sudoku_problem(9).compile()
    assert prepare(network).layout.variables == 81
    assert prepare(queens(8)).layout.variables == 9


def test_a_front_is_narrower_where_a_deep_pool_would_not_fit():
    for variables, instances, width in [(81, 1, 512), (625, 1, 64), (1296, 1, 16), (1296, 64, 64)]:
        layout = prepared.layout_of(variables, int(variables**0.5))
        found = search._width(layout, instances)
        assert found == min(width, default_width(layout))
        deep = found * 8 * layout.rows * search._depth(layout)
        assert deep <= search.POOL_BYTES or instances > 1
    assert search._width(prepared.layout_of(10**5, 60), 1) == search.NARROWEST


@pytest.mark.slow
def test_a_large_sudoku_is_one_program():
    network = ns.puzzles.sudoku_problem(36).compile()
    with compiles(1):
        found = ns.solve(network)
    assert network.allows(np.asarray(found.assignment)[0])


def test_sizes_are_few_and_near():
    sizes = [round_up(n) for n in range(1, 2000)]
    assert all(n <= size <= 2 * n for n, size in enumerate(sizes, 1))
    assert len(set(sizes)) < 40
    assert sizes == sorted(sizes)
    assert [batch_of(n) for n in (1, 2, 8, 9, 64)] == [1, 8, 8, 64, 64]
    assert rounded(8) == 8
    with rounding():
        assert (rounded(8), rounded(8, 8), rounded(0)) == (9, 8, 0)
    assert rounded(8) == 8
