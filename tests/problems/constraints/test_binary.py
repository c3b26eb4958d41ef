"""Binary relations, the linear and absolute comparisons that become them, and unary ones."""

import itertools
import operator

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.all_different.all_different import AllDifferentRelation
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.linear.linear import LinearRelation
from neurosym.problems.constraints.unary import UnaryRelation

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def test_random_relations_are_pruned_exactly_in_lanes_of_any_width():
    rng = np.random.default_rng(0)
    problem = ns.Problem()
    constraints = []
    for n in range(40):
        domains = [
            rng.choice(np.arange(-6, 7), size, replace=False).tolist()
            for size in rng.integers(1, 9, 2)
        ]
        x, y = (
            problem.variable(f"{name}{n}", domain=d) for name, d in zip("xy", domains, strict=True)
        )
        pairs = {(a, b) for a in x.domain for b in y.domain if rng.random() < 0.3}
        if n % 2:
            constraint = ns.Predicate((x, y), lambda a, b, pairs=pairs: (a, b) in pairs)
        else:
            relation = str(rng.choice(list(COMPARISONS)))
            a, b, c = (int(v) for v in rng.integers(-3, 4, 3))
            inner = (a or 1) * x + (b or 2) * y - c
            constraint = COMPARISONS[relation](abs(inner) if n % 4 else inner, 1)
        problem.add(constraint)
        constraints.append(constraint)
    network = problem.compile()
    kinds = {type(r.relation) for r in network.structure.relations}
    assert kinds <= {BinaryRelation, LinearRelation, AllDifferentRelation}
    assert sum(type(r.relation) is BinaryRelation for r in network.structure.relations) >= 35
    masks = one_round.random_masks(network, rng, 100)
    found = one_round.prune(network, masks)
    one_round.assert_exact(constraints, masks, found)
    np.testing.assert_array_equal(one_round.prune(network, masks, np.uint64), found)


@pytest.mark.parametrize("size", [40, 130])
def test_domains_of_several_words(size):
    rng = np.random.default_rng(size)
    problem = ns.Problem()
    values = rng.permutation(size).tolist()
    x, y, z = (problem.variable(name, domain=values[n:]) for n, name in enumerate("xyz"))
    problem.add(abs(x - y) == 3, ns.Predicate((z, y), lambda a, b: a % 7 > b % 5))
    network = problem.compile()
    masks = one_round.random_masks(network, rng, 12, least=0.05)
    found = one_round.prune(network, masks)
    u, v, w = (np.asarray(variable.domain) for variable in (x, y, z))
    near = abs(u[:, None] - v) == 3
    above = (w % 7)[:, None] > v % 5
    wanted = masks.copy()
    wanted[:, 0] &= _pad((near & masks[:, 1, None, : size - 1]).any(axis=2), size)
    wanted[:, 2] &= _pad((above & masks[:, 1, None, : size - 1]).any(axis=2), size)
    both = (near & masks[:, 0, :size, None]).any(axis=1)
    both &= (above & masks[:, 2, : size - 2, None]).any(axis=1)
    wanted[:, 1] &= _pad(both, size)
    np.testing.assert_array_equal(found, wanted)
    assert (found != masks).any()


def _pad(mask: np.ndarray, size: int) -> np.ndarray:
    return np.pad(mask, ((0, 0), (0, size - mask.shape[1])))


def test_the_largest_domains():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(4096))
    problem.add(abs(x - y) == 4000, x + y >= 4100)
    network = problem.compile()
    assert [type(r) for r, _ in network.structure.relations] == [BinaryRelation, LinearRelation]
    found = np.asarray(ns.propagate(network).domains.mask)
    values = np.arange(4096) % 4000
    np.testing.assert_array_equal(found, [(values >= 5) & (values <= 95)] * 2)


def test_equal_matrices_are_held_once():
    problem = ns.Problem()
    x = problem.variables("x", shape=1001, domain=range(64))
    problem.add(*(a < b for a, b in itertools.pairwise(x)))
    (group,) = problem.compile().groups
    assert group.scope.shape == (1000, 2)
    assert group.supports.size == 2 * 64  # < and >, one word a value
    assert len({relation.pairs for relation, _ in problem.compile().structure.relations}) == 1


def test_which_form_linear_constraints_of_two_take():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(8))
    wide = problem.variable("wide", domain=range(600))
    for constraint in (x < y, x + y == 7, 2 * x - 3 * y >= 1, 2 * x != y, x * 2 + y * 4 == 5):
        assert isinstance(joined(constraint), BinaryRelation)
    for constraint in (x - wide <= 3, x + y == z, x <= 3):
        assert isinstance(joined(constraint), LinearRelation)
    for constraint in (x != y, x + 2 != y, 2 * x != 5 + 2 * y):
        assert isinstance(joined(constraint), AllDifferentRelation)


def test_laws():
    problem = ns.Problem()
    x = problem.variable("x", domain=(3, -1, 4, 0, 2))
    y = problem.variable("y", domain=(5, 1, 2))
    ns.testing.check_constraint(abs(x - y) == 3)
    unary = abs(1 - 2 * x) <= 3
    assert isinstance(joined(unary), UnaryRelation)
    one_round.assert_counts(unary)


@pytest.mark.parametrize("relation", list(COMPARISONS))
def test_absolute_values(relation):
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=(-2, 0, 1, 3))
    compare = COMPARISONS[relation]
    for constant in (-1, 0, 2):
        constraint = compare(abs(x - 2 * y + z - 1), constant)
        opposite = ~constraint
        relations = joined(constraint), joined(opposite)
        for index in np.ndindex(4, 4, 4):
            a, b, c = values = [x.domain[v] for v in index]
            wanted = compare(abs(a - 2 * b + c - 1), constant)
            assert constraint.check(values) == wanted != opposite.check(values)
            assert relations[0].allows(index) == wanted != relations[1].allows(index)
    assert repr(compare(abs(x - y), 3)) == f"Absolute(|1·x[0] + -1·x[1]| {relation} 3)"
    assert (abs(x + y - x) <= 0).scope == (y,)
    always, never = joined(abs(x - y) >= 0), joined(abs(x - y) < 0)
    assert always.mask.all()
    assert not never.mask.any()


def test_what_abs_cannot_do():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(200))
    word = problem.variable("word", domain=("yes", "no"))
    with pytest.raises(ValueError, match=r"an integer, not 1\.5"):
        problem.add(abs(x - y) < 1.5)
    with pytest.raises(ValueError, match=r"variable 'word': domain value .* not 'yes'"):
        problem.add(abs(x - word) == 1)
    for difference, constant, holds in ((x - x, 0, True), (x - x, 3, False), (x - x - 3, 3, True)):
        constraint = abs(difference) == constant
        assert constraint.scope == ()
        assert constraint.check(()) == holds
    with pytest.raises(ValueError, match=r"x\[0\], x\[1\], x\[2\] has 8000000 combinations"):
        ns.Absolute((x, y, z), (1, 1, -1), 0, "==", 1)
