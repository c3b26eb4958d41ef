"""The best solution by an objective, against brute force; limits and statuses."""

import itertools

import jax
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard.optimize import OptimizeStatus


def knapsack(rng, sense="maximize"):
    """A small problem with an objective of every kind of term, and what each solution is worth."""
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(5))
    sizes, worth = rng.integers(1, 6, 4).tolist(), rng.integers(-9, 10, 4).tolist()
    problem.add((x * sizes).sum() <= 18, x[0] != x[1])
    value = (x * worth).sum() + 3 * ns.maximum(x) - x[0] * x[1] + 5 * (x[2] == 3) + 7
    getattr(problem, sense)(value)

    def score(a):
        if sum(s * v for s, v in zip(sizes, a, strict=True)) > 18 or a[0] == a[1]:
            return None
        total = sum(w * v for w, v in zip(worth, a, strict=True))
        return total + 3 * max(a) - a[0] * a[1] + 5 * (a[2] == 3) + 7

    return problem, score


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_a_batch_against_brute_force(sense):
    problem, score = knapsack(np.random.default_rng(5), sense)
    network = problem.compile()
    masks = np.random.default_rng(6).random((6, 4, 5)) < 0.7
    masks[0], masks[1, :2] = True, np.arange(5) == 2
    found = ns.optimize(network, masks)
    single = ns.optimize(network)
    for n, mask in enumerate(masks):
        inside = [a for a in itertools.product(range(5), repeat=4) if mask[range(4), a].all()]
        scores = [s for s in map(score, inside) if s is not None]
        if not scores:
            assert found.status[n] == OptimizeStatus.UNSATISFIABLE
            assert (found.assignment[n] == -1).all()
            continue
        best = max(scores) if sense == "maximize" else min(scores)
        assert found.status[n] == OptimizeStatus.OPTIMAL
        assert found.objective[n] == found.bound[n] == best
        assert score(found.assignment[n].tolist()) == best
    assert found.status[1] == OptimizeStatus.UNSATISFIABLE
    assert single.objective == found.objective[0]
    assert single.assignment.shape == (4,)


def test_integers_beyond_floats_are_exact():
    problem = ns.Problem()
    u, v = problem.variables("u", shape=2, domain=range(3))
    problem.add(u != v)
    problem.maximize(2**24 * (u == 0) + (2**24 + 1) * (u == 2) + 2**58 * (v == 1))
    network = problem.compile()
    assert int(ns.optimize(network).objective) == 2**58 + 2**24 + 1
    held = network.restrict({v: 0})
    assert int(ns.optimize(network, held).objective) == 2**24 + 1


def test_an_objective_without_a_value_is_no_solution():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(4))
    problem.minimize(x // y - x)
    result = ns.optimize(problem.compile())
    assert int(result.objective) == min(a // b - a for a in range(4) for b in range(1, 4)) == -2
    assert result.assignment[1] > 0


def test_limits():
    problem = ns.Problem()
    x = problem.variables("x", shape=12, domain=range(12))
    problem.add(ns.AllDifferent(x))
    problem.minimize(sum(int(c) * v for c, v in zip(range(1, 13), x, strict=True)))
    network = problem.compile()
    nothing = ns.optimize(network, time_limit=0)
    assert nothing.status == OptimizeStatus.LIMIT
    assert (nothing.assignment == -1).all()
    assert nothing.nodes == 0
    some = ns.optimize(network, node_limit=400)
    assert some.status in (OptimizeStatus.FEASIBLE, OptimizeStatus.LIMIT)
    optimum = sum((12 - k) * k for k in range(12))
    assert some.bound <= optimum
    if some.status == OptimizeStatus.FEASIBLE:
        values = some.assignment.tolist()
        assert some.objective == sum((k + 1) * v for k, v in enumerate(values)) >= optimum
        assert sorted(values) == list(range(12))


def test_what_is_refused():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(4))
    word = problem.variable("word", domain="ab")
    with pytest.raises(ValueError, match="has no objective"):
        ns.optimize(problem.compile())
    for bad, message in [
        (3, "is an expression over variables, not 3"),
        (word, "must be an integer, not 'a'"),
        (ns.Problem().variable("z", domain=range(3)), "of another problem"),
        (2**61 * x + 2**61 * y, "reaches from 0 to 13835058055282163712"),
        (x - x, "reads no variable"),
    ]:
        with pytest.raises(ValueError, match=message):
            problem.minimize(bad)
    problem.minimize(x)
    network = problem.compile()
    with pytest.raises(ValueError, match="outside of jit and vmap"):
        jax.jit(lambda mask: ns.optimize(network, mask).objective)(network.mask)
    with pytest.raises(ValueError, match="limit on time is not negative"):
        ns.optimize(network, time_limit=-1)


def test_it_is_printed():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add(x + 2 * y <= 3, (x == 1) | (y * y >= x), ns.maximum(x, y) != 1)
    problem.maximize(x * y - abs(x - y))
    assert str(problem).splitlines() == [
        "x[0] in {0, 1, 2}",
        "x[1] in {0, 1, 2}",
        "x[0] + 2 * x[1] <= 3",
        "(x[0] == 1) | (x[1] * x[1] >= x[0])",
        "maximum(x[0], x[1]) != 1",
        "maximize x[0] * x[1] - abs(x[0] - x[1])",
    ]
