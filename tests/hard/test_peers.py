"""Second opinions: a SAT solver and a constraint solver on problems beyond brute force."""

import collections
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from network_batches import shapes, stacked

import neurosym as ns

cp_model = pytest.importorskip("ortools.sat.python.cp_model")
pysat_solvers = pytest.importorskip("pysat.solvers")

SOLVED, UNSATISFIABLE, *_ = ns.SearchStatus


def random_formula(rng: np.random.Generator, variables: int, clauses: int) -> np.ndarray:
    """Random 3-CNF as DIMACS literals ``int[C, 3]``.

    Drawn until the busiest variable is in sixteen clauses, so that all have arrays of one shape.
    """
    while True:
        scopes = np.argsort(rng.random((clauses, variables)), axis=1)[:, :3]
        if np.bincount(scopes.ravel()).max() == 16:
            return (scopes + 1) * rng.choice([-1, 1], scopes.shape)


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "formulas"), [(24, 60)])
def test_random_3_cnf_near_the_threshold(variables, formulas):
    rng = np.random.default_rng(0)
    clauses = round(4.26 * variables)
    most = 50
    cnf = [random_formula(rng, variables, clauses) for _ in range(formulas)]
    networks = []
    for formula in cnf:
        problem = ns.Problem()
        x = problem.variables("x", shape=variables, domain=range(2))
        for row in formula:
            problem.add(ns.Clause([x[abs(literal) - 1] == int(literal > 0) for literal in row]))
        networks.append(problem.compile())

    @jax.jit
    @jax.vmap
    def search(network):
        return ns.solve(network, width=16, capacity=1024), ns.count(
            network, at_most=most, width=16, capacity=1024
        )

    solved, counted = jax.tree.map(np.asarray, search(stacked(networks)))
    wanted = []
    for formula in cnf:
        with pysat_solvers.Solver(name="glucose4", bootstrap_with=formula.tolist()) as solver:
            wanted.append(len(list(itertools.islice(solver.enum_models(), most))))
    np.testing.assert_array_equal(counted.count, wanted)
    satisfiable = np.asarray(wanted) > 0
    np.testing.assert_array_equal(solved.status, np.where(satisfiable, SOLVED, UNSATISFIABLE))
    np.testing.assert_array_equal(counted.status, solved.status)
    for formula, assignment in zip(cnf, solved.assignment[:, 0], strict=True):
        if assignment[0] >= 0:
            assert ((assignment[abs(formula) - 1] == 1) == (formula > 0)).any(axis=1).all()
    assert 15 < satisfiable.sum() < 45
    assert (solved.nodes[~satisfiable] > 1).all()


LEAST, SIZE = -2, 6
VALUES = range(LEAST, LEAST + SIZE)


class Pair(NamedTuple):
    """The same problem twice."""

    network: ns.Network
    model: Any
    variables: list[Any]


def random_pair(seed: int) -> Pair:
    """Nine variables of six values and a constraint of every kind, always in the same shapes."""
    rng = np.random.default_rng(seed)
    problem, model = ns.Problem(), cp_model.CpModel()
    order = rng.permutation(9)
    x: list[Any] = [None] * 9
    y = [
        model.new_int_var_from_domain(cp_model.Domain.from_values(list(VALUES)), f"y{n}")
        for n in range(9)
    ]
    for n in order:
        x[n] = problem.variable(f"x{n}", domain=VALUES)
    witness = rng.permutation(VALUES)[:4].tolist() + rng.permutation(VALUES)[:5].tolist()
    while not 0 <= witness[8] < 4:  # the index of an array
        witness[4:] = rng.permutation(VALUES)[:5].tolist()

    def member(role, values):
        """A Boolean of the model that says exactly whether the variable takes one of values."""
        literal = model.new_bool_var("")
        inside = cp_model.Domain.from_values(values)
        outside = cp_model.Domain.from_values([v for v in VALUES if v not in values])
        model.add_linear_expression_in_domain(y[role], inside).only_enforce_if(literal)
        model.add_linear_expression_in_domain(y[role], outside).only_enforce_if(~literal)
        return literal

    def some(role, planted=True):
        values = rng.permutation(VALUES)[: rng.integers(2, 5)].tolist()
        return values if not planted or witness[role] in values else some(role)

    def terms(roles, coefficients, variables):
        return sum(c * variables[r] for c, r in zip(coefficients, roles, strict=True))

    def linear(roles, slack):
        coefficients = rng.choice([-2, -1, 1, 2], len(roles)).tolist()
        return coefficients, terms(roles, coefficients, witness) + slack

    # AllDifferent, also of shifted variables and with exact pruning
    problem.add(ns.AllDifferent(x[:4]))
    model.add_all_different(y[:4])
    shifts = rng.permutation([0, 1, 2, 3])
    while len({w + int(d) for w, d in zip(witness[4:8], shifts, strict=True)}) < 4:
        shifts = rng.permutation([0, 1, 2, 3])
    problem.add(ns.AllDifferent([v + int(d) for v, d in zip(x[4:8], shifts, strict=True)]))
    model.add_all_different([v + int(d) for v, d in zip(y[4:8], shifts, strict=True)])
    problem.add(ns.AllDifferent(x[5:9], "hall"))
    model.add_all_different(y[5:9])

    # Table, allowed and forbidden
    rows = list(itertools.product(VALUES, repeat=3))
    chosen = [rows[n] for n in rng.permutation(len(rows))[:120]]
    chosen[0] = tuple(witness[r] for r in (1, 4, 8))
    problem.add(ns.Table([x[r] for r in (1, 4, 8)], chosen))
    model.add_allowed_assignments([y[r] for r in (1, 4, 8)], chosen)
    chosen = [row for row in chosen if row != tuple(witness[r] for r in (0, 5, 6))][:100]
    problem.add(ns.Table([x[r] for r in (0, 5, 6)], chosen, allowed=False))
    model.add_forbidden_assignments([y[r] for r in (0, 5, 6)], chosen)

    # Linear in every comparison, of two variables and more
    for relation, roles, slack in [
        ("<=", (0, 3, 6), 2),
        (">=", (1, 2, 7), -2),
        ("!=", (3, 4, 8), 1),
        ("<", (2, 5), 2),
        (">", (0, 7), -2),
    ]:
        coefficients, constant = linear(roles, slack)
        compare = oracles.RELATIONS[relation]
        problem.add(compare(terms(roles, coefficients, x), constant))
        model.add(compare(terms(roles, coefficients, y), constant))
    coefficients, constant = [1, 2, -2, 1], terms((2, 4, 6, 8), [1, 2, -2, 1], witness)
    problem.add(terms((2, 4, 6, 8), coefficients, x) == constant)
    model.add(terms((2, 4, 6, 8), coefficients, y) == constant)

    # Clause, and a count that is a variable
    parts = [(0, some(0)), (5, some(5, False)), (8, some(8, False))]
    problem.add(ns.Clause([x[r].isin(values) for r, values in parts]))
    model.add_bool_or([member(r, values) for r, values in parts])
    values = rng.permutation(VALUES)[:3].tolist()
    many = sum(w in values for w in witness[1:6])
    relation = "<=" if many <= witness[7] else ">="
    problem.add(ns.Count(x[1:6], values, relation, x[7]))
    counted = sum(member(r, values) for r in range(1, 6))
    model.add(oracles.RELATIONS[relation](counted, y[7]))

    # An array of variables and constants; positions outside of it are not allowed
    array = [x[1], x[2], x[6], 1]
    entries = [y[1], y[2], y[6], 1]
    array[witness[8]], entries[witness[8]] = witness[3], witness[3]
    problem.add(ns.Element(x[8], array, x[3]))
    model.add_linear_expression_in_domain(y[8], cp_model.Domain(0, 3))
    model.add_element(y[8], entries, y[3])

    # A word of an automaton
    states = 4
    moves = {(s, v): int(rng.integers(states)) for s in range(states) for v in VALUES}
    state = 0
    for role in (3, 0, 5, 2):
        state = moves[state, witness[role]]
    accepting = sorted({state, int(rng.integers(states))})
    automaton = ns.Automaton(range(states), 0, accepting, moves)
    problem.add(ns.Regular([x[r] for r in (3, 0, 5, 2)], automaton))
    arcs = [(s, v, target) for (s, v), target in moves.items()]
    model.add_automaton([y[r] for r in (3, 0, 5, 2)], 0, accepting, arcs)

    # Conditions
    roles = (1, 5, 7)
    coefficients, constant = linear(roles, 0)
    values = some(4)
    problem.add(ns.Reified(x[4].isin(values), terms(roles, coefficients, x) <= constant))
    literal = member(4, values)
    model.add(terms(roles, coefficients, y) <= constant).only_enforce_if(literal)
    model.add(terms(roles, coefficients, y) > constant).only_enforce_if(~literal)
    coefficients, constant = linear(roles, 0)
    problem.add(ns.Implies(x[0] == LEAST, terms(roles, coefficients, x) == constant))
    literal = member(0, [LEAST])
    model.add(terms(roles, coefficients, y) == constant).only_enforce_if(literal)

    # An absolute value, and a predicate
    gap = abs(witness[6] - witness[3])
    problem.add(abs(x[6] - x[3]) >= gap)
    distance = model.new_int_var(0, SIZE, "")
    model.add_abs_equality(distance, y[6] - y[3])
    model.add(distance >= gap)
    modulus = int(rng.integers(3, 5))
    residue = (witness[4] * witness[8]) % modulus

    def holds(a, b):
        return (a * b) % modulus == residue

    problem.add(ns.Predicate((x[4], x[8]), holds))
    pairs = [(a, b) for a in VALUES for b in VALUES if holds(a, b)]
    model.add_allowed_assignments([y[4], y[8]], pairs)
    return Pair(problem.compile(), model, [y[n] for n in order])


class Collector(cp_model.CpSolverSolutionCallback):
    """All solutions, as value indices."""

    def __init__(self, variables: list[Any]) -> None:
        super().__init__()
        self.variables, self.found = variables, set()

    def on_solution_callback(self) -> None:
        self.found.add(tuple(self.value(v) - LEAST for v in self.variables))


@pytest.mark.slow
def test_every_kind_of_constraint():
    pairs = [random_pair(seed) for seed in range(40)]
    groups = collections.Counter(shapes(pair.network) for pair in pairs)
    ((common, count),) = groups.most_common(1)
    assert count >= 36
    pairs = [pair for pair in pairs if shapes(pair.network) == common]
    names = {type(group).__name__ for group in pairs[0].network.groups}
    assert len(names) > 8  # HallSets, AllowedRows, LinearSums, ...
    rng = np.random.default_rng(0)
    masks = rng.random((len(pairs), 4, 9, SIZE)) < 0.8
    masks[:, 0] = True
    weights = rng.integers(-9, 10, masks.shape).astype(np.float32)  # sums are exact
    most = 256

    @jax.jit
    @jax.vmap
    def search(network, masks, weights):
        return (
            ns.solve(network, masks, solutions=most, width=16, capacity=1024),
            ns.solve_best(network, masks, weights, width=16, capacity=1024),
        )

    network = stacked([pair.network for pair in pairs])
    solved, best = jax.tree.map(np.asarray, search(network, jnp.asarray(masks), weights))
    counts = []
    for n, pair in enumerate(pairs):
        solver = cp_model.CpSolver()
        solver.parameters.enumerate_all_solutions = True
        solver.parameters.num_workers = 1
        collector = Collector(pair.variables)
        assert solver.solve(pair.model, collector) == cp_model.OPTIMAL
        rows = np.asarray(sorted(collector.found))
        inside = masks[n][:, np.arange(9), rows].all(axis=2)
        for m, alive in enumerate(inside):
            wanted = rows[alive]
            counts.append(len(wanted))
            assert solved.count[n, m] == len(wanted) < most
            assert solved.status[n, m] == (SOLVED if len(wanted) else UNSATISFIABLE)
            found = sorted(solved.assignment[n, m, : len(wanted)].tolist())
            assert found == wanted.tolist()
            total = weights[n, m][np.arange(9), wanted].sum(axis=1)
            assert best.objective[n, m] == total.max(initial=-np.inf)
            assert best.status[n, m] == solved.status[n, m]
    assert max(counts) > 20
    assert counts.count(0) > 5
