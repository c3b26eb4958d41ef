"""Derivations: each step follows from its constraint and reasons alone, and the end is right."""

import itertools

import numpy as np

import neurosym as ns
from neurosym.explanations import sentences
from neurosym.puzzles import sudoku_problem


def check(network: ns.Network, found: ns.Derivation) -> None:
    """Each step against all assignments that its constraint allows."""
    left = found.start
    declared = np.asarray(network.mask)
    for step in found.steps:
        assert step.removed
        if step.constraint is not None:
            scope = step.constraint.scope
            known = [left[i] if i in step.reasons else declared[i] for i in scope]
            rows = [
                row
                for row in itertools.product(*(np.flatnonzero(k) for k in known))
                if step.constraint.relation.allows(row)
            ]
            used = {(scope[k], v) for row in rows for k, v in enumerate(row)}
            assert not used & set(step.removed)
        after = left.copy()
        after[tuple(np.asarray(step.removed).T)] = False
        assert left[tuple(np.asarray(step.removed).T)].all()
        np.testing.assert_array_equal(after, step.left)
        left = after
    assert found.steps
    np.testing.assert_array_equal(found.left, left)


def test_a_sudoku_is_derived_and_said_in_sentences():
    network = sudoku_problem(4).compile()
    solution = np.asarray([0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 3, 2, 3, 2, 1, 0])
    mask = np.ones((16, 4), bool)
    for i in (0, 1, 2, 12, 15):  # the only solution with these
        mask[i] = np.arange(4) == solution[i]
    found = ns.explain(network, mask)
    check(network, found)
    assert found.status == "SOLVED"
    np.testing.assert_array_equal(found.left, np.arange(4) == solution[:, None])
    text = list(sentences(network, found))
    assert len(text) == len(found.steps) + 1
    assert "all different" in text[0]


def test_a_contradiction_ends_it():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    problem.add(x < y, y < z)
    network = problem.compile()
    found = ns.explain(network, network.restrict({y: [0, 1], z: 1}))
    check(network, found)
    assert found.status == "CONTRADICTION"
    assert "there is no solution" in list(sentences(network, found))[-1]


def test_values_are_tried_where_nothing_follows():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    problem.add(ns.Table(x[:2], [(0, 0), (1, 1)]), ns.Table(x[1:], [(0, 0), (1, 1)]))
    problem.add(ns.Table([x[0], x[2]], [(0, 0), (0, 1), (1, 0)]))
    network = problem.compile()
    found = ns.explain(network)
    assert any(step.constraint is None for step in found.steps)
    assert found.status == "SOLVED"
    assert found.left.argmax(axis=1).tolist() == [0, 0, 0]
    stuck = ns.explain(network, trying=False)
    assert stuck.status == "OPEN"
    assert stuck.solution.tolist() == [0, 0, 0]
