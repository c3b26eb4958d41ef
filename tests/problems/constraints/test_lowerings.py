"""Single constraints whose variables are private: total and support against enumeration."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from random_problems import random_weights

import neurosym as ns
from neurosym.problems.constraints import chain_lowering
from neurosym.problems.constraints.all_different import subsets_lowering
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.linear.lowering import LinearLowering
from neurosym.problems.constraints.linear.sum_plan import plan_sum

NAMES = (
    "log",
    "counting",
    "max_min",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("real", "max_times", "min_plus")),
    pytest.param("boolean", marks=pytest.mark.slow),
)


def every_constraint() -> list[ns.problems.constraints.constraint.Constraint]:
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    mixed = [
        problem.variable(f"y{n}", domain=d) for n, d in enumerate([(0, 1, 2), (3, 5), (7, -4, 9)])
    ]
    far = problem.variables("z", shape=3, domain=(0, 400, 1, 900))
    number = problem.variable("n", domain=(3, 1, 7, 2, 0))
    one = problem.variable("one", domain=(1,))
    steps = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 1, (2, 0): 2, (2, 1): 0, (2, 2): 1}
    automaton = ns.Automaton((0, 1, 2), 0, (0, 2), steps)
    return [
        ns.Linear((*mixed, x[0]), (1, 10, 1, 10), "==", 58),
        ns.Linear((*mixed, x[0]), (6, 10, 15, -1), "<=", 100),
        ns.Linear((*mixed, one), (1, 1, 2, 3), "!=", 18),
        ns.Linear(tuple(far), (1, 2, 3), "==", 2703),
        ns.Linear(tuple(x), (1, 1, 1, 1), "==", 9),  # out of reach
        ns.Count(x, {1, 2}, "==", number),
        ns.Count([*x, x[0]], {0}, "<=", number),
        ns.Count(x[:3], {1}, "!=", number),
        ns.AllDifferent([*mixed, x[0]]),
        ns.AllDifferent([x[0] + 1, x[1], x[2] + 2, x[3]]),
        ns.Regular(x, automaton),
    ]


def weights_of(relation, name: str, rng: np.random.Generator) -> np.ndarray:
    return random_weights(name, (len(relation.sizes), max(relation.sizes)), rng)


@pytest.mark.parametrize("name", NAMES)
def test_total_and_support(name, monkeypatch):
    monkeypatch.setattr(subsets_lowering, "MAX_DENSE", 2)
    semiring = ns.semiring_by_name(name)
    rng = np.random.default_rng(0)
    constraints = every_constraint()
    relations = [joined(c) for c in constraints]
    given = [weights_of(relation, name, rng) for relation in relations]

    @jax.jit
    def read(given):
        rows = [
            [jnp.asarray(w[k, :n]) for k, n in enumerate(relation.sizes)]
            for relation, w in zip(relations, given, strict=True)
        ]
        pairs = list(zip(relations, rows, strict=True))
        return [(r.total(semiring, w), r.support(semiring, w)) for r, w in pairs]

    for constraint, relation, w, (total, support) in zip(
        constraints, relations, given, read(given), strict=True
    ):
        words = itertools.product(*(x.domain for x in constraint.scope))
        indices = itertools.product(*map(range, relation.sizes))
        allowed = [i for i, word in zip(indices, words, strict=True) if constraint.check(word)]
        wanted = oracles.total_and_support(name, w, allowed)
        message = f"{constraint!r} in {name}"
        np.testing.assert_allclose(
            np.float64(total), np.float64(wanted[0]), rtol=1e-4, atol=1e-5, err_msg=message
        )
        for k, n in enumerate(relation.sizes):
            np.testing.assert_allclose(
                np.float64(support[k]),
                np.float64(wanted[1][k, :n]),
                rtol=1e-4,
                atol=1e-5,
                err_msg=message,
            )


@pytest.mark.slow
def test_the_gradient_of_the_log_total_is_the_marginals(monkeypatch):
    monkeypatch.setattr(chain_lowering, "MAX_UNROLLED", 3)  # scans
    monkeypatch.setattr(subsets_lowering, "MAX_DENSE", 2)
    chosen = [every_constraint()[n] for n in (0, 8)]
    rng = np.random.default_rng(1)
    for constraint in chosen:
        relation = joined(constraint)
        w = [jnp.asarray(rng.normal(size=n) * 3, jnp.float32) for n in relation.sizes]

        def total(w, relation=relation):
            return relation.total(ns.LOG, w)

        def both(w, relation=relation, total=total):
            return jax.value_and_grad(total)(w), relation.support(ns.LOG, w)

        (value, gradient), support = jax.jit(both)(w)
        for g, x, s in zip(gradient, w, support, strict=True):
            np.testing.assert_allclose(g, np.exp(x + s - value), atol=1e-5)
            np.testing.assert_allclose(g.sum(), 1, atol=1e-5)


@pytest.mark.slow
def test_weights_that_vanish_and_weights_that_underflow(reading):
    problem = ns.Problem()
    x = problem.variables("x", shape=(2, 2), domain=range(10))
    number = problem.variable("total", domain=range(199))
    problem.add((x * np.array([10, 1])).sum() == number)
    network = problem.compile()

    @jax.jit
    def query(w):
        read = ns.query(network, w, target=number)
        return read, jax.grad(lambda w: ns.total(network, w))(w)

    sure = np.full((5, 199), -60.0, np.float32)
    sure[:, 0] = 0
    sure[4] = 0
    found, gradient = query(sure)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:3], [0, np.log(2) - 60, np.log(2) - 60], rtol=1e-5)
    np.testing.assert_allclose(found[198], -240, rtol=1e-5)
    np.testing.assert_allclose(gradient[:4, 0], 1, rtol=1e-5)
    never = sure.copy()
    never[1] = -np.inf
    found, gradient = query(never)
    np.testing.assert_array_equal(found, -np.inf)
    np.testing.assert_array_equal(gradient, 0)


def test_the_permanent_of_twelve_values():
    problem = ns.Problem()
    x = problem.variables("x", shape=12, domain=range(12))
    problem.add(ns.AllDifferent(x))
    network = problem.compile()
    ones = jnp.ones((12, 12), jnp.int32)
    assert int(ns.total(network, ones, semiring=ns.COUNTING)) == math.factorial(12)
    support = ns.support(network, ones, semiring=ns.COUNTING)
    np.testing.assert_array_equal(support, math.factorial(11))


@pytest.mark.slow
def test_a_long_automaton_is_a_scan():
    problem = ns.Problem()
    x = problem.variables("x", shape=300, domain=range(2))
    no_two = ns.Automaton((0, 1), 0, (0, 1), {(0, 0): 0, (0, 1): 1, (1, 0): 0})
    problem.add(ns.Regular(x, no_two))
    network = problem.compile()
    total = jax.jit(lambda w: ns.total(network, w))
    assert str(jax.make_jaxpr(total)(jnp.zeros((300, 2)))).count("scan[") <= 8
    fibonacci = [1, 2]
    while len(fibonacci) <= 300:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert float(total(jnp.zeros((300, 2)))) == pytest.approx(math.log(fibonacci[300]), rel=1e-5)


def test_plans_cost_about_the_range_of_the_sum():
    digits = [[d * 10**k for d in range(10)] for k in range(6) for _ in range(2)]
    plan = plan_sum(digits, 2 * 10**6 - 1)
    assert plan.size <= plan.element_count <= 4 * plan.size
    many = plan_sum([[0, 1]] * 64, 65)
    assert len(many.merges) == 6  # those of one level are one
    random = plan_sum([[0, 7919 * (n + 1)] for n in range(40)], 10**5)
    assert random.element_count < 40 * 4 * 10**5


def test_counts_absorb_what_is_private():
    problem = ns.Problem()
    x = problem.variables("x", shape=12, domain=range(4))
    many = problem.variable("many", domain=range(13))
    problem.add(ns.Count(x, {1, 3}, "==", many))
    lowering = problem.compile().structure.relations[0].relation.lower(frozenset(range(12)))
    assert isinstance(lowering, LinearLowering)
    assert len(lowering.absorbed) == 12
    found = np.exp(ns.query(problem.compile(), jnp.zeros((13, 13)), target=many))
    wanted = [math.comb(12, k) / 2**12 for k in range(13)]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-12)


def test_sums_beyond_62_bits_are_refused():
    problem = ns.Problem()
    digits = problem.variables("d", shape=19, domain=range(10))
    place_values = [10**k for k in range(19)]
    with pytest.raises(ValueError, match=r"reach from 0 to 9999999999999999999 .* not fit 62 bits"):
        ns.Linear(tuple(digits), tuple(place_values), "==", 10**15)
