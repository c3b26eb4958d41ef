"""Networks as circuits: against brute force, elimination and known counts."""

import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from random_problems import random_problem, random_weights

import neurosym as ns
from neurosym.semirings.algebra.k_best import assignments, candidates
from neurosym.semirings.algebra.moments import expectation_weights


@pytest.fixture(scope="module")
def compiled():
    small = random_problem(5)
    assert len(small.solutions) > 2
    network = small.problem.compile()
    return small, network, ns.compile_circuit(network)


@pytest.mark.parametrize("semiring", [ns.COUNTING, ns.LOG, ns.MIN_PLUS], ids=lambda s: s.name)
def test_total_and_support_against_brute_force(semiring, compiled):
    small, network, circuit = compiled
    rng = np.random.default_rng(1)
    cases = [random_weights(semiring.name, network.mask.shape, rng) for _ in range(4)]

    @jax.jit
    @jax.vmap
    def read(w):
        return circuit.total(w, semiring=semiring), circuit.support(w, semiring=semiring)

    totals, supports = read(np.stack(cases))
    for weights, total, support in zip(cases, totals, supports, strict=True):
        wanted, outer = oracles.total_and_support(semiring.name, weights, small.solutions)
        np.testing.assert_allclose(np.float64(total), np.float64(wanted), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.float64(support), np.float64(outer), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_random_problems_have_as_many_models_as_solutions(seed):
    small = random_problem(seed)
    network = small.problem.compile()
    for compiler in (ns.compile_circuit, ns.circuits.trace_elimination):
        assert count(compiler(network)) == len(small.solutions)


def count(circuit):
    """The number of models, by plain arithmetic over the rows."""
    values = [0, 1, *[1] * len(circuit.leaves)]
    for terms in circuit.row_terms():
        values.append(sum(values[a] * values[b] for a, b in terms))
    return values[-1] if circuit.row_terms() else int(circuit.root > 0)


def mixed():
    """One problem with hidden indices of several kinds, and a variable with a single value."""
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    many = problem.variable("many", domain=[1, 2])
    only = problem.variable("only", domain=[7])
    problem.add(x.sum() <= 6)
    problem.add(ns.AllDifferent(x[:3]))
    problem.add(ns.Count(list(x), [0], "==", many))
    seen = {(state, v): "yes" if v == 2 else state for state in ("no", "yes") for v in range(4)}
    automaton = ns.Automaton(("no", "yes"), "no", {"yes"}, seen)
    problem.add(ns.Regular(list(x), automaton))
    problem.add((x[3] == 1) | (x[0] != 2))
    problem.add(x[3] + only <= 9)
    return problem


def test_many_kinds_of_constraints():
    network = mixed().compile()
    rows = itertools.product(*(range(len(domain)) for domain in network.structure.domains))
    solutions = [row for row in rows if network.allows(row)]
    assert len(solutions) > 20
    circuit = ns.compile_circuit(network)
    assert count(circuit) == len(solutions)
    used = {(i, v) for row in solutions for i, v in enumerate(row)}
    found = circuit.support(network.mask, semiring=ns.BOOLEAN)
    np.testing.assert_array_equal(sorted(used), np.argwhere(found))


def test_expectations_and_their_gradient(compiled):
    small, network, circuit = compiled
    rng = np.random.default_rng(0)
    p, f = rng.uniform(0.1, 1, (2, *network.mask.shape)).astype(np.float32)

    def expectation(p):
        weights = expectation_weights(p, jnp.asarray(f))
        total = circuit.total(weights, semiring=ns.EXPECTATION)
        return total.moment / total.weight

    masses = [np.prod([p[i, v] for i, v in enumerate(s)]) for s in small.solutions]
    values = [sum(f[i, v] for i, v in enumerate(s)) for s in small.solutions]
    mean = np.average(values, weights=masses)
    wanted = np.zeros(p.shape)
    for mass, value, solution in zip(masses, values, small.solutions, strict=True):
        for i, v in enumerate(solution):
            wanted[i, v] += mass * (value - mean) / sum(masses) / p[i, v]
    found, gradient = jax.jit(jax.value_and_grad(expectation))(jnp.asarray(p))
    np.testing.assert_allclose(found, mean, rtol=1e-5)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-5)


def test_the_best_solutions(compiled):
    small, network, circuit = compiled
    weights = np.random.default_rng(0).normal(size=network.mask.shape).astype(np.float32)
    sizes = [len(domain) for domain in small.domains]
    semiring = ns.K_BEST(2)
    elements = candidates(semiring, jnp.asarray(weights), sizes)
    found = jax.jit(lambda w: circuit.total(w, semiring=semiring))(elements)
    scores = [sum(weights[i, v] for i, v in enumerate(s)) for s in small.solutions]
    order = np.argsort(scores)[::-1][:2]
    np.testing.assert_allclose(found.weights, np.asarray(scores)[order], rtol=1e-5)
    best = [small.solutions[n] for n in order]
    np.testing.assert_array_equal(assignments(found.keys, sizes), best)


def sudoku_4():
    problem = ns.Problem()
    grid = problem.variables("cell", shape=(4, 4), domain=range(4))
    boxes = [grid[r : r + 2, c : c + 2].ravel() for r in (0, 2) for c in (0, 2)]
    for line in [*grid, *grid.T, *boxes]:
        problem.add(ns.AllDifferent(line))
    return problem


def test_a_trace_that_is_too_long():
    network = sudoku_4().compile()
    with pytest.raises(ValueError, match="takes more than 100 products"):
        ns.circuits.trace_elimination(network, max_terms=100)


@pytest.mark.parametrize("compiler", [ns.compile_circuit, ns.circuits.trace_elimination])
def test_all_sudokus_of_order_4(compiler):
    network = sudoku_4().compile()
    circuit = compiler(network)
    assert count(circuit) == 288
    weights = np.full((16, 4), 1 / 4, np.float32)
    weights[:4] = np.eye(4)  # the first row is given
    marginals = circuit.marginals(jnp.log(weights))
    np.testing.assert_allclose(marginals[:4], np.eye(4), atol=1e-6)
    # By symmetry the second row of the first box has the other two digits.
    np.testing.assert_allclose(marginals[4], [0, 0, 0.5, 0.5], atol=1e-6)


def test_an_unsatisfiable_problem():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add(x + y == 9)
    circuit = ns.compile_circuit(problem.compile())
    weights = jnp.zeros((2, 3))
    assert circuit.total(weights) == -jnp.inf
    np.testing.assert_array_equal(circuit.marginals(weights), 0)
    np.testing.assert_array_equal(jax.grad(circuit.total)(weights), 0)


def test_without_pysdd(monkeypatch):
    network = ns.Problem()
    network.variable("x", domain=range(2))
    monkeypatch.setitem(sys.modules, "pysdd.sdd", None)
    with pytest.raises(ImportError, match=r"pip install 'neurosym\[sdd\]'"):
        ns.compile_circuit(network.compile())
