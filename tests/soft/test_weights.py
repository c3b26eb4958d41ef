"""What the engines are given is checked before it is made a JAX array, which would cut it.

Wanted values are counted and summed with Python's own integers and floats.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.semirings.operations.convolution import convolve

MOST = 2**31 - 1
LARGE = [5, MOST, MOST + 1, 2**32, 2**33 + 5, 2**63 - 1, 2**64, 10**30]


@pytest.fixture(scope="module")
def one():
    """One variable of two values and one of three, free of constraints: D is 3."""
    problem = ns.Problem()
    problem.variable("x", domain=range(2))
    problem.variable("y", domain=range(3))
    return problem.compile()


@pytest.fixture(scope="module")
def circuit(one):
    return ns.compile_circuit(one)


def forms(number, shape):
    """The same number as NumPy's arrays of every integer type that holds it, and as lists."""
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
            yield np.full(shape, number, dtype)
    yield np.full(shape, number, object).tolist()


@pytest.mark.parametrize("number", LARGE)
def test_counts_saturate_whatever_their_width(one, number):
    for weights in forms(number, (2, 3)):
        found = ns.total(one, weights, semiring=ns.COUNTING)
        assert int(found) == min(2 * number * 3 * number, MOST)
        found = ns.support(one, weights, semiring=ns.COUNTING)
        assert found[0].tolist() == [min(3 * number, MOST)] * 2 + [0]


@pytest.mark.parametrize("number", LARGE)
def test_counts_of_circuits_closures_and_einsum_saturate(circuit, number):
    for weights in forms(number, (2, 3)):
        found = circuit.total(weights, semiring=ns.COUNTING)
        assert int(found) == min(6 * number**2, MOST)
    for x in forms(number, (2,)):
        found = ns.einsum("i,i->", x, [1, 1], semiring=ns.COUNTING)
        assert int(found) == min(2 * number, MOST)
        assert convolve(ns.COUNTING, x, [1]).tolist() == [min(number, MOST)] * 2
        assert int(ns.COUNTING.sum(x)) == min(2 * number, MOST)
        assert ns.COUNTING.add(x, [0, 0]).tolist() == [min(number, MOST)] * 2
    edge = np.zeros((2, 2), np.int64)
    edge[0, 1] = min(number, 2**63 - 1)
    found = ns.closure(edge, semiring=ns.COUNTING).value
    assert found.tolist() == [[1, min(number, MOST)], [0, 1]]


@pytest.mark.parametrize("number", [-1, -(2**31) - 1, -(2**32), -(2**33) + 5])
def test_negative_counts_stay_negative_and_are_refused(one, circuit, number):
    for weights in forms(number, (2, 3)):
        for ask in (ns.total, ns.support):
            with pytest.raises(ValueError, match="'x' = 0 is negative"):
                ask(one, weights, semiring=ns.COUNTING)
        with pytest.raises(ValueError, match="is negative"):
            circuit.total(weights, semiring=ns.COUNTING)


@pytest.mark.parametrize("number", [2**31, 2**32, 2**40 + 1, 2**62])
def test_whole_numbers_are_weights_of_their_size_in_every_float_semiring(one, number):
    for weights in forms(number, (2, 3)):
        found = ns.total(one, weights, semiring=ns.REAL)
        np.testing.assert_allclose(found, 6.0 * float(number) ** 2, rtol=1e-6)
        np.testing.assert_allclose(
            ns.total(one, weights, semiring=ns.MIN_PLUS), 2.0 * number, rtol=1e-6
        )


@pytest.mark.parametrize("semiring", [ns.REAL, ns.LOG, ns.MIN_PLUS, ns.MAX_TIMES], ids=str)
@pytest.mark.parametrize("number", [1e300, -1e300])
def test_a_finite_weight_does_not_become_infinite(one, circuit, semiring, number):
    weights = np.zeros((2, 3))
    weights[1, 2] = number
    asked = [
        lambda: ns.total(one, weights, semiring=semiring),
        lambda: circuit.total(weights, semiring=semiring),
        lambda: ns.einsum("ij->", weights, semiring=semiring),
        lambda: ns.closure(weights[:, 1:], semiring=semiring),
        lambda: ns.fixpoint(lambda x, p: x, weights, (), semiring=semiring),
        lambda: ns.fixpoint(lambda x, p: x, jnp.zeros(2), weights, semiring=semiring),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match=r"1e\+300 at \[1, [12]\], beyond float32"):
            ask()


def test_entries_beyond_a_domain_may_be_anything(one):
    weights = np.zeros((2, 3))
    weights[0, 2] = 1e300
    assert float(ns.total(one, weights, semiring=ns.MIN_PLUS)) == 0
    assert float(ns.solve_best(one, None, weights).objective) == 0


@pytest.mark.parametrize("number", [1e300, -1e300])
def test_other_borders_refuse_what_float32_does_not_hold(one, number):
    weights = np.full((2, 3), number)
    asked = [
        lambda: ns.solve_best(one, None, weights),
        lambda: ns.solve(one, value_weights=weights),
        lambda: ns.k_best(one, weights, k=1),
        lambda: ns.marginals(one, weights),
        lambda: ns.belief_propagation(one, weights),
        lambda: ns.Potentials([[0, 1]], weights[:1, :2].repeat(2, 0)),
        lambda: ns.semirings.entropy_weights(weights),
        lambda: ns.semirings.facts(ns.TOP_K_PROOFS(1, 2), weights),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="beyond float32"):
            ask()


def test_whole_numbers_as_log_weights_keep_their_size(one):
    weights = np.zeros((2, 3), np.int64)
    weights[0, 1], weights[1, 2] = 2**32, 2**33
    best = ns.solve_best(one, None, weights)
    assert best.assignment.tolist() == [1, 2]
    assert float(best.objective) == 3 * 2**32
    found = ns.k_best(one, weights, k=1)
    assert found.assignments.tolist() == [[1, 2]]
    assert float(found.log_weights[0]) == 3 * 2**32
    table = ns.Potentials([[0, 1]], np.full((2, 3), 2**33)).log_table
    assert table.tolist() == [[2.0**33] * 3] * 2


def test_parameters_of_a_fixpoint_are_not_cut():
    with pytest.raises(ValueError, match=r"params holds 4294967297 at .*beyond int32"):
        ns.fixpoint(lambda x, p: x, jnp.zeros(2), np.array([2**32 + 1]), semiring=ns.MIN_PLUS)


def test_masks_and_roots_are_refused_for_what_they_are(one, circuit):
    for mask in (np.full((2, 3), 2**32), np.ones((2, 3))):
        with pytest.raises(ValueError, match="bool"):
            ns.propagate(one, mask)
        with pytest.raises(ValueError, match="bool"):
            ns.total(one, np.zeros((2, 3)), domains=mask)
    for root in (2**32, np.int64(2**32)):
        with pytest.raises(ValueError, match="there is no root"):
            circuit.total(np.zeros((2, 3)), root=root)


def test_a_temperature_below_every_float_is_refused(one):
    with pytest.raises(ValueError, match="at 0 these are the max-marginals"):
        ns.belief_propagation(one, np.zeros((2, 3)), temperature=1e-300)
    with pytest.raises(ValueError, match="whole number from 0 to"):
        ns.belief_propagation(one, np.zeros((2, 3)), max_rounds=2**40)
