"""Belief propagation: exact on trees, and round for round what a plain NumPy version does."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from random_problems import random_mixed_problem, random_problem

import neurosym as ns


def smooth_sum(x, temperature):
    """``T log Σ exp(x / T)``; the maximum at T = 0."""
    x = np.asarray(x, float)
    highest = x.max()
    if temperature == 0 or highest == -np.inf:
        return highest
    return highest + temperature * np.log(np.exp((x - highest) / temperature).sum())


def reference(weights, sizes, factors, *, temperature=1.0, damping=0.0, rounds=1):
    """Loopy belief propagation by dictionaries and loops; factors are (scope, log table)."""
    weights = [np.asarray(weights[i][:size], float) for i, size in enumerate(sizes)]
    edges = [(f, i) for f, (scope, _) in enumerate(factors) for i in scope]
    heard = {(f, i): np.zeros(sizes[i]) for f, i in edges}

    def told(i, besides):
        return weights[i] + sum(heard[f, j] for f, j in edges if j == i and f != besides)

    def through(f):
        """For every assignment of a factor: its weight with all that it is told."""
        scope, table = factors[f]
        told_each = [told(i, f) for i in scope]
        everything = itertools.product(*(range(sizes[i]) for i in scope))
        return [(x, table[x], [told_each[k][v] for k, v in enumerate(x)]) for x in everything]

    for _ in range(rounds):
        after = {}
        for f, (scope, _) in enumerate(factors):
            rows = through(f)
            for k, i in enumerate(scope):
                message = np.asarray(
                    [
                        smooth_sum(
                            [w + sum(n[:k] + n[k + 1 :]) for x, w, n in rows if x[k] == v],
                            temperature,
                        )
                        for v in range(sizes[i])
                    ]
                )
                if message.max() > -np.inf:
                    message -= message.max()
                if damping:
                    message = damping * heard[f, i] + (1 - damping) * message
                after[f, i] = message
        heard = after
    beliefs = [told(i, None) for i in range(len(sizes))]
    totals = [
        smooth_sum([w + sum(n) for _, w, n in through(f)], temperature) for f in range(len(factors))
    ]
    degree = [sum(j == i for _, j in edges) for i in range(len(sizes))]
    bethe = sum(totals) + sum(
        (1 - d) * smooth_sum(b, temperature) for d, b in zip(degree, beliefs, strict=True)
    )
    normalised = np.full((len(sizes), max(sizes)), -np.inf)
    for i, belief in enumerate(beliefs):
        normalised[i, : sizes[i]] = belief - smooth_sum(belief, 1.0)
    return normalised, bethe


def tables_of(network):
    """The constraints of a network as log tables, by asking which assignments they allow."""
    factors = []
    for relation, scope in network.structure.relations:
        table = np.full(relation.sizes, -np.inf)
        for index in itertools.product(*map(range, relation.sizes)):
            if relation.allows(index):
                table[index] = 0
        factors.append((scope, table))
    return factors


def tables_of_potentials(potentials):
    table = np.asarray(potentials.log_table, float)
    shared = table.ndim == potentials.scope.shape[1]
    return [
        (tuple(scope.tolist()), table if shared else table[c])
        for c, scope in enumerate(potentials.scope)
    ]


def sizes_of(network):
    return [len(domain) for domain in network.structure.domains]


def free(*domains):
    problem = ns.Problem()
    for n, size in enumerate(domains):
        problem.variable(f"x{n}", domain=range(size))
    return problem.compile()


def torus(rows, columns):
    index = np.arange(rows * columns).reshape(rows, columns)
    down = np.stack([index, np.roll(index, -1, 0)], -1).reshape(-1, 2)
    right = np.stack([index, np.roll(index, -1, 1)], -1).reshape(-1, 2)
    return np.concatenate([down, right])


def all_kinds():
    """Most kinds of constraints once, no two of which share more than one variable: a tree."""
    problem = ns.Problem()
    x = problem.variables("x", shape=13, domain=range(3))
    odd = ns.Automaton((0, 1), 0, (1,), {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0, (1, 2): 1})
    problem.add(ns.AllDifferent(x[:3]))
    problem.add(x[2] + 2 * x[3] + x[4] == 4)
    problem.add(ns.Regular(x[4:7], odd))
    problem.add(ns.Count([x[6], x[7]], [0, 2], "<=", 1))
    problem.add(ns.Table([x[7], x[8]], [(0, 1), (1, 1), (2, 0), (1, 2)]))
    problem.add(ns.Element(x[8], [x[9], 1, 2], x[10]))
    problem.add(ns.Implies(x[10] == 1, x[11] < 2))
    problem.add(ns.Clause([x[11].isin([0, 2]), x[12].isin([1])]))
    problem.add(x[5] != 2)
    return problem.compile()


def brute_force(network, weights, temperature):
    """Normalised (max-)marginals and the (smoothed) total, over all assignments at once."""
    sizes = sizes_of(network)
    grid = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, len(sizes))
    scores = sum(np.asarray(weights[i], float)[grid[:, i]] for i in range(len(sizes)))
    for scope, table in tables_of(network):
        scores = scores + table[tuple(grid[:, i] for i in scope)]
    rows = np.full((len(sizes), max(sizes)), -np.inf)
    for i, size in enumerate(sizes):
        for v in range(size):
            rows[i, v] = smooth_sum(scores[grid[:, i] == v], temperature)
        rows[i] -= smooth_sum(rows[i], 1.0)
    return rows, smooth_sum(scores, temperature), grid[np.argmax(scores)]


def weight_cases(shape, rng):
    """Random weights; some impossible; all equal; one value certain; far apart."""
    cases = np.asarray(rng.normal(size=(5, *shape)), np.float32)
    cases[1][rng.random(shape) < 0.1] = -np.inf
    cases[2] = 0
    cases[3, 4] = [-np.inf, 0, -np.inf]
    cases[4] *= 30
    return cases


@pytest.mark.parametrize("temperature", [1.0, pytest.param(0.0, marks=pytest.mark.slow)])
def test_exact_on_a_tree_of_all_kinds_of_constraints(temperature):
    network = all_kinds()
    cases = weight_cases((13, 3), np.random.default_rng(0))
    found = jax.jit(jax.vmap(lambda w: ns.belief_propagation(network, w, temperature=temperature)))(
        cases
    )
    assert found.converged.all()
    assert not found.contradiction.any()
    for n, weights in enumerate(cases):
        beliefs, total, best = brute_force(network, weights, temperature)
        np.testing.assert_allclose(found.beliefs[n], beliefs, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.log_partition[n], total, rtol=1e-5, atol=1e-4)
        if temperature == 0 and n in (0, 4):  # the best assignment is one alone
            one = jax.tree.map(lambda leaf, n=n: leaf[n], found)
            np.testing.assert_array_equal(one.assignment, best)
        if temperature == 1:
            np.testing.assert_allclose(found.marginals[n].sum(axis=1), 1, rtol=1e-5)


MIXED = (2, 3, 3, 3, 2, 3, 3, 3, 2)


def mixed_potentials(rng, *, forbidden=0.0):
    """A torus of 3 x 3 variables of two or three values, a triple, and single variables."""
    tables = rng.normal(size=(18, 3, 3))
    tables[rng.random(tables.shape) < forbidden] = -np.inf
    pairs = ns.Potentials(torus(3, 3), np.asarray(tables, np.float32))
    triple = ns.Potentials([[0, 4, 7]], np.asarray(rng.normal(size=(2, 2, 3)), np.float32))
    single = ns.Potentials([[5], [6]], np.asarray(rng.normal(size=3), np.float32))
    return pairs, triple, single


@pytest.mark.parametrize("kind", ["ratios", "forbidden pairs", "several arities"])
@pytest.mark.parametrize("selective", [False, True], ids=["sums", "maxima"])
def test_loopy_rounds_against_the_reference(kind, selective):
    rng = np.random.default_rng(3)
    network = free(*MIXED)
    forbidden = 0.1 if kind == "forbidden pairs" else 0.0
    potentials = mixed_potentials(rng, forbidden=forbidden)
    potentials = potentials if kind == "several arities" else potentials[:1]
    weights = np.asarray(rng.normal(size=(9, 3)), np.float32)
    weights[1, 2] = -np.inf  # not its first value, so that ratios exist
    factors = [factor for one in potentials for factor in tables_of_potentials(one)]
    for temperature in (0.0,) if selective else (1.0, 0.6):
        for rounds in (0, 1, 6):
            found = ns.belief_propagation(
                network,
                weights,
                potentials=potentials,
                temperature=temperature,
                damping=0.3,
                max_rounds=rounds,
                tolerance=0,
            )
            beliefs, bethe = reference(
                weights, MIXED, factors, temperature=temperature, damping=0.3, rounds=rounds
            )
            assert found.rounds == rounds
            np.testing.assert_allclose(found.beliefs, beliefs, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(found.log_partition, bethe, rtol=1e-4, atol=1e-3)


def test_loopy_constraints_against_the_reference():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    problem.add(ns.AllDifferent(x[:3]))
    problem.add(x[1] + x[2] + x[3] <= 4)
    problem.add(x[0] <= x[3])
    problem.add(x[1] != x[3])
    network = problem.compile()
    check_constraints(network, np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9))
def test_loopy_mixtures_of_all_kinds_against_the_reference(seed):
    draw = random_problem if seed < 3 else random_mixed_problem
    network = draw(seed).problem.compile()
    weights = np.random.default_rng(seed).normal(size=network.mask.shape).astype(np.float32)
    check_constraints(network, weights)


def check_constraints(network, weights):
    """Round for round; a value that the messages rule out stays out of all later ones."""
    for rounds in (1, 4):
        found = ns.belief_propagation(
            network, weights, damping=0.25, max_rounds=rounds, tolerance=0
        )
        factors = tables_of(network)
        beliefs, bethe = reference(weights, sizes_of(network), factors, damping=0.25, rounds=rounds)
        if found.contradiction:
            assert (found.beliefs == -jnp.inf).all()
            continue
        np.testing.assert_allclose(found.beliefs, beliefs, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found.log_partition, bethe, rtol=1e-3, atol=1e-3)


def test_a_variable_of_many_factors():
    rng = np.random.default_rng(0)
    network = free(*[2] * 13)
    star = np.stack([np.zeros(12, int), np.arange(1, 13)], 1)
    potentials = ns.Potentials(star, np.asarray(rng.normal(size=(12, 2, 2)), np.float32))
    weights = np.asarray(rng.normal(size=(13, 2)), np.float32)
    found = ns.belief_propagation(network, weights, potentials=potentials)
    beliefs, bethe = reference(weights, [2] * 13, tables_of_potentials(potentials), rounds=3)
    assert found.converged
    np.testing.assert_allclose(found.beliefs, beliefs, atol=1e-4)
    np.testing.assert_allclose(found.log_partition, bethe, rtol=1e-5)


def chain(length, coupling):
    """An Ising chain; how it is best, and its beliefs by a pass in float64."""
    pairs = np.stack([np.arange(length - 1), np.arange(1, length)], 1)
    table = np.asarray([[coupling, 0], [0, coupling]], np.float32)
    return ns.Potentials(pairs, table), [(tuple(pair), np.asarray(table, float)) for pair in pairs]


@pytest.mark.parametrize("coupling", [0.5, -300.0, 2000.0])
def test_couplings_beyond_the_range_of_ratios(coupling):
    network = free(*[2] * 6)
    potentials, factors = chain(6, coupling)
    weights = np.asarray(np.random.default_rng(1).normal(size=(6, 2)), np.float32)
    found = ns.belief_propagation(network, weights, potentials=potentials, tolerance=0)
    beliefs, bethe = reference(weights, [2] * 6, factors, rounds=7)
    np.testing.assert_allclose(found.beliefs, beliefs, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.log_partition, bethe, rtol=1e-5)


@pytest.mark.slow
def test_a_frustrated_loop_is_reported_and_damping_helps():
    network = free(2, 2, 2)
    potentials = ns.Potentials([[0, 1], [1, 2], [2, 0]], np.asarray([[-1.0, 1], [1, -1]]))
    weights = jnp.asarray([[0.3, 0], [0, 0.1], [0, 0]])

    def run(weights, damping):
        return ns.belief_propagation(
            network, weights, potentials=potentials, temperature=0.4, damping=damping, max_rounds=60
        )

    @functools.partial(jax.jit, static_argnums=1)
    @functools.partial(jax.value_and_grad, has_aux=True)
    def first_belief(weights, damping):
        found = run(weights, damping)
        return found.beliefs[0, 0], found

    (_, wild), gradient = first_belief(weights, 0.0)
    assert not wild.converged
    assert wild.rounds == 60
    assert wild.residual > 0.1
    np.testing.assert_array_equal(gradient, 0)  # of no fixed point
    (_, tame), gradient = first_belief(weights, 0.5)
    assert tame.converged
    assert tame.rounds < 60
    assert abs(gradient).max() > 1e-3


def test_without_rounds_constraints_or_choice():
    network = free(1, 3)
    weights = jnp.asarray([[5.0, 0, 0], [0, 1, 2]])
    found = ns.belief_propagation(network, weights)
    assert found.converged
    assert found.rounds == 0
    np.testing.assert_allclose(found.marginals, [[1, 0, 0], jax.nn.softmax(weights[1])], rtol=1e-5)
    np.testing.assert_allclose(found.log_partition, 5 + jax.nn.logsumexp(weights[1]), rtol=1e-6)
    pair = ns.Potentials([[0, 1]], np.asarray([[0.0, 3, 0]]))
    coupled = ns.belief_propagation(network, weights, potentials=pair)
    wanted = jax.nn.softmax(weights[1] + jnp.asarray([0, 3, 0]))
    np.testing.assert_allclose(coupled.marginals, [[1, 0, 0], wanted], rtol=1e-5)
    before = ns.belief_propagation(network, weights, potentials=pair, max_rounds=0)
    assert not before.converged
    assert before.rounds == 0
    assert before.residual == 1
    np.testing.assert_allclose(before.marginals, found.marginals, rtol=1e-5)


def test_equal_weights_leave_equal_beliefs():
    network = free(*[3] * 9)
    potentials = ns.Potentials(torus(3, 3), np.eye(3))
    for temperature in (1.0, 0.0):
        found = ns.belief_propagation(
            network, jnp.zeros((9, 3)), potentials=potentials, temperature=temperature
        )
        np.testing.assert_allclose(found.marginals, 1 / 3, rtol=1e-6)
        if temperature == 0:  # maxima do not round
            np.testing.assert_array_equal(found.assignment, 0)


def test_contradictions_have_defined_values():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(3))
    problem.add(x[0] < x[1])
    problem.add(x[1] < x[2])
    network = problem.compile()

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def log_partition(weights):
        found = ns.belief_propagation(network, weights)
        return found.log_partition, found

    for value in (0, 2):  # evidence that leaves one assignment, and evidence that leaves none
        weights = jnp.zeros((3, 3)).at[0].set(jnp.where(jnp.arange(3) == value, 0, -jnp.inf))
        (_, found), gradient = log_partition(weights)
        assert found.converged
        assert found.contradiction == (value == 2)
        wanted = np.eye(3) if value == 0 else np.zeros((3, 3))
        np.testing.assert_array_equal(found.marginals, wanted)
        np.testing.assert_array_equal(gradient, wanted)
        assert found.log_partition == (0 if value == 0 else -jnp.inf)
        assert (found.beliefs == -jnp.inf).sum() == (6 if value == 0 else 9)


def coupled_model():
    rng = np.random.default_rng(5)
    network = free(3, 2, 3, 3)
    ring = ns.Potentials([[0, 1], [1, 2], [2, 3], [3, 0]], rng.normal(size=(4, 3, 3)))
    return network, ring, rng.normal(size=(4, 3))


@pytest.mark.parametrize(
    ("unroll", "order"),
    [
        pytest.param(False, 1, id="implicit"),
        pytest.param(True, 1, id="unrolled"),
        pytest.param(False, 2, id="implicit-second", marks=pytest.mark.slow),
        pytest.param(True, 2, id="unrolled-second", marks=pytest.mark.slow),
    ],
)
def test_gradients_against_finite_differences(unroll, order):
    network, ring, weights = coupled_model()
    with jax.enable_x64(True):
        table = jnp.asarray(np.asarray(ring.log_table), jnp.float64)

        @jax.jit
        def function(weights, table):
            found = ns.belief_propagation(
                network,
                weights,
                potentials=ns.Potentials(ring.scope, table),
                damping=0.2,
                tolerance=1e-13,
                max_rounds=8 if unroll else 300,
                unroll=unroll,
            )
            inside = jnp.where(network.mask, found.marginals, 0)
            return jnp.sum(inside**2 * jnp.arange(1, 4)) + 0.1 * found.log_partition

        given = (jnp.asarray(weights), table)
        check_grads(function, given, order=order, modes=["rev"], rtol=1e-5, atol=1e-7)


def test_the_gradient_of_the_log_partition_is_the_marginals():
    network, ring, weights = coupled_model()
    weights = jnp.asarray(weights, jnp.float32).at[2, 1].set(-jnp.inf)

    @functools.partial(jax.value_and_grad, has_aux=True)
    def log_partition(weights):
        found = ns.belief_propagation(network, weights, potentials=ring, tolerance=1e-6)
        return found.log_partition, found

    batch = jnp.stack([weights, weights[::-1].at[0, 2].set(-jnp.inf)])
    (_, found), gradients = jax.jit(jax.vmap(log_partition))(batch)
    assert found.converged.all()
    np.testing.assert_allclose(gradients, found.marginals, atol=1e-4)
    assert (np.asarray(gradients)[np.isneginf(batch)] == 0).all()


def test_batch_equals_loop():
    network, ring, weights = coupled_model()
    rng = np.random.default_rng(2)
    batch = np.asarray(weights + rng.normal(size=(4, 4, 3)), np.float32)
    batch[1, 0, 0] = -np.inf  # no ratio to it exists
    batch[2] *= 100

    def run(weights):
        return ns.belief_propagation(network, weights, potentials=ring, damping=0.1)

    together = jax.jit(jax.vmap(run))(batch)
    each = jax.jit(run)
    for n in range(4):
        alone = each(batch[n])
        assert alone.rounds == together.rounds[n]
        np.testing.assert_allclose(together.beliefs[n], alone.beliefs, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(together.residual[n], alone.residual, atol=1e-5)


def test_programs_do_not_grow_with_the_number_of_constraints():
    def operations(length):
        problem = ns.Problem()
        x = problem.variables("x", shape=length, domain=range(3))
        for i in range(length - 2):
            problem.add(x[i] + x[i + 1] + 2 * x[i + 2] == 4)
        network = problem.compile()
        weights = jnp.zeros((length, 3))
        lowered = jax.jit(
            lambda w: ns.belief_propagation(network, w, unroll=True, max_rounds=9)
        ).lower(weights)
        return sum(" = " in line for line in lowered.as_text().splitlines())

    assert operations(60) < 1.1 * operations(20)


def test_bad_input():
    network = free(2, 3)
    weights = jnp.zeros((2, 3))

    def refuse(message, weights=weights, **options):
        with pytest.raises(ValueError, match=message):
            ns.belief_propagation(network, weights, **options)

    refuse(r"shape \[V, D\] = \[2, 3\]", weights=jnp.zeros((3, 2)))
    refuse("NaN", weights=weights.at[0, 1].set(jnp.nan))
    refuse("is inf, which is not an element", weights=weights.at[0, 1].set(jnp.inf))
    refuse("damping", damping=1.0)
    refuse("damping", damping=-0.1)
    refuse("temperature", temperature=-1.0)
    refuse("temperature", temperature=float("nan"))
    refuse("max_rounds", max_rounds=-1)
    refuse("max_rounds", max_rounds=2.5)
    refuse("tolerance", tolerance=float("nan"))
    refuse("Potentials", potentials=[jnp.zeros((2, 2))])
    refuse("name variable 2", potentials=ns.Potentials([[0, 2]], np.zeros((2, 3))))
    refuse("axis 1 .* is 2 long", potentials=ns.Potentials([[0, 1]], np.zeros((2, 2))))
    for scope, table, message in (
        ([0, 1], np.zeros((2, 3)), "matrix"),
        ([[0.5, 1]], np.zeros((2, 3)), "matrix"),
        ([[1, 1]], np.zeros((3, 3)), "twice"),
        ([[0, 1]], np.zeros(3), "axes"),
        ([[0, 1]], np.zeros((2, 2, 3)), "axes"),
        ([[0, 1]], np.full((2, 3), np.nan), "NaN"),
        ([[0, 1]], np.full((2, 3), np.inf), "inf"),
    ):
        with pytest.raises(ValueError, match=message):
            ns.Potentials(scope, table)


def test_potentials_take_variables():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    potentials = ns.Potentials([[x[2], x[0]]], np.zeros((2, 2)))
    np.testing.assert_array_equal(potentials.scope, [[2, 0]])
    assert "1 over 2 variables" in repr(potentials)
