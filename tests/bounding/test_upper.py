"""Bounds against every solution: on the right side, tight on trees, marginals for gradients."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_mixed_problem

import neurosym as ns

TOLERANCE = 1e-3
BATCH = 3


def log_sum(x: np.ndarray) -> np.ndarray:
    """``log Σ exp`` of ``[B, S]``; -inf for nothing."""
    high = x.max(axis=1, initial=-np.inf)
    shifted = np.where(np.isfinite(high), high, 0)[:, None]
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - shifted).sum(axis=1)) + shifted[:, 0]


def totals(weights: np.ndarray, rows: np.ndarray, soft=()) -> np.ndarray:
    """``[B, S]`` of weights ``[B, V, D]``, solutions ``[S, V]`` and tables over scopes."""
    found = weights[:, np.arange(rows.shape[1]), rows].sum(axis=2)
    for scope, table in soft:
        for n, factor in enumerate(scope):
            found = found + table[n][tuple(rows[:, factor].T)]
    return found


def check(network: ns.Network, rows: np.ndarray, seed: int, soft=(), tree: bool = False) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(BATCH, network.variables, network.size)).astype(np.float32)
    weights[:-1][rng.random(weights[:-1].shape) < 0.05] = -np.inf
    every = totals(weights, rows, soft)
    potentials = [ns.Potentials(np.asarray(scope), table) for scope, table in soft]
    for temperature, wanted in ((0, every.max(axis=1, initial=-np.inf)), (1, log_sum(every))):
        last = np.full(BATCH, np.inf)
        for rounds in (0, 2, 8):

            def bound(w, temperature=temperature, rounds=rounds):
                return ns.upper_bound(
                    network, w, potentials=potentials, temperature=temperature, rounds=rounds
                )

            found = jax.tree.map(np.asarray, jax.vmap(bound)(weights))
            assert (found.value >= wanted - TOLERANCE).all()
            assert (found.value <= last + TOLERANCE).all()
            last = found.value
            tight = found.status == ns.BoundStatus.TIGHT
            np.testing.assert_allclose(found.value[tight], wanted[tight], atol=TOLERANCE)
            assert (wanted[found.status == ns.BoundStatus.UNSATISFIABLE] == -np.inf).all()
            if tree:
                possible = wanted > -np.inf
                assert tight[possible].all()
                assert (found.status[~possible] == ns.BoundStatus.UNSATISFIABLE).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(18))
def test_no_bound_is_on_the_wrong_side(seed):
    small = random_mixed_problem(seed)
    rows = np.asarray(small.solutions, int).reshape(-1, len(small.domains))
    check(small.problem.compile(), rows, seed)


def ring(size: int, values: int) -> tuple[ns.Network, np.ndarray]:
    problem = ns.Problem()
    x = problem.variables("x", shape=size, domain=range(values))
    problem.add(ns.AllDifferent(x[:3]), x[0] + x[3] <= 2 * values - 3, x[1] != x[3])
    network = problem.compile()
    rows = [r for r in itertools.product(range(values), repeat=size) if network.allows(r)]
    return network, np.asarray(rows)


def test_bounds_of_a_network_with_loops():
    check(*ring(4, 3), seed=0)


def test_potentials_in_a_grid():
    problem = ns.Problem()
    problem.variables("x", shape=(2, 3), domain=range(2))
    network = problem.compile()
    rows = np.asarray(list(itertools.product(range(2), repeat=6)))
    scope = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    table = np.random.default_rng(0).normal(size=(7, 2, 2)).astype(np.float32)
    check(network, rows, 0, soft=[(scope, table)])


def test_a_tree_is_exact_without_a_round():
    problem = ns.Problem()
    x = problem.variables("x", shape=6, domain=range(3))
    problem.add(x[0] < x[1], x[1] != x[2], x[2] + x[3] + x[4] == 4)
    network = problem.compile()
    rows = np.asarray([r for r in itertools.product(range(3), repeat=6) if network.allows(r)])
    table = np.random.default_rng(1).normal(size=(1, 3, 3)).astype(np.float32)
    check(network, rows, 1, soft=[([(4, 5)], table)], tree=True)


def test_the_gradient_is_the_marginals_of_the_moved_problem():
    network, _ = ring(4, 3)
    weights = jnp.asarray(np.random.default_rng(3).normal(size=(4, 3)), jnp.float32)
    moved = ns.reparametrised(network, weights, rounds=5)
    upper = jax.grad(lambda w: ns.upper_bound(network, w, rounds=5).value)(weights)
    best = np.asarray(moved.weights) == np.asarray(moved.weights).max(axis=1, keepdims=True)
    np.testing.assert_allclose(upper, best / best.sum(axis=1, keepdims=True))
    of_sum = jax.grad(lambda w: ns.upper_bound(network, w, temperature=1, rounds=60).value)(weights)
    np.testing.assert_allclose(of_sum.sum(axis=1), 1, atol=1e-4)
    assert (np.asarray(of_sum) >= 0).all()
    step = np.zeros((4, 3), np.float32)  # where the parts agree it is the bound's own derivative
    step[1, 2] = 1e-2
    sides = [
        ns.upper_bound(network, weights + s * step, temperature=1, rounds=60).value for s in (1, -1)
    ]
    np.testing.assert_allclose((sides[0] - sides[1]) / 2e-2, of_sum[1, 2], atol=2e-2)


def test_every_solution_keeps_its_total():
    network, rows = ring(4, 3)
    weights = np.random.default_rng(4).normal(size=(4, 3)).astype(np.float32)
    moved = ns.reparametrised(network, weights)
    for row in rows[:6]:
        wanted = weights[np.arange(4), row].sum()
        np.testing.assert_allclose(moved.total(row), wanted, atol=1e-4)
    assert not moved.exact
    permutation = ns.Problem()
    permutation.add(ns.AllDifferent(permutation.variables("x", shape=3, domain=range(3))))
    moved = ns.reparametrised(permutation.compile(), weights[:3])
    assert moved.exact
    upper = np.asarray(moved.constant) + np.asarray(moved.weights)[np.arange(3), [2, 0, 1]].sum()
    np.testing.assert_allclose(upper, weights[np.arange(3), [2, 0, 1]].sum(), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": -1}, "rounds is an integer from 0 up"),
        ({"temperature": -1.0}, "temperature is a number from 0 up"),
        ({"temperature": float("nan")}, "temperature is a number from 0 up"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    network, _ = ring(4, 3)
    with pytest.raises(ValueError, match=message):
        ns.upper_bound(network, np.zeros((4, 3)), **options)


def test_odd_weights():
    network, _ = ring(4, 3)
    with pytest.raises(ValueError, match="NaN"):
        ns.upper_bound(network, np.full((4, 3), np.nan))
    for temperature in (0, 1):
        nothing = ns.upper_bound(network, np.full((4, 3), -np.inf), temperature=temperature)
        assert nothing.value == -np.inf
        assert nothing.status == ns.BoundStatus.UNSATISFIABLE
