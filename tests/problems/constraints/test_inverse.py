"""`Inverse`: a constraint that is made of others, against permutations listed by NumPy."""

import itertools

import numpy as np
import pytest

import neurosym as ns


def inverse_pairs(count):
    """All permutations of n positions with their inverses, ``int[N!, 2 n]``."""
    rows = np.asarray(list(itertools.permutations(range(count))))
    return np.concatenate([rows, np.argsort(rows, axis=1)], axis=1)


def declare(count, domain=None):
    problem = ns.Problem()
    x, y = (problem.variables(n, shape=count, domain=domain or range(count)) for n in "xy")
    problem.add(ns.Inverse(x, y))
    return problem, x, y


def test_it_holds_of_a_permutation_and_its_inverse():
    problem, _, _ = declare(3)
    network = problem.compile()
    allowed = [index for index in np.ndindex(*[3] * 6) if network.allows(index)]
    assert sorted(allowed) == sorted(map(tuple, inverse_pairs(3).tolist()))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_law(count):
    _, x, y = declare(count)
    exact = count < 3
    ns.testing.check_constraint(ns.Inverse(x, y), exact=exact, semirings=(ns.LOG, ns.MAX_MIN))


def test_law_where_domains_differ_and_hold_values_that_are_not_positions():
    problem = ns.Problem()
    x = [problem.variable(f"x{k}", domain=d) for k, d in enumerate([(2, 0), (0, 1, 5), (-1, 2, 1)])]
    y = [problem.variable(f"y{k}", domain=d) for k, d in enumerate([(1, 0), (2, 1), (0, 2)])]
    ns.testing.check_constraint(ns.Inverse(x, y), exact=False)
    problem.add(ns.Inverse(x, y))
    network = problem.compile()
    domains = [v.domain for v in (*x, *y)]
    wanted = [
        row
        for row in inverse_pairs(3).tolist()
        if all(value in domain for value, domain in zip(row, domains, strict=True))
    ]
    found = ns.solve(network)
    assert len(wanted) == int(ns.count(network).count) == 2
    assert list(network.decode(found.assignment[0]).values()) in wanted


def test_an_array_that_inverts_itself():
    """Involutions: 1, 2, 4, 10, 26 (https://oeis.org/A000085)."""
    for count, wanted in ((1, 1), (2, 2), (3, 4), (4, 10), (5, 26)):
        problem = ns.Problem()
        x = problem.variables("x", shape=count, domain=range(count))
        problem.add(ns.Inverse(x, x))
        assert int(ns.count(problem.compile()).count) == wanted
    ns.testing.check_constraint(ns.Inverse(x[:4], x[:4]), exact=False)


def test_naked_and_hidden_singles_are_found_on_both_sides():
    problem, x, y = declare(6)
    network = problem.compile()
    mask = np.asarray(network.mask).copy()
    mask[0] = np.arange(6) == 4  # x[0] is 4, so y[4] is 0, and nothing else is either
    mask[6 + 3, [0, 1, 3, 4, 5]] = False  # y[3] can be 2 alone, so x[2] is 3
    mask[7, 1] = False  # x[1] cannot be 1, so y[1] cannot be 1
    left = np.asarray(ns.propagate(network, mask).domains.mask)
    assert np.flatnonzero(left[y[4].index]).tolist() == [0]
    assert not left[1:6, 4].any()
    assert np.flatnonzero(left[x[2].index]).tolist() == [3]
    assert not left[x[1].index, 1]


def test_totals_are_permanents():
    """Σ over permutations of Π wx[i, π(i)] wy[π(i), i], in every engine."""
    count = 4
    problem, _, _ = declare(count)
    network = problem.compile()
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 4, (2 * count, count)).astype(np.int32)
    rows = inverse_pairs(count)
    wanted = weights[np.arange(2 * count), rows].prod(axis=1).sum()
    assert int(ns.total(network, weights, semiring=ns.COUNTING)) == wanted > 0
    circuit = ns.compile_circuit(network)
    assert int(circuit.total(weights, semiring=ns.COUNTING)) == wanted


def test_under_a_condition():
    problem = ns.Problem()
    b = problem.variable("b", domain=(0, 1))
    x, y = (problem.variables(n, shape=3, domain=range(3)) for n in "xy")
    constraint = ns.Implies(b, ns.Inverse(x, y))
    problem.add(constraint)
    network = problem.compile()
    weights = np.ones((7, 3), np.int32)
    assert int(ns.total(network, weights, semiring=ns.COUNTING)) == 3**6 + 6
    assert int(ns.count(network, network.restrict({b: 1})).count) == 6
    # Both x[0] and x[1] are 2, so the condition fails.
    left = ns.propagate(network, network.restrict({x[0]: 2, x[1]: 2})).domains.mask
    assert np.flatnonzero(np.asarray(left)[0]).tolist() == [0]


def test_what_is_refused():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(3))
    word = problem.variable("word", domain="abc")
    for arguments, message in (
        ((x, x[:2]), "their lengths are equal, not 3 and 2"),
        (([], []), "at least one variable in each array"),
        (([x[0], x[0]], x[:2]), r"names variable 'x\[0\]' twice in one array"),
        (([x[0], word], x[:2]), "variable 'word' are positions .* not 'a'"),
        (([x[0], 1], x[:2]), "is between variables, not 1"),
    ):
        with pytest.raises(ValueError, match=message):
            ns.Inverse(*arguments)
    assert repr(ns.Inverse(x[:1], x[1:2])) == "Inverse((x[0]), (x[1]))"
