"""Constraints that hold if, or exactly if, a condition does."""

import itertools

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints import table
from neurosym.problems.constraints.clause import ClauseRelation
from neurosym.problems.constraints.conditional.branches import ConditionalRelation
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.linear import linear
from neurosym.problems.constraints.linear import lowering as linear_lowering


def scopes(problem: ns.Problem, name: str, rng: np.random.Generator, arity: int = 3):
    """A condition on one variable, and variables over shuffled integers."""
    domain = rng.permutation(5)[: rng.integers(2, 5)].tolist()
    condition = problem.variable(f"{name}c", domain=domain)
    variables = [
        problem.variable(f"{name}{k}", domain=rng.permutation(5)[: rng.integers(2, 5)].tolist())
        for k in range(arity)
    ]
    return condition.isin(domain[: rng.integers(1, len(domain))]), variables


def random_conditionals(problem: ns.Problem, rng: np.random.Generator):
    """Of every way in which the constraints of the branches lie in the arrays."""
    for n in range(6):
        condition, (x, y, z) = scopes(problem, f"sum{n}", rng)
        yield ns.Reified(condition, x + 2 * y - z == int(rng.integers(1, 5)))
        condition, variables = scopes(problem, f"two{n}", rng, int(rng.integers(2, 4)))
        yield ns.Implies(condition, sum(variables) <= int(rng.integers(2, 6)))
        condition, (x, y, z) = scopes(problem, f"row{n}", rng)
        rows = list(itertools.product(x.domain, y.domain, z.domain))
        chosen = [rows[k] for k in rng.permutation(len(rows))[:4]]
        yield ns.Reified(ns.Table((x, y, z), chosen), condition)
        condition, (x, y, z) = scopes(problem, f"own{n}", rng)
        yield ns.Reified(condition, x + condition.variable + z <= int(rng.integers(2, 9)))
        condition, variables = scopes(problem, f"or{n}", rng)
        yield ns.Reified(condition, ns.Clause([v == v.domain[0] for v in variables]))
        condition, variables = scopes(problem, f"unary{n}", rng, 1)
        yield ns.Reified(condition, variables[0] <= 2)
        condition, (x, y, z) = scopes(problem, f"deep{n}", rng)
        yield ns.Reified(condition, ns.Reified(x == x.domain[0], y + z >= 4))


def test_pruned_exactly():
    rng = np.random.default_rng(0)
    problem = ns.Problem()
    constraints = list(random_conditionals(problem, rng))
    problem.add(*constraints)
    network = problem.compile()
    kinds = [type(branch).__name__ for group in network.groups for branch in group.branches]
    assert set(kinds) == {"_Aligned", "_Anywhere"}
    assert len(network.groups) < 12 < len(constraints)  # constraints of one kind share a group
    masks = one_round.random_masks(network, rng, 64, least=0.2)
    found = one_round.prune(network, masks)
    one_round.assert_exact(constraints, masks, found)


def test_constraints_of_several_rows_each(monkeypatch):
    monkeypatch.setattr(linear, "MAX_SUMS", 4)  # == by bounds, from both sides
    rng = np.random.default_rng(1)
    problem = ns.Problem()
    constraints = []
    for n in range(6):
        condition, (x, y, z) = scopes(problem, f"c{n}", rng)
        constraints.append(ns.Reified(condition, 2 * x + 3 * y + z == 7 + n))
    problem.add(*constraints)
    network = problem.compile()
    masks = one_round.random_masks(network, rng, 64)
    found = one_round.prune(network, masks)
    pruned = np.zeros(len(constraints), int)
    for n, constraint in enumerate(constraints):
        variables = [x.index for x in constraint.scope]
        wanted, kept = one_round.supported(constraint, masks), found[:, variables]
        assert (kept >= wanted).all()
        pruned[n] = (masks[:, variables] & ~kept).sum()
    assert (pruned > 20).all()


def test_domains_of_several_words():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(70))
    problem.add(ns.Reified(z >= 65, x + 2 * y <= 60), x >= 59, y >= 1)
    result = ns.propagate(problem.compile())
    assert np.flatnonzero(result.domains.mask[z.index]).tolist() == list(range(65))


def test_law_of_an_implication_turned_round():
    problem = ns.Problem()
    c = problem.variable("c", domain=("no", "yes", "perhaps"))
    x, y = problem.variables("x", shape=2, domain=(2, 0, 1))
    constraint = ns.Implies(ns.Table((x, y), [(0, 1), (1, 1), (2, 0)]), c == "yes")
    ns.testing.check_constraint(constraint, samples=4)


def test_counted_once_in_any_shape(monkeypatch):
    monkeypatch.setattr(linear_lowering, "MAX_DENSE", 4)
    monkeypatch.setattr(table, "MAX_DENSE", 4)
    problem = ns.Problem()
    b, c = problem.variables("b", shape=2, domain=(0, 1))
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    rows = [(0, 1, 2), (1, 1, 1), (2, 0, 1), (2, 2, 2)]
    constraints = [
        ns.Reified(b, ns.Reified(c, x + y == z)),
        ns.Implies(c, ns.Table((x, y, z), rows, allowed=False)),
        ns.Implies(x == 2, x + y + z <= 4),
        ns.Implies(b == 0, ns.Table((x, y, z), rows)),
    ]
    problem.add(*constraints)
    network = problem.compile()
    wanted = [
        index
        for index in itertools.product(range(2), range(2), range(3), range(3), range(3))
        if all(k.check([index[v.index] for v in k.scope]) for k in constraints)
    ]
    assert [index for index in np.ndindex(2, 2, 3, 3, 3) if network.allows(index)] == wanted
    hidden = [r.relation.lower(frozenset()).sizes for r in network.structure.relations]
    assert [len(labels) for labels in hidden] == [7, 3, 2, 2]  # the branch, and more inside
    assert len(wanted) > 10
    found = ns.support(network, np.ones((5, 3), np.int32), semiring=ns.COUNTING)
    counts = (np.asarray(wanted)[:, :, None] == np.arange(3)).sum(0)
    np.testing.assert_array_equal(found, counts)


def test_what_holds_when():
    problem = ns.Problem()
    b, c = problem.variables("b", shape=2, domain=(False, True))
    x, y = problem.variables("x", shape=2, domain=range(4))

    def cases(constraint: ns.problems.constraints.Constraint) -> list[tuple]:
        values = itertools.product(*(v.domain for v in constraint.scope))
        return [v for v in values if constraint.check(v)]

    assert cases(ns.Implies(b, c)) == [(False, False), (False, True), (True, True)]
    assert cases(ns.Reified(b, c)) == [(False, False), (True, True)]
    assert cases(~ns.Reified(b, c)) == [(False, True), (True, False)]
    assert isinstance(joined(ns.Implies(b, c)), ClauseRelation)
    assert isinstance(joined(ns.Implies(x == 1, (y == 2) | (c == 1))), ClauseRelation)
    # The contrapositive: only one of the two sides is on one variable.
    turned = ns.Implies(x + y == 3, b)
    assert turned.scope == (b, x, y)
    assert isinstance(joined(turned), ConditionalRelation)
    assert cases(turned) == [
        (flag, u, v)
        for flag, u, v in itertools.product((False, True), range(4), range(4))
        if flag or u + v != 3
    ]
    assert cases(ns.Reified(x + y == 6, b)) == cases(ns.Reified(b, x + y == 6))
    # On its own variable.
    assert cases(ns.Implies(x == 3, x <= 2)) == [(0,), (1,), (2,)]
    assert cases(ns.Reified(x >= 2, x + y >= 4)) == [
        (u, v) for u, v in itertools.product(range(4), repeat=2) if (u >= 2) == (u + v >= 4)
    ]


def test_negations():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    rows = [(0, 1), (2, 2)]
    for constraint in (
        *(ns.Linear((x, y), (1, 2), sign, 3) for sign in ("==", "!=", "<", "<=", ">", ">=")),
        ns.Table((x, y), rows),
        ns.Table((x, y), rows, allowed=False),
        ns.Reified(x == 1, y <= 1),
    ):
        negated = ~constraint
        assert negated.scope == constraint.scope
        for values in itertools.product(range(3), repeat=2):
            assert negated.check(values) != constraint.check(values)


def test_bad_conditions():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    for kind in (ns.Implies, ns.Reified):
        with pytest.raises(ValueError, match=r"'x\[0\]' stands for a condition"):
            kind(x, x + y == 2)
        with pytest.raises(ValueError, match="1 is neither a constraint nor"):
            kind(1, x + y == 2)
    with pytest.raises(ValueError, match="of another problem"):
        problem.add(ns.Implies(ns.Problem().variable("z", domain=(0, 1)), x + y == 2))
