"""Exact inference against brute force on random problems, in every semiring."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.test_util import check_grads
from random_problems import random_problem, random_weights

import neurosym as ns
from neurosym.semirings import ALL

by_name = pytest.mark.parametrize(
    "semiring", [s for s in ALL if s.name in oracles.ALGEBRA], ids=lambda s: s.name
)


@by_name
@pytest.mark.parametrize("seed", range(3))
def test_total_and_support(semiring, seed):
    small = random_problem(seed)
    network = small.problem.compile()
    rng = np.random.default_rng(seed)
    weights = random_weights(semiring.name, network.mask.shape, rng)
    total, support = oracles.total_and_support(semiring.name, weights, small.solutions)
    found = ns.total(network, weights, semiring=semiring)
    np.testing.assert_allclose(np.float64(found), np.float64(total), rtol=1e-5, atol=1e-6)
    found = ns.support(network, weights, semiring=semiring)
    np.testing.assert_allclose(
        np.asarray(found, np.float64), support.astype(np.float64), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("seed", range(4))
def test_marginals_are_the_gradient_of_the_log_total(seed):
    small = random_problem(seed)
    network = small.problem.compile()
    weights = np.random.default_rng(seed).normal(size=network.mask.shape).astype(np.float32)
    found = ns.marginals(network, weights)
    gradient = jax.jit(jax.grad(lambda w: ns.total(network, w)))(jnp.asarray(weights))
    scores = np.asarray([sum(weights[i, v] for i, v in enumerate(s)) for s in small.solutions])
    wanted = np.zeros(weights.shape)
    if len(scores):
        probability = np.exp(scores - np.logaddexp.reduce(scores))
        for p, solution in zip(probability, small.solutions, strict=True):
            wanted[np.arange(4), solution] += p
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(gradient, wanted, atol=1e-5)


@pytest.mark.parametrize("semiring", [ns.LOG, ns.REAL, ns.MAX_TIMES, ns.MAX_MIN], ids=str)
@pytest.mark.parametrize("target", range(4))
def test_query(semiring, target):
    small = random_problem(1)
    assert small.solutions
    network = small.problem.compile()
    rng = np.random.default_rng(target)
    weights = random_weights(semiring.name, network.mask.shape, rng)
    scores = []
    for v in range(len(small.domains[target])):
        within = [s for s in small.solutions if s[target] == v]
        scores.append(oracles.total_and_support(semiring.name, weights, within)[0])
    with np.errstate(divide="ignore"):
        logs = np.asarray(scores) if semiring.zero != 0 else np.log(np.asarray(scores, float))
    normaliser = np.logaddexp.reduce(logs)
    wanted = logs - normaliser if np.isfinite(normaliser) else np.full(len(logs), -np.inf)
    found = ns.query(network, weights, target=target, semiring=semiring)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_query_against_finite_differences():
    network = random_problem(1).problem.compile()
    with jax.enable_x64(True):
        weights = jnp.asarray(np.random.default_rng(0).normal(size=network.mask.shape))
        for semiring in (ns.LOG, ns.MAX_TIMES):

            def function(w, semiring=semiring):
                out = ns.query(network, w, target=0, semiring=semiring)
                return jnp.sum(jnp.where(out > -jnp.inf, jnp.exp(out), 0) ** 2)

            check_grads(function, (weights,), order=1, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["real", "log", "max_times", "min_plus", "max_min"])
def test_the_gradient_of_the_total_against_a_sum_over_solutions(name):
    small = random_problem(5)
    assert len(small.solutions) > 2
    network = small.problem.compile()
    weights = np.random.default_rng(8).uniform(0.1, 0.9, network.mask.shape).astype(np.float32)
    factors = [[float(weights[i, v]) for i, v in enumerate(s)] for s in small.solutions]
    wanted = np.zeros(weights.shape)
    if name == "real":  # the product of the others
        for solution, own in zip(small.solutions, factors, strict=True):
            for i, v in enumerate(solution):
                wanted[i, v] += np.prod(own[:i] + own[i + 1 :])
    elif name == "log":  # the probability of the value
        scores = np.exp([sum(own) for own in factors])
        for solution, score in zip(small.solutions, scores / scores.sum(), strict=True):
            wanted[np.arange(4), solution] += score
    elif name == "max_min":  # the weakest part of the best solution
        best = int(np.argmax([min(own) for own in factors]))
        weakest = int(np.argmin(factors[best]))
        wanted[weakest, small.solutions[best][weakest]] = 1
    else:  # the best solution
        choose = np.argmax if name == "max_times" else np.argmin
        best = small.solutions[int(choose([sum(own) for own in factors]))]
        wanted[np.arange(4), best] = 1
    semiring = ns.semiring_by_name(name)
    found = jax.grad(lambda w: ns.total(network, w, semiring=semiring))(jnp.asarray(weights))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_counts_of_known_problems():
    problem = ns.Problem()
    colour = problem.variables("c", shape=5, domain=range(4))
    for i in range(5):
        problem.add(colour[i] != colour[(i + 1) % 5])
    # The chromatic polynomial of a cycle of n: (k - 1)^n + (-1)^n (k - 1).
    ones = jnp.ones((5, 4), jnp.int32)
    assert int(ns.total(problem.compile(), ones, semiring=ns.COUNTING)) == 3**5 - 3


def test_pruning_is_the_boolean_through_on_a_whole_acyclic_network():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    for a, b in itertools.pairwise(x):
        problem.add(a < b)
    network = problem.compile()
    through = network.mask & ns.support(network, network.mask, semiring=ns.BOOLEAN)
    np.testing.assert_array_equal(through, ns.propagate(network).domains.mask)


def test_batch_equals_loop():
    network = random_problem(1).problem.compile()
    weights = jax.random.normal(jax.random.key(0), (5, *network.mask.shape))
    batch = jax.jit(jax.vmap(lambda w: ns.query(network, w, target="x1")))(weights)
    for n in range(5):
        np.testing.assert_allclose(batch[n], ns.query(network, weights[n], target="x1"), rtol=1e-5)


def test_an_unsatisfiable_problem_has_defined_values():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    problem.add(x + y == 9)
    network = problem.compile()
    weights = jnp.zeros((2, 3))
    assert ns.total(network, weights) == -jnp.inf
    np.testing.assert_array_equal(ns.marginals(network, weights), 0)
    np.testing.assert_array_equal(ns.query(network, weights, target=x), -jnp.inf)
    gradient = jax.grad(lambda w: ns.query(network, w, target=x)[0])(weights)
    assert np.isfinite(gradient).all()
    with pytest.raises(ValueError, match="unsatisfiable"):
        ns.nn.Reasoning(network, x)


def latin(order: int) -> ns.Network:
    problem = ns.Problem()
    grid = problem.variables("x", shape=(order, order), domain=range(order))
    for line in [*grid, *grid.T]:
        for i in range(order):
            for j in range(i):
                problem.add(line[i] != line[j])
    return problem.compile()


def test_too_wide_is_refused_before_allocating():
    network = latin(9)
    with pytest.raises(ns.TooWideError, match=r"spans \d+ indices.*GiB|TiB") as caught:
        ns.total(network, jnp.zeros((81, 9)))
    assert caught.value.bytes > 2**30
    assert caught.value.width > 8
    small = latin(3)
    ones = jnp.ones((9, 3), jnp.int32)
    assert int(ns.total(small, ones, semiring=ns.COUNTING)) == 12
    with pytest.raises(ns.TooWideError, match="more than the limit of 64 bytes"):
        ns.total(small, ones, semiring=ns.COUNTING, memory_limit=64)


def test_too_wide_counts_what_a_constraint_sums_out_inside():
    problem = ns.Problem()
    digits = problem.variables("d", shape=8, domain=range(10))
    problem.add((digits * 10 ** np.arange(8)).sum() == 99_000_000)
    with pytest.raises(ns.TooWideError) as caught:
        ns.total(problem.compile(), jnp.zeros((8, 10)), memory_limit=2**26)
    assert caught.value.bytes > 2**26


def test_a_semiring_without_probabilities_is_refused():
    network = latin(2)
    with pytest.raises(ValueError, match="counting does not turn into log-probabilities"):
        ns.query(network, jnp.ones((4, 2), jnp.int32), target=0, semiring=ns.COUNTING)
    with pytest.raises(ValueError, match="counting does not convert"):
        ns.nn.Reasoning(network, 0, semiring=ns.COUNTING)


def test_the_plan_does_not_grow_with_private_variables():
    problem = ns.Problem()
    digits = problem.variables("d", shape=(2, 3), domain=range(10))
    total = problem.variable("t", domain=range(1999))
    powers = 10 ** np.arange(3)[::-1]
    problem.add((digits * powers).sum() == total)
    network = problem.compile()
    weights = np.zeros((7, network.size), np.float32)
    found = np.exp(ns.query(network, weights, target=total))
    each = np.ones(1000)
    wanted = np.convolve(each, each) / 1e6
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def edge_cases():
    """Five variables; one of a single value, one in no constraint."""
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(3))
    problem.variable("free", domain=range(2))
    one = problem.variable("one", domain=[5])
    problem.add(x[0] != x[1], x[1] < x[2], x[0] + x[2] + one >= 6)
    network = problem.compile()
    sizes = [len(domain) for domain in network.structure.domains]
    solutions = [s for s in itertools.product(*map(range, sizes)) if network.allows(s)]
    return network, np.asarray(solutions)


def test_weights_of_every_kind_have_defined_answers():
    network, solutions = edge_cases()
    chosen = network.mask & False
    for i, v in enumerate(solutions[1]):
        chosen = chosen.at[i, int(v)].set(True)
    weights = {
        "equal": jnp.zeros(network.mask.shape),
        "vanished": jnp.full(network.mask.shape, -jnp.inf),
        "deterministic": jnp.where(chosen, 0.0, -jnp.inf),
        "impossible evidence": jnp.zeros(network.mask.shape)
        .at[1]
        .set(
            jnp.asarray([-jnp.inf, -jnp.inf, 0.0])  # x[1] = 2 leaves nothing above it
        ),
        "one variable vanished": jnp.zeros(network.mask.shape).at[3].set(-jnp.inf),
    }

    @jax.jit
    @jax.vmap
    def infer(w):
        total, gradient = jax.value_and_grad(lambda w: ns.total(network, w))(w)
        return total, gradient, ns.marginals(network, w), ns.query(network, w, target=0)

    total, gradient, marginals, query = infer(jnp.stack(list(weights.values())))
    np.testing.assert_allclose(gradient, marginals, atol=1e-6)
    for n, name in enumerate(weights):
        if name == "equal":
            counts = np.stack([(solutions == v).sum(0) for v in range(3)], 1)
            np.testing.assert_allclose(total[n], np.log(len(solutions)), rtol=1e-6)
            np.testing.assert_allclose(marginals[n], counts / len(solutions), atol=1e-6)
            np.testing.assert_allclose(np.exp(query[n]), counts[0] / len(solutions), atol=1e-6)
            np.testing.assert_allclose(marginals[n][3:].sum(1), 1, rtol=1e-6)
        elif name == "deterministic":
            assert total[n] == 0
            np.testing.assert_array_equal(marginals[n], chosen)
        else:
            assert total[n] == -np.inf
            np.testing.assert_array_equal(marginals[n], 0)
            np.testing.assert_array_equal(query[n], -np.inf)


def test_weights_that_are_no_numbers_are_refused():
    network, _ = edge_cases()
    weights = np.zeros(network.mask.shape, np.float32)
    weights[3:, 2] = np.nan  # beyond the domains
    assert np.isfinite(ns.total(network, weights))
    weights[2, 1] = np.nan
    for function in (ns.total, ns.support, ns.marginals):
        with pytest.raises(ValueError, match=r"the weight of 'x\[2\]' = 1 is NaN"):
            function(network, weights)
    with pytest.raises(ValueError, match="is NaN"):
        ns.query(network, weights, target=0)
    with pytest.raises(ValueError, match="is NaN"):
        ns.sample(network, weights, key=jax.random.key(0), samples=1)


def test_counts_saturate():
    problem = ns.Problem()
    x = problem.variables("x", shape=17, domain=range(4))
    problem.add(x[0] != x[1])
    network = problem.compile()
    ones = jnp.ones(network.mask.shape, jnp.int32)
    assert int(ns.total(network, ones, semiring=ns.COUNTING)) == 2**31 - 1  # of 12 · 4**15
    few = ones.at[2:, 1:].set(0)
    assert int(ns.total(network, few, semiring=ns.COUNTING)) == 12


def test_semirings_that_do_not_distribute_are_refused_by_name():
    network, _ = edge_cases()
    weights = jnp.zeros(network.mask.shape)
    for function in (ns.total, ns.support):
        with pytest.raises(ValueError, match=r"add_mult.*distributivity"):
            function(network, weights, semiring=ns.ADD_MULT)
    with pytest.raises(ValueError, match="add_mult"):
        ns.query(network, weights, target=0, semiring=ns.ADD_MULT)
    with pytest.raises(ValueError, match="add_mult"):
        ns.sample(network, weights, key=jax.random.key(0), samples=1, semiring=ns.ADD_MULT)


def test_what_is_too_wide_names_the_engines_that_fit():
    network = latin(9)
    with pytest.raises(ns.TooWideError) as caught:
        ns.total(network, jnp.zeros((81, 9)))
    for engine in ("neurosym.belief_propagation", "neurosym.compile_circuit", "memory_limit"):
        assert engine in str(caught.value)


def test_domains_are_weights_of_zero():
    network, solutions = edge_cases()
    keep = np.array(network.mask)
    keep[0, 2] = keep[2, 1] = False
    within = [tuple(s) for s in solutions.tolist() if s[0] != 2 and s[2] != 1]
    assert 0 < len(within) < len(solutions)
    rng = np.random.default_rng(2)
    for semiring in (ns.LOG, ns.MIN_PLUS):
        weights = random_weights(semiring.name, network.mask.shape, rng)

        @jax.jit
        def both(w, domains, semiring=semiring):
            options = {"semiring": semiring, "domains": domains}
            return ns.total(network, w, **options), ns.support(network, w, **options)

        total, support = oracles.total_and_support(semiring.name, weights, within)
        found = both(jnp.asarray(weights), ns.Domains.from_mask(keep))
        np.testing.assert_allclose(found[0], total, rtol=1e-5)
        for i, v in np.argwhere(keep):  # other values have a support of their own
            np.testing.assert_allclose(found[1][i, v], support[i, v], rtol=1e-5, atol=1e-6)
    weights = rng.normal(size=network.mask.shape).astype(np.float32)
    marginals = ns.marginals(network, weights, domains=keep)
    assert (marginals[~keep] == 0).all()
    query = ns.query(network, weights, target=0, domains=keep)
    np.testing.assert_allclose(np.exp(query), marginals[0], atol=1e-6)
    with pytest.raises(ValueError, match=r"domains are Domains or bool\[V, D\] = \[5, 3\]"):
        ns.total(network, weights, domains=keep[:2])
