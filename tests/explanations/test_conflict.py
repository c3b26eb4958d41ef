"""Conflicts against brute force: none without a reason, and none with a member too many."""

import itertools

import numpy as np
import pytest

import neurosym as ns

SIZE = 4


def square() -> tuple[ns.Network, np.ndarray]:
    """A Latin square of two rows, and all its solutions ``int[S, V]``."""
    problem = ns.Problem()
    x = problem.variables("x", shape=(2, SIZE), domain=range(SIZE))
    for row in x:
        problem.add(ns.AllDifferent(row))
    problem.add(*(x[0, n] != x[1, n] for n in range(SIZE)))
    rows = list(itertools.permutations(range(SIZE)))
    pairs = itertools.product(rows, rows)
    both = [(*a, *b) for a, b in pairs if all(p != q for p, q in zip(a, b, strict=True))]
    return problem.compile(), np.asarray(both)


def holds(masks: np.ndarray, chosen: np.ndarray, solutions: np.ndarray) -> bool:
    """Whether some solution is within the chosen rows of a mask."""
    inside = masks[np.arange(masks.shape[0]), solutions]  # [S, V]
    return bool(inside[:, chosen].all(axis=1).any())


def instances(count: int) -> np.ndarray:
    """Masks ``[N, V, D]`` with about half of the variables given, some to two values."""
    rng = np.random.default_rng(0)
    masks = np.ones((count, 2 * SIZE, SIZE), bool)
    for mask in masks:
        for i in np.flatnonzero(rng.random(2 * SIZE) < 0.6):
            mask[i] = False
            mask[i, rng.choice(SIZE, rng.integers(1, 3), replace=False)] = True
    return masks


def test_conflicts_of_a_batch_are_minimal():
    network, solutions = square()
    masks = instances(16)
    found = ns.conflict(network, masks)
    every = np.ones(2 * SIZE, bool)
    for n, mask in enumerate(masks):
        possible = holds(mask, every, solutions)
        assert found.satisfiable[n] == possible
        members = found.restrictions[n]
        if possible:
            assert not members.any()
            assert network.allows(found.solution[n])
            assert mask[np.arange(2 * SIZE), found.solution[n]].all()
            continue
        assert not holds(mask, members, solutions)
        for i in np.flatnonzero(members):
            fewer = members.copy()
            fewer[i] = False
            assert holds(mask, fewer, solutions)
    assert 2 < found.satisfiable.sum() < 14
    assert found.constraints == ()


def test_the_smallest_conflict_has_the_fewest_members():
    network, solutions = square()
    masks = instances(16)
    unsatisfiable = np.flatnonzero(~ns.conflict(network, masks).satisfiable)[:2]
    for n in unsatisfiable:
        found = ns.conflict(network, masks[n], smallest=True)
        assert not holds(masks[n], found.restrictions, solutions)
        given = np.flatnonzero((masks[n] != np.asarray(network.mask)).any(axis=1))
        for few in itertools.combinations(given, int(found.restrictions.sum()) - 1):
            chosen = np.zeros(2 * SIZE, bool)
            chosen[list(few)] = True
            assert holds(masks[n], chosen, solutions)


def test_constraints_that_conflict_by_themselves_are_named():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    problem.add(x[0] != x[1], x[1] != x[2], x[0] != x[2], x[0] <= x[1])
    network = problem.compile()
    found = ns.conflict(network, network.restrict({x[0]: 1}))
    assert not found.satisfiable
    assert not found.restrictions.any()
    assert {placed.scope for placed in found.constraints} == {(0, 1), (1, 2), (0, 2)}
    assert len(found.constraints) == 3


def test_the_smallest_is_not_for_batches():
    network, _ = square()
    with pytest.raises(ValueError, match="one instance"):
        ns.conflict(network, instances(2), smallest=True)
