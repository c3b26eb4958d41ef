"""Constraints that were written when a relation held its variables itself still work."""

import dataclasses
import warnings
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.problems.constraints import Constraint, Relation
from neurosym.problems.constraints.constraint import DenseLowering


@dataclasses.dataclass(frozen=True, eq=False)
class AllEqual(Constraint):
    """All variables, over one domain, take the same value."""

    scope: tuple

    def __post_init__(self):
        object.__setattr__(self, "scope", tuple(self.scope))

    def check(self, values):
        return len(set(values)) == 1

    def compile(self):
        scope = tuple(variable.index for variable in self.scope)
        return AllEqualRelation(scope, len(self.scope[0].domain))


@dataclasses.dataclass(frozen=True)
class AllEqualRelation(Relation):
    """The same over indices."""

    scope: tuple[int, ...]
    size: int
    kind: ClassVar[str] = "all_equal"

    @property
    def sizes(self):
        return (self.size,) * len(self.scope)

    def allows(self, assignment):
        return len(set(assignment)) == 1

    def lower(self, private, name):
        common = (name, "common value")
        labels = [(variable, common) for variable in self.scope]
        unit = np.eye(self.size, dtype=np.bool_)
        return DenseLowering(labels, lambda: [unit] * len(labels), {common: self.size})

    @property
    def bucket(self):
        return len(self.scope)

    @classmethod
    def group(cls, relations, size):
        scope = np.asarray([relation.scope for relation in relations], np.int32)
        return AllEqualGroup(jnp.asarray(scope), jnp.ones(scope.shape, jnp.bool_))


@flax.struct.dataclass
class AllEqualGroup:
    """C of them over K variables each."""

    scope: jax.Array
    present: jax.Array

    def prune(self, domains):
        common = domains[:, 0]
        for k in range(1, domains.shape[1]):
            common = common & domains[:, k]
        return jnp.broadcast_to(common[:, None], domains.shape)


def test_the_old_form_obeys_the_law_with_a_warning():
    problem = ns.Problem()
    problem.variable("idle", domain="ab")
    x = problem.variables("x", shape=3, domain=range(3))
    with pytest.warns(DeprecationWarning, match=r"AllEqualRelation holds the variables of its"):
        ns.testing.check_constraint(AllEqual(x[::-1]))


@pytest.mark.filterwarnings("ignore:AllEqualRelation:DeprecationWarning")
def test_the_old_form_in_every_engine():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    problem.add(AllEqual(x[[3, 0, 2]]), AllEqual(x[:2]), x[0] != 1)
    problem.add(ns.Implies(b, AllEqual(x[2:])))
    network = problem.compile()
    rows = [[v, v, v, v, w] for v in (0, 2) for w in (0, 1)]
    wanted = [[sum(r[i] == v for r in rows) for v in range(3)] for i in range(5)]
    weights = np.ones((5, 3), np.int32)
    found = ns.support(network, weights, semiring=ns.COUNTING)
    np.testing.assert_array_equal(np.asarray(found)[:4], wanted[:4])
    assert int(ns.count(network).count) == 4
    assert int(ns.compile_circuit(network).total(weights, semiring=ns.COUNTING)) == 4
    left = ns.propagate(network).domains.mask
    assert left.astype(int)[:4].tolist() == [[1, 0, 1]] * 4
    beliefs = ns.belief_propagation(network, jnp.zeros((5, 3)))
    np.testing.assert_allclose(beliefs.marginals[:4], [[0.5, 0, 0.5]] * 4, atol=1e-3)


def test_the_new_form_does_not_warn():
    problem = ns.Problem()
    problem.add(ns.AllDifferent(problem.variables("x", shape=3, domain=range(3))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.compile()
