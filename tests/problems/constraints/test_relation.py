"""Relations and their places: equal values, shared work, and what a place must be."""

import dataclasses
import pickle
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from every_kind import one_of_each

import neurosym as ns
from neurosym.problems.constraints import Constraint, Group, Placed, Propagator, Relation
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.constraint import placements
from neurosym.problems.constraints.joint import joined
from neurosym.soft.factor_messages import factor_groups
from neurosym.soft.factors import network_factors


def test_a_relation_knows_neither_its_variables_nor_their_problem():
    """Declared over other variables, every kind compiles to an equal relation in another place."""
    compiled = []
    for before in (0, 3):
        problem = ns.Problem()
        for n in range(before):
            problem.variable(f"idle{n}", domain="ab")
        x = list(problem.variables("x", shape=4, domain=range(4)))
        c = problem.variable("c", domain=(0, 1))
        found = []
        for constraint in one_of_each(x[::-1] if before else x, c):
            placed = placements(constraint)
            scope = tuple(variable.index for variable in constraint.scope)
            assert [one.scope for one in placed] == [scope], repr(constraint)
            found.append(placed[0])
        compiled.append(found)
    for first, second in zip(*compiled, strict=True):
        assert first.relation == second.relation
        assert hash(first.relation) == hash(second.relation)
        assert first.scope != second.scope
        assert first != second
        assert not hasattr(first.relation, "scope")


def test_labels_of_a_lowering_are_positions_and_hidden_labels():
    problem = ns.Problem()
    problem.variable("idle", domain="ab")
    x = list(problem.variables("x", shape=4, domain=range(4)))
    c = problem.variable("c", domain=(0, 1))
    for constraint in one_of_each(x, c):
        relation = joined(constraint)
        arity = len(relation.sizes)
        for private in (frozenset(), frozenset(range(arity))):
            lowering = relation.lower(private)
            used = {label for tensor in lowering.labels for label in tensor}
            assert not set(lowering.sizes) & set(range(arity))
            assert used <= set(range(arity)) | set(lowering.sizes), repr(constraint)
            assert used >= set(range(arity)) - lowering.absorbed


def test_placements_of_one_relation_share_a_plan_and_a_program():
    """Also those of nested relations and of restricted ones."""
    problem = ns.Problem()
    x = problem.variables("x", shape=(5, 3), domain=range(4))
    b = problem.variables("b", shape=5, domain=(0, 1))
    for row, condition in zip(x, b, strict=True):
        problem.add(row[0] + 2 * row[1] <= row[2], ns.Implies(condition, ns.AllDifferent(row)))
    network = problem.compile()
    assert len({relation for relation, _ in network.structure.relations}) == 2
    factors = network_factors(network.structure, None)
    assert [len(kind.scopes) for kind in factors.kinds] == [5, 5]
    assert sorted(len(group.scope) for group in factor_groups(network.structure, [])) == [5, 5]
    few = ns.soft.restricted(network, np.asarray(network.mask) & (np.arange(4) != 2))
    assert [len(kind.scopes) for kind in network_factors(few.structure, None).kinds] == [5, 5]


@dataclasses.dataclass(frozen=True, eq=False)
class Somewhere(Constraint):
    """Two values are equal, in a place that the test chooses."""

    scope: tuple
    place_of_it: tuple

    def check(self, values):
        return values[0] == values[1]

    def compile(self):
        return [Placed(BinaryRelation.from_mask(np.eye(2, dtype=bool)), self.place_of_it)]


def test_a_place_has_distinct_variables_one_a_position():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    problem.add(Somewhere((x[0], x[2]), (0, 2)))
    assert [problem.compile().allows(v) for v in ([1, 0, 1], [1, 1, 0])] == [True, False]
    for place, message in (
        ((1, 1), r"between variables that are not distinct, \(1, 1\)"),
        ((0, 1, 2), "over 2 positions in a place of 3 variables"),
    ):
        problem = ns.Problem()
        x = problem.variables("x", shape=3, domain=range(2))
        problem.add(Somewhere((x[0], x[2]), place))
        with pytest.raises(ValueError, match=message):
            problem.compile()


@dataclasses.dataclass(frozen=True, eq=False)
class Bare(Constraint):
    """Two values are equal; the relation comes without its place."""

    scope: tuple

    def check(self, values):
        return values[0] == values[1]

    def compile(self):
        return BinaryRelation.from_mask(np.eye(2, dtype=bool))


def test_a_relation_without_a_place_is_over_the_whole_scope():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    problem.add(Bare((x[2], x[1])))
    (placed,) = problem.compile().structure.relations
    assert placed.scope == (2, 1)
    assert placed.kind == "binary"
    ns.testing.check_constraint(Bare((x[0], x[1])))


@dataclasses.dataclass(frozen=True)
class Halves(Relation):
    """Both positions are equal; its support is its own."""

    sizes: tuple = (2, 2)
    kind = "halves"

    def allows(self, assignment):
        return assignment[0] == assignment[1]

    @property
    def bucket(self):
        return ()

    @classmethod
    def group(cls, placed, size):
        equal = BinaryRelation.from_mask(np.eye(2, dtype=bool))
        return BinaryRelation.group([Placed(equal, scope) for _, scope in placed], size)

    def lower(self, private):
        return BinaryRelation.from_mask(np.eye(2, dtype=bool)).lower(private)

    def support(self, semiring, weights):
        return [semiring.mul(weights[1], semiring.ones((2,))), weights[0]]


@dataclasses.dataclass(frozen=True, eq=False)
class HalvesOf(Bare):
    """As a constraint."""

    def compile(self):
        return self.place(Halves())


def test_a_support_of_its_own_is_a_declared_capability():
    assert Halves.own_support
    assert not BinaryRelation.own_support
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(2))
    ns.testing.check_constraint(HalvesOf(tuple(x)))
    problem.add(HalvesOf(tuple(x)))
    network = problem.compile()
    (group,) = factor_groups(network.structure, [])
    assert type(group).__name__ == "AlikeGroup"
    beliefs = ns.belief_propagation(network, jnp.log(jnp.asarray([[0.2, 0.8], [0.5, 0.5]])))
    np.testing.assert_allclose(beliefs.marginals, [[0.2, 0.8]] * 2, rtol=1e-5)


def test_relations_decline_to_couple_unless_they_offer_it():
    placed = [Placed(BinaryRelation.from_mask(np.eye(2, dtype=bool)), (0, 1))]
    assert BinaryRelation.couple(placed, 2, 2) is None
    assert Group is Propagator


def test_the_rows_of_a_restricted_network_are_checked_as_those_of_the_whole():
    problem, other = ns.Problem(), ns.Problem()
    _, y = (problem.variable(name, domain=range(3)) for name in "xy")
    stranger = other.variable("x", domain=range(1, 9))
    network = problem.compile()
    few = ns.soft.restricted(network, np.asarray(network.mask) & (np.arange(3) > 0))
    assert (few.variables, few.size, few.index(y), few.index("x")) == (2, 2, 1, 0)
    assert (network.variables, network.size, network.index(y), network.index(0)) == (2, 3, 1, 0)
    for one in (network, few):
        with pytest.raises(ValueError, match="'x' belongs to another problem"):
            one.index(stranger)
        with pytest.raises(ValueError, match="has no variable 'z'"):
            one.index("z")


def test_a_structure_from_another_process_equals_its_twin():
    program = (
        "import pickle, sys, neurosym as ns; p = ns.Problem(); "
        "x = p.variables('x', shape=2, domain='abc'); p.add(ns.AllDifferent(x)); "
        "sys.stdout.buffer.write(pickle.dumps(p.compile().structure))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    problem = ns.Problem()
    problem.add(ns.AllDifferent(problem.variables("x", shape=2, domain="abc")))
    structure = problem.compile().structure
    assert pickle.loads(run.stdout) == structure
    assert hash(pickle.loads(run.stdout)) == hash(structure)
