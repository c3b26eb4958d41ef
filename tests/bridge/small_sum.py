"""What the tests of estimators share: x + y == z, x != y, and its solutions by brute force."""

import functools
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


def mean_gradient(estimator, logits, allowed, count, batch=500):
    """Mean over keys, and its standard error."""
    one = jax.grad(lambda x, key: estimator(x, jnp.asarray(allowed), key=key).log_likelihood)
    many = jax.jit(jax.vmap(one, in_axes=(None, 0)))
    keys = jax.random.split(KEY, count)
    parts = [many(jnp.asarray(logits), keys[n : n + batch]) for n in range(0, count, batch)]
    gradients = np.concatenate([np.asarray(part, np.float64) for part in parts])
    return gradients.mean(0), gradients.std(0) / np.sqrt(count)


def propagated(allowed):
    return np.asarray(ns.propagate(reasoner().network, jnp.asarray(allowed)).domains.mask)


def check_against_brute_force(estimator, observed=None):
    """Value and gradient of an estimator that is exact, on evidence with few solutions."""
    logits = logits_of(0)
    assert 1 < len(solutions(SOME)) <= 4
    value, gradient, _ = run(estimator, logits, SOME, observed=observed)
    seen = observed or (True, True, True)
    assert value == pytest.approx(brute_value(logits, SOME, seen), abs=1e-5)
    np.testing.assert_allclose(gradient, brute_gradient(logits, SOME, seen), atol=2e-4)
