"""Estimators from configs: unknown names, options that are wrong, and the documented examples."""

import doctest
import importlib

import numpy as np
import pytest
from small_sum import reasoner

from neurosym import bridge


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("exat", {}, "unknown estimator 'exat'"),
        ("exact", {"sampels": 2}, "has no option sampels"),
        ("exact", {"semiring": "boolean"}, "does not convert"),
        ("enumerated", {"limit": 3}, "needs otherwise"),
        ("enumerated", {"limit": 0, "otherwise": "exact"}, "at least 1 solution"),
        ("enumerated", {"otherwise": {"rounds": 3}}, "needs a name"),
        ("enumerated", {"otherwise": {"name": "exact", "k": 1}}, "has no option k"),
        ("pruned", {"inner": "exact", "rule": {"name": "within"}}, "needs tau"),
        ("belief_propagation", {"damping": 1.0}, "below 1"),
        ("belief_propagation", {"rounds": 0}, "at least 1 round"),
        ("belief_propagation", {"gradient": "exact"}, "gradient is one of"),
        ("belief_propagation", {"gradient": "implicit"}, "tolerance above 0"),
        ("relaxed", {"bridge": "hardmax"}, "unknown bridge"),
        ("perturb_and_map", {"noise": "sum_of_gamma"}, "needs ones"),
        ("perturb_and_map", {"samples": 0}, "at least 1 sample"),
        ("perturb_and_map", {"solver": "simplex"}, "unknown solver"),
        ("score_function", {"samples": 1}, "at least 2"),
        ("top_k_assignments", {"k": 0}, "at least 1"),
    ],
)
def test_wrong_options_fail_when_the_config_is_read(name, options, message):
    with pytest.raises(ValueError, match=message):
        bridge.make_estimator(name, reasoner(), **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (3, {}, "unknown estimator 3"),
        (["exact"], {}, "unknown estimator"),
        ("exact", {"semiring": 3}, "semiring of estimator 'exact' is a semiring, not 3"),
        ("exact", {"semiring": None}, "is a semiring, not None"),
        ("exact", {"reasoner": "mine"}, "has no option reasoner"),
        ("belief_propagation", {"rounds": "ten"}, "rounds of .* is a whole number, not 'ten'"),
        ("belief_propagation", {"rounds": 2.5}, "rounds of .* is a whole number, not 2.5"),
        ("belief_propagation", {"rounds": True}, "rounds of .* is a whole number, not True"),
        ("belief_propagation", {"damping": "half"}, "damping of .* is a number, not 'half'"),
        ("belief_propagation", {"tolerance": None}, "tolerance of .* is a number, not None"),
        ("belief_propagation", {"gradient": ["unrolled"]}, "gradient of .* is a string"),
        ("belief_propagation", {"prune": "no"}, "prune of .* is true or false, not 'no'"),
        (
            "enumerated",
            {"otherwise": "exact", "node_limit": "all"},
            "node_limit of .* is a whole number or None, not 'all'",
        ),
        ("enumerated", {"otherwise": 3}, "otherwise of .* is an estimator, not 3"),
        ("enumerated", {"otherwise": {"name": None}}, "unknown estimator None"),
        ("enumerated", {"otherwise": {"name": "exact", 3: 4}}, "options by name, not 3"),
        ("enumerated", {"otherwise": {"name": "exact", "reasoner": 1}}, "no option reasoner"),
        (
            "enumerated",
            {"otherwise": {"name": "top_k_assignments", "k": "2"}},
            "k of estimator 'top_k_assignments' is a whole number, not '2'",
        ),
        (
            "pruned",
            {"inner": "exact", "rule": {"name": "within", "tau": "1"}},
            "tau of rule 'within' is a number, not '1'",
        ),
        (
            "pruned",
            {"inner": "exact", "rule": {"name": "sampled", "samples": [4]}},
            "samples of rule 'sampled' is a whole number",
        ),
        ("pruned", {"inner": "exact", "rule": 1.0}, "rule of .* is a rule, not 1.0"),
        (
            "pruned",
            {"inner": "exact", "rule": {"name": "top_k", "k": 1}, "gumbel": 1},
            "gumbel of .* is true or false, not 1",
        ),
        (
            "relaxed",
            {"bridge": {"name": "straight_through", "smoothing": "much"}},
            "smoothing of bridge 'straight_through' is a number, not 'much'",
        ),
        (
            "relaxed",
            {"bridge": {"name": "straight_through", "sample": "yes"}},
            "sample of bridge 'straight_through' is true or false",
        ),
        ("perturb_and_map", {"noise": 0.5}, "noise of .* is a noise or None, not 0.5"),
        (
            "perturb_and_map",
            {"noise": {"name": "sum_of_gamma", "ones": "two"}},
            "ones of noise 'sum_of_gamma' is a whole number",
        ),
        (
            "perturb_and_map",
            {"solver": {"name": "branch_and_bound", "node_limit": 0.5}},
            "node_limit of solver 'branch_and_bound' is a whole number or None",
        ),
        ("perturb_and_map", {"solver": 7}, "solver of .* is a solver or None, not 7"),
        ("score_function", {"samples": "many"}, "samples of .* is a whole number, not 'many'"),
        ("score_function", {"objective": 1}, "objective of .* is a string, not 1"),
    ],
)
def test_options_of_the_wrong_type_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        bridge.make_estimator(name, reasoner(), **options)


def test_numbers_of_any_library_are_numbers():
    bridge.make_estimator("score_function", reasoner(), samples=np.int64(4))
    bridge.make_estimator("belief_propagation", reasoner(), damping=0, tolerance=np.float32(0))
    bridge.make_estimator("perturb_and_map", reasoner(), solver=None, noise=None)


@pytest.mark.parametrize(
    "module", ["reasoning.network", "reasoning.circuit", "bridge.implicit_mle", "bridge.factory"]
)
def test_doctests(module):
    found = doctest.testmod(importlib.import_module(f"neurosym.{module}"))
    assert found.attempted
    assert not found.failed
