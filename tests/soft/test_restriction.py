"""Networks with fewer values: the same answers, less work, maps there and back."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from random_problems import random_mixed_problem, random_weights

import neurosym as ns
from neurosym.soft.elimination import eliminate


def some_domains(small, network, rng):
    """Most values, and those of a solution."""
    keep = np.asarray(network.mask) & (rng.random(network.mask.shape) < 0.7)
    keep[np.arange(network.variables), small.solutions[0]] = True
    within = [s for s in small.solutions if all(keep[i, v] for i, v in enumerate(s))]
    return keep, within


@pytest.mark.parametrize(("seed", "name"), [(3, "log"), (5, "counting"), (8, "max_times")])
def test_every_kind_of_constraint_over_fewer_values(seed, name):
    small = random_mixed_problem(seed)
    network = small.problem.compile()
    rng = np.random.default_rng(seed)
    keep, within = some_domains(small, network, rng)
    few = ns.restricted(network, keep)
    assert few.size <= network.size
    assert few.structure.names == network.structure.names
    semiring = ns.semiring_by_name(name)
    weights = random_weights(name, network.mask.shape, rng)

    @jax.jit
    def both(w):
        w = few.weights(semiring, w)
        support = ns.support(few, w, semiring=semiring)
        return ns.total(few, w, semiring=semiring), few.spread(semiring, support)

    total, support = oracles.total_and_support(name, weights, within)
    found_total, found_support = both(jnp.asarray(weights))
    np.testing.assert_allclose(np.float64(found_total), np.float64(total), rtol=1e-5)
    wanted = np.where(keep, support, semiring.zero).astype(np.float64)
    np.testing.assert_allclose(np.float64(found_support), wanted, rtol=1e-5, atol=1e-6)


def test_absorbed_variables_over_fewer_values():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(6))
    total = problem.variable("total", domain=range(21))
    problem.add(x.sum() == total, ns.Count(list(x[:2]), [1, 3], ">=", 1))
    network = problem.compile()
    keep = np.array(network.mask)
    keep[2, [0, 5]] = keep[3, 3] = keep[4, :4] = False
    few = ns.restricted(network, keep)
    ones = jnp.ones(network.mask.shape, jnp.int32)
    found = few.spread(
        ns.COUNTING, ns.support(few, few.weights(ns.COUNTING, ones), semiring=ns.COUNTING)
    )
    grid = np.indices((6, 6, 6, 6)).reshape(4, -1)
    sums = grid.sum(0)
    fits = keep[2, grid[2]] & keep[3, grid[3]] & keep[4, sums]
    fits &= np.isin(grid[0], [1, 3]) | np.isin(grid[1], [1, 3])
    for row, values in enumerate([*grid, sums]):
        counts = np.bincount(values[fits], minlength=21)
        np.testing.assert_array_equal(found[row], np.where(keep[row], counts, 0))


def sudoku(givens):
    problem = ns.Problem()
    x = problem.variables("x", shape=(4, 4), domain=range(1, 5))
    boxes = [x[i : i + 2, j : j + 2].ravel() for i in (0, 2) for j in (0, 2)]
    for scope in [*x, *x.T, *boxes]:
        problem.add(ns.AllDifferent(list(scope)))
    network = problem.compile()
    evidence = {x[place]: value for place, value in givens.items()}
    return network, ns.propagate(network, network.restrict(evidence)).domains


def test_propagation_makes_the_soft_side_smaller():
    network, domains = sudoku({(0, 0): 1, (0, 1): 2, (1, 2): 1})
    few = ns.restricted(network, domains)
    whole, less = eliminate(network), eliminate(few)
    assert less.element_count < whole.element_count / 20
    assert less.plan.largest < whole.plan.largest / 20
    ones = jnp.ones(network.mask.shape, jnp.int32)
    count = int(ns.total(few, few.weights(ns.COUNTING, ones), semiring=ns.COUNTING))
    assert count == int(ns.count(network, domains).count) > 0


@pytest.mark.slow
def test_samples_map_back():
    network, domains = sudoku({(0, 0): 1, (0, 1): 2, (1, 2): 1})
    few = ns.restricted(network, domains)
    drawn = ns.sample(few, jnp.zeros((16, few.size)), key=jax.random.key(0), samples=50)
    values = np.asarray(few.values(drawn))
    assert all(network.allows(row) for row in values)
    mask = np.asarray(domains.mask)
    assert all(mask[np.arange(16), row].all() for row in values)
    assert (few.values(jnp.full((2, 16), -1)) == -1).all()


def test_the_names_of_variables_stay():
    network, domains = sudoku({(0, 0): 1})
    few = ns.restricted(network, domains)
    assert few.index("x[0, 1]") == 1
    assert few.structure.domains[0] == (1,)
    distribution = ns.query(few, jnp.zeros((16, few.size)), target="x[0, 1]")
    np.testing.assert_allclose(np.exp(distribution), np.full(3, 1 / 3), rtol=1e-5)


def test_what_cannot_be_restricted_is_refused():
    network, domains = sudoku({})
    nothing = np.array(network.mask)
    nothing[3] = False
    with pytest.raises(ValueError, match=r"no value is left for variable 'x\[0, 3\]'"):
        ns.restricted(network, nothing)
    with pytest.raises(ValueError, match="give the hard engine the whole network"):
        ns.propagate(ns.restricted(network, domains))
