"""Constraints that are made of others: check, pruning, total and export come from the parts."""

import dataclasses
import itertools

import numpy as np
import pytest

import neurosym as ns
from neurosym.problems.constraints import Constraint, Placed
from neurosym.problems.constraints.joint import Joint, joined
from neurosym.semirings.algebra import elements


@dataclasses.dataclass(frozen=True, eq=False)
class Increasing(Constraint):
    """Each variable is less than the next one."""

    scope: tuple

    def decompose(self):
        return [a < b for a, b in itertools.pairwise(self.scope)]


@dataclasses.dataclass(frozen=True, eq=False)
class Weighted(Constraint):
    """Parts of all kinds over overlapping scopes."""

    scope: tuple

    def decompose(self):
        a, b, c, d = self.scope
        return [
            a + 2 * b + c == 5,
            ns.Implies(d == 1, ns.AllDifferent((a, b, c))),
            Increasing((a, c)),
            ns.Count((a, b), {0, 1}, ">=", 1),
        ]


def variables(problem, count=4, size=4):
    return tuple(problem.variables("x", shape=count, domain=range(size)))


def test_law():
    problem = ns.Problem()
    x = variables(problem)
    ns.testing.check_constraint(Increasing(x), semirings=(ns.LOG, ns.MAX_MIN))
    ns.testing.check_constraint(Increasing(x[:1] + x[2:]), semirings=())
    ns.testing.check_constraint(Weighted(x), exact=False, semirings=(ns.LOG,))


def test_the_same_as_its_parts_in_every_engine():
    problem = ns.Problem()
    x = variables(problem)
    constraint = Weighted(x[::-1])
    problem.add(constraint)
    network = problem.compile()
    assert len(network.structure.relations) == 4
    wanted = [index for index in itertools.product(range(4), repeat=4) if _allowed(*index[::-1])]
    assert [index for index in np.ndindex(4, 4, 4, 4) if network.allows(index)] == wanted
    assert [i for i in np.ndindex(4, 4, 4, 4) if constraint.check(i[::-1])] == wanted
    weights = np.random.default_rng(0).integers(1, 3, (4, 4)).astype(np.int32)
    total = sum(np.prod([weights[i, v] for i, v in enumerate(row)]) for row in wanted)
    assert int(ns.total(network, weights, semiring=ns.COUNTING)) == total > 0
    assert int(ns.compile_circuit(network).total(weights, semiring=ns.COUNTING)) == total
    assert int(ns.count(network).count) == len(wanted)


def _allowed(a, b, c, d):
    return (
        a + 2 * b + c == 5
        and (d != 1 or len({a, b, c}) == 3)
        and a < c
        and (a in (0, 1)) + (b in (0, 1)) >= 1
    )


def test_under_a_condition_and_inside_of_another_one():
    """Rows of one group, with scopes that share variables, among other conditionals."""
    problem = ns.Problem()
    b, c = problem.variables("b", shape=2, domain=(0, 1))
    x = variables(problem)
    constraints = [
        ns.Implies(b, Increasing(x)),
        ns.Implies(c == 0, Increasing((x[3], x[1], x[0]))),
        ns.Implies(x[0] == 2, Increasing((x[1], x[0], x[2]))),
    ]
    for constraint in constraints:
        ns.testing.check_constraint(constraint, exact=False, semirings=(), samples=4)
    problem.add(*constraints)
    network = problem.compile()
    found = {index for index in np.ndindex(2, 2, 4, 4, 4, 4) if network.allows(index)}
    wanted = {
        (p, q, *v)
        for p, q in np.ndindex(2, 2)
        for v in np.ndindex(4, 4, 4, 4)
        if (not p or v[0] < v[1] < v[2] < v[3])
        and (q or v[3] < v[1] < v[0])
        and (v[0] != 2 or v[1] < v[0] < v[2])
    }
    assert found == wanted
    weights = np.ones((6, 4), np.int32)
    assert int(ns.total(network, weights, semiring=ns.COUNTING)) == len(wanted)
    assert int(ns.count(network).count) == len(wanted)


def test_what_only_one_part_knows_is_summed_out_inside_of_it():
    problem = ns.Problem()
    digits = problem.variables("d", shape=6, domain=range(10))
    total = problem.variable("total", domain=range(55))

    @dataclasses.dataclass(frozen=True, eq=False)
    class SmallSum(Constraint):
        scope: tuple

        def decompose(self):
            return [sum(self.scope[:-1]) == self.scope[-1], self.scope[-1] <= 4]

    relation = joined(SmallSum((*digits, total)))
    lowering = relation.lower(frozenset(range(7)))
    assert lowering.absorbed == frozenset(range(6))
    weights = [np.ones(10, np.int32)] * 6 + [np.ones(55, np.int32)]
    assert int(relation.total(ns.COUNTING, weights)) == 1 + 6 + 21 + 56 + 126
    supports = relation.support(ns.COUNTING, weights)
    assert np.asarray(supports[6])[:6].tolist() == [1, 6, 21, 56, 126, 0]
    assert elements.shape(ns.COUNTING, supports[0]) == (10,)
    # Five digits sum to at most 4 - v: C(9 - v, 5).
    assert np.asarray(supports[0])[:6].tolist() == [126, 56, 21, 6, 1, 0]


def test_a_relation_over_the_scope_is_itself_and_others_are_joint():
    problem = ns.Problem()
    x = variables(problem, 3)
    assert joined(x[0] < x[1]) == joined(x[1] < x[2])
    assert not isinstance(joined(x[0] < x[1]), Joint)
    both = joined(Increasing(x))
    assert isinstance(both, Joint)
    assert [part.scope for part in both.parts] == [(0, 1), (1, 2)]
    assert both == joined(Increasing(variables(ns.Problem(), 3)))
    assert Placed(both, (2, 0, 1)).allows([1, 3, 0])


def test_a_constraint_that_says_neither_what_it_compiles_to_nor_its_parts():
    class Nothing(Constraint):
        scope = ()

    with pytest.raises(NotImplementedError, match=r"Nothing defines neither compile\(\)"):
        Nothing().compile()
    with pytest.raises(ValueError, match=r"Nothing defines neither compile\(\)"):
        ns.Problem().add(Nothing())


def test_a_constraint_that_compiles_but_does_not_check_is_refused_when_it_is_added():
    class Half(Constraint):
        def __init__(self, *scope):
            self.scope = scope

        def compile(self):
            return ()

    problem = ns.Problem()
    half = Half(problem.variable("x", domain=range(2)))
    with pytest.raises(ValueError, match=r"Half defines compile\(\) but not check\(\)"):
        problem.add(half)
    with pytest.raises(NotImplementedError, match=r"Half defines compile\(\) but not check\(\)"):
        half.check([0])
