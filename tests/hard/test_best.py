"""The best solution: its value against brute force, bounds at a limit, and odd weights."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_mixed_problem

import neurosym as ns
from neurosym.hard import GIVEN_ORDER
from neurosym.puzzles import sudoku_problem

SOLVED, UNSATISFIABLE, LIMIT, CAPACITY = ns.SearchStatus

SIZE = 6
BATCH = 16


def assignment_problem() -> tuple[ns.Network, np.ndarray]:
    """Who does what, and all its solutions ``int[S, V]``; one variable has one value less."""
    problem = ns.Problem()
    x = problem.variables("x", shape=SIZE - 1, domain=range(SIZE))
    y = problem.variable("y", domain=range(SIZE - 1))
    problem.add(ns.AllDifferent([*x, y]), x[0] + x[1] != 3)
    rows = [p for p in itertools.permutations(range(SIZE)) if p[-1] < SIZE - 1 and p[0] + p[1] != 3]
    return problem.compile(), np.asarray(rows)


def totals(weights: np.ndarray, solutions: np.ndarray) -> np.ndarray:
    """``float32[B, S]``, added up in the order of the variables."""
    found = np.zeros((len(weights), len(solutions)), np.float32)
    for i, column in enumerate(solutions.T):
        found = found + weights[:, i, column]
    return found


def random_weights(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, SIZE, SIZE)).astype(np.float32)


def solve_best(weights: np.ndarray, masks: np.ndarray | None = None, **arguments) -> ns.hard.Best:
    """Always the same program."""
    network, _ = assignment_problem()
    return ns.solve_best(network, masks, weights, **({"width": 8, "node_limit": 10**6} | arguments))


def test_at_a_limit_the_incumbent_comes_with_a_bound():
    _, solutions = assignment_problem()
    weights = random_weights(BATCH, 0)
    weights[1::4] = np.round(weights[1::4])
    every = totals(weights, solutions)
    optimum = every.max(axis=1)
    last = np.full(BATCH, -np.inf)
    seen = set()
    for limit in (0, 1, 3, 6, 12, 24, 1000):
        best = jax.tree.map(np.asarray, solve_best(weights, node_limit=limit))
        seen |= set(best.status.tolist())
        assert (best.objective <= optimum).all()
        assert (best.bound >= optimum).all()
        assert (best.objective >= last).all()
        assert (best.gap >= 0).all()
        assert (best.nodes < limit + 8).all()
        last = best.objective
        proven = best.status == SOLVED
        assert (proven | (best.status == LIMIT)).all()
        np.testing.assert_array_equal(best.objective[proven], optimum[proven])
        np.testing.assert_array_equal(best.bound[proven], optimum[proven])
        assert (best.gap[proven] == 0).all()
        found = best.objective > -np.inf
        assert (best.assignment[~found] == -1).all()
        for n in np.flatnonzero(found):
            (row,) = np.flatnonzero((solutions == best.assignment[n]).all(axis=1))
            assert every[n, row] == best.objective[n]
        if limit == 0:
            assert not found.any()
            assert (best.gap == np.inf).all()
    assert proven.all()
    assert seen == {SOLVED, LIMIT}


def test_a_full_pool_bounds_what_it_left_and_is_retried_outside_of_a_trace():
    problem = ns.Problem()
    problem.variables("x", shape=140, domain=range(2))  # one goes after the other
    network = problem.compile()
    weights = np.random.default_rng(0).uniform(-1, 1, (2, 140, 2)).astype(np.float32)
    wanted = totals(weights.max(axis=2, keepdims=True), np.zeros((1, 140), int))[:, 0]

    def run(weights, capacity=None):
        return ns.solve_best(
            network, None, weights, width=1, capacity=capacity, heuristic=GIVEN_ORDER
        )

    for full in (jax.vmap(run)(weights), run(weights, 128)):
        assert full.status.tolist() == [CAPACITY, CAPACITY]
        np.testing.assert_array_equal(full.bound, wanted)
        assert (full.objective == -np.inf).all()
    retried = run(weights)
    assert retried.status.tolist() == [SOLVED, SOLVED]
    np.testing.assert_array_equal(retried.objective, wanted)
    np.testing.assert_array_equal(retried.assignment, weights.argmax(axis=2))


def test_odd_weights():
    network, solutions = assignment_problem()
    weights = random_weights(BATCH, 1)
    weights[0] = 0  # every solution is as good as any other
    weights[1] = -np.inf
    weights[2, 3] = -np.inf  # nothing is left of one variable
    weights[3][np.random.default_rng(2).random((SIZE, SIZE)) < 0.4] = -np.inf
    weights[4] *= 1e30
    weights[5] = np.float32(1e-42)  # denormal
    weights[6, :-1], weights[6, -1] = -np.inf, 3
    weights[6, np.arange(SIZE - 1), solutions[7, :-1]] = -2
    weights[7, -1, -1] = np.nan  # not in the domain
    best = solve_best(weights)
    every = totals(np.where(np.isnan(weights), 0, weights), solutions)
    wanted = every.max(axis=1)
    there = wanted > -np.inf
    assert not there[1:3].any()
    assert there[[0, *range(4, BATCH)]].all()
    np.testing.assert_allclose(best.objective, wanted, atol=1e-37)
    assert (best.status == np.where(there, SOLVED, UNSATISFIABLE)).all()
    np.testing.assert_array_equal(best.gap, 0)
    np.testing.assert_array_equal(best.bound, best.objective)
    assert best.assignment[6].tolist() == solutions[7].tolist()
    for row, found in zip(best.assignment.tolist(), there, strict=True):
        assert network.allows(row) if found else set(row) == {-1}


def test_sums_that_round_differently_do_not_lose_the_optimum():
    """A hundred small weights next to a large one: in float32 each of them is rounded up."""
    problem = ns.Problem()
    first, x = problem.variables("x", shape=2, domain=range(2))
    for n in range(100):
        problem.variable(f"f{n}", domain=[0])
    y = problem.variable("y", domain=range(2))
    rows = [(0, 0, 0), (1, 0, 0), (1, 1, 1)]
    problem.add(ns.Table([first, x, y], rows))
    weights = np.zeros((103, 2), np.float32)
    weights[1, 1], weights[2:-1, 0], weights[-1, 0] = -1e6, 0.04, -999999
    every = totals(weights[None], np.asarray([(a, b, *[0] * 100, c) for a, b, c in rows]))[0]
    assert every.argmax() == 2
    best = ns.solve_best(problem.compile(), None, weights, width=1, heuristic=GIVEN_ORDER)
    assert float(best.objective) == float(best.bound) == every.max()
    assert best.assignment[jnp.asarray([0, 1, -1])].tolist() == [1, 1, 1]


def test_weights_and_domains_are_broadcast():
    network, solutions = assignment_problem()
    weights = random_weights(BATCH, 3).reshape(8, 2, SIZE, SIZE)
    masks = np.broadcast_to(np.asarray(network.mask), (2, SIZE, SIZE)).copy()
    masks[1, 0, ::2] = False
    inside = masks[:, np.arange(SIZE), solutions].all(axis=2)  # [2, S]
    every = totals(weights.reshape(BATCH, SIZE, SIZE), solutions)
    wanted = np.where(inside, every.reshape(8, 2, -1), -np.inf).max(axis=-1)
    np.testing.assert_array_equal(solve_best(weights, masks).objective, wanted)
    assert (wanted[:, 0] > wanted[:, 1]).any()
    one = np.where(inside, every[0], -np.inf).max(axis=-1)
    many = np.stack([masks] * 8)
    np.testing.assert_array_equal(solve_best(weights[0, 0], many).objective, [one] * 8)


def test_the_total_in_max_times_is_the_same():
    network, _ = assignment_problem()
    weights = random_weights(BATCH, 5)
    total = jax.vmap(lambda w: ns.total(network, w, semiring=ns.MAX_TIMES))
    np.testing.assert_allclose(
        solve_best(weights).objective, total(jnp.asarray(weights)), rtol=1e-5
    )


def test_what_is_refused():
    network, _ = assignment_problem()
    weights = random_weights(1, 6)[0]
    for value in (np.nan, np.inf):
        wrong = weights.copy()
        wrong[2, 3] = value
        with pytest.raises(ValueError, match="a weight is NaN or \\+inf"):
            ns.solve_best(network, None, wrong)
    with pytest.raises(ValueError, match=r"\[V, D\] = \[6, 6\], not \[6, 5\]"):
        ns.solve_best(network, None, weights[:, :5])
    with pytest.raises(ValueError, match=r"\[V, D\] = \[6, 6\]"):
        ns.solve_best(network, np.ones((5, 6), bool), weights)
    for arguments, message in [
        ({"node_limit": -3}, "limit on nodes is .*-3"),
        ({"width": -1}, "width of a search is .*-1"),
        ({"width": 4, "capacity": 8}, "holds at least 16 nodes"),
    ]:
        with pytest.raises(ValueError, match=message):
            ns.solve_best(network, None, weights, **arguments)


def test_integers_are_added_up_exactly():
    problem = ns.Problem()
    u, v = problem.variables("u", shape=2, domain=range(3))
    problem.add(u != v)
    network = problem.compile()
    for weights in (
        [[16777216, 0, 16777217], [0, 0, 0]],
        np.asarray([[16777216.0, 0, 16777217], [0, 0, 0]]),
    ):
        best = ns.solve_best(network, None, weights)
        assert int(best.objective) == int(best.bound) == 16777217
        assert best.assignment.tolist()[0] == 2
        assert float(best.gap) == 0
    many = np.random.default_rng(0).integers(-(2**40), 2**40, (70, 2, 3))  # too many for `few`
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    every = np.asarray([[row[0, a] + row[1, b] for a, b in pairs] for row in many])
    best = ns.solve_best(network, None, many)
    np.testing.assert_array_equal(np.asarray(best.objective).astype(np.int64), every.max(axis=1))
    with pytest.raises(ValueError, match="beyond 2\\*\\*53"):
        ns.solve_best(network, None, many[0] * 2**20)
    small = ns.solve_best(network, None, [[1, 2, 3], [0, 0, 0]])
    assert small.objective.dtype == np.float32


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 30))]
)
def test_weights_that_moved_at_the_root_lose_no_optimum(seed):
    """More instances than go through the shared program, of a network of many constraints."""
    small = random_mixed_problem(seed)
    network = small.problem.compile()
    rows = np.asarray(small.solutions, int).reshape(-1, network.variables)
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(72, network.variables, network.size)).astype(np.float32)
    weights[::3] = np.round(weights[::3])  # ties
    weights[1::9] = 1
    weights[rng.random(weights.shape) < 0.05] = -np.inf
    best = ns.solve_best(network, None, weights, width=8)
    wanted = totals(weights, rows).max(axis=1, initial=-np.inf)
    np.testing.assert_array_equal(best.objective, wanted)
    np.testing.assert_array_equal(best.bound, wanted)
    there = wanted > -np.inf
    assert (np.asarray(best.status) == np.where(there, SOLVED, UNSATISFIABLE)).all()
    for values in np.asarray(best.assignment)[there]:
        assert network.allows(values)


def test_a_tight_root_proves_noisy_boards_without_a_search():
    network = sudoku_problem(4).compile()
    board = np.asarray([[0, 1, 2, 3], [2, 3, 0, 1], [1, 0, 3, 2], [3, 2, 1, 0]]).ravel()
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(72, 16, 4)).astype(np.float32)
    weights[:, np.arange(16), board] += 1.5
    boards = np.asarray(ns.solve(network, solutions=288).assignment)
    best = ns.solve_best(network, None, weights, width=8)
    np.testing.assert_array_equal(best.objective, totals(weights, boards).max(axis=1))
    assert float(best.nodes.mean()) < 1.5
