"""Rows and schedules: bounded, complete, and in an order in which inputs are known."""

import numpy as np
import pytest

from neurosym.circuits.evaluation.schedule import Inputs, schedule
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ONE, Sums, bound


def random_rows(seed, leaves=6, count=60):
    """Rows of up to 40 terms, and their values for given leaves by plain arithmetic."""
    rng = np.random.default_rng(seed)
    rows, known = Sums(leaves), [ONE, *range(FIRST_LEAF, FIRST_LEAF + leaves)]
    for _ in range(count):
        terms = [tuple(rng.choice(known, 2).tolist()) for _ in range(rng.integers(1, 40))]
        row = rows.sum((max(term), min(term)) for term in terms)
        if row not in known:
            known.append(row)
    return rows, known[-1]


def evaluate(terms, leaves):
    values = [0, 1, *leaves]
    for own in terms:
        values.append(sum(values[a] * values[b] for a, b in own) % 1_000_003)
    return values


@pytest.mark.parametrize("seed", range(5))
def test_bounded_rows_have_the_same_value(seed):
    rows, root = random_rows(seed)
    leaves = [3, 5, 7, 11, 13, 17]
    bounded = bound(rows, [[(root, ONE)]])
    assert (
        evaluate(bounded.terms, leaves)[bounded.roots[0][0][0]]
        == evaluate(rows.terms, leaves)[root]
    )
    uses = np.zeros(FIRST_LEAF + 6 + len(bounded.terms), int)
    for own in bounded.terms:
        assert len(own) <= 4
        for term in own:
            uses[list(term)] += 1
    assert uses[FIRST_LEAF:].max() <= 2 * 4  # a term may use a row twice
    assert (uses[FIRST_LEAF + 6 :] == 0).sum() <= 1 + (len(bounded.terms) > 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("most", [3, 16])
def test_schedules(seed, most):
    rng = np.random.default_rng(seed)
    needs = [
        rng.choice(row, rng.integers(0, min(row, most) + 1), replace=False).tolist() if row else []
        for row in range(300)
    ]
    inputs = Inputs.of(needs)
    plan = schedule(inputs, inputs.counts)
    assert len(set(plan.position.tolist())) == 300
    steps = plan.position // plan.width
    assert steps.max() < plan.steps
    table = plan.table(Inputs(inputs.counts, inputs.values + 1))
    for row, own in enumerate(needs):
        assert all(steps[other] < steps[row] for other in own)
        place, start = int(plan.position[row] % plan.width), 0
        for room, places in plan.classes:
            if place < places:
                break
            place -= places
            start += room * places
        found = table[steps[row], start + place : start + room * places : places]
        np.testing.assert_array_equal(found[: len(own)], np.asarray(own) + 1)
        assert not found[len(own) :].any()


def test_equal_rows_are_one_and_constants_vanish():
    rows = Sums(3)
    a, b, c = range(FIRST_LEAF, FIRST_LEAF + 3)
    one = rows.sum([(b, a), (c, ONE)])
    assert rows.sum([(c, ONE), (b, a)]) == one
    assert rows.sum([(a, ONE)]) == a
    assert rows.sum([(b, 0)]) == 0
    assert rows.sum([(ONE, ONE), (ONE, ONE)]) not in (0, ONE)  # one plus one is not one
    assert rows.product([a, 0, b]) == (0, 0)
    assert rows.product([ONE, a]) == (a, ONE)
