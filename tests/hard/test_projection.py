"""Projected counts, against the set of projections of all solutions by brute force."""

import itertools

import numpy as np
import pytest

import neurosym as ns
from neurosym.hard import count_projected

SIZE = 4


def problem_of(seed):
    """Five variables of up to four values under random constraints; a sixth that is free."""
    rng = np.random.default_rng(seed)
    problem = ns.Problem()
    x = problem.variables("x", shape=6, domain=range(SIZE))
    for _ in range(3):
        a, b, c = rng.permutation(5)[:3]
        table = rng.random((SIZE, SIZE, SIZE)) < 0.3
        rows = [tuple(map(int, row)) for row in np.argwhere(table)] or [(0, 0, 0)]
        problem.add(ns.Table((x[a], x[b], x[c]), rows))
    return problem


def projections(problem, rows, mask):
    """Every value of the projected variables that some solution has."""
    found = set()
    for values in itertools.product(range(SIZE), repeat=6):
        if not all(mask[i, v] for i, v in enumerate(values)):
            continue
        if all(c.check([values[v.index] for v in c.scope]) for c in problem.constraints):
            found.add(tuple(values[row] for row in rows))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_the_count_is_that_of_brute_force(seed):
    problem = problem_of(seed)
    network = problem.compile()
    rng = np.random.default_rng(seed)
    mask = rng.random((6, SIZE)) < 0.8
    mask[np.arange(6), rng.integers(SIZE, size=6)] = True
    constrained = {variable.index for c in problem.constraints for variable in c.scope}
    for rows in ([0], [1, 3], [0, 2, 5], [5], [], [0, 1, 2, 3, 4, 5], [4, 4, 1]):
        wanted = projections(problem, sorted(set(rows)), mask)
        found = count_projected(network, rows, mask, witnesses=1000)
        assert (found.count, found.complete) == (len(wanted), True)
        # Free variables multiply; a solution for each of their values would be too many.
        kept = [i for i, row in enumerate(sorted(set(rows))) if row in constrained]
        shown = found.witnesses[:, [row for row in sorted(set(rows)) if row in constrained]]
        assert {tuple(row) for row in shown.tolist()} == {tuple(w[i] for i in kept) for w in wanted}
        for assignment in found.witnesses:
            assert network.allows(assignment)


def test_limits_say_that_there_may_be_more():
    network = problem_of(0).compile()
    whole = count_projected(network, [0, 1, 5])
    assert whole.count > 8
    found = count_projected(network, [0, 1, 5], at_most=5)
    assert (found.count, found.complete) == (5, False)
    found = count_projected(network, [0, 1, 5], at_most=whole.count)
    assert (found.count, found.complete) == (whole.count, True)
    found = count_projected(network, [0, 1, 5], node_limit=0)
    assert (found.count, found.complete) == (0, False)


def test_free_variables_multiply_beyond_every_machine_integer():
    problem = ns.Problem()
    x = problem.variables("x", shape=40, domain=range(SIZE))
    problem.add(x[0] != x[1])
    network = problem.compile()
    assert count_projected(network, range(40)).count == 12 * SIZE**38
    assert count_projected(network, range(2, 40)).count == SIZE**38
    assert count_projected(network, range(2, 40), at_most=7).count == 7


def test_rows_that_are_not_there_are_refused():
    network = problem_of(0).compile()
    for rows in ([6], [-1]):
        with pytest.raises(ValueError, match="rows of variables go from 0 to 5"):
            count_projected(network, rows)
