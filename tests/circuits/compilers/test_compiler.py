"""Every compiler: the models of brute force, silence, and the form of compilers of one's own."""

import itertools
import os
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from random_problems import random_problem

import neurosym as ns
from neurosym.circuits import Formula, GraphBuilder, compile_formula
from neurosym.circuits.sources.network import encode

COMPILERS = {
    "pysdd": lambda: ns.circuits.pysdd(),
    "pysdd without minimising": lambda: ns.circuits.pysdd(minimize=False),
    "d4": lambda: ns.circuits.d4(),
}


@pytest.fixture(params=COMPILERS)
def compiler(request):
    if request.param == "d4":
        pytest.importorskip("py_d4")
    return COMPILERS[request.param]()


def models(formula):
    """bool[N, V], by trying all assignments."""
    found = [
        values
        for values in itertools.product((True, False), repeat=formula.variables)
        if all(any(values[abs(x) - 1] == (x > 0) for x in own) for own in formula.clauses)
    ]
    return np.asarray(found, bool).reshape(len(found), formula.variables)


def random_formula(seed):
    """Few clauses or many, of one to four literals; some variables occur in none."""
    rng = np.random.default_rng(seed)
    variables = int(rng.integers(1, 8))
    clauses = []
    for _ in range(int(rng.integers(0, 14))):
        width = int(rng.integers(1, min(variables, 4) + 1))
        chosen = rng.choice(variables, width, replace=False) + 1
        clauses.append((chosen * rng.choice([-1, 1], width)).tolist())
    return Formula(clauses, variables)


@pytest.mark.parametrize("seed", range(8))
def test_models_totals_and_marginals_against_brute_force(compiler, seed):
    formula = random_formula(seed)
    own = models(formula)
    circuit = compile_formula(formula, compiler=compiler)
    assert circuit.shape == (formula.variables, 2)
    count = circuit.total(jnp.ones(circuit.shape, int), semiring=ns.COUNTING)
    assert int(count) == len(own)
    weights = np.random.default_rng(seed).uniform(0.1, 2, circuit.shape)
    products = np.where(own, weights[:, 0], weights[:, 1]).prod(1)
    logs = np.log(weights).astype(np.float32)
    np.testing.assert_allclose(np.exp(circuit.total(logs)), products.sum(), rtol=1e-4)
    wanted = np.zeros(circuit.shape)
    if len(own):
        wanted[:, 0] = products @ own / products.sum()
        wanted[:, 1] = products @ ~own / products.sum()
    np.testing.assert_allclose(circuit.marginals(logs), wanted, atol=1e-5)


def test_random_formulas_are_of_every_kind():
    counts = [len(models(random_formula(seed))) for seed in range(8)]
    assert min(counts) == 0
    assert max(counts) > 16


@pytest.mark.parametrize("seed", range(3))
def test_networks_have_the_totals_and_marginals_of_elimination(compiler, seed):
    small = random_problem(seed)
    network = small.problem.compile()
    circuit = ns.compile_circuit(network, compiler=compiler)
    weights = np.random.default_rng(seed).normal(size=network.mask.shape).astype(np.float32)
    np.testing.assert_allclose(circuit.total(weights), ns.total(network, weights), rtol=1e-5)
    wanted = ns.marginals(network, weights)
    np.testing.assert_allclose(circuit.marginals(weights), wanted, atol=1e-5)
    count = circuit.total(jnp.ones(network.mask.shape, int), semiring=ns.COUNTING)
    assert int(count) == len(small.solutions)


@pytest.mark.parametrize(
    ("clauses", "variables", "count"),
    [
        ([], 0, 1),
        ([()], 0, 0),
        ([], 3, 8),
        ([()], 3, 0),
        ([(1,), (-1,)], 1, 0),
        ([(-2,)], 2, 2),
        ([(1, -1)], 2, 4),
        ([(1, 1, 2)], 2, 3),
        ([(1, 2), (1, 2)], 12, 3 * 2**10),
    ],
)
def test_formulas_at_the_edge(compiler, clauses, variables, count):
    formula = Formula(clauses, variables)
    circuit = compile_formula(formula, compiler=compiler)
    ones = jnp.ones(circuit.shape, int)
    assert int(circuit.total(ones, semiring=ns.COUNTING)) == count


def test_compilers_print_nothing(compiler, capfd):
    compile_formula(random_formula(3), compiler=compiler)
    os.write(1, b"")  # what is printed by other languages arrives here as well
    sys.stdout.flush()
    assert capfd.readouterr() == ("", "")


def test_d4_decides_on_literals_and_counts_a_million_assignments():
    pytest.importorskip("py_d4")
    rng = np.random.default_rng(0)
    clauses = [
        ((rng.choice(20, 3, replace=False) + 1) * rng.choice([-1, 1], 3)).tolist()
        for _ in range(40)
    ]
    formula = Formula(clauses, 20)
    assert ns.circuits.d4()(formula).deterministic() is None
    words = np.arange(2**20)
    held = np.ones(2**20, bool)
    for clause in clauses:
        held &= np.any([(words >> (abs(x) - 1) & 1) == (x > 0) for x in clause], axis=0)
    circuit = compile_formula(formula, compiler=ns.circuits.d4())
    count = circuit.total(jnp.ones((20, 2), int), semiring=ns.COUNTING)
    assert int(count) == held.sum() > 1000


def test_a_compiler_of_ones_own():
    def by_models(formula):
        graph = GraphBuilder(formula.variables)
        words = np.where(models(formula), 1, -1) * np.arange(1, formula.variables + 1)
        return graph.finish(
            graph.disjoin([graph.conjoin(map(graph.literal, own)) for own in words.tolist()])
        )

    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(3))
    problem.add(ns.AllDifferent(list(x)), x[0] < x[1])
    network = problem.compile()
    weights = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    own = ns.compile_circuit(network, compiler=by_models)
    np.testing.assert_allclose(own.total(weights), ns.total(network, weights), rtol=1e-5)
    ns.testing.check_compiler(by_models)


def test_what_is_no_compiler():
    formula = Formula([(1, 2)], 2)
    with pytest.raises(ValueError, match="minimize belongs to a compiler"):
        compile_formula(formula, compiler=ns.circuits.pysdd(), minimize=True)
    with pytest.raises(ValueError, match=r"returns a circuits\.Graph, not list"):
        compile_formula(formula, compiler=lambda formula: [])

    def shorter(formula):
        graph = GraphBuilder(1)
        return graph.finish(graph.literal(1))

    with pytest.raises(ValueError, match="2 variables and one root; the compiler's graph has 1"):
        compile_formula(formula, compiler=shorter)

    def auxiliary(formula):
        return ns.circuits.pysdd()(Formula(formula.clauses, formula.variables + 1))

    with pytest.raises(ValueError, match="graph has 3 variables and 1 roots"):
        compile_formula(formula, compiler=auxiliary)

    def overlapping(formula):
        graph = GraphBuilder(formula.variables)
        return graph.finish(graph.conjoin([graph.literal(1), graph.literal(1)]))

    with pytest.raises(ValueError, match="not decomposable"):
        compile_formula(formula, compiler=overlapping)


def test_laws_that_a_wrong_compiler_breaks():
    def counts_twice(formula):
        graph = GraphBuilder(formula.variables)
        clauses = [graph.disjoin(map(graph.literal, clause)) for clause in formula.clauses]
        return graph.finish(graph.conjoin(clauses))

    def forgets_the_last_clause(formula):
        return ns.circuits.pysdd()(Formula(formula.clauses[:-1], formula.variables))

    for wrong in (counts_twice, forgets_the_last_clause):
        with pytest.raises((AssertionError, ValueError)):
            ns.testing.check_compiler(wrong)


@pytest.mark.parametrize(
    ("name", "message"),
    [("pysdd", r"pip install 'neurosym\[sdd\]'"), ("d4", r"pip install 'neurosym\[d4\]'")],
)
def test_a_package_that_is_missing(name, message, monkeypatch):
    for module in ("pysdd", "pysdd.sdd"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=message):
        compile_formula(Formula([(1, 2)], 2), compiler=COMPILERS[name]())


def test_what_d4_says_when_it_fails(monkeypatch):
    pytest.importorskip("py_d4")
    from neurosym.circuits.compilers import d4

    monkeypatch.setattr(d4, "_CHILD", "raise MemoryError('no room')")
    with pytest.raises(RuntimeError, match="d4 failed on this formula: MemoryError: no room"):
        ns.circuits.d4()(Formula([(1, 2)], 2))


def test_formulas_that_are_none():
    with pytest.raises(ValueError, match=r"the clause \(1, -3\) has the literal -3"):
        Formula([(1, -3)], 2)
    with pytest.raises(ValueError, match="literal 0"):
        Formula([(0,)], 2)


def test_the_encoding_of_a_network_is_a_formula():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add(x < y)
    formula = encode(problem.compile()).formula
    assert len(models(formula)) == 3
