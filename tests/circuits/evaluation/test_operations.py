"""Circuits of formulas: against brute force, PySDD's model counts and finite differences."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from pysdd.sdd import SddManager, Vtree
from random_problems import random_weights

import neurosym as ns
from neurosym.circuits import Formula, circuit_of, compile_formula
from neurosym.io import parse_nnf
from neurosym.semirings import ALL

KNOWN = [semiring for semiring in ALL if semiring.name in oracles.ALGEBRA]


def random_clauses(seed, variables, count, width=3):
    rng = np.random.default_rng(seed)
    clauses = []
    for _ in range(count):
        chosen = rng.choice(variables, width, replace=False) + 1
        clauses.append(tuple((chosen * rng.choice([-1, 1], width)).tolist()))
    return clauses


def compiled(clauses, variables):
    return compile_formula(Formula(clauses, variables))


def models(clauses, variables):
    """Value indices of all models: 0 where a variable is true."""
    found = []
    for values in itertools.product((True, False), repeat=variables):
        if all(any(values[abs(x) - 1] == (x > 0) for x in clause) for clause in clauses):
            found.append(tuple(int(not value) for value in values))
    return found


@pytest.fixture(scope="module")
def formula():
    """Six variables, of which one occurs in no clause, so that the diagram is not smooth."""
    clauses = random_clauses(3, 5, 7)
    solutions = models(clauses, 6)
    assert 4 < len(solutions) < 40
    return compiled(clauses, 6), solutions


@pytest.mark.parametrize("semiring", KNOWN, ids=lambda s: s.name)
def test_total_and_support_against_brute_force(semiring, formula):
    circuit, solutions = formula
    rng = np.random.default_rng(0)
    cases = [random_weights(semiring.name, circuit.shape, rng) for _ in range(4)]

    @jax.jit
    @jax.vmap
    def read(w):
        return circuit.total(w, semiring=semiring), circuit.support(w, semiring=semiring)

    totals, supports = read(np.stack(cases))
    for weights, total, support in zip(cases, totals, supports, strict=True):
        wanted, outer = oracles.total_and_support(semiring.name, weights, solutions)
        np.testing.assert_allclose(np.float64(total), np.float64(wanted), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.float64(support), np.float64(outer), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["real", "log", "max_times", "min_plus", "max_min"])
def test_the_gradient_against_a_sum_over_models(name, formula):
    circuit, solutions = formula
    weights = np.random.default_rng(5).uniform(0.1, 0.9, circuit.shape).astype(np.float32)
    factors = np.asarray([[weights[i, v] for i, v in enumerate(s)] for s in solutions])
    wanted = np.zeros(weights.shape)
    everywhere = np.arange(circuit.shape[0])
    if name == "real":
        for solution, own in zip(solutions, factors, strict=True):
            for i, v in enumerate(solution):
                wanted[i, v] += np.prod(np.delete(own, i))
    elif name == "log":
        scores = np.exp(factors.sum(1))
        for solution, score in zip(solutions, scores / scores.sum(), strict=True):
            wanted[everywhere, solution] += score
    elif name == "max_min":
        best = int(np.argmax(factors.min(1)))
        weakest = int(np.argmin(factors[best]))
        wanted[weakest, solutions[best][weakest]] = 1
    else:
        choose = np.argmax if name == "max_times" else np.argmin
        wanted[everywhere, solutions[int(choose(factors.sum(1)))]] = 1
    semiring = ns.semiring_by_name(name)
    found = jax.grad(lambda w: circuit.total(w, semiring=semiring))(jnp.asarray(weights))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_ties_split_evenly_within_a_row():
    # 1 and 2, or 1 and not 2, or not 1: with equal weights the first two tie below.
    text = "nnf 6 4 2\nL 1\nL 2\nL -2\nL -1\nO 2 2 1 2\nA 2 0 4\n"
    circuit = circuit_of(parse_nnf(text))
    gradient = jax.grad(lambda w: circuit.total(w, semiring=ns.MAX_TIMES))(jnp.zeros((2, 2)))
    np.testing.assert_allclose(gradient, [[1, 0], [0.5, 0.5]])


def test_weighted_model_counts_are_those_of_pysdd(tmp_path):
    for seed, (variables, count) in enumerate([(10, 15), (14, 40)]):
        clauses = random_clauses(seed, variables, count)
        manager = SddManager.from_vtree(Vtree(var_count=variables, vtree_type="right"))
        root = manager.true()
        for clause in clauses:
            part = manager.false()
            for literal in clause:
                part |= manager.literal(literal)
            root &= part
        paths = tmp_path / f"{seed}.sdd", tmp_path / f"{seed}.vtree"
        root.save(str(paths[0]).encode())
        manager.vtree().save(str(paths[1]).encode())
        circuit = ns.circuits.from_sdd(*paths)
        weights = np.random.default_rng(seed).uniform(0.1, 2, (3, variables, 2))
        found = jax.jit(jax.vmap(circuit.total))(np.log(weights).astype(np.float32))
        for row, total in zip(weights, found, strict=True):
            counter = root.wmc(log_mode=False)
            for v, (positive, negative) in enumerate(row.tolist(), start=1):
                counter.set_literal_weight(manager.literal(v), positive)
                counter.set_literal_weight(manager.literal(-v), negative)
            np.testing.assert_allclose(np.exp(np.float64(total)), counter.propagate(), rtol=1e-4)
        ones = jnp.ones(circuit.shape, jnp.int32)
        found = int(circuit.total(ones, semiring=ns.COUNTING))
        assert found == root.global_model_count()


@pytest.mark.parametrize("semiring", [ns.LOG, ns.REAL], ids=lambda s: s.name)
def test_gradients_against_finite_differences(semiring, formula):
    circuit, _ = formula
    with jax.enable_x64(True):
        weights = np.random.default_rng(1).uniform(0.2, 0.9, circuit.shape)
        steps = 1e-5 * np.eye(weights.size).reshape(-1, *circuit.shape)
        moved = np.concatenate([weights + steps, weights - steps])

        @jax.jit
        @jax.vmap
        def read(w):
            return jax.value_and_grad(lambda w: circuit.total(w, semiring=semiring))(w)

        values, gradients = read(moved)
        above, below = np.split(np.asarray(values), 2)
        wanted = ((above - below) / 2e-5).reshape(circuit.shape)
        middle = (gradients[0] + gradients[12]) / 2
        np.testing.assert_allclose(middle, wanted, rtol=1e-6)


def covariance(weights, solutions):
    """Of the indicators of literals, which is the Hessian of the log total; ``[I, I]``."""
    scores = np.asarray([sum(weights[i, v] for i, v in enumerate(s)) for s in solutions])
    probability = np.exp(scores - np.logaddexp.reduce(scores))
    indicator = np.zeros((len(solutions), *weights.shape))
    for n, solution in enumerate(solutions):
        indicator[n, np.arange(len(weights)), solution] = 1
    flat = indicator.reshape(len(solutions), -1)
    mean = probability @ flat
    return flat.T @ (probability[:, None] * flat) - np.outer(mean, mean)


SECOND = {
    "forward over reverse": lambda f: jax.jacfwd(jax.jacrev(f)),
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "forward over forward": lambda f: jax.jacfwd(jax.jacfwd(f)),
    "reverse over forward": lambda f: jax.jacrev(jax.jacfwd(f)),
}


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, marks=[pytest.mark.slow] if n > 0 else [])
        for n, mode in enumerate(SECOND)
    ],
)
def test_hessians_in_every_mode_and_under_vmap(mode, formula):
    circuit, solutions = formula
    weights = np.random.default_rng(2).normal(size=(3, *circuit.shape)).astype(np.float32)
    weights[2] = -np.inf
    found = jax.jit(jax.vmap(SECOND[mode](circuit.total)))(weights).reshape(3, 12, 12)
    for hessian, w in zip(found[:2], weights, strict=False):
        np.testing.assert_allclose(hessian, covariance(w, solutions), atol=1e-5)
    assert np.isfinite(found[2]).all()


@pytest.mark.slow
def test_marginals_are_differentiable(formula):
    circuit, solutions = formula
    weights = np.random.default_rng(2).normal(size=circuit.shape).astype(np.float32)
    found = jax.jit(jax.jacrev(circuit.marginals))(weights).reshape(12, 12)
    np.testing.assert_allclose(found, covariance(weights, solutions), atol=1e-5)


def test_supports_are_differentiable(formula):
    circuit, solutions = formula
    weights = np.random.default_rng(3).uniform(0.2, 0.9, circuit.shape).astype(np.float32)
    wanted = np.zeros((6, 2, 6, 2))
    for solution in solutions:
        for (i, v), (j, u) in itertools.permutations(enumerate(solution), 2):
            others = [weights[k, x] for k, x in enumerate(solution) if k not in (i, j)]
            wanted[i, v, j, u] += np.prod(others)
    found = jax.jit(jax.jacfwd(lambda w: circuit.support(w, semiring=ns.REAL)))(weights)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_marginals_are_the_gradient_of_the_log_total(formula):
    circuit, _ = formula
    weights = jax.random.normal(jax.random.key(0), circuit.shape)

    @jax.jit
    def read(w):
        return (
            circuit.marginals(w),
            jax.grad(circuit.total)(w),
            circuit.support(w),
            circuit.total(w),
        )

    marginals, gradient, support, total = read(weights)
    np.testing.assert_allclose(marginals, gradient, atol=1e-6)
    np.testing.assert_allclose(marginals.sum(1), 1, atol=1e-6)
    through = jnp.exp(weights + support - total)
    np.testing.assert_allclose(marginals, through, atol=1e-5)


def test_batch_equals_loop_also_nested_and_with_the_circuit_as_an_argument(formula):
    circuit, _ = formula
    weights = jax.random.normal(jax.random.key(1), (2, 2, *circuit.shape))

    @jax.jit
    def batched(circuit, weights):
        return jax.vmap(jax.vmap(jax.value_and_grad(circuit.total)))(weights)

    values, gradients = batched(circuit, weights)
    one = jax.jit(jax.value_and_grad(circuit.total))
    for index in np.ndindex(2, 2):
        value, gradient = one(weights[index])
        np.testing.assert_allclose(values[index], value, rtol=1e-5)
        np.testing.assert_allclose(gradients[index], gradient, rtol=1e-4, atol=1e-6)


def test_weights_of_positive_literals_where_there_is_a_complement(formula):
    circuit, _ = formula
    p = np.random.default_rng(4).uniform(0.1, 0.9, 6).astype(np.float32)
    both = np.stack([p, 1 - p], 1)

    @jax.jit
    def read(w):
        return jax.value_and_grad(lambda w: circuit.total(w, semiring=ns.REAL))(w)

    (found, gradient), (wanted, moved) = read(p), read(both)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(gradient, moved[:, 0] - moved[:, 1], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(circuit.total(jnp.log(p)), jnp.log(wanted), rtol=1e-5)
    with pytest.raises(ValueError, match="counting declares no complement"):
        circuit.total(jnp.ones(6, jnp.int32), semiring=ns.COUNTING)


def test_weights_of_zero_and_one_have_finite_derivatives(formula):
    circuit, solutions = formula
    sure = np.full(circuit.shape, -np.inf, np.float32)
    sure[np.arange(6), solutions[2]] = 0
    read = jax.jit(jax.value_and_grad(circuit.total))
    value, gradient = read(jnp.asarray(sure))
    assert value == 0
    np.testing.assert_allclose(gradient, np.exp(sure), atol=1e-6)
    nothing = jnp.full(circuit.shape, -jnp.inf)
    value, gradient = read(nothing)
    assert value == -jnp.inf
    np.testing.assert_array_equal(gradient, 0)
    np.testing.assert_array_equal(circuit.marginals(nothing), 0)


def test_constant_circuits():
    false = compiled([(1,), (-1,), (2, 3)], 3)
    true = compiled([], 3)
    weights = jnp.log(jnp.asarray([[0.2, 0.8], [0.3, 0.7], [0.5, 0.25]]))
    total, gradient = jax.jit(jax.value_and_grad(false.total))(weights)
    assert total == -jnp.inf
    np.testing.assert_array_equal(gradient, 0)
    np.testing.assert_array_equal(false.marginals(weights), 0)
    np.testing.assert_array_equal(false.support(weights), -jnp.inf)
    total, gradient = jax.jit(jax.value_and_grad(true.total))(weights)
    np.testing.assert_allclose(total, math.log(0.75), rtol=1e-6)
    np.testing.assert_allclose(gradient, [[0.2, 0.8], [0.3, 0.7], [2 / 3, 1 / 3]], rtol=1e-5)
    single = compiled([(-1,)], 1)  # the root is a leaf
    np.testing.assert_array_equal(jax.grad(single.total)(jnp.zeros((1, 2))), [[0, 1]])
    assert single.support(jnp.zeros((1, 2)))[0, 0] == -jnp.inf


def test_counts_saturate():
    circuit = compiled([(1, 2)], 40)
    ones = jnp.ones((40, 2), jnp.int32)
    assert int(circuit.total(ones, semiring=ns.COUNTING)) == 2**31 - 1
    p = jnp.full(40, 0.5)
    assert circuit.total(p, semiring=ns.REAL).item() == pytest.approx(0.75)


def test_wrong_weights_are_refused(formula):
    circuit, _ = formula
    with pytest.raises(ValueError, match=r"\[V, 2\] = \[6, 2\], not \[5, 2\]"):
        circuit.total(jnp.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"not \[6\]"):
        circuit.support(jnp.zeros(6))
    with pytest.raises(ValueError, match="elements, not float32"):
        circuit.total(jnp.zeros((6, 2)), semiring=ns.BOOLEAN)
    # Stacked tables are read one by one; a batched branch stacks those that it closes over.
    many = jax.tree.map(lambda x: jnp.stack([x, x]), circuit)
    found = jax.vmap(lambda c: c.total(jnp.zeros((6, 2))))(many)
    np.testing.assert_allclose(found, [circuit.total(jnp.zeros((6, 2)))] * 2, rtol=1e-6)


def chain(length):
    """x1 or (not x1 and (x2 or (not x2 and ...))): as many layers as variables."""
    lines, below = [f"L {length}"], 0
    for v in range(length - 1, 0, -1):
        n = len(lines)
        lines += [f"L {v}", f"L {-v}", f"A 2 {n + 1} {below}", f"O {v} 2 {n} {n + 2}"]
        below = n + 3
    edges = 4 * (length - 1)
    return f"nnf {len(lines)} {edges} {length}\n" + "\n".join(lines) + "\n"


def test_the_program_does_not_grow_with_the_number_of_layers():
    circuits = [circuit_of(parse_nnf(chain(n))) for n in (40, 400)]
    assert [len(c.layers) >= n for c, n in zip(circuits, (40, 400), strict=True)] == [True, True]
    programs = [jax.make_jaxpr(jax.value_and_grad(c.total))(jnp.zeros(c.shape)) for c in circuits]
    sizes = [len(str(program).splitlines()) for program in programs]
    assert sizes[1] < 1.1 * sizes[0]
    total = circuits[1].total(jnp.log(jnp.full((400, 2), 0.5)))
    np.testing.assert_allclose(total, 0, atol=1e-4)  # all but one assignment of 2**400
    gradient = jax.grad(circuits[0].total)(jnp.log(jnp.full((40, 2), 0.5)))
    np.testing.assert_allclose(gradient, 0.5, atol=1e-4)
