"""Estimators against brute force: values, gradients, bias, limits, and what never happens."""

import doctest
import functools
import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym import bridge

SIZES = (3, 3, 4)  # of x, y and z
SHAPE = (3, 4)
EXISTS = np.arange(4) < np.asarray(SIZES)[:, None]
KEY = jax.random.key(7)


@functools.cache
def reasoner():
    problem = ns.Problem()
    x, y = (problem.variable(name, domain=range(3)) for name in "xy")
    z = problem.variable("z", domain=range(4))
    problem.add(x + y == z, x != y)
    return bridge.NetworkReasoner(problem.compile())


def logits_of(seed):
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32) * 1.5


def evidence_of(*values):
    """Evidence that leaves z those values."""
    allowed = EXISTS.copy()
    allowed[2] = np.isin(np.arange(4), values)
    return allowed


SOME = evidence_of(1, 2)


def solutions(allowed):
    return [
        (x, y, z)
        for x, y, z in itertools.product(*map(range, SIZES))
        if x + y == z and x != y and allowed[0, x] and allowed[1, y] and allowed[2, z]
    ]


def log_softmax(logits):
    found = np.full(SHAPE, -np.inf)
    for row, size in enumerate(SIZES):
        shifted = logits[row, :size].astype(np.float64)
        top = shifted.max()
        found[row, :size] = shifted - top - np.log(np.exp(shifted - top).sum())
    return found


def brute_value(logits, allowed, observed=(True, True, True)):
    weights = np.where(np.asarray(observed)[:, None], log_softmax(logits), 0.0)
    total = sum(
        np.exp(sum(weights[row, v] for row, v in enumerate(solution)))
        for solution in solutions(allowed)
    )
    return np.log(total) if total > 0 else -np.inf


def brute_gradient(logits, allowed, observed=(True, True, True), of=brute_value):
    """Central differences in double precision."""
    found = np.zeros(SHAPE)
    for place in zip(*np.nonzero(EXISTS & np.asarray(observed)[:, None]), strict=True):
        step = np.zeros(SHAPE)
        step[place] = 1e-5
        base = logits.astype(np.float64)
        found[place] = (
            of(base + step, allowed, observed) - of(base - step, allowed, observed)
        ) / 2e-5
    return found


def run(estimator, logits, allowed, *, observed=None, key=KEY, temperature=1.0):
    """Value, gradient and metrics."""

    @jax.jit
    def loss(logits, allowed, observed, key):
        found = estimator(logits, allowed, observed=observed, key=key, temperature=temperature)
        return found.log_likelihood, found.metrics

    given = None if observed is None else jnp.asarray(observed)
    found = jax.value_and_grad(loss, has_aux=True)(
        jnp.asarray(logits), jnp.asarray(allowed), given, key
    )
    (value, metrics), gradient = found
    return float(value), np.asarray(gradient), {n: float(m) for n, m in metrics.items()}


def table(weights, allowed):
    """A solver that looks through all solutions."""
    every = jnp.asarray(solutions(EXISTS))
    scores = jnp.where(allowed, weights, -jnp.inf)[jnp.arange(3), every].sum(1)
    return jnp.where(jnp.max(scores) > -jnp.inf, every[jnp.argmax(scores)], -1)


def every_estimator():
    """One of each kind, the same names as configs use."""
    inner = {"name": "exact"}
    made = {
        "exact": {},
        "belief_propagation": {"rounds": 8},
        "enumerated": {"limit": 8, "otherwise": inner},
        "pruned": {"inner": inner, "rule": {"name": "within", "tau": 1.0}, "gumbel": True},
        "relaxed": {"bridge": "gumbel_softmax"},
        "perturb_and_map": {"samples": 4, "solver": table},
        "score_function": {"samples": 64},
        "top_k_assignments": {"k": 2},
    }
    assert set(made) == set(bridge.ESTIMATORS)
    return made


def make(name):
    return bridge.make_estimator(name, reasoner(), **every_estimator()[name])


@pytest.mark.parametrize(
    "observed", [None, pytest.param((True, True, False), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "estimator",
    [
        lambda: bridge.exact(reasoner()),
        lambda: bridge.exact(reasoner(), semiring=ns.REAL),
        lambda: bridge.enumerated(reasoner(), limit=4, otherwise=make("relaxed")),
        lambda: bridge.relaxed(reasoner(), bridge=bridge.softmax),
        lambda: bridge.top_k_assignments(reasoner(), k=4),
    ],
)
def test_exact_ones_equal_brute_force_and_finite_differences(estimator, observed):
    logits = logits_of(0)
    assert 1 < len(solutions(SOME)) <= 4
    value, gradient, _ = run(estimator(), logits, SOME, observed=observed)
    seen = observed or (True, True, True)
    assert value == pytest.approx(brute_value(logits, SOME, seen), abs=1e-5)
    np.testing.assert_allclose(gradient, brute_gradient(logits, SOME, seen), atol=2e-4)


def test_max_times_is_the_likeliest_assignment_alone():
    logits = logits_of(1)
    weights = log_softmax(logits)
    scores = [sum(weights[r, v] for r, v in enumerate(s)) for s in solutions(SOME)]
    value, gradient, _ = run(bridge.exact(reasoner(), semiring=ns.MAX_TIMES), logits, SOME)
    best = solutions(SOME)[int(np.argmax(scores))]
    expected = (np.arange(4) == np.asarray(best)[:, None]) - np.exp(weights)
    assert value == pytest.approx(max(scores), abs=1e-5)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


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


def test_enumerated_says_what_it_did_and_asks_the_other_only_where_a_batch_needs_it():
    calls = []

    def other(logits, evidence, **rest):
        jax.debug.callback(lambda: calls.append(1))
        return bridge.Estimate(jnp.sum(logits[0]), {"seen": jnp.ones(())})

    estimator = bridge.enumerated(reasoner(), limit=2, otherwise=other)
    few, many = evidence_of(1), EXISTS
    assert len(solutions(few)) <= 2 < len(solutions(many))
    batched = jax.jit(jax.vmap(lambda x, e: estimator(x, e)))
    logits = jnp.stack([logits_of(0), logits_of(1)])

    found = jax.block_until_ready(batched(logits, jnp.stack([few, few])))
    jax.effects_barrier()
    assert calls == []
    assert found.metrics["exact"].tolist() == [1, 1]
    assert found.metrics["otherwise_seen"].tolist() == [0, 0]

    found = jax.block_until_ready(batched(logits, jnp.stack([few, many])))
    jax.effects_barrier()
    assert calls
    assert found.metrics["exact"].tolist() == [1, 0]
    assert found.metrics["solutions"].tolist() == [len(solutions(few)), 2]
    assert float(found.log_likelihood[1]) == pytest.approx(float(logits[1, 0].sum()), abs=1e-5)
    assert float(found.log_likelihood[0]) == pytest.approx(brute_value(logits_of(0), few), abs=1e-5)


@pytest.mark.slow
def test_enumeration_that_reaches_its_node_limit_is_not_called_complete():
    estimator = bridge.enumerated(
        reasoner(), limit=50, node_limit=1, otherwise=bridge.exact(reasoner())
    )
    value, _, metrics = run(estimator, logits_of(0), EXISTS)
    assert metrics["exact"] == 0
    assert value == pytest.approx(brute_value(logits_of(0), EXISTS), abs=1e-5)


def propagated(allowed):
    return np.asarray(ns.propagate(reasoner().network, jnp.asarray(allowed)).domains.mask)


def test_pruned_stays_within_the_evidence_whatever_the_encoder_believes():
    survivors = jax.jit(
        jax.vmap(
            lambda logits, key: bridge.survivors(
                reasoner(), logits, SOME, rule=bridge.within(0.2), key=key, gumbel=True
            )
        )
    )
    logits = jnp.stack([5 * logits_of(seed) for seed in range(200)])
    found = survivors(logits, jax.random.split(KEY, 200))
    start = propagated(SOME)
    wiped_out, restored = np.asarray(found.wiped_out), np.asarray(found.restored)
    assert wiped_out.any()
    assert not wiped_out.all()
    assert restored.any()
    allowed = np.asarray(found.allowed)
    assert not (allowed & ~SOME).any()
    np.testing.assert_array_equal(
        allowed[wiped_out], np.broadcast_to(start, allowed[wiped_out].shape)
    )
    for mask, failed in zip(allowed[:40], wiped_out[:40], strict=True):
        if not failed:
            np.testing.assert_array_equal(propagated(mask), mask)  # a fixpoint
    np.testing.assert_allclose(
        found.pruned, 1 - allowed.sum((1, 2)) / start.sum(), rtol=0, atol=1e-6
    )


@pytest.mark.slow
def test_pruned_has_value_and_gradient_of_the_inner_estimator_on_the_survivors():
    rule = bridge.within(1.0)
    estimator = bridge.pruned(reasoner(), inner=bridge.exact(reasoner()), rule=rule)
    differing = 0
    for seed in range(6):
        logits = logits_of(seed)
        left = np.asarray(
            bridge.survivors(reasoner(), jnp.asarray(logits), SOME, rule=rule).allowed
        )
        value, gradient, _ = run(estimator, logits, SOME)
        assert value == pytest.approx(brute_value(logits, left), abs=1e-5)
        np.testing.assert_allclose(gradient, brute_gradient(logits, left), atol=2e-4)
        differing += len(solutions(left)) < len(solutions(SOME))
    assert differing


def test_the_temperature_scales_the_rule():
    logits = jnp.asarray([[0.0, -1.5, -9], [0.0, -1.5, -9], [0, 0, 0]])
    logits = jnp.pad(logits, [(0, 0), (0, 1)])
    rule = bridge.within(1.0)

    def left(temperature):
        found = bridge.survivors(reasoner(), logits, None, rule=rule, temperature=temperature)
        return found.wiped_out, found.allowed

    wiped_out, _ = left(1.0)  # x = y = 0 alone
    assert wiped_out
    wiped_out, allowed = left(2.0)
    assert not wiped_out
    assert np.asarray(allowed)[:2, :3].tolist() == [[True, True, False]] * 2


def test_the_step_of_pruned_propagates_in_a_loop_over_64_bit_lanes():
    estimator = make("pruned")
    step = jax.grad(lambda x: estimator(x, jnp.asarray(SOME), key=KEY).log_likelihood)
    text = str(jax.make_jaxpr(step)(jnp.asarray(logits_of(0))))
    assert "while" in text
    assert "u64[" in text


def test_what_is_not_observed_keeps_all_that_the_evidence_allows():
    observed = jnp.asarray([True, False, False])
    for rule in (bridge.top_k(1), bridge.within(0.0), bridge.sampled()):
        found = bridge.survivors(
            reasoner(), jnp.asarray(logits_of(3)), None, rule=rule, observed=observed, key=KEY
        )
        x = int(np.asarray(found.allowed)[0].argmax())
        assert np.asarray(found.allowed)[0].sum() == 1
        assert np.asarray(found.allowed)[1, :3].tolist() == [v != x and x + v < 4 for v in range(3)]


def mean_gradient(estimator, logits, allowed, count, batch=500):
    """Mean over keys, and its standard error."""
    one = jax.grad(lambda x, key: estimator(x, jnp.asarray(allowed), key=key).log_likelihood)
    many = jax.jit(jax.vmap(one, in_axes=(None, 0)))
    keys = jax.random.split(KEY, count)
    parts = [many(jnp.asarray(logits), keys[n : n + batch]) for n in range(0, count, batch)]
    gradients = np.concatenate([np.asarray(part, np.float64) for part in parts])
    return gradients.mean(0), gradients.std(0) / np.sqrt(count)


def test_score_function_is_unbiased_for_the_probability():
    logits = logits_of(4)
    estimator = bridge.score_function(reasoner(), samples=4, objective="probability")
    mean, error = mean_gradient(estimator, logits, SOME, 4000)

    def probability(*given):
        return np.exp(brute_value(*given))

    expected = brute_gradient(logits, SOME, of=probability)
    assert (np.abs(mean - expected) <= 4.5 * error + 1e-6).all()
    assert np.abs(expected).max() > 10 * error.max()  # so that a wrong one would show


@pytest.mark.slow
def test_score_function_of_the_logarithm_approaches_the_exact_gradient():
    logits = logits_of(4)
    few = bridge.score_function(reasoner(), samples=4)
    many = bridge.score_function(reasoner(), samples=40_000)
    expected = brute_gradient(logits, SOME)
    _, gradient, metrics = run(many, logits, SOME)
    np.testing.assert_allclose(gradient, expected, atol=0.08)
    assert metrics["held"] == pytest.approx(np.exp(brute_value(logits, SOME)), abs=0.05)
    biased, _ = mean_gradient(few, logits, SOME, 1000)
    assert np.abs(gradient - expected).max() < np.abs(biased - expected).max()


def test_perturb_and_map_is_unbiased_where_the_evidence_concerns_one_variable():
    problem = ns.Problem()
    x = problem.variables("x", shape=2, domain=range(4))
    problem.add(x[0] <= 2)
    alone = bridge.NetworkReasoner(problem.compile())
    logits = np.random.default_rng(5).normal(size=(2, 4)).astype(np.float32)
    allowed = np.ones((2, 4), bool)
    allowed[0, 1] = False
    _, expected, _ = run(bridge.exact(alone), logits, allowed)
    solver = bridge.elimination(alone.network)
    estimator = bridge.perturb_and_map(alone, solver=solver, samples=2)
    mean, error = mean_gradient(estimator, logits, allowed, 3000)
    assert (np.abs(mean - expected) <= 4.5 * error + 1e-6).all()
    assert np.abs(expected).max() > 10 * error.max()


@pytest.mark.slow
def test_perturb_and_map_takes_any_function_as_its_solver():
    results = [
        run(bridge.perturb_and_map(reasoner(), solver=solver, samples=8), logits_of(6), SOME)
        for solver in (table, bridge.elimination(reasoner().network), None)
    ]
    for value, gradient, metrics in results[1:]:
        assert value == pytest.approx(results[0][0], abs=1e-5)
        np.testing.assert_allclose(gradient, results[0][1], atol=1e-6)
        assert metrics == {"found": 1.0}


@pytest.mark.slow
def test_top_k_rises_to_the_exact_value():
    values = [
        run(bridge.top_k_assignments(reasoner(), k=k), logits_of(8), EXISTS)[0] for k in (1, 9)
    ]
    exact = brute_value(logits_of(8), EXISTS)
    assert values[0] < exact - 1e-2
    assert values[1] == pytest.approx(exact, abs=1e-5)


IMPOSSIBLE = EXISTS & np.asarray([[0, 1, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], bool)  # x = y


def cases():
    """Name, logits, evidence and what is observed, of instances that make one batch."""
    unlikely, unseen = logits_of(0), logits_of(0)
    unlikely[0, 1] = -np.inf
    unseen[2] = np.nan
    every, two = (True, True, True), (True, True, False)
    return {
        "plain": (logits_of(0), SOME, every),
        "all is allowed": (logits_of(1), EXISTS, every),
        "impossible evidence": (logits_of(0), IMPOSSIBLE, every),
        "impossible value": (unlikely, SOME, every),
        "z is not observed": (logits_of(0), SOME, two),
        "nor is it a number": (unseen, SOME, two),
    }


@functools.cache
def batch_results(name):
    """Value, gradient and metrics of each case, computed as one batch on one key."""
    estimator = make(name)

    def loss(logits, allowed, observed):
        found = estimator(logits, allowed, observed=observed, key=KEY)
        return found.log_likelihood, found.metrics

    both = jax.value_and_grad(loss, has_aux=True)
    columns = [
        jnp.stack([jnp.asarray(x) for x in column])
        for column in zip(*cases().values(), strict=True)
    ]
    (values, metrics), gradients = jax.jit(jax.vmap(both))(*columns)
    return {
        case: (
            float(values[n]),
            np.asarray(gradients[n]),
            {key: float(metric[n]) for key, metric in metrics.items()},
        )
        for n, case in enumerate(cases())
    }


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_impossible_evidence_has_gradient_zero_and_never_nan(name):
    value, gradient, _ = batch_results(name)["impossible evidence"]
    assert value == -np.inf
    assert (gradient == 0).all()


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_impossible_values_have_gradient_zero(name):
    value, gradient, _ = batch_results(name)["impossible value"]
    assert not np.isnan(value)
    assert np.isfinite(gradient).all()
    assert gradient[0, 1] == 0
    assert (gradient[~EXISTS] == 0).all()


@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_logits_of_what_is_not_observed_do_not_matter(name):
    first, second = (batch_results(name)[x] for x in ("z is not observed", "nor is it a number"))
    assert first[0] == second[0]
    assert first[2] == second[2]
    np.testing.assert_array_equal(first[1], second[1])
    assert (second[1][2] == 0).all()
    assert np.abs(second[1]).sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(bridge.ESTIMATORS))
def test_a_batch_equals_a_single_instance(name):
    logits, allowed, observed = cases()["plain"]
    value, gradient, metrics = run(make(name), logits, allowed, observed=observed)
    expected = batch_results(name)["plain"]
    assert value == pytest.approx(expected[0], abs=1e-5)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-5)
    # What `otherwise` says depends on whether another instance of the batch needs it.
    assert metrics == pytest.approx(expected[2], abs=1e-5)


def test_implicit_mle_moves_the_solution_to_where_the_loss_wants_it():
    layer = bridge.implicit_mle(table, step=20.0)
    weights = jnp.asarray(logits_of(9))
    wanted = jnp.asarray(np.arange(4) == np.asarray([[0], [2], [2]])).astype(jnp.float32)

    def loss(weights):
        return jnp.sum((layer(weights, jnp.asarray(EXISTS)) - wanted) ** 2)

    now = np.asarray(layer(weights, jnp.asarray(EXISTS)))
    assert tuple(now.argmax(1)) in solutions(EXISTS)
    assert (now.sum(1) == 1).all()
    assert (now != np.asarray(wanted)).any()
    gradient = np.asarray(jax.jit(jax.grad(loss))(weights))
    np.testing.assert_allclose(gradient, (now - np.asarray(wanted)) / 20, atol=1e-6)
    descend = jax.jit(lambda weights: weights - 2.0 * jax.grad(loss)(weights))
    for _ in range(60):
        weights = descend(weights)
    assert float(loss(weights)) == 0

    noisy = bridge.implicit_mle(table, noise=bridge.gumbel_noise())
    keys = jax.random.split(KEY, 50)
    drawn = jax.vmap(lambda key: noisy(weights, jnp.asarray(EXISTS), key=key))(keys).argmax(-1)
    assert len({tuple(row) for row in np.asarray(drawn).tolist()}) > 1
    with pytest.raises(ValueError, match="key"):
        noisy(weights)


@pytest.mark.slow
def test_so_many_sums_of_gammas_are_gumbel_together():
    terms = 10
    parts = np.asarray(bridge.sum_of_gamma_noise(5, terms=terms)(KEY, (1_500, 5)), np.float64)
    sums = parts.sum(1)
    # The series that a Gumbel variable is, cut off.
    series = 1 / np.arange(1, terms + 1)
    assert sums.mean() == pytest.approx(series.sum() - np.log(terms), abs=0.15)
    assert sums.var() == pytest.approx((series**2).sum(), rel=0.25)
    assert parts[:, 0].var() < 0.5 * sums.var()


class OnlyTotal:
    exists = EXISTS

    def total(self, log_weights, evidence, *, semiring):
        return reasoner().total(log_weights, evidence, semiring=semiring)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("belief_propagation", "beliefs"),
        ("enumerated", "solutions"),
        ("pruned", "prune"),
        ("perturb_and_map", "best"),
        ("score_function", "holds"),
        ("top_k_assignments", "k_best"),
    ],
)
def test_a_reasoner_that_lacks_what_is_needed_is_refused_at_once(name, missing):
    options = every_estimator()[name] | ({"solver": None} if name == "perturb_and_map" else {})
    with pytest.raises(ValueError, match=rf"{name} needs of its reasoner: {missing}; OnlyTotal"):
        bridge.make_estimator(name, OnlyTotal(), **options)
    assert bridge.exact(OnlyTotal())(jnp.asarray(logits_of(0)), SOME).log_likelihood < 0


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


def test_wrong_shapes_are_refused_in_the_users_terms():
    estimator = bridge.exact(reasoner())
    with pytest.raises(ValueError, match=r"logits are floats \[V, D\] = \[3, 4\]"):
        estimator(jnp.zeros((3, 3)), SOME)
    with pytest.raises(ValueError, match="allowed values"):
        estimator(jnp.zeros(SHAPE), jnp.ones((3, 3), bool))
    with pytest.raises(ValueError, match="observed is"):
        estimator(jnp.zeros(SHAPE), SOME, observed=jnp.ones(2, bool))
    for name in ("perturb_and_map", "score_function", "pruned", "relaxed"):
        with pytest.raises(ValueError, match="key"):
            make(name)(jnp.zeros(SHAPE), SOME)


@pytest.mark.parametrize(
    "module", ["network_reasoner", "implicit_mle", "factory", "circuit_reasoner"]
)
def test_doctests(module):
    found = doctest.testmod(importlib.import_module(f"neurosym.bridge.{module}"))
    assert found.attempted
    assert not found.failed
