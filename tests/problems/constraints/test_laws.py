"""The law of every constraint: its four readings agree (pruning = the Boolean through)."""

import numpy as np
import pytest

import neurosym as ns
from neurosym.problems.constraints import table
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.linear import linear
from neurosym.problems.constraints.linear import lowering as linear_lowering

SEMIRINGS = (ns.LOG, ns.REAL, ns.MAX_TIMES, ns.MIN_PLUS, ns.MAX_MIN)
RELATIONS = ["==", "!=", "<", "<=", ">", ">="]


def variables(seed: int, sizes=(4, 3, 4, 2)):
    rng = np.random.default_rng(seed)
    problem = ns.Problem()
    return [
        problem.variable(f"x{i}", domain=rng.choice(np.arange(-6, 7), n, replace=False).tolist())
        for i, n in enumerate(sizes)
    ], rng


@pytest.mark.parametrize(
    ("relation", "seed"),
    [
        ("==", 0),
        ("<=", 0),
        ("!=", 2),
        *(pytest.param(r, 2, marks=pytest.mark.slow) for r in ("==", "<", ">=", "<=", ">")),
    ],
)
def test_linear(relation, seed):
    scope, rng = variables(seed)
    coefficients = rng.choice([-3, -2, -1, 1, 2, 5], 4).tolist()
    witness = [int(rng.choice(x.domain)) for x in scope]
    constant = int(np.dot(coefficients, witness)) + (seed == 2)
    constraint = ns.Linear(tuple(scope), tuple(coefficients), relation, constant)
    everywhere = seed == 0 and relation in ("==", "<=")
    ns.testing.check_constraint(constraint, semirings=SEMIRINGS if everywhere else (ns.LOG,))


@pytest.mark.parametrize(
    ("relation", "constant"),
    [("==", -100), ("==", 7), ("!=", 100), ("!=", 7), ("<=", -100), ("<=", 100)],
)
def test_linear_out_of_reach_or_off_the_grid(relation, constant):
    scope, _ = variables(5)
    ns.testing.check_constraint(ns.Linear(tuple(scope[:3]), (2, -4, 6), relation, constant))


def test_linear_equality_over_several_words_of_sums():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(0, 40, 7))
    ns.testing.check_constraint(11 * x[0] + 5 * x[1] - 17 * x[2] == 21)


def test_linear_equality_too_wide_for_sums_is_weaker_but_sound(monkeypatch):
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(5))
    constraint = 2 * x[0] + 4 * x[1] - 3 * x[2] == 5
    ns.testing.check_constraint(constraint)
    monkeypatch.setattr(linear, "MAX_SUMS", 4)
    ns.testing.check_constraint(constraint, exact=False)
    with pytest.raises(AssertionError, match="prune is not exact"):
        ns.testing.check_constraint(constraint)


def test_linear_as_a_chain_of_masks(monkeypatch):
    monkeypatch.setattr(linear_lowering, "MAX_DENSE", 8)
    for relation in RELATIONS:
        problem = ns.Problem()
        x = problem.variables("x", shape=4, domain=range(3))
        constraint = ns.Linear(tuple(x), (1, -2, 1, 3), relation, 2)
        shared = joined(constraint).lower(frozenset([2]))
        assert len(shared.labels) > 2
        problem.add(constraint, x[0] != x[1], x[1] != x[3])
        network = problem.compile()
        found = ns.total(network, np.ones((4, 3), np.int32), semiring=ns.COUNTING)
        wanted = sum(network.allows(index) for index in np.ndindex(3, 3, 3, 3))
        assert int(found) == wanted


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("rows", [0, 9, 24])
def test_table(allowed, rows):
    scope, rng = variables(rows, sizes=(4, 3, 2))
    everything = [
        (a, b, c) for a in scope[0].domain for b in scope[1].domain for c in scope[2].domain
    ]
    chosen = [everything[n] for n in rng.permutation(24)[:rows]]
    constraint = ns.Table(tuple(scope), chosen + chosen[:2], allowed)
    ns.testing.check_constraint(constraint, semirings=SEMIRINGS if rows == 9 else (ns.LOG,))


@pytest.mark.parametrize("allowed", [True, False])
def test_long_tables_use_hidden_indices(allowed, monkeypatch):
    monkeypatch.setattr(table, "MAX_DENSE", 4)
    scope, rng = variables(3, sizes=(4, 3, 2, 3))
    everything = [
        (a, b, c, d)
        for a in scope[0].domain
        for b in scope[1].domain
        for c in scope[2].domain
        for d in scope[3].domain
    ]
    chosen = [everything[n] for n in rng.permutation(72)[:20]]
    constraint = ns.Table(tuple(scope), chosen, allowed)
    assert len(joined(constraint).lower(frozenset()).labels) == 4
    ns.testing.check_constraint(constraint, semirings=(ns.LOG, ns.MAX_MIN))


@pytest.mark.parametrize("allowed", [True, False])
def test_a_long_table_without_rows(allowed, monkeypatch):
    monkeypatch.setattr(table, "MAX_DENSE", 4)
    scope, _ = variables(3, sizes=(4, 3))
    ns.testing.check_constraint(ns.Table(tuple(scope), [], allowed))


def test_a_table_over_words():
    problem = ns.Problem()
    subject = problem.variable("subject", domain=("cat", "dog", "bird"))
    verb = problem.variable("verb", domain=("flies", "barks"))
    rows = [("bird", "flies"), ("dog", "barks")]
    ns.testing.check_constraint(ns.Table((subject, verb), rows))
    ns.testing.check_constraint(ns.Table((subject, verb), rows, allowed=False))


def test_the_suite_catches_a_wrong_propagator(monkeypatch):
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(4))
    constraint = x[0] + x[1] + x[2] <= 3
    honest = linear.LinearBounds.prune
    monkeypatch.setattr(
        linear.LinearBounds, "prune", lambda self, domains: honest(self, domains) | domains
    )
    with pytest.raises(AssertionError, match="prune is not exact"):
        ns.testing.check_constraint(constraint)
