"""Closures in every semiring: values by NumPy loops, laws, derivatives, divergence."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import neurosym as ns
from neurosym.semirings import ALL

SIZE, BATCH = 5, 6
INF = float("inf")
DIVERGED = ns.FixpointStatus.DIVERGED


def random_matrix(name, rng, shape):
    """Elements with a closure, a third of them the semiring's zero."""
    some = rng.random(shape) < 0.7
    size = shape[-1]
    if name == "boolean":
        return rng.random(shape) < 0.2
    if name == "counting":  # without cycles
        return np.triu(rng.integers(0, 4, shape), 1).astype(np.int32)
    if name == "real":
        return np.where(some, rng.uniform(0, 0.9 / size, shape), 0)
    if name in ("log", "smooth"):
        return np.where(some, np.log(rng.uniform(0.01, 0.7 / size, shape)), -INF)
    if name == "max_times":
        return np.where(some, -rng.uniform(0, 3, shape), -INF)
    if name == "min_plus":
        return np.where(some, rng.uniform(0, 3, shape), INF)
    return np.where(some, rng.uniform(0, 1, shape), 0)


def brute_closure(algebra, matrix, rounds):
    """``X = I ⊕ A ⊗ X``, again and again."""
    add, mul, zero, one = algebra
    size = len(matrix)
    identity = [[one if i == j else zero for j in range(size)] for i in range(size)]
    x = identity
    for _ in range(rounds):
        x = [
            [
                functools.reduce(
                    add, (mul(matrix[i][k], x[k][j]) for k in range(size)), identity[i][j]
                )
                for j in range(size)
            ]
            for i in range(size)
        ]
    return np.array(x)


def algebra_of(semiring):
    if semiring.name == "lukasiewicz":
        return max, lambda x, y: max(0.0, x + y - 1), 0.0, 1.0
    if semiring.name.startswith("smooth"):

        def add(x, y):
            return 0.5 * np.logaddexp(2 * x, 2 * y)

        return add, lambda x, y: x + y, -INF, 0.0
    return oracles.ALGEBRA[semiring.name]


@pytest.mark.parametrize("semiring", [*ALL, ns.smooth_max(0.5)], ids=lambda s: s.name)
def test_value_against_loops(semiring):
    name = "smooth" if semiring.name.startswith("smooth") else semiring.name
    matrices = random_matrix(name, np.random.default_rng(0), (BATCH, SIZE, SIZE))
    matrices[0] = np.asarray(semiring.zero)  # no edge at all
    run = jax.jit(jax.vmap(lambda m: ns.closure(m, semiring=semiring)))
    result = run(semiring.asarray(matrices))
    assert result.converged.all()
    assert (result.rounds == SIZE).all()
    rounds = 60 if name in ("real", "log", "smooth") else SIZE
    wanted = [brute_closure(algebra_of(semiring), m.tolist(), rounds) for m in matrices]
    np.testing.assert_allclose(
        np.asarray(result.value, np.float64), np.asarray(wanted, np.float64), rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "semiring", [ns.BOOLEAN, ns.COUNTING, ns.MAX_TIMES, ns.MAX_MIN], ids=lambda s: s.name
)
def test_several_blocks(semiring):
    """70 nodes: more than a block of pivots and a word of bits, not a multiple of either."""
    size = 70
    rng = np.random.default_rng(1)
    matrix = random_matrix(semiring.name, rng, (size, size))
    keep = rng.random((size, size)) < (0.05 if semiring is ns.COUNTING else 0.03)
    matrix = np.where(keep, matrix, semiring.zero).astype(np.asarray(matrix).dtype)
    if semiring is ns.BOOLEAN:
        matrix = keep
    found = jax.jit(lambda m: ns.closure(m, semiring=semiring).value)(semiring.asarray(matrix))
    add = {"boolean": np.maximum, "counting": np.add, "max_times": np.maximum}.get(
        semiring.name, np.maximum
    )
    mul = {"max_times": np.add, "counting": np.multiply}.get(semiring.name, np.minimum)
    x = matrix.astype(np.float64)
    for k in range(size):
        x = add(x, mul(x[:, k : k + 1], x[k : k + 1]))
    x = add(x, np.where(np.eye(size), float(semiring.one), float(semiring.zero)))
    np.testing.assert_allclose(np.asarray(found, np.float64), x, rtol=1e-5)


@pytest.mark.parametrize("derivative", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_log_closure_of_several_blocks_is_a_log_of_the_inverse(derivative):
    size = 40
    rng = np.random.default_rng(2)
    weights = rng.uniform(0, 1, (size, size)) * (rng.random((size, size)) < 0.2)
    weights *= 0.9 / np.abs(np.linalg.eigvals(weights)).max()
    with np.errstate(divide="ignore"):
        logs = np.log(weights)
    cotangent = rng.uniform(0.5, 1.5, (size, size))

    def closure(logs):
        return ns.closure(logs, semiring=ns.LOG).value

    @jax.jit
    def gradient(logs):
        return jax.vjp(closure, logs)[1](jnp.asarray(cotangent, jnp.float32))[0]

    logs = jnp.asarray(logs, jnp.float32)
    value = closure(logs)
    inverse = np.linalg.inv(np.eye(size) - weights)
    possible = inverse > 1e-12
    np.testing.assert_allclose(np.exp(value)[possible], inverse[possible], rtol=1e-4)
    if not derivative:
        return
    share = np.where(possible, cotangent / np.where(possible, inverse, 1), 0)
    np.testing.assert_allclose(
        gradient(logs), weights * (inverse.T @ share @ inverse.T), rtol=1e-3, atol=1e-4
    )


COSTS = arrays(
    np.float64, (SIZE, SIZE), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, INF, INF])
)


@functools.cache
def closure_with_derivative(semiring):
    """Value, the law's right hand side, and the gradient of every entry."""

    @jax.jit
    def run(matrix):
        def value(matrix):
            return ns.closure(matrix, semiring=semiring).value

        closed, pullback = jax.vjp(value, matrix)
        cotangents = jnp.eye(SIZE**2, dtype=closed.dtype).reshape(-1, SIZE, SIZE)
        gradients = jax.vmap(pullback)(cotangents)[0]
        product = ns.einsum("ij,jk->ik", matrix, closed, semiring=semiring)
        identity = semiring.indicator(jnp.eye(SIZE, dtype=bool), matrix.dtype)
        law = semiring.add(identity, product)
        return closed, law, gradients.reshape(SIZE, SIZE, SIZE, SIZE)

    return run


@settings(max_examples=60, deadline=None)
@given(COSTS, arrays(np.float64, (SIZE, SIZE), elements=st.floats(0, 6)))
def test_shortest_paths_with_ties_and_zero_cycles(costs, others):
    """The law, and derivatives that are those of a shortest path: supergradients of the cost."""
    with jax.enable_x64(True):
        found, law, gradients = map(np.asarray, closure_with_derivative(ns.MIN_PLUS)(costs))
        np.testing.assert_array_equal(found, law)
        assert (gradients >= 0).all()
        finite = np.isfinite(costs)
        assert (gradients[..., ~finite] == 0).all()
        # A cost is linear along its path, which is a path for other costs too, if not the best.
        length = np.sum(gradients * np.where(finite, costs, 0), (2, 3))
        np.testing.assert_array_equal(length, np.where(np.isfinite(found), found, 0))
        moved = np.where(finite, others, INF)
        best, _, _ = map(np.asarray, closure_with_derivative(ns.MIN_PLUS)(moved))
        bound = np.sum(gradients * np.where(finite, others, 0), (2, 3))
        reached = np.isfinite(found)
        assert (best[reached] <= bound[reached] + 1e-9).all()
        # Flow: one unit leaves i and arrives at j, and nothing is lost on the way.
        net = gradients.sum(3) - gradients.sum(2)
        eye = np.eye(SIZE)
        expected = (eye[:, None] - eye[None, :]) * reached[..., None]
        np.testing.assert_allclose(net, expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (SIZE, SIZE), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
def test_bottlenecks_with_ties(degrees):
    """The law; a derivative is a share of one in edges of exactly the bottleneck's width."""
    with jax.enable_x64(True):
        found, law, gradients = map(np.asarray, closure_with_derivative(ns.MAX_MIN)(degrees))
        np.testing.assert_array_equal(found, law)
        binding = degrees[None, None] == found[..., None, None]
        assert (gradients[~np.broadcast_to(binding, gradients.shape)] == 0).all()
        assert (gradients >= 0).all()
        inner = (found > 0) & (found < 1)
        np.testing.assert_allclose(gradients.sum((2, 3))[inner], 1)
        assert (gradients.sum((2, 3)) <= 1 + 1e-12).all()


@pytest.mark.parametrize(
    ("semiring", "order"),
    [(ns.REAL, 2), (ns.LOG, 2), (ns.MIN_PLUS, 1), (ns.MAX_MIN, 1)],
    ids=lambda x: getattr(x, "name", None),
)
def test_derivatives_against_finite_differences(semiring, order):
    """Where nothing ties; forward and reverse mode."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(3)
        matrix = rng.uniform(0.05, 0.9, (3, 3)) / (3 if semiring in (ns.REAL, ns.LOG) else 1)
        if semiring in (ns.LOG, ns.MAX_TIMES):
            matrix = np.log(matrix)

        def function(matrix):
            return jnp.sum(jnp.sin(ns.closure(matrix, semiring=semiring).value))

        move = jnp.asarray(rng.normal(size=(3, 3)))

        @jax.jit
        def derivatives(matrix):
            value, gradient = jax.value_and_grad(function)(matrix)
            tangent = jax.jvp(function, (matrix,), (move,))[1]
            return value, gradient, tangent

        @jax.jit
        def second(matrix):
            return jax.jvp(jax.grad(function), (matrix,), (move,))[1]

        step = 1e-6
        matrix = jnp.asarray(matrix)
        _, gradient, tangent = derivatives(matrix)
        above, below = derivatives(matrix + step * move), derivatives(matrix - step * move)
        slope = (above[0] - below[0]) / (2 * step)
        np.testing.assert_allclose(jnp.sum(gradient * move), slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(tangent, slope, rtol=1e-6, atol=1e-8)
        if order == 2:
            slope = (above[1] - below[1]) / (2 * step)
            np.testing.assert_allclose(second(matrix), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
def test_a_smooth_maximum_lies_between_log_and_max_times():
    logs = jnp.asarray(random_matrix("log", np.random.default_rng(4), (SIZE, SIZE)), jnp.float32)
    gradient = jax.jit(
        lambda a, s: jax.value_and_grad(lambda a: ns.closure(a, semiring=s).value[0, 1])(a),
        static_argnums=1,
    )
    cold, cold_shares = gradient(logs, ns.smooth_max(0.01))
    best, best_shares = gradient(logs, ns.MAX_TIMES)
    np.testing.assert_allclose(cold, best, atol=0.02)
    np.testing.assert_allclose(cold_shares, best_shares, atol=0.05)


def test_rounding_does_not_lose_a_path():
    """In a grid of equal costs equally good paths differ by rounding, in any order of pivots."""
    side = 7
    size = side * side
    costs = np.full((size, size), INF, np.float32)
    for node in range(size):
        for other in (node + 1, node + side):
            if other < size and (other % side or other - node > 1):
                costs[node, other] = costs[other, node] = 0.1
    order = np.random.default_rng(5).permutation(size)
    costs = jnp.asarray(costs[order][:, order])

    @jax.jit
    def run(costs):
        def value(costs):
            return ns.closure(costs, semiring=ns.MIN_PLUS).value

        closed, pullback = jax.vjp(value, costs)
        weights = jnp.asarray(np.random.default_rng(6).uniform(1, 2, (size, size)), jnp.float32)
        ones = jnp.isfinite(costs).astype(jnp.float32)
        edges = jax.jvp(value, (costs,), (ones,))[1]
        return closed, edges, jnp.sum(pullback(weights)[0] * ones), jnp.sum(weights * edges)

    closed, edges, backward, forward = run(costs)
    # The derivative along (1, 1, …) counts the edges of the path: exactly the shortest one.
    np.testing.assert_array_equal(edges, np.round(closed / 0.1))
    np.testing.assert_allclose(backward, forward, rtol=1e-5)


@pytest.mark.slow
def test_the_closure_and_the_fixpoint_agree():
    """Two engines, the same single-source distances and derivatives, where nothing ties."""
    matrix = jnp.asarray(random_matrix("min_plus", np.random.default_rng(7), (12, 12)), jnp.float32)
    start = jnp.full(12, INF).at[0].set(0.0)

    def by_fixpoint(matrix):
        def step(x, matrix):
            return ns.einsum("i,ij->j", x, matrix, semiring=ns.MIN_PLUS)

        return ns.fixpoint(step, start, matrix, semiring=ns.MIN_PLUS).value

    def by_closure(matrix):
        return ns.closure(matrix, semiring=ns.MIN_PLUS).value[0]

    @jax.jit
    def both(matrix):
        return [
            jax.value_and_grad(lambda m, f=f: jnp.sum(jnp.sin(f(m))))(matrix)
            for f in (by_fixpoint, by_closure)
        ]

    (one, one_gradient), (other, other_gradient) = both(matrix)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(one_gradient, other_gradient, rtol=1e-5, atol=1e-6)


@functools.cache
def report(semiring):
    """Status, value and gradient of a batch of matrices."""

    def run(matrix):
        def total(matrix):
            result = ns.closure(matrix, semiring=semiring)
            finite = jnp.where(jnp.isinf(result.value), 0, result.value)
            return finite.sum(), result

        (_, result), gradient = jax.value_and_grad(total, has_aux=True)(matrix)
        return result.status, result.value, gradient

    return jax.jit(jax.vmap(run))


@pytest.mark.parametrize(
    ("semiring", "good", "bad"),
    [
        (
            ns.REAL,
            [
                [[0.0, 0.999], [1.0, 0.0]],  # a radius just below 1
                [[0.9, -0.9], [0.9, 0.0]],  # 0.9; that of the absolute values is 1.46
                [[0.0, 100.0], [0.0, 0.0]],  # nilpotent
            ],
            [
                [[1.0, 0.0], [0.0, 0.5]],  # singular
                [[0.0, 1.1], [1.0, 0.0]],
                [[2.0, 0.0], [0.0, 2.0]],  # I - P is regular, and its inverse negative
                [[0.0, -1.1], [1.0, 0.0]],  # complex eigenvalues outside of the circle
                [[3.0, -1.0], [2.0, 3.0]],
            ],
        ),
        (
            ns.LOG,
            [[[-INF, -0.01], [0.0, -INF]], [[-INF, 90.0], [-95.0, -INF]]],
            [[[0.0, -INF], [-INF, -1.0]], [[-INF, 90.0], [-80.0, -INF]], [[1.0, 1.0], [1.0, 1.0]]],
        ),
        (
            ns.MIN_PLUS,
            [[[0.0, -3.0], [3.0, 0.0]], [[INF, INF], [INF, INF]]],
            [[[0.0, -3.0], [2.0, 0.0]], [[-1.0, INF], [INF, INF]]],
        ),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_divergence_is_reported_and_spoils_derivatives(semiring, good, bad):
    status, value, gradient = report(semiring)(jnp.asarray([*good, *bad], jnp.float32))
    assert status.tolist() == [0] * len(good) + [DIVERGED] * len(bad)
    assert np.isfinite(gradient[: len(good)]).all()
    assert not np.isnan(value[: len(good)]).any()
    assert np.isnan(value[len(good) :]).all()
    assert np.isnan(gradient[len(good) :]).all()


def test_counts_saturate_on_cycles():
    looped = np.zeros((4, 4), np.int32)
    looped[0, 1] = looped[1, 0] = looped[1, 2] = 1
    result = ns.closure(looped, semiring=ns.COUNTING)
    assert result.status == ns.FixpointStatus.SATURATED
    most = 2**31 - 1
    np.testing.assert_array_equal(
        result.value, [[most, most, most, 0], [most, most, most, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )


def test_log_walks_beyond_the_range_of_real_numbers():
    """A chain whose walks have weights from exp(-400) to 1, in both directions."""
    size = 9
    logs = np.full((size, size), -INF)
    for i in range(size - 1):
        logs[i, i + 1] = logs[i + 1, i] = -50.0
    status, value, gradient = report(ns.LOG)(jnp.asarray(logs[None], jnp.float32))
    assert status[0] == 0
    distance = np.abs(np.arange(size)[:, None] - np.arange(size)[None])
    np.testing.assert_allclose(value[0], -50.0 * distance, rtol=1e-6)
    # Every entry has one walk of weight: edge (i, i + 1) lies on those from up to i to beyond i.
    wanted = [(i + 1) * (size - 1 - i) for i in range(size - 1)]
    np.testing.assert_allclose(np.diagonal(gradient[0], 1), wanted, rtol=1e-5)


def test_absorption_in_a_markov_chain():
    """The gambler's ruin: ten coins between two players, the chances known in closed form."""
    coins, win = 10, 0.4
    inside = coins - 1
    transient = np.diag([win] * (inside - 1), 1) + np.diag([1 - win] * (inside - 1), -1)

    def ruined(win):
        up, down = jnp.eye(inside, k=1), jnp.eye(inside, k=-1)
        visits = ns.closure(win * up + (1 - win) * down, semiring=ns.REAL).value
        return 1 - visits[:, -1] * win

    value, slope = jax.jit(lambda w: jax.jvp(ruined, (w,), (1.0,)))(win)

    def known(win):
        odds = (1 - win) / win
        return 1 - (1 - odds ** np.arange(1, coins)) / (1 - odds**coins)

    np.testing.assert_allclose(value, known(win), rtol=1e-5)
    np.testing.assert_allclose(slope, (known(win + 1e-6) - known(win - 1e-6)) / 2e-6, rtol=1e-4)
    visits = ns.closure(transient, semiring=ns.REAL)
    np.testing.assert_allclose(visits.value, np.linalg.inv(np.eye(inside) - transient), rtol=1e-5)


@pytest.mark.parametrize("semiring", ALL, ids=lambda s: s.name)
def test_no_node_and_one_node(semiring):
    none = ns.closure(semiring.zeros((0, 0)), semiring=semiring)
    assert none.value.shape == (0, 0)
    assert none.converged
    one = ns.closure(semiring.zeros((1, 1)), semiring=semiring)
    np.testing.assert_array_equal(one.value, [[semiring.one]])
    assert one.converged


@pytest.mark.parametrize(
    ("matrix", "semiring", "message"),
    [
        (np.zeros((2, 3)), ns.REAL, r"square matrix, not a matrix of shape \[2, 3\]"),
        (np.zeros(3), ns.MIN_PLUS, "square matrix"),
        (np.full((2, 2), np.nan), ns.LOG, "the matrix holds a NaN"),
        (np.zeros((2, 2)), ns.ADD_MULT, "closure rewrites .* it breaks distributivity"),
        (
            np.zeros((2, 2)),
            ns.Semiring(name="bare", zero=0.0, one=1.0, add=jnp.hypot, mul=jnp.multiply),
            "bare declares no star",
        ),
    ],
)
def test_bad_input(matrix, semiring, message):
    with pytest.raises(ValueError, match=message):
        ns.closure(matrix, semiring=semiring)


def test_half_precision_and_a_semiring_of_ones_own():
    halves = jnp.asarray([[0.0, 0.5], [0.25, 0.0]], jnp.bfloat16)
    value = ns.closure(halves, semiring=ns.REAL).value
    assert value.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(value), np.float32([[8, 4], [2, 8]]) / 7, rtol=1e-2)
    plain = ns.Semiring(
        name="plain", zero=0.0, one=1.0, add=jnp.maximum, mul=jnp.multiply, selective=True
    )
    matrix = jnp.asarray([[0.1, 0.5], [0.25, 0.1]])
    np.testing.assert_allclose(
        ns.closure(matrix, semiring=plain).value, [[1.0, 0.5], [0.25, 1.0]], rtol=1e-6
    )
    with pytest.raises(ValueError, match="plain states no derivatives"):
        jax.grad(lambda m: ns.closure(m, semiring=plain).value.sum())(matrix)
