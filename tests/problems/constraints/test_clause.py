"""Literals on any values, clauses of them, and conjunctions."""

import itertools
import operator

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints import clause as clause_file
from neurosym.problems.constraints.clause import ClauseRelation, Conjunction
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.linear.linear import Linear
from neurosym.problems.constraints.membership import Member
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.constraints.unary import UnaryRelation


def literals(problem: ns.Problem, name: str, rng: np.random.Generator, count: int, size: int):
    """Sets of values of new variables, now and then none of them or all."""
    found = []
    for k in range(count):
        domain = rng.permutation(100)[: rng.integers(max(2, size // 2), size + 1)].tolist()
        chosen = [value for value in domain if rng.random() < rng.choice([0.0, 0.3, 0.6, 1.0])]
        found.append(problem.variable(f"{name},{k}", domain=domain).isin(chosen))
    return found


@pytest.mark.parametrize("kind", [ns.Clause, Conjunction])
def test_pruned_exactly(kind):
    rng = np.random.default_rng(1)
    problem = ns.Problem()
    arities = [2, 3, 4, 5, 6] * 4  # of which 5 and 6 share a group
    constraints = [
        kind(literals(problem, f"c{n}", rng, arity, 4 if arity < 5 else 3))
        for n, arity in enumerate(arities)
    ]
    problem.add(*constraints)
    network = problem.compile()
    assert sorted(group.scope.shape for group in network.groups) == [
        (4, 2),
        (4, 3),
        (4, 4),
        (8, 8),
    ]
    # Sparse domains: most clauses have one literal left, or none.
    masks = one_round.random_masks(network, rng, 96, least=0.2)
    found = one_round.prune(network, masks)
    one_round.assert_exact(constraints, masks, found)


def test_domains_of_several_words_and_long_clauses():
    rng = np.random.default_rng(2)
    problem = ns.Problem()
    wide = ns.Clause(literals(problem, "wide", rng, 2, 90))
    flags = problem.variables("flag", shape=300, domain=(0, 1))
    long = ns.Clause([flag == 1 for flag in flags])
    problem.add(wide, long)
    network = problem.compile()
    masks = one_round.random_masks(network, rng, 8, least=0.02)
    everywhere = masks[:, [x.index for x in wide.scope]].any(axis=2).all(axis=1)
    masks[:, flags[0].index :, :2] = [True, False]
    masks[1, flags[7].index, 1] = True
    masks[2, flags[7].index :, 1] = True
    found = one_round.prune(network, masks)
    kept = found[:, flags[0].index :, :2]
    assert not kept[0].any(axis=1).all()  # no literal is left
    assert kept[1, 7].tolist() == [False, True]
    np.testing.assert_array_equal(kept[2], masks[2, flags[0].index :, :2])
    wanted = one_round.supported(wide, masks)
    assert everywhere.any()
    np.testing.assert_array_equal(
        found[:, [x.index for x in wide.scope]][everywhere], wanted[everywhere]
    )


def test_laws_of_literals():
    problem = ns.Problem()
    colour = problem.variable("colour", domain=("red", "green", "blue"))
    level = problem.variable("level", domain=(2, None, 0.5, 7))
    assert isinstance(colour == "red", Member)
    for constraint in (colour != "red", level.isin([7, 0.5])):
        ns.testing.check_constraint(constraint, samples=4, semirings=())
    assert level.isin(()).compile() == (Placed(UnaryRelation((False,) * 4), (1,)),)
    assert (level == 7).compile() == (Placed(UnaryRelation((False, False, False, True)), (1,)),)
    assert operator.ne(level, None).values == {2, 0.5, 7}  # a value like any other


def test_unary_comparisons_of_integers_stay_linear():
    problem = ns.Problem()
    x = problem.variable("x", domain=range(5))
    assert isinstance(x == 3, Linear)
    assert isinstance(x != 9, Linear)  # also beyond the domain
    assert (x == 3.0).values == {3}
    parts = (x <= 1, 2 * x == 6, x == 9)
    assert [ns.Clause([part]).literals[0].values for part in parts] == [{0, 1}, {3}, set()]


def test_law_of_a_clause():
    problem = ns.Problem()
    x = problem.variable("x", domain=(5, -1, 2))
    y = problem.variable("y", domain=("a", "b"))
    z = problem.variable("z", domain=(0, 1))
    constraint = (x != -1) | (y == "a") | (z == 1) | (x == -1)
    assert constraint.scope == (x, y, z)
    assert constraint.literals[0].values == {5, -1, 2}  # says nothing, and compiles
    assert all(constraint.check(v) for v in itertools.product(x.domain, y.domain, z.domain))
    constraint = (x >= 2) | (y == "b") | (z == 1)
    relation = joined(constraint)
    assert isinstance(relation, ClauseRelation)
    assert len(relation.lower(frozenset()).labels) == 1
    ns.testing.check_constraint(constraint, samples=4, semirings=())


def test_law_of_a_conjunction_which_is_the_negation_of_a_clause():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=(4, 1, 3))
    both = ~((x == 4) | (y <= 1))
    assert isinstance(both, Conjunction)
    assert [literal.values for literal in both.literals] == [{1, 3}, {3, 4}]
    assert [literal.values for literal in (~both).literals] == [{4}, {1}]
    ns.testing.check_constraint(both & (x != 1), semirings=())


def test_clauses_without_a_literal_that_can_hold_are_unsatisfiable():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add((x == 7) | (y == 9))
    network = problem.compile()
    assert ns.propagate(network).status == ns.Status.WIPED_OUT
    assert int(ns.total(network, np.ones((2, 3), np.int32), semiring=ns.COUNTING)) == 0


def test_one_literal_is_a_unary_relation():
    problem = ns.Problem()
    x, b = problem.variables("x", shape=2, domain=(0, 1))
    assert ns.Clause([x == 1, x == 0]).compile() == (Placed(UnaryRelation((True, True)), (0,)),)
    assert ns.Clause([b]).compile() == (Placed(UnaryRelation((False, True)), (1,)),)
    assert Conjunction([x == 1, x == 0]).compile() == (Placed(UnaryRelation((False, False)), (0,)),)


def test_unit_propagation_along_a_chain():
    problem = ns.Problem()
    x = problem.variables("x", shape=40, domain=(False, True))
    problem.add(x[0] == 1, *((a == 0) | (b == 1) for a, b in itertools.pairwise(x)))
    result = ns.propagate(problem.compile())
    assert result.domains.mask[:, 1].all()
    assert not result.domains.mask[:, 0].any()


def test_a_formula_counts_its_models(monkeypatch):
    monkeypatch.setattr(clause_file, "MAX_DENSE", 2)
    rng = np.random.default_rng(3)
    problem = ns.Problem()
    x = problem.variables("x", shape=8, domain=(0, 1))
    signed = [
        [(int(v), int(rng.integers(2))) for v in rng.choice(8, 3, replace=False)] for _ in range(12)
    ]
    problem.add(*(ns.Clause([x[v] == sign for v, sign in literals]) for literals in signed))
    models = [
        m
        for m in itertools.product((0, 1), repeat=8)
        if all(any(m[v] == sign for v, sign in literals) for literals in signed)
    ]
    network = problem.compile()
    assert len(network.structure.relations[0].relation.lower(frozenset()).labels) == 3
    assert 0 < len(models) < 256
    support = ns.support(network, np.ones((8, 2), np.int32), semiring=ns.COUNTING)
    true = np.sum(models, axis=0)
    np.testing.assert_array_equal(support, np.stack([len(models) - true, true], 1))
    assert [m for m in itertools.product((0, 1), repeat=8) if network.allows(m)] == models


def test_bad_clauses():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    colour = problem.variable("colour", domain=("red", "blue"))
    with pytest.raises(ValueError, match="clause needs at least one literal"):
        ns.Clause([])
    with pytest.raises(ValueError, match=r"'x\[0\]' stands for a condition, so its values are 0"):
        ns.Clause([x, y == 1])
    with pytest.raises(ValueError, match="True is neither a constraint nor a 0/1 variable"):
        ns.Clause([True])
    with pytest.raises(TypeError, match="unsupported operand"):
        (x == 1) | 3
    with pytest.raises(ValueError, match="'green' is not in the domain of variable 'colour'"):
        operator.eq(colour, "green")
    with pytest.raises(ValueError, match="'green' is not in the domain of variable 'colour'"):
        colour.isin({"red", "green"})
    with pytest.raises(ValueError, match="the values of variable 'colour' are a set, not 3"):
        colour.isin(3)
    with pytest.raises(ValueError, match=r"an integer, not \['red'\]"):
        operator.eq(colour, ["red"])
