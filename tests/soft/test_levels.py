"""Contraction in levels: orders of few levels, few operations, the same results as step by step."""

import itertools
import math

import chains
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.test_util import check_grads
from random_problems import random_weights

import neurosym as ns
from neurosym.semirings import ALL
from neurosym.semirings.algebra.k_best import assignments, candidates, key_words
from neurosym.soft import levels
from neurosym.soft.elimination import eliminate
from neurosym.soft.ordering import order_by_levels


def depth(inputs, steps):
    heights = [0] * inputs
    for step in steps:
        heights.append(1 + max(heights[step.left], heights[step.right]))
    return heights[-1]


def random_tree(size, seed):
    rng = np.random.default_rng(seed)
    edges = [(int(rng.integers(0, i)), i) for i in range(1, size)]
    return [(i,) for i in range(size)] + edges


NETWORKS = {
    "chain": lambda n: [(i,) for i in range(n)] + list(itertools.pairwise(range(n))),
    "ring": lambda n: [(i, (i + 1) % n) for i in range(n)],
    "tree": lambda n: random_tree(n, 0),
    "star": lambda n: [(0, i) for i in range(1, n)] + [(i,) for i in range(n)],
    "comb": lambda n: list(itertools.pairwise(range(n))) + [(i, n + i) for i in range(n)],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_chains_and_trees_take_few_levels_and_few_groups(name):
    grown = {}
    for size in (64, 512):
        labels = NETWORKS[name](size)
        sizes = {x: 3 for tensor in labels for x in tensor}
        steps = order_by_levels(labels, (), sizes, largest=9)
        assert len(steps) == len(labels) - 1
        assert all(len(step.labels) <= 2 for step in steps)  # the width of a tree, or of a ring
        plan = levels.schedule(labels, [len(tensor) for tensor in labels], steps, sizes)
        assert sorted(n for group in plan.groups for n in group.steps) == list(range(len(steps)))
        assert depth(len(labels), steps) <= 6 * math.log2(size)
        grown[size] = len(plan.groups)
    assert grown[512] <= 2 * grown[64] + 8  # eight times the size


@pytest.mark.parametrize("seed", range(6))
def test_random_tensor_networks_against_numpy(seed):
    """Any labels: hidden ones, shared by many tensors, disconnected parts, an open output."""
    rng = np.random.default_rng(seed)
    sizes = {x: int(rng.integers(1, 4)) for x in range(8)}
    labels = [
        tuple(rng.permutation(8)[: rng.integers(1, 4)].tolist()) for _ in range(rng.integers(2, 9))
    ]
    used = sorted({x for tensor in labels for x in tensor})
    output = tuple(rng.permutation(used)[: rng.integers(0, 2)].tolist())
    tensors = [rng.uniform(0.5, 1.5, [sizes[x] for x in tensor]) for tensor in labels]
    operands = [part for pair in zip(tensors, labels, strict=True) for part in pair]
    wanted = np.einsum(*operands, output)
    for largest in (1, 10**6):  # one index at a time, and everything at once
        steps = order_by_levels(labels, output, sizes, largest=largest)
        kinds = [tuple(sizes[x] for x in tensor) for tensor in labels]
        plan = levels.schedule(labels, kinds, steps, sizes)
        stacks = [
            jnp.stack([jnp.asarray(tensors[n], jnp.float32) for n in held], -1)
            for held in plan.inputs
        ]
        found = levels.contract_levels(ns.REAL, plan, stacks)[-1]
        np.testing.assert_allclose(found[..., 0], wanted, rtol=1e-5)


def mixed_network():
    """A ring, leaves and a sum: relations that are alike, constant masks and absorbed variables."""
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    y = problem.variables("y", shape=(4, 2), domain=range(2))
    for k in range(4):
        problem.add(x[k] + y[k, 0] + y[k, 1] == x[(k + 1) % 4] + 1)
    problem.add(x[0] != x[2], ns.Table((x[1], x[3]), [(0, 1), (2, 2), (1, 1)]))
    network = problem.compile()
    solutions = [
        s
        for s in itertools.product(*(range(len(d)) for d in network.structure.domains))
        if network.allows(s)
    ]
    return network, solutions


@pytest.mark.parametrize(
    "semiring", [s for s in ALL if s.name in oracles.ALGEBRA], ids=lambda s: s.name
)
def test_total_and_support_in_every_semiring(semiring):
    network, solutions = mixed_network()
    assert len(solutions) > 5
    rng = np.random.default_rng(3)
    weights = random_weights(semiring.name, network.mask.shape, rng)
    total, support = oracles.total_and_support(semiring.name, weights, solutions)

    @jax.jit
    def both(w):
        return (
            ns.total(network, w, semiring=semiring, levelled=True),
            ns.support(network, w, semiring=semiring, levelled=True),
        )

    for found, wanted in zip(both(jnp.asarray(weights)), (total, support), strict=True):
        np.testing.assert_allclose(
            np.asarray(found, np.float64), np.asarray(wanted, np.float64), rtol=1e-5, atol=1e-6
        )


def test_expectations_in_levels():
    network, solutions = mixed_network()
    rng = np.random.default_rng(4)
    p = rng.uniform(0.2, 1, network.mask.shape)
    value = rng.normal(size=p.shape)
    total, moment, outer = 0.0, 0.0, np.zeros(p.shape)
    for s in solutions:
        index = np.arange(len(s)), np.asarray(s)
        weight = np.prod(p[index])
        total += weight
        moment += weight * value[index].sum()
        outer[index] += weight / p[index] * (value[index].sum() - value[index])
    weights = type(ns.EXPECTATION.zero)(jnp.float32(p), jnp.float32(p * value))
    found = ns.total(network, weights, semiring=ns.EXPECTATION, levelled=True)
    np.testing.assert_allclose(found, (total, moment), rtol=1e-4)
    found = ns.support(network, weights, semiring=ns.EXPECTATION, levelled=True)
    np.testing.assert_allclose(found[1], outer, rtol=1e-3, atol=1e-4)


def test_the_best_three_in_levels():
    network, solutions = mixed_network()
    weights = np.random.default_rng(6).normal(size=network.mask.shape).astype(np.float32)
    scores = [sum(weights[i, v] for i, v in enumerate(s)) for s in solutions]
    sizes = [len(domain) for domain in network.structure.domains]
    semiring = ns.K_BEST(3, key_words(sizes))
    given = candidates(semiring, jnp.asarray(weights), sizes)
    found = ns.total(network, given, semiring=semiring, levelled=True)
    order = np.argsort(scores)[::-1][:3]
    np.testing.assert_allclose(found.weights, np.asarray(scores)[order], rtol=1e-5)
    drawn = assignments(found.keys, sizes)
    np.testing.assert_array_equal(drawn, [solutions[n] for n in order])


@pytest.mark.slow
def test_derivatives_in_levels():
    problem = ns.Problem()
    x = problem.variables("x", shape=7, domain=range(3))
    for k in range(6):  # a tree
        problem.add(ns.Table((x[k // 2], x[k + 1]), [(0, 1), (1, 2), (2, 2), (2, 0), (1, 1)]))
    network = problem.compile()
    with jax.enable_x64(True):
        weights = jnp.asarray(np.random.default_rng(0).normal(size=network.mask.shape))
        total = jax.jit(lambda w: ns.total(network, w, levelled=True))
        check_grads(total, (weights,), order=2, modes=["rev"], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            jax.grad(total)(weights), ns.marginals(network, weights, levelled=True), atol=1e-9
        )


def test_a_query_in_levels():
    network, solutions = mixed_network()
    weights = np.random.default_rng(5).normal(size=network.mask.shape).astype(np.float32)
    found = np.exp(ns.query(network, weights, target="x[1]", levelled=True))
    wanted = np.zeros(3)
    for s in solutions:
        wanted[s[1]] += np.exp(sum(weights[i, v] for i, v in enumerate(s)))
    np.testing.assert_allclose(found, wanted / wanted.sum(), rtol=1e-5)


def chain_weights(digits, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4 * digits + 1, 10)).astype(np.float32)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@pytest.mark.parametrize("digits", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_short_additions_against_enumeration(digits):
    network = chains.addition(digits)
    weights = chain_weights(digits, digits)
    found = ns.marginals(network, weights, levelled=True)
    wanted = np.zeros(weights.shape)
    numbers = np.arange(10**digits)
    a, b = (x.ravel() for x in np.meshgrid(numbers, numbers))
    rows = [(x // 10**k) % 10 for x in (a, b, a + b) for k in range(digits)]
    rows += [(a % 10**k + b % 10**k) // 10**k for k in range(digits + 1)]
    scores = sum(weights[i, row].astype(np.float64) for i, row in enumerate(rows))
    probability = np.exp(scores - scores.max())
    probability /= probability.sum()
    for i, row in enumerate(rows):
        wanted[i] = np.bincount(row, probability, 10)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.slow
def test_a_long_addition_trains_and_has_the_marginals_of_forward_backward():
    digits = 100
    network = chains.addition(digits)
    plan = eliminate(network)
    assert plan.schedule is not None  # chosen by itself
    assert len(plan.schedule.groups) < 40 < len(plan.plan.steps)
    weights = jnp.asarray([chain_weights(digits, seed) for seed in (0, 1)])

    @jax.jit
    def loss_and_gradient(w):
        return jax.value_and_grad(lambda w: -jnp.mean(jax.vmap(lambda x: ns.total(network, x))(w)))(
            w
        )

    loss, gradient = loss_and_gradient(weights)
    wanted = [chains.addition_marginals(w, digits) for w in np.asarray(weights)]
    np.testing.assert_allclose(-loss, np.mean([log for log, _ in wanted]), rtol=1e-5)
    for row, (_, marginals) in zip(gradient, wanted, strict=True):
        np.testing.assert_allclose(-2 * row, marginals, atol=1e-4)  # float32, 100 terms
    assert loss_and_gradient(jax.nn.log_softmax(weights - 5 * gradient))[0] < loss
