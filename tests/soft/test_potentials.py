"""Potentials in every exact engine, against brute force over all assignments."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings.algebra.moments import expectation, expectation_weights

SIZES = (2, 3, 2, 3, 2)


def mixed_network():
    """Constraints between some variables; the others are tied by tables alone."""
    problem = ns.Problem()
    x = [problem.variable(f"x{n}", domain=range(size)) for n, size in enumerate(SIZES)]
    problem.add(x[0] + x[1] + x[3] <= 4, x[2] != x[4])
    return problem.compile()


NETWORK = mixed_network()


def drawn(seed, forbidden=0.2):
    """Weights, and tables: several of one shape, a shared one, three variables, one variable."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(5, 3)).astype(np.float32)
    pairs = rng.normal(size=(3, 3, 3)).astype(np.float32)
    pairs[rng.random(pairs.shape) < forbidden] = -np.inf
    potentials = (
        ns.Potentials([[0, 1], [1, 2], [3, 4]], pairs),
        ns.Potentials([[0, 2], [2, 4]], rng.normal(size=(2, 2)).astype(np.float32)),
        ns.Potentials([[4, 0, 3]], rng.normal(size=(1, 2, 2, 3)).astype(np.float32)),
        ns.Potentials([[1]], rng.normal(size=3).astype(np.float32)),
    )
    return weights, potentials


def every(weights, potentials, mask=None):
    """All assignments that the constraints allow, with their log-weights; NumPy alone."""
    found = []
    for x in itertools.product(*(range(size) for size in SIZES)):
        if not (x[0] + x[1] + x[3] <= 4 and x[2] != x[4]):
            continue
        if mask is not None and not all(mask[i, v] for i, v in enumerate(x)):
            continue
        weight = sum(float(weights[i, v]) for i, v in enumerate(x))
        for one in potentials:
            table = np.asarray(one.log_table, float)
            for c, scope in enumerate(one.scope):
                own = table if table.ndim == len(scope) else table[c]
                weight += own[tuple(x[i] for i in scope)]
        found.append((x, weight))
    return found


@pytest.mark.parametrize("levelled", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_total_and_marginals_are_sums_over_assignments(seed, levelled):
    weights, potentials = drawn(seed)
    found = every(weights, potentials)
    probabilities = np.exp([w for _, w in found])
    total = ns.total(NETWORK, weights, potentials=potentials, levelled=levelled)
    np.testing.assert_allclose(total, np.log(probabilities.sum()), rtol=1e-5)
    right = np.zeros((5, 3))
    for (x, _), p in zip(found, probabilities / probabilities.sum(), strict=True):
        right[range(5), x] += p
    marginals = ns.marginals(NETWORK, weights, potentials=potentials, levelled=levelled)
    np.testing.assert_allclose(marginals, right, atol=1e-6)
    log_p = ns.query(NETWORK, weights, target="x3", potentials=potentials, levelled=levelled)
    np.testing.assert_allclose(np.exp(log_p), right[3], atol=1e-6)


def test_domains_restrict_as_a_restricted_network_does():
    weights, potentials = drawn(3)
    mask = np.asarray(NETWORK.mask).copy()
    mask[1, 0] = mask[3, 1] = mask[2, 0] = False
    right = np.logaddexp.reduce([w for _, w in every(weights, potentials, mask)])
    total = ns.total(NETWORK, weights, potentials=potentials, domains=mask)
    np.testing.assert_allclose(total, right, rtol=1e-5)
    few = ns.restricted(NETWORK, mask)
    total = ns.total(few, few.weights(ns.LOG, weights), potentials=potentials)
    np.testing.assert_allclose(total, right, rtol=1e-5)


@pytest.mark.parametrize(
    ("semiring", "fold"),
    [
        (ns.MAX_TIMES, max),
        (ns.MIN_PLUS, lambda logs: -max(logs)),
        (ns.REAL, lambda logs: np.exp(logs).sum()),
        (ns.COUNTING, lambda logs: np.isfinite(logs).sum()),
        (ns.BOOLEAN, lambda logs: bool(np.isfinite(logs).any())),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_any_semiring_reads_the_tables(semiring, fold):
    weights, potentials = drawn(1)
    given = semiring.from_log(jnp.asarray(weights))
    total = ns.total(NETWORK, given, semiring=semiring, potentials=potentials)
    np.testing.assert_allclose(total, fold([w for _, w in every(weights, potentials)]), rtol=1e-5)


def test_truth_degrees_take_the_weakest_link():
    weights, potentials = drawn(1, forbidden=0)
    weights = np.minimum(weights, 0)
    potentials = [ns.Potentials(p.scope, jnp.minimum(p.log_table, 0)) for p in potentials[:2]]
    right = 0.0
    for x, _ in every(weights, potentials):
        degrees = [weights[i, v] for i, v in enumerate(x)]
        for one in potentials:
            table = np.asarray(one.log_table)
            for c, scope in enumerate(one.scope):
                own = table if table.ndim == 2 else table[c]
                degrees.append(own[tuple(x[i] for i in scope)])
        right = max(right, np.exp(min(degrees)))
    total = ns.total(NETWORK, np.exp(weights), semiring=ns.MAX_MIN, potentials=potentials)
    np.testing.assert_allclose(total, right, rtol=1e-6)


def test_expectations_under_a_random_field():
    weights, potentials = drawn(2)
    values = np.random.default_rng(0).normal(size=weights.shape).astype(np.float32)
    given = expectation_weights(jnp.exp(weights), jnp.asarray(values))
    total = ns.total(NETWORK, given, semiring=ns.EXPECTATION, potentials=potentials)
    found = every(weights, potentials)
    p = np.exp([w for _, w in found])
    f = np.asarray([sum(values[i, v] for i, v in enumerate(x)) for x, _ in found])
    np.testing.assert_allclose(expectation(total), (p @ f) / p.sum(), rtol=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_the_best_assignments(seed):
    weights, potentials = drawn(seed)
    ordered = sorted(every(weights, potentials), key=lambda pair: -pair[1])
    found = ns.k_best(NETWORK, weights, k=3, potentials=potentials)
    assert found.assignments.tolist() == [list(x) for x, _ in ordered[:3]]
    np.testing.assert_allclose(found.log_weights, [w for _, w in ordered[:3]], rtol=1e-5)
    best = ns.solve_best(NETWORK, None, weights, potentials=potentials)
    assert best.assignment.tolist() == list(ordered[0][0])
    assert best.status == ns.SearchStatus.SOLVED
    np.testing.assert_allclose(best.objective, ordered[0][1], rtol=1e-5)
    mask = np.asarray(NETWORK.mask).copy()
    mask[0, ordered[0][0][0]] = False
    others = [pair for pair in ordered if pair[0][0] != ordered[0][0][0]]
    best = ns.solve_best(NETWORK, mask, weights, potentials=potentials)
    assert best.assignment.tolist() == list(others[0][0])


def test_a_batch_of_searches_has_tables_of_its_own():
    given = [drawn(seed) for seed in (4, 5)]
    weights = jnp.stack([w for w, _ in given])
    potentials = jax.tree.map(lambda *tables: jnp.stack(tables), *[p for _, p in given])
    found = jax.vmap(lambda w, p: ns.solve_best(NETWORK, None, w, potentials=p))(
        weights, potentials
    )
    for n, (w, p) in enumerate(given):
        x, weight = max(every(w, p), key=lambda pair: pair[1])
        assert found.assignment[n].tolist() == list(x)
        np.testing.assert_allclose(found.objective[n], weight, rtol=1e-5)


def test_samples_follow_the_tables():
    weights, potentials = drawn(0)
    found = every(weights, potentials)
    p = np.exp([w for _, w in found])
    right = dict(zip([x for x, _ in found], p / p.sum(), strict=True))
    drawn_now = ns.sample(
        NETWORK, weights, key=jax.random.key(0), samples=20_000, potentials=potentials
    )
    seen, counts = np.unique(np.asarray(drawn_now), axis=0, return_counts=True)
    frequency = {tuple(x): n / 20_000 for x, n in zip(seen.tolist(), counts, strict=True)}
    assert all(right[x] > 0 for x in frequency)
    assert max(abs(frequency.get(x, 0) - q) for x, q in right.items()) < 0.015


def test_gradients_of_tables_are_the_marginals_of_their_entries():
    weights, potentials = drawn(1)
    found = every(weights, potentials)
    p = np.exp([w for _, w in found])
    p = p / p.sum()

    def log_total(tables):
        own = [ns.Potentials(one.scope, t) for one, t in zip(potentials, tables, strict=True)]
        return ns.total(NETWORK, weights, potentials=own)

    gradients = jax.grad(log_total)([one.log_table for one in potentials])
    for one, gradient in zip(potentials, gradients, strict=True):
        right = np.zeros(one.log_table.shape)
        shared = right.ndim == one.scope.shape[1]
        for c, scope in enumerate(one.scope):
            for (x, _), q in zip(found, p, strict=True):
                place = tuple(x[i] for i in scope)
                right[place if shared else (c, *place)] += q
        np.testing.assert_allclose(gradient, right, atol=1e-5)


def test_a_batch_has_tables_of_its_own():
    given = [drawn(seed) for seed in (6, 7)]
    weights = jnp.stack([w for w, _ in given])
    potentials = jax.tree.map(lambda *tables: jnp.stack(tables), *[p for _, p in given])
    totals = jax.vmap(lambda w, p: ns.total(NETWORK, w, potentials=p))(weights, potentials)
    right = [np.logaddexp.reduce([w for _, w in every(*one)]) for one in given]
    np.testing.assert_allclose(totals, right, rtol=1e-5)


def test_what_no_semiring_reads_and_no_network_fits_is_refused():
    weights, potentials = drawn(0)
    with pytest.raises(ValueError, match="above 0"):
        ns.total(NETWORK, np.full((5, 3), 0.5), semiring=ns.MAX_MIN, potentials=potentials)
    bare = ns.Semiring(name="bare", zero=0.0, one=1.0, add=jnp.add, mul=jnp.multiply)
    with pytest.raises(ValueError, match="bare does not read log-weights"):
        ns.total(NETWORK, np.ones((5, 3)), semiring=bare, potentials=potentials)
    for ask in (
        lambda p: ns.total(NETWORK, weights, potentials=p),
        lambda p: ns.marginals(NETWORK, weights, potentials=p),
        lambda p: ns.k_best(NETWORK, weights, k=2, potentials=p),
        lambda p: ns.solve_best(NETWORK, None, weights, potentials=p),
        lambda p: ns.sample(NETWORK, weights, key=jax.random.key(0), samples=1, potentials=p),
    ):
        with pytest.raises(ValueError, match="name variable 5; the network has 5"):
            ask(ns.Potentials([[0, 5]], np.zeros((3, 3))))
        with pytest.raises(ValueError, match="axis 1 of a table of potentials is 2 long"):
            ask(ns.Potentials([[0, 1]], np.zeros((2, 2))))
