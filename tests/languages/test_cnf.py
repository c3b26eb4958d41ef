"""Formulas as networks, against the clauses themselves."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.hard import propagate
from neurosym.io import parse_dimacs
from neurosym.languages.cnf import cnf_formula

VARIABLES = 5
literal = st.integers(1, VARIABLES).flatmap(lambda v: st.sampled_from([v, -v]))


def formula_of(clauses, variables=VARIABLES):
    rows = "\n".join(" ".join(map(str, [*clause, 0])) for clause in clauses)
    return parse_dimacs(f"p cnf {variables} {len(clauses)}\n{rows}")


@settings(deadline=None)  # a new shape compiles
@given(st.lists(st.lists(literal, max_size=4), max_size=8))
def test_models_are_the_assignments_that_the_network_allows(clauses):
    network, domains = cnf_formula(formula_of(clauses))
    for values in itertools.product((0, 1), repeat=VARIABLES):
        expected = all(any(values[abs(n) - 1] == (n > 0) for n in clause) for clause in clauses)
        within = all(row[v] for row, v in zip(domains, values, strict=True))
        assert (within and network.allows(values)) == expected
    relations = network.structure.relations
    assert all(len(relation.scope) > 1 for relation in relations)
    assert len(relations) <= len(clauses)


def test_declared_clauses_check_values():
    network, domains = cnf_formula(formula_of([(1, -3, 1), (2, -2), (4,), (-5, -5)]))
    (relation,) = network.structure.relations
    assert relation.scope == (0, 2)
    assert network.structure.domains[0] == (False, True)
    assert network.structure.names == ("1", "2", "3", "4", "5")
    free = [True, True]
    assert domains.tolist() == [free, free, free, [False, True], [True, False]]


def test_propagation_is_unit_propagation():
    clauses = [(1,), (-1, 2), (-1, -2, 3), (-3, -4, -4, 5), (4, 5, 2)]
    network, domains = cnf_formula(formula_of(clauses))
    found = jax.jit(propagate)(network, domains).domains.mask
    free = [True, True]
    assert found.tolist() == [[False, True], [False, True], [False, True], free, free]


@pytest.mark.parametrize("clauses", [[()], [(1,), (-1,)], [(2, 3), (), (1,)]])
def test_what_is_false_at_sight_has_an_empty_domain(clauses):
    _, domains = cnf_formula(formula_of(clauses))
    assert not domains.any(axis=1).all()


def test_without_clauses_everything_is_a_model():
    network, domains = cnf_formula(formula_of([]))
    assert domains.all()
    assert network.allows([0] * VARIABLES)


@pytest.mark.parametrize("clauses", [[], [()]])
def test_without_variables_there_is_one_model_or_none(clauses):
    network, domains = cnf_formula(formula_of(clauses, variables=0))
    assert network.mask.tolist() == [[True]]
    assert domains.tolist() == [[not clauses]]


def test_fifty_thousand_clauses_compile():
    rng = np.random.default_rng(0)
    clauses = rng.integers(1, 10_001, (50_000, 3)) * rng.choice([-1, 1], (50_000, 3))
    formula = formula_of(clauses.tolist(), 10_000)
    network, _ = cnf_formula(formula)
    assert network.variables == 10_000
