"""Belief propagation as an estimator, on a tree, where it is exact."""

import itertools

import numpy as np
import pytest
from small_sum import run

import neurosym as ns
from neurosym import bridge


def test_belief_propagation_is_exact_on_a_tree_and_its_three_gradients_agree_there():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    problem.add(*(a <= b for a, b in itertools.pairwise(x)))
    tree = bridge.NetworkReasoner(problem.compile())
    logits = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    allowed = np.ones((4, 3), bool)
    allowed[3, 2] = False
    value, gradient, _ = run(bridge.exact(tree), logits, allowed)
    options = [
        {"rounds": 30, "damping": 0.0},
        {"rounds": 30, "damping": 0.0, "gradient": "unrolled"},
        {"rounds": 60, "damping": 0.0, "tolerance": 1e-6, "gradient": "implicit"},
    ]
    for option in options:
        found, moved, metrics = run(bridge.belief_propagation(tree, **option), logits, allowed)
        assert found == pytest.approx(value, abs=1e-4)
        np.testing.assert_allclose(moved, gradient, atol=1e-3)
        assert metrics["residual"] < 1e-5
