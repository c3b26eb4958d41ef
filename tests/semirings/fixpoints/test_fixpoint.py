"""Fixpoints in every semiring: values by NumPy loops, derivatives by a second route and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

import neurosym as ns
from neurosym.semirings.fixpoints import derivation as fixpoint_derivation

ROUNDS = 200
SIZE, BATCH = 3, 8


def affine(semiring):
    """``x -> b ⊕ A ⊗ x``."""

    def step(x, params):
        matrix, offset = params
        return semiring.add(offset, semiring.sum(semiring.mul(matrix, x[None, :]), 1))

    return step


def random_system(semiring, rng, shape=(), size=SIZE):
    """Matrices with a radius below 1 and offsets, all different, of any batch shape."""
    matrix = rng.uniform(0.05, 0.9 / size, (*shape, size, size))
    offset = rng.uniform(0.1, 0.9, (*shape, size))
    if semiring in (ns.LOG, ns.MAX_TIMES):
        return np.log(matrix), np.log(offset)
    if semiring is ns.MAX_MIN:  # entries above the offsets, so that they matter
        return rng.uniform(0.1, 0.9, matrix.shape), offset
    return matrix, offset


def solve(semiring, matrix, offset, **options):
    start = semiring.zeros(offset.shape, offset.dtype)
    return ns.fixpoint(affine(semiring), start, (matrix, offset), semiring=semiring, **options)


def brute(name, matrix, offset):
    add, mul, zero, _ = oracles.ALGEBRA[name]
    x = [zero] * len(offset)
    for _ in range(ROUNDS):
        rows = []
        for row, given in zip(matrix, offset, strict=True):
            total = given
            for weight, value in zip(row, x, strict=True):
                total = add(total, mul(weight, value))
            rows.append(total)
        x = rows
    return np.array(x)


@pytest.mark.parametrize(
    "semiring",
    [
        ns.LOG,
        ns.MAX_MIN,
        pytest.param(ns.REAL, marks=pytest.mark.slow),
        pytest.param(ns.MIN_PLUS, marks=pytest.mark.slow),
    ],
    ids=lambda s: s.name,
)
def test_value_gradient_tangent_and_second_derivative(semiring):
    """A batch of random systems under jit and vmap, against loops and a scan of many steps."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        matrix, offset = (jnp.asarray(x) for x in random_system(semiring, rng, (BATCH,)))
        moves = jnp.asarray(rng.normal(size=(BATCH, SIZE, SIZE)))

        def unrolled(matrix, offset):
            step = affine(semiring)
            return jax.lax.scan(
                lambda x, _: (step(x, (matrix, offset)), None), offset, length=ROUNDS
            )[0]

        def derivatives(value, matrix, offset, move):
            def loss(matrix, offset):  # second derivatives come from within and from outside
                bent = matrix + 0.1 * jnp.sin(matrix) ** 2
                return jnp.sum(jnp.sin(value(bent, offset)))

            gradient = jax.grad(loss, (0, 1))
            return jax.jvp(lambda m: gradient(m, offset), (matrix,), (move,))

        @jax.jit
        @jax.vmap
        def ours(matrix, offset, move):
            result = solve(semiring, matrix, offset)
            _, tangent = jax.jvp(
                lambda m: solve(semiring, m, offset).value, (matrix,), (jnp.cos(move),)
            )
            _, pullback = jax.vjp(lambda m: solve(semiring, m, offset).value, matrix)
            pulled = jnp.sum(pullback(jnp.sin(offset))[0] * jnp.cos(move))
            both = tangent @ jnp.sin(offset), pulled
            return (
                result,
                both,
                derivatives(lambda *w: solve(semiring, *w).value, matrix, offset, move),
            )

        @jax.jit
        @jax.vmap
        def by_scan(matrix, offset, move):
            return derivatives(unrolled, matrix, offset, move)

        result, (forward, reverse), found = ours(matrix, offset, moves)
        assert result.converged.all()
        wanted = [brute(semiring.name, *w) for w in zip(matrix, offset, strict=True)]
        np.testing.assert_allclose(result.value, wanted, rtol=1e-10)
        np.testing.assert_allclose(forward, reverse, rtol=1e-10)
        for x, y in zip(
            jax.tree.leaves(found), jax.tree.leaves(by_scan(matrix, offset, moves)), strict=True
        ):
            np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-10)


def bottleneck(weights, start):
    """Widest bottlenecks from the first node of an undirected path."""
    size = start.shape[0]
    nodes = jnp.arange(size - 1)
    matrix = jnp.zeros((size, size)).at[nodes, nodes + 1].set(weights)
    matrix = (matrix + matrix.T).at[jnp.arange(size), jnp.arange(size)].set(1.0)

    def step(x, matrix):
        return ns.MAX_MIN.sum(ns.MAX_MIN.mul(matrix, x[None, :]), 1)

    return step, matrix


def test_an_undirected_path_takes_no_more_rounds_backwards():
    """200 nodes, every edge a cycle whose weights tie; a plain adjoint goes round them for ever."""
    size = 200
    start = jnp.zeros(size).at[0].set(1.0)

    @jax.jit
    def run(weights):
        def widest(weights):
            step, matrix = bottleneck(weights, start)
            result = ns.fixpoint(step, start, matrix, semiring=ns.MAX_MIN)
            return result.value[-1], result

        (_, result), gradient = jax.value_and_grad(widest, has_aux=True)(weights)
        step, matrix = bottleneck(weights, start)
        system = fixpoint_derivation.System(
            ns.MAX_MIN, lambda x, operands: step(x, operands[0]), (True,), 10_000
        )
        return result, gradient, system.settle(result.value, start, [matrix], [])

    apart = jnp.asarray(np.random.default_rng(1).permutation(size)[:-1] + 1) / size
    for weights in (apart, jnp.full(size - 1, 0.5)):
        result, gradient, (stamps, last) = run(weights)
        assert result.converged
        assert last <= result.rounds
        np.testing.assert_array_equal(stamps, np.arange(size))
        wanted = np.minimum.accumulate(np.append(1.0, weights))
        np.testing.assert_allclose(result.value, wanted)
        assert (gradient >= 0).all()
        np.testing.assert_allclose(jnp.sum(gradient), 1.0, rtol=1e-6)
        np.testing.assert_allclose(gradient @ weights, wanted[-1], rtol=1e-6)
        assert (np.asarray(weights)[np.asarray(gradient) > 0] == wanted[-1]).all()


def test_what_has_not_converged_has_nan_derivatives():
    """Cut short, a negative cycle, a spectral radius above 1; and a sound one in the same batch."""
    sound = jnp.array([[0.1, 0.2], [0.3, 0.1]])

    def report(semiring, max_rounds):
        def run(matrix):
            def last(matrix):
                result = solve(semiring, matrix, jnp.ones(2), max_rounds=max_rounds)
                return result.value[0], result

            (_, result), gradient = jax.value_and_grad(last, has_aux=True)(matrix)
            tangent = jax.jvp(lambda m: last(m)[0], (matrix,), (jnp.ones((2, 2)),))[1]
            return result.status, result.rounds, gradient, tangent

        return jax.jit(jax.vmap(run))

    real = jnp.stack([sound, sound * 10, jnp.eye(2), sound * jnp.nan_to_num(jnp.inf)])
    status, rounds, gradient, tangent = report(ns.REAL, 50)(real)
    assert status.tolist() == [0, 1, 1, 2]
    assert rounds[1] == 50
    assert jnp.isfinite(gradient[0]).all()
    assert jnp.isfinite(tangent[0])
    assert jnp.isnan(gradient[1:]).all()
    assert jnp.isnan(tangent[1:]).all()

    costs = jnp.stack([sound, sound.at[0, 0].set(-0.1)])
    status, _, gradient, tangent = report(ns.MIN_PLUS, 50)(costs)
    assert status.tolist() == [0, 1]
    assert jnp.isfinite(gradient[0]).all()
    assert jnp.isnan(gradient[1]).all()
    assert jnp.isnan(tangent[1])


def test_a_vanished_log_system_has_finite_derivatives():
    matrix = jnp.log(jnp.array([[0.5, 0.0, 0.25], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    offset = jnp.log(jnp.array([0.0, 0.0, 1.0]))

    @jax.jit
    def run(matrix, offset):
        value, pullback = jax.vjp(lambda *w: solve(ns.LOG, *w).value, matrix, offset)
        return value, *pullback(jnp.array([1.0, 2.0, 0.0]))

    value, to_matrix, to_offset = run(matrix, offset)
    np.testing.assert_allclose(np.exp(value), [0.5, 0.0, 1.0], rtol=1e-6)
    np.testing.assert_allclose(to_matrix, [[1, 0, 1], [0, 0, 0], [0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(to_offset, [0, 0, 1], atol=1e-6)


def test_ties_within_a_reduction_split_evenly_and_later_ways_count_for_nothing():
    # 3 is reached at cost 2 through 1 and 2 in the same round, and by a longer way through 4.
    inf = jnp.inf
    roads = np.full((5, 5), inf, np.float32)
    for a, b, cost in [(0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 3, 1), (1, 4, 0.5), (4, 3, 0.5)]:
        roads[b, a] = cost
    np.fill_diagonal(roads, 0)
    start = np.where(np.arange(5) == 0, 0, inf).astype(np.float32)

    def cost(roads, start):
        def step(x, roads):
            return ns.einsum("ij,j->i", roads, x, semiring=ns.MIN_PLUS)

        return ns.fixpoint(step, start, roads, semiring=ns.MIN_PLUS).value[3]

    to_roads, to_start = jax.jit(jax.grad(cost, (0, 1)))(roads, start)
    wanted = np.zeros((5, 5))
    wanted[1, 0] = wanted[2, 0] = wanted[3, 1] = wanted[3, 2] = 0.5
    np.testing.assert_array_equal(to_roads, wanted)
    np.testing.assert_array_equal(to_start, [1, 0, 0, 0, 0])  # facts of init have derivatives


def test_boolean_and_counting_fixpoints_have_values_only():
    edges = np.triu(np.random.default_rng(2).random((6, 6)) < 0.5, 1)
    reached = solve(ns.BOOLEAN, jnp.asarray(edges.T), jnp.arange(6) == 0)
    counted = solve(ns.COUNTING, jnp.asarray(edges.T, jnp.int32), jnp.int32(jnp.arange(6) == 0))
    walks = np.linalg.inv(np.eye(6) - edges)[0].round()
    np.testing.assert_array_equal(counted.value, walks)
    np.testing.assert_array_equal(reached.value, walks > 0)
    assert reached.converged
    assert counted.converged
    looped = solve(ns.COUNTING, jnp.full((2, 2), 2, jnp.int32), jnp.array([1, 0], jnp.int32))
    assert looped.status == ns.FixpointStatus.SATURATED
    assert not looped.converged
    assert (looped.value == 2**31 - 1).all()


def test_pytrees_and_closed_over_arrays():
    """The state is a dict; the step closes over traced floats and integers, inside and out."""
    targets = np.array([1, 2, 0])

    def solution(scale, offset):
        order = jnp.asarray(targets) + jnp.int32(0 * scale)  # traced integers

        def step(x, offset):
            return {"a": offset + scale * x["b"][order], "b": 0.5 * x["a"]}

        start = {"a": jnp.zeros(3), "b": jnp.zeros(3)}
        return ns.fixpoint(step, start, offset, semiring=ns.REAL).value

    permutation = np.eye(3)[targets]
    offset, scale = np.array([0.1, 0.2, 0.4]), 0.6
    inverse = np.linalg.inv(np.eye(3) - 0.5 * scale * permutation)
    a = inverse @ offset

    def loss(scale, offset):
        return solution(scale, offset)["a"].sum()

    for gradient in (jax.grad(jax.jit(loss), (0, 1)), jax.jit(jax.grad(loss, (0, 1)))):
        to_scale, to_offset = gradient(scale, jnp.asarray(offset))
        np.testing.assert_allclose(to_offset, inverse.sum(0), rtol=1e-5)
        slope = (inverse @ (0.5 * permutation) @ a).sum()
        np.testing.assert_allclose(to_scale, slope, rtol=1e-5)


def test_elements_of_several_parts():
    """The expected length of a walk until it is absorbed."""
    matrix = np.array([[0.0, 0.5], [0.25, 0.0]])
    leaving = 1 - matrix.sum(1)

    def expected(matrix):
        edges = type(ns.EXPECTATION.zero)(matrix, matrix)  # every edge is one step long
        ends = ns.EXPECTATION.from_log(jnp.log(jnp.asarray(leaving, jnp.float32)))

        def step(x, edges):
            moved = ns.einsum("ij,j->i", edges, x, semiring=ns.EXPECTATION)
            return ns.EXPECTATION.add(ends, moved)

        start = ns.EXPECTATION.zeros((2,))
        return ns.fixpoint(step, start, edges, semiring=ns.EXPECTATION).value.moment

    value, gradient = jax.jit(lambda m: (expected(m), jax.jacrev(expected)(m)))(
        jnp.asarray(matrix, jnp.float32)
    )
    inverse = np.linalg.inv(np.eye(2) - matrix)
    np.testing.assert_allclose(value, inverse @ (matrix @ (inverse @ leaving)), rtol=1e-5)

    def by_solve(matrix):
        inverse = np.linalg.inv(np.eye(2) - matrix)
        return inverse @ (matrix @ (inverse @ leaving))

    for i in range(2):
        for j in range(2):
            move = np.zeros((2, 2))
            move[i, j] = 1e-6
            slope = (by_solve(matrix + move) - by_solve(matrix - move)) / 2e-6
            np.testing.assert_allclose(gradient[:, i, j], slope, rtol=1e-4)


@pytest.mark.slow
def test_memory_does_not_depend_on_the_rounds():
    matrix, offset = jnp.full((64, 64), 0.5 / 64), jnp.ones(64)

    def needed(semiring, max_rounds):
        def loss(matrix):
            return solve(semiring, matrix, offset, max_rounds=max_rounds).value.sum()

        compiled = jax.jit(jax.grad(loss)).lower(matrix).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert abs(needed(ns.MAX_TIMES, 10) - needed(ns.MAX_TIMES, 100_000)) < 4096


def test_a_step_that_is_none_of_the_semiring_leaves_entries_without_derivative():
    # a jumps to 0.9 once b has reached 0.3, which it does from a's earlier value 0.4 and could not
    # do without it: no acyclic derivation from final values exists.
    def step(x, low):
        a, b = x
        return jnp.stack([jnp.maximum(low, jnp.where(b >= 0.3, 0.9, 0.0)), jnp.minimum(a, 0.3)])

    def run(low):
        return ns.fixpoint(step, jnp.zeros(2), low, semiring=ns.MAX_MIN)

    @jax.jit
    def with_gradient(low):
        return run(low), jax.grad(lambda low: run(low).value[0])(low)

    result, gradient = with_gradient(0.4)
    assert result.converged
    np.testing.assert_allclose(result.value, [0.9, 0.3])
    assert jnp.isnan(gradient)


def bad_step(x, params):
    return x[:1]


@pytest.mark.parametrize(
    ("step", "init", "options", "message"),
    [
        (affine(ns.LOG), jnp.full(2, jnp.nan), {}, "init holds a NaN"),
        (affine(ns.LOG), jnp.zeros(2), {"max_rounds": 0}, "at least one round, not 0"),
        (affine(ns.LOG), jnp.zeros(2), {"max_rounds": 2**31}, "counts rounds in int32"),
        (affine(ns.LOG), jnp.zeros(2), {"rtol": -1.0}, "rtol is at least 0, not -1"),
        (bad_step, jnp.zeros(2), {}, r"float32\[1\] for float32\[2\] of init"),
        (lambda x, params: (x, x), jnp.zeros(2), {}, "but init is"),
    ],
)
def test_bad_input(step, init, options, message):
    params = (jnp.zeros((2, 2)), jnp.zeros(2))
    with pytest.raises(ValueError, match=message):
        ns.fixpoint(step, init, params, semiring=ns.LOG, **options)


def test_nan_in_params_and_a_semiring_without_derivatives():
    with pytest.raises(ValueError, match="params holds a NaN"):
        solve(ns.LOG, jnp.full((2, 2), jnp.nan), jnp.zeros(2))
    plain = ns.Semiring(name="plain", zero=0.0, one=1.0, add=jnp.maximum, mul=jnp.minimum)
    matrix = jnp.full((2, 2), 0.5)
    assert solve(plain, matrix, jnp.ones(2)).converged
    with pytest.raises(ValueError, match="plain states no derivatives"):
        jax.grad(lambda m: solve(plain, m, jnp.ones(2)).value.sum())(matrix)
